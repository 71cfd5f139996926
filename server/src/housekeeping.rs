//! What is looked after from time to time, `hz` times a second: clients that idle or hold too much, and
//! rates.
//!
//! What concerns data is the engine's (`Store::maintain`); nothing here locks a shard.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use crate::observe::process::{self, Who};
use crate::observe::rate::Moment;
use crate::shared::Shared;

/// Clients are looked at once in this time: their limits are in seconds.
const TENDING_MILLIS: u64 = 1000;

/// Looks after things for ever.
pub(crate) async fn keep(shared: Arc<Shared>) {
    let clock = shared.store.clock();
    let mut tended = 0;
    loop {
        tokio::time::sleep(Duration::from_secs(1) / shared.config.hz().clamp(1, 500)).await;
        sample(&shared);
        evict(&shared);
        if shared.tracking.has_too_many() {
            shared.forget_some();
            shared.mail.wake();
        }
        let now = clock.now();
        // Any distance counts, since the clock may have been put back.
        if now.abs_diff(tended) >= TENDING_MILLIS {
            tended = now;
            shared.clients.tend(&shared.config, now);
            shared.tracking.rest();
        }
    }
}

fn sample(shared: &Shared) {
    let stats = &shared.stats;
    stats.rates.sample(Moment {
        micros: shared.store.clock().monotonic_micros(),
        commands: stats.sum(|block| &block.processed),
        bytes_in: stats.sum(|block| &block.bytes_in),
        bytes_out: stats.sum(|block| &block.bytes_out),
        cycles: stats.sum(|block| &block.cycles),
        busy_micros: process::cpu_time(Who::Process).micros(),
    });
}

/// Disconnects the clients with the largest buffers until all together hold no more than `maxmemory-clients`.
fn evict(shared: &Shared) {
    let most = shared.config.maxmemory_clients().bytes(shared.config.maxmemory());
    if most == 0 {
        return;
    }
    let mut all_bytes = 0;
    shared.clients.for_each(|client| all_bytes += client.memory.load(Relaxed));
    if all_bytes <= most {
        return;
    }
    let mut clients = shared.clients.all();
    clients.retain(|client| !client.no_evict.load(Relaxed));
    clients.sort_by_cached_key(|client| client.memory.load(Relaxed));
    while all_bytes > most
        && let Some(client) = clients.pop()
    {
        all_bytes = all_bytes.saturating_sub(client.memory.load(Relaxed));
        tracing::info!("Evicting client: id={}", client.id);
        if shared.clients.kill(client.id) {
            shared.stats.evicted_clients.fetch_add(1, Relaxed);
        }
    }
}
