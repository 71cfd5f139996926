//! What keeps the store tidy while nobody asks: expiry when a deadline comes, sparse pages, memory for the
//! system.

use std::sync::Arc;
use std::time::Duration;

use scrubjay::Step;
use tokio::sync::Notify;

use crate::observe::spikes::Event;
use crate::shared::Shared;

/// The longest rest between two rounds: a wall clock that jumps is noticed after so long.
const REST_MAX: Duration = Duration::from_millis(100);
/// Memory given back to the allocator that is worth asking it to give it back to the system, at least so much
/// and such a share of what is in use; and how long to wait before asking again, since it takes some
/// milliseconds.
const TRIM_BYTES: usize = 2 * 1024 * 1024;
const TRIM_SHARE: usize = 64;
const TRIM_MICROS: u64 = 1_000_000;

/// Gives back what has expired when its deadline comes, for ever.
///
/// It runs on a thread that serves clients, and lets them have their turn after every step: on a thread of
/// its own it would compete with that one for a core, and the system would make clients wait for a whole time
/// slice.
pub(crate) async fn expire(shared: Arc<Shared>) {
    let store = &shared.store;
    let due = Arc::new(Notify::new());
    let waker = Arc::clone(&due);
    store.on_due(Arc::new(move || waker.notify_one()));
    loop {
        let now = store.clock().now();
        shared.end_pause_if_over(now);
        let mut round = store.begin_round(now);
        loop {
            let began = store.clock().monotonic_nanos();
            let step = round.step();
            let nanos = store.clock().monotonic_nanos().saturating_sub(began);
            match step {
                Step::Idle => continue,
                Step::Over => break,
                Step::Expired => shared.note_latency(Event::ExpireCycle, nanos),
                Step::Worked => {}
            }
            tokio::task::yield_now().await;
        }
        let rest = match round.end().next {
            Some(next) => Duration::from_millis(next.saturating_sub(now)).min(REST_MAX),
            None => REST_MAX,
        };
        if rest.is_zero() {
            tokio::task::yield_now().await;
        } else {
            // Woken early when a nearer deadline is given; else the rest is over, which is no error.
            let _ = tokio::time::timeout(rest, due.notified()).await;
        }
    }
}

/// Takes flushed databases and large removed values apart, and gives free memory back to the system, for
/// ever: long work, for a thread that serves nobody.
pub(crate) async fn give_back(shared: Arc<Shared>) {
    let store = &shared.store;
    let (mut most_bytes, mut trimmed_at) = (0, 0);
    loop {
        tokio::time::sleep(REST_MAX).await;
        store.drop_removed();
        let used = store.accounted_bytes();
        most_bytes = used.max(most_bytes);
        let micros = store.clock().monotonic_micros();
        if most_bytes - used > TRIM_BYTES.max(used / TRIM_SHARE) && micros - trimmed_at > TRIM_MICROS {
            scrubjay::raw::heap::trim();
            (most_bytes, trimmed_at) = (used, micros);
        }
    }
}
