//! What a hit costs, beside a hit of the cache it is made of.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use anyhow::{Context as _, Result, ensure};
use scrubjay::Cache;

use super::site::{Site, Text, key};
use crate::embedded::threads::nanos_each;
use crate::figures::Table;

const ENTRIES: usize = 100_000;
const READS: usize = 1_000_000;

pub(super) async fn measure(site: &Site, rounds: usize) -> Result<Table> {
    site.fill("hit", ENTRIES).await?;
    let keys: Vec<String> = (0..ENTRIES).map(|number| key("hit", number)).collect();
    let near = site.near(2 * ENTRIES as u64).await?;
    let plain: Cache<Vec<u8>, Text> = Cache::with_entries(2 * ENTRIES as u64);
    for key in &keys {
        let value = near.get(key).await?.context("it was written")?;
        plain.insert(key.clone().into_bytes(), value);
    }
    let before = near.stats();
    let draws: Vec<usize> = (0..READS).map(|_| fastrand::usize(..ENTRIES)).collect();
    let [mut of_plain, mut of_near, mut of_cached] = [const { Vec::new() }; 3];
    for _ in 0..rounds {
        of_plain.push(nanos_each(1, READS, |_, operation| {
            plain.get(keys[draws[operation % READS]].as_bytes());
        }));
        of_near.push(nanos_each(1, READS, |_, operation| {
            ready(near.get(&keys[draws[operation % READS]]));
        }));
        of_cached.push(nanos_each(1, READS, |_, operation| {
            near.cached(&keys[draws[operation % READS]]);
        }));
    }
    ensure!(near.stats().misses == before.misses, "every read was to be a hit");
    let rows = vec![
        super::row("NearCache::get, awaited", &of_plain, &of_near, Some(1.3)),
        super::row("NearCache::cached", &of_plain, &of_cached, None),
    ];
    Ok(super::table("CPU time of a hit, 100,000 entries (ns)", "Cache::get", "near cache", rows))
}

/// Awaits what is there already.
fn ready<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}
