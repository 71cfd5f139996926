//! Mass expiry: every deadline lies within one second. When is the memory given back, and what does another
//! connection notice meanwhile?

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::client::Client;
use super::fill::Fill;
use super::measure::{Metric, Sample};
use super::prober::Prober;
use super::server::Server;
use crate::clock;
use crate::cores::Placement;

/// The deadlines' spread.
const SPREAD_MS: u64 = 1_000;
/// The prober sees so much before the first deadline and after the last, whoever is watched: percentiles of
/// windows of different length would not compare.
const BEFORE_MS: u64 = 1_000;
const AFTER_MS: u64 = 4_000;
/// A server that has not dropped them by then is not waited for.
const GONE_MAX: Duration = Duration::from_secs(60);

/// Writes `fill`, whose deadlines this sets, to the fresh `server` and watches them pass.
pub(crate) fn measure(mut fill: Fill<'_>, server: &Server, placement: &Placement) -> Result<Sample> {
    let mut client = Client::connect(server.address())?;
    // Deadlines are set while writing, so they must lie beyond its end; how long it takes shows when it is
    // done.
    let mut lead_ms = 2_000 + fill.keys * 4 / 1_000;
    let first_ms = loop {
        let first_ms = clock::wall_ms() + lead_ms;
        fill.deadlines_ms = first_ms..first_ms + SPREAD_MS;
        fill.run(server.address(), &AtomicU64::new(0))?;
        if clock::wall_ms() + BEFORE_MS <= first_ms {
            break first_ms;
        }
        ensure!(lead_ms < 300_000, "writing the keys takes too long");
        client.ask(&["FLUSHALL"])?;
        lead_ms *= 2;
    };
    let held = client.ask_number(&["DBSIZE"])?;
    ensure!(held == fill.keys, "{held} keys are held of {}", fill.keys);

    pause_until_wall(first_ms - BEFORE_MS);
    let prober = Prober::start(server.address(), placement.prober, Arc::new(AtomicU64::new(fill.keys)))?;
    let last_ms = first_ms + SPREAD_MS;
    pause_until_wall(last_ms);
    let last = clock::now();
    let at_deadline = client.ask_number(&["DBSIZE"])?;
    let mut left = at_deadline;
    let mut gone = clock::now() - last;
    while left > 0 {
        ensure!(gone < GONE_MAX, "{left} keys are still there after {GONE_MAX:?}");
        clock::pause(Duration::from_millis(5));
        left = client.ask_number(&["DBSIZE"])?;
        gone = clock::now() - last;
    }
    pause_until_wall(last_ms + AFTER_MS);

    Ok(Sample::of_latency(prober.stop()?)
        .with(Metric::SecondsUntilGone, gone.as_secs_f64())
        .with(Metric::KeysAtDeadline, at_deadline as f64))
}

fn pause_until_wall(moment_ms: u64) {
    clock::pause(Duration::from_millis(moment_ms.saturating_sub(clock::wall_ms())));
}
