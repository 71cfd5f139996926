//! What a key occupies, or a member of a large one: resident memory and `used_memory` before and after
//! writing them to an empty server.

use std::sync::atomic::AtomicU64;

use anyhow::{Result, ensure};

use super::client::Client;
use super::fill::Fill;
use super::measure::{Metric, Sample};
use super::server::Server;

/// Writes `fill` to the fresh `server` and measures what the keys occupy once it has settled.
pub(crate) fn measure(fill: &Fill<'_>, server: &Server) -> Result<Sample> {
    let mut client = Client::connect(server.address())?;
    let mut used = || -> Result<f64> { Ok(client.info("memory", "used_memory")?.parse::<u64>()? as f64) };
    let resident = || -> Result<f64> { Ok(server.settled_resident_bytes()? as f64) };

    let before = (resident()?, used()?);
    fill.run(server.address(), &AtomicU64::new(0))?;
    let after = (resident()?, used()?);
    let held = Client::connect(server.address())?.ask_number(&["DBSIZE"])?;
    let wanted = fill.keys_written();
    ensure!(held == wanted, "{held} keys are held of {wanted}");

    let keys = fill.keys as f64;
    Ok(Sample::default()
        .with(Metric::ResidentPerKey, (after.0 - before.0) / keys)
        .with(Metric::UsedPerKey, (after.1 - before.1) / keys))
}
