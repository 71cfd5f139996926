//! A store's parameters.

use super::Store;
use super::route::SHARDS_MAX;
use crate::shard::evict::{Policy, Tuning};
use crate::time::Clock;
use crate::types::Limits;

/// A store's parameters. Each has a default; the methods are named as the fields.
///
/// ```
/// use scrubjay::{Policy, Store};
///
/// // A cache of at most 256 MiB, in which what is rarely used makes room for what is new.
/// let store = Store::builder().max_memory(256 << 20).policy(Policy::AllKeysS3Fifo).build();
/// # assert_eq!(store.max_memory(), 256 << 20);
/// ```
#[derive(Debug, Clone)]
pub struct Builder {
    pub(super) clock: Clock,
    pub(super) databases: u16,
    pub(super) shards: usize,
    pub(super) max_memory_bytes: usize,
    pub(super) policy: Policy,
    pub(super) tuning: Tuning,
    pub(super) limits: Limits,
    pub(super) seed: Option<u64>,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            clock: Clock::system(),
            databases: 16,
            shards: 64,
            max_memory_bytes: 0,
            policy: Policy::default(),
            tuning: Tuning::default(),
            limits: Limits::default(),
            seed: None,
        }
    }
}

impl Builder {
    /// Where the store reads the time: the system's clocks, or a [`ManualClock`](crate::time::ManualClock) in
    /// tests.
    #[must_use]
    pub fn clock(mut self, clock: impl Into<Clock>) -> Self {
        self.clock = clock.into();
        self
    }

    /// How many databases there are. Default 16; none costs anything before it is used.
    ///
    /// # Panics
    /// For 0.
    #[must_use]
    pub fn databases(mut self, databases: u16) -> Self {
        assert!(databases > 0, "a store has at least one database");
        self.databases = databases;
        self
    }

    /// How many locks the keyspace is divided under. Default 64; few are enough for few threads, and a small
    /// store is smaller with few.
    ///
    /// # Panics
    /// For 0, and for more than 1024.
    #[must_use]
    pub fn shards(mut self, shards: usize) -> Self {
        assert!((1..=SHARDS_MAX).contains(&shards), "from 1 to {SHARDS_MAX} shards");
        self.shards = shards;
        self
    }

    /// The memory limit in bytes, of everything the store holds. Default 0: none.
    #[must_use]
    pub fn max_memory(mut self, bytes: usize) -> Self {
        self.max_memory_bytes = bytes;
        self
    }

    /// Which entries go when the limit is reached. Default [`Policy::NoEviction`]: none, and writes fail with
    /// [`OutOfMemory`](crate::OutOfMemory).
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// What the policy is told.
    #[must_use]
    pub fn tuning(mut self, tuning: Tuning) -> Self {
        self.tuning = tuning;
        self
    }

    /// Up to where collections are held in their small forms. Default: as Valkey does.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Makes hashing and every random choice repeatable. For tests: who knows the seed can make keys collide.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// The store.
    pub fn build(self) -> Store {
        Store::from_builder(&self)
    }
}
