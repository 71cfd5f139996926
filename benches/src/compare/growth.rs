//! Growth from nothing: does anyone wait while tables are enlarged?

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use anyhow::{Result, ensure};

use super::client::Client;
use super::fill::Fill;
use super::measure::{Metric, Sample};
use super::prober::Prober;
use super::server::Server;
use crate::clock;
use crate::cores::Placement;

/// Writes `fill` to the fresh `server` while a prober watches.
pub(crate) fn measure(fill: &Fill<'_>, server: &Server, placement: &Placement) -> Result<Sample> {
    let written = Arc::new(AtomicU64::new(0));
    let prober = Prober::start(server.address(), placement.prober, Arc::clone(&written))?;
    let cpu_before = server.cpu()?;
    let start = clock::now();
    fill.run(server.address(), &written)?;
    let elapsed = clock::now() - start;
    let cpu = server.cpu()? - cpu_before;
    let seen = prober.stop()?;
    let held = Client::connect(server.address())?.ask_number(&["DBSIZE"])?;
    ensure!(held == fill.keys, "{held} keys are held of {}", fill.keys);

    Ok(Sample::of_latency(seen)
        .with(Metric::SecondsToGrow, elapsed.as_secs_f64())
        .with(Metric::CpuPerRequest, cpu.as_secs_f64() / fill.keys as f64 * 1e6))
}
