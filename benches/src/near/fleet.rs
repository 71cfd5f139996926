//! What a fleet of clients asks of a server: each of its reads, or only what none of them has near.

use anyhow::{Context, Result};
use redis::AsyncCommands;

use super::site::{Site, key};
use crate::figures::{Table, thousands};

const CLIENTS: usize = 8;
/// Each client reads each key ten times, in an order of its own: nine of ten reads can be hits.
const KEYS: usize = 2_000;
const TIMES: usize = 10;

pub(super) async fn measure(site: &Site) -> Result<Table> {
    site.fill("f", KEYS).await?;
    let keys: Vec<String> = (0..KEYS).map(|number| key("f", number)).collect();
    let before = site.calls("get")?;
    for _ in 0..CLIENTS {
        let mut connection = site.plain().await?;
        for number in order() {
            let value: Option<String> = connection.get(&keys[number]).await?;
            value.context("it was written")?;
        }
    }
    let plain = site.calls("get")? - before;
    let mut hits = 0;
    for _ in 0..CLIENTS {
        let near = site.near(2 * KEYS as u64).await?;
        for number in order() {
            near.get(&keys[number]).await?.context("it was written")?;
        }
        hits += near.stats().hits;
    }
    let near = site.calls("get")? - before - plain;
    let reads = (CLIENTS * KEYS * TIMES) as f64;
    let reached = near * 10 <= plain;
    let row = vec![
        "GETs that the server answers".to_owned(),
        thousands(plain as f64),
        thousands(near as f64),
        format!("{:.3}x", near as f64 / plain as f64),
        "≤ 0.1x".to_owned(),
        if reached { "yes" } else { "NO" }.to_owned(),
    ];
    let title = format!(
        "A fleet of {CLIENTS} clients, {} reads, {:.0} % hits",
        thousands(reads),
        hits as f64 / reads * 100.0
    );
    Ok(super::table(&title, "redis-rs", "near caches", vec![row]))
}

/// Every key so many times, shuffled.
fn order() -> Vec<usize> {
    let mut numbers: Vec<usize> = (0..KEYS * TIMES).map(|number| number % KEYS).collect();
    fastrand::shuffle(&mut numbers);
    numbers
}
