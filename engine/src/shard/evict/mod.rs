//! Who has to go when memory is short. One policy, one file; this one holds what they share.
//!
//! A policy never keeps handles: what it remembers of an entry is where its key lies, and it looks the entry
//! up before it acts. So entries may move and their memory be reused without telling it.

mod lfu;
mod lru;
mod pool;
mod random;
mod s3fifo;
mod ttl;

use super::change::{Event, Log};
use super::{Found, Place, Positions, Shard};
use crate::collections::table::{Slot, Table};
use crate::random::Random;
use crate::shard::parts::Parts;
use crate::time::Millis;

pub use self::lfu::LfuTuning;

/// `maxmemory-policy`: which entries may be evicted, and which of them go first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
#[non_exhaustive]
pub enum Policy {
    /// None; writes are refused instead.
    #[default]
    NoEviction,
    /// The least recently used of all.
    AllKeysLru,
    /// The least frequently used of all.
    AllKeysLfu,
    /// Any.
    AllKeysRandom,
    /// The least recently used of those with a deadline.
    VolatileLru,
    /// The least frequently used of those with a deadline.
    VolatileLfu,
    /// Any of those with a deadline.
    VolatileRandom,
    /// The one whose deadline is nearest.
    VolatileTtl,
    /// S3-FIFO: new entries prove themselves in a small queue first. Not one of Valkey's.
    AllKeysS3Fifo,
}

impl Policy {
    /// Every policy with its name in configuration files, in Valkey's order; our own last.
    pub const ALL: [(Self, &'static str); 9] = [
        (Self::VolatileLru, "volatile-lru"),
        (Self::VolatileLfu, "volatile-lfu"),
        (Self::VolatileRandom, "volatile-random"),
        (Self::VolatileTtl, "volatile-ttl"),
        (Self::AllKeysLru, "allkeys-lru"),
        (Self::AllKeysLfu, "allkeys-lfu"),
        (Self::AllKeysRandom, "allkeys-random"),
        (Self::NoEviction, "noeviction"),
        (Self::AllKeysS3Fifo, "allkeys-s3fifo"),
    ];

    /// Its name in configuration files.
    pub fn name(self) -> &'static str {
        let named = Self::ALL.iter().find(|(policy, _)| *policy == self);
        named.expect("invariant: every policy is listed").1
    }

    /// The policy of that name, in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, other)| other.eq_ignore_ascii_case(name)).map(|(policy, _)| *policy)
    }

    /// Whether an entry's clock counts uses rather than telling the time of the last one.
    pub fn is_lfu(self) -> bool {
        matches!(self, Self::AllKeysLfu | Self::VolatileLfu)
    }

    /// Whether entries go by the time of their last use.
    pub fn is_lru(self) -> bool {
        matches!(self, Self::AllKeysLru | Self::VolatileLru)
    }

    /// Whether uses are counted in the table's two bits.
    pub fn counts_in_table(self) -> bool {
        self == Self::AllKeysS3Fifo
    }

    /// Whether only entries with a deadline may go.
    pub fn is_volatile(self) -> bool {
        matches!(self, Self::VolatileLru | Self::VolatileLfu | Self::VolatileRandom | Self::VolatileTtl)
    }
}

/// What a policy can be told: `maxmemory-samples`, `lfu-log-factor`, `lfu-decay-time`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tuning {
    /// How many entries are looked at for each that goes.
    pub samples: usize,
    /// How the LFU counter grows and decays.
    pub lfu: LfuTuning,
}

impl Default for Tuning {
    fn default() -> Self {
        Self { samples: 5, lfu: LfuTuning::default() }
    }
}

/// A policy at work in one shard.
#[derive(Default)]
pub(super) struct Evictor {
    policy: Policy,
    tuning: Tuning,
    pool: pool::Pool,
    s3fifo: s3fifo::Queues,
}

impl Evictor {
    pub(super) fn policy(&self) -> Policy {
        self.policy
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.s3fifo.memory_bytes()
    }

    /// The clock of an entry that is made now.
    #[inline]
    pub(super) fn new_clock(&self, now: Millis) -> u32 {
        if self.policy.is_lfu() { lfu::new_clock(now) } else { lru::clock(now) }
    }

    /// The clock of an entry that is used now.
    #[inline]
    pub(super) fn touched(&self, clock: u32, now: Millis, random: &mut Random) -> u32 {
        if self.policy.is_lfu() { lfu::touched(clock, now, self.tuning.lfu, random) } else { lru::clock(now) }
    }

    #[inline]
    pub(super) fn inserted(&mut self, place: Place, slot: Slot, table: &mut Table, all: usize) {
        if self.policy == Policy::AllKeysS3Fifo {
            self.s3fifo.inserted(place, slot, table, all);
        }
    }

    /// All entries have gone: what is remembered of them is of no use.
    pub(super) fn clear(&mut self) {
        self.pool = pool::Pool::default();
        self.s3fifo.clear();
    }
}

impl<X: Parts, P: Positions> Shard<X, P> {
    /// Changes the policy. What the old one remembered is forgotten; the entries' clocks stay, and mean
    /// something else when the change is from or to an LFU policy, as in Valkey.
    pub fn set_policy(&mut self, policy: Policy, tuning: Tuning) {
        if self.evictor.policy == policy {
            self.evictor.tuning = tuning;
        } else {
            self.evictor = Evictor { policy, tuning, ..Evictor::default() };
        }
    }

    /// Seconds since an entry was last used, when the policy keeps that: `OBJECT IDLETIME`.
    pub fn idle_s(&self, found: Found, now: Millis) -> u64 {
        lru::idle_s(self.entry(found).clock(), now)
    }

    /// How often an entry was used, on a logarithmic scale, when the policy keeps that: `OBJECT FREQ`.
    pub fn frequency(&self, found: Found, now: Millis) -> u8 {
        lfu::frequency(self.entry(found).clock(), now, self.evictor.tuning.lfu)
    }

    /// Has an entry count as used so long ago, or so often: whichever of the two the policy keeps, and as new
    /// if it is not said.
    pub fn set_usage(&mut self, found: Found, idle_s: Option<u64>, frequency: Option<u8>, now: Millis) {
        let clock = if self.policy().is_lfu() {
            frequency.map_or(lfu::new_clock(now), |frequency| lfu::clock(frequency, now))
        } else {
            lru::clock_before(idle_s.unwrap_or(0), now)
        };
        self.slab.set_clock(found.handle, clock);
    }

    /// Evicts one entry, the one that has to go first; whether there was one.
    pub fn evict(&mut self, now: Millis, log: &mut Log) -> bool {
        let victim = match self.policy() {
            Policy::NoEviction => None,
            Policy::AllKeysLru => self.pooled_victim(now, lru::rank),
            Policy::AllKeysLfu => self.pooled_victim(now, lfu::rank),
            // Where nearly all records of the wheels are dead, a sample may meet none that is not.
            Policy::VolatileLru => self.pooled_victim(now, lru::rank).or_else(|| self.soonest_victim()),
            Policy::VolatileLfu => self.pooled_victim(now, lfu::rank).or_else(|| self.soonest_victim()),
            Policy::AllKeysRandom => self.random_victim(),
            Policy::VolatileRandom => self.random_volatile_victim(),
            Policy::VolatileTtl => self.soonest_victim(),
            Policy::AllKeysS3Fifo => self.s3fifo_victim(),
        };
        let Some((db, victim)) = victim else { return false };
        log.happened(db, self.entry(victim).key(), Event::Evicted);
        self.counters.evicted += 1;
        self.remove(db, victim);
        // Holes become pages that can be given back; what is moved is in proportion to what has gone.
        self.compact(COMPACTED_PER_EVICTION);
        true
    }

    /// A database to take a victim from, the likelier the more entries it has that may go.
    fn crowded_db(&mut self) -> Option<u16> {
        let volatile = self.policy().is_volatile();
        let crowd = |space: &super::Space| if volatile { space.volatile } else { space.table.len() };
        let all: usize = self.spaces.iter().map(crowd).sum();
        if all == 0 {
            return None;
        }
        let mut chosen = self.random.below(all as u64) as usize;
        for (db, space) in self.spaces.iter().enumerate() {
            match chosen.checked_sub(crowd(space)) {
                Some(rest) => chosen = rest,
                None => return Some(db as u16),
            }
        }
        None
    }
}

/// Entries moved for each eviction while pages are sparse. A page is emptied when it is less than half full
/// or so, so a few moves for each entry that goes keep up with any pattern of holes.
const COMPACTED_PER_EVICTION: usize = 8;
