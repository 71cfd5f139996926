//! The cache in this process, and who may put what into it. No I/O: it is told what was sent, what was
//! answered and what the server says, and the order of these calls is all that counts. So the model test can
//! call them in every order.
//!
//! ```text
//! claim ── ticket ──> request ──> reply ──> keep        (only if the ticket is live)
//!              ^                                         (and only for as long as the life goes on)
//!              └── hear(invalidate key), forget(key) kill it
//! ```

use std::cell::Cell;
use std::sync::{Arc, Weak};
use std::time::Duration;

use redis::{PushInfo, PushKind, Value};
use scrubjay::Cache;
use scrubjay::cache::{Claim, Compute, Outcome, Terms, Ticket};
use scrubjay::random::Random;
use scrubjay::sync::Mutex;
use scrubjay::time::{COARSE_LAG_MS, Clock};
use tokio::sync::Notify;

use super::held::{Good, Held, Known, NEVER, Worth};
use super::stats::{Counters, Mode, Stats};
use crate::wire::{BreakerState, Event, Life, Node, Reason};

/// How long things are good for, in microseconds; [`NEVER`] for as long as nobody says otherwise.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    pub(super) ttl: u64,
    /// How long a value is served before it is read anew.
    pub(super) refresh_after: u64,
    /// For what the server or the loader does not have.
    pub(super) absent_ttl: u64,
    /// For what nobody tells the changes of.
    pub(super) untracked_ttl: u64,
    /// How long something stands by.
    pub(super) stale: u64,
    /// The share that chance takes off, 0 to 1.
    pub(super) jitter: f64,
}

/// What a reader needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// What the server says.
    Servers,
    /// What the loader says, if the server says nothing.
    Loaders,
}

impl Wanted {
    pub(super) fn takes<V>(self, known: &Known<V>) -> bool {
        self == Self::Servers || !matches!(known, Known::Unset)
    }
}

/// Something that was read.
pub(super) struct Reading<V> {
    pub(super) known: Known<V>,
    /// None if nobody will tell of a change.
    pub(super) life: Option<Arc<Life>>,
    /// When the request was about to go out.
    pub(super) began: u64,
    /// What the server says is left of its life, in microseconds.
    pub(super) left: u64,
    /// Whether the loader brought it.
    pub(super) is_loaders: bool,
}

/// In a box, which is a word less than a `Vec` in each entry.
pub(super) type Key = Box<[u8]>;

pub(super) struct Local<V> {
    pub(super) entries: Cache<Key, Held<V>>,
    pub(super) clock: Clock,
    times: Times,
    mode: Mode,
    /// Only keys that begin with one of these are told of; all if there is none.
    prefixes: Vec<Vec<u8>>,
    /// What messages of our own begin with, and the channel they are sent to.
    sender: Vec<u8>,
    channel: Vec<u8>,
    random: Mutex<Random>,
    pub(super) counters: Counters,
    /// Woken when a life has ended, so that something may be worth nothing any more.
    pub(super) ended: Arc<Notify>,
}

/// What a cache is given besides its entries and its times.
pub(super) struct Hearing {
    pub(super) mode: Mode,
    pub(super) prefixes: Vec<Vec<u8>>,
    pub(super) sender: Vec<u8>,
    pub(super) channel: Vec<u8>,
}

impl<V: Clone> Local<V> {
    pub(super) fn new(
        entries: Cache<Key, Held<V>>,
        clock: Clock,
        times: Times,
        hearing: Hearing,
        random: Random,
    ) -> Self {
        let Hearing { mode, prefixes, sender, channel } = hearing;
        let (random, counters, ended) = (Mutex::new(random), Counters::default(), Arc::default());
        Self { entries, clock, times, mode, prefixes, sender, channel, random, counters, ended }
    }

    pub(super) fn now(&self) -> u64 {
        self.clock.monotonic_micros()
    }

    /// Whether changes of this key are told of, so that it may be kept.
    pub(super) fn covers(&self, key: &[u8]) -> bool {
        self.prefixes.is_empty() || self.prefixes.iter().any(|prefix| key.starts_with(prefix))
    }

    /// What is fresh: the whole way of a hit.
    #[inline]
    pub(super) fn hit(&self, key: &[u8], wanted: Wanted) -> Option<Option<V>> {
        let found = self.entries.get_with(key, |held| {
            let fresh = held.is_fresh(|end| is_ahead(end, &self.clock)) && wanted.takes(&held.known());
            fresh.then(|| held.known().into_value().cloned())
        });
        if let Some(None) = found {
            self.counters.refused.one();
        }
        found.flatten()
    }

    /// What is held and fresh, or the duty to read it, or somebody who has it.
    pub(super) fn claim(&self, key: &Key, wanted: Wanted) -> Claim<Key, Held<V>> {
        let refused = Cell::new(false);
        let claim = self.entries.claim_if(key, |held| {
            let good = held.is_fresh(|end| is_ahead(end, &self.clock)) && wanted.takes(&held.known());
            refused.set(!good);
            good
        });
        if refused.get() {
            self.counters.refused.one();
        }
        claim
    }

    /// What could be served though it is not fresh, and what it is worth.
    pub(super) fn not_fresh(&self, key: &[u8], wanted: Wanted) -> Option<(Held<V>, Worth)> {
        match self.entries.peek(key) {
            Outcome::Fresh { value, .. } | Outcome::Stale { value, .. } if wanted.takes(&value.known()) => {
                let worth = self.worth(&value);
                (worth != Worth::Dead).then_some((value, worth))
            }
            _ => None,
        }
    }

    pub(super) fn worth(&self, held: &Held<V>) -> Worth {
        held.worth(self.now(), self.times.stale)
    }

    /// Keeps what was read, if the ticket is live; those who wait for it have it in any case. Whether it was
    /// kept.
    pub(super) fn keep(&self, ticket: Ticket<Key, Held<V>>, reading: Reading<V>) -> (Held<V>, bool) {
        let Reading { known, life, began, left, is_loaders } = reading;
        let ttl = match (&known, self.mode) {
            (Known::Value(_), Mode::Tracking) => self.times.ttl,
            (_, Mode::Tracking) => self.times.ttl.min(self.times.absent_ttl),
            _ => self.times.ttl.min(self.times.untracked_ttl),
        };
        let part = 1.0 - self.times.jitter * self.random.lock().f64();
        let after = |micros: u64| {
            if micros == NEVER { NEVER } else { began.saturating_add((micros as f64 * part) as u64) }
        };
        let fresh_until = after(ttl).min(began.saturating_add(left)).min(NEVER);
        // In a life whose greeting was refused nobody tells of anything.
        let life = life.filter(|life| life.is_greeted() && left > 0 && self.covers(ticket.key()));
        let good = Good { refresh_at: after(self.times.refresh_after), fresh_until };
        let held = Held::new(known, life, good, is_loaders);
        let terms = match &held.life {
            // For those who wait alone.
            None => Terms::new().ttl(Duration::ZERO),
            Some(_) if fresh_until == NEVER => Terms::new(),
            Some(_) => {
                let end = fresh_until.saturating_add(self.times.stale).saturating_sub(self.now());
                Terms::new().ttl(Duration::from_micros(end))
            }
        };
        let kept = ticket.publish_as(held.clone(), &terms);
        if !kept || held.life.as_ref().is_none_or(|life| !life.is_going_on()) {
            self.counters.discarded.one();
        }
        (held, kept)
    }

    /// Forgets a key, and what is being read of it.
    pub(super) fn forget(&self, key: &[u8]) {
        self.entries.invalidate(key);
    }

    pub(super) fn clear(&self) {
        self.entries.clear();
    }

    /// Gives back the room of what is worth nothing any more. Nobody would be served it in any case; so this
    /// may take its time, and lets others in between.
    pub(super) fn sweep(&self) {
        let is_dead = |held: &Held<V>| self.worth(held) == Worth::Dead;
        let mut dead = Vec::new();
        self.entries.for_each(|key, held| {
            if is_dead(held) {
                dead.push(key.clone());
            }
        });
        for key in dead {
            // It may have been read anew by now.
            self.entries.compute(key, |held| match held {
                Some(held) if is_dead(held) => Compute::Remove,
                _ => Compute::Keep,
            });
        }
    }

    /// Called by the connections, in the order of their streams. What it drops is dropped before anything
    /// that comes later in the stream is looked at.
    pub(super) fn hear(&self, event: &Event<'_>) {
        match event {
            Event::Push { push, .. } => self.hear_push(push),
            Event::Ended { life } => {
                match life.end().map(|end| end.reason) {
                    Some(Reason::Lost) => self.counters.disconnects.one(),
                    Some(Reason::Flushed) => self.counters.flushes.one(),
                    _ => {}
                }
                self.ended.notify_one();
            }
            Event::SlotsMoved { slots, .. } => self.counters.slots_moved.add(*slots as u64),
            Event::Connected { .. } => {}
        }
    }

    fn hear_push(&self, push: &PushInfo) {
        match (&push.kind, &push.data[..]) {
            (PushKind::Invalidate, [Value::Array(keys)]) => {
                for key in keys {
                    if let Value::BulkString(key) = key {
                        self.counters.invalidations.one();
                        self.forget(key);
                    }
                }
            }
            (PushKind::Message, [Value::BulkString(channel), Value::BulkString(message)])
                if *channel == self.channel =>
            {
                // What this cache has written it has dropped already.
                if let Some((sender, key)) = message.split_at_checked(self.sender.len())
                    && *sender != self.sender
                {
                    self.counters.invalidations.one();
                    self.forget(key);
                }
            }
            _ => {}
        }
    }

    pub(super) fn stats(&self, breakers: Vec<(Node, BreakerState)>, debts: [u64; 3]) -> Stats {
        let (entries, counters) = (self.entries.stats(), &self.counters);
        let [debts, debts_settled, debts_dropped] = debts;
        Stats {
            mode: self.mode,
            hits: entries.hits.saturating_sub(counters.refused.get()),
            misses: counters.misses.get(),
            stale: counters.stale.get(),
            refreshes: counters.refreshes.get(),
            loads: counters.loads.get(),
            invalidations: counters.invalidations.get(),
            flushes: counters.flushes.get(),
            fills_discarded: counters.discarded.get(),
            disconnects: counters.disconnects.get(),
            slots_moved: counters.slots_moved.get(),
            undecodable: counters.undecodable.get(),
            debts,
            debts_settled,
            debts_dropped,
            entries: entries.entries,
            weight: entries.weight,
            evictions: entries.evictions,
            breakers,
        }
    }
}

/// Whether a moment is yet to come. Most are far off, and of those the coarse clock can tell.
#[inline]
fn is_ahead(moment: u64, clock: &Clock) -> bool {
    let now_at_most = (clock.coarse_millis() + COARSE_LAG_MS + 1) * 1000;
    now_at_most <= moment || clock.monotonic_micros() < moment
}

/// Sweeps whenever a life has ended, in a thread where that holds nobody up.
pub(super) async fn sweep_after_lives<V: Clone + Send + Sync + 'static>(
    local: Weak<Local<V>>,
    ended: Arc<Notify>,
) {
    loop {
        ended.notified().await;
        let Some(local) = local.upgrade() else { return };
        if tokio::task::spawn_blocking(move || local.sweep()).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use scrubjay::time::ManualClock;

    use super::*;

    #[test]
    fn a_moment_is_ahead_until_it_comes() {
        let hands = ManualClock::new(0);
        for passed in [0, 1, 999, 1_000, 16_999, 17_000, 1_000_000] {
            hands.advance(Duration::from_micros(passed));
            let (clock, now) = (hands.clock(), hands.clock().monotonic_micros());
            for (moment, expected) in [
                (now.saturating_sub(1), false),
                (now, false),
                (now + 1, true),
                (now + 16_500, true),
                (now + 18_000, true),
            ] {
                assert_eq!(is_ahead(moment, &clock), expected, "{moment} at {now}");
            }
        }
    }
}
