//! A cache's parameters.

use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;
use std::time::Duration;

use super::events::{Listener, Removal};
use super::policy::Policy;
use super::terms::Defaults;
use super::{Cache, Weigher};
use crate::time::Clock;

/// The small queue's share of all entries, in thousandths.
const SMALL_THOUSANDTHS: u64 = 100;
/// A shard with fewer entries than this would make a poor cache of its own.
const SHARE_MIN: u64 = 2048;
/// Two threads meet in one of two hundred and fifty operations.
const SHARDS: usize = 256;
const SHARDS_MAX: usize = 1024;

/// A cache's parameters. Each has a default; the methods are named as the fields.
///
/// ```
/// use std::time::Duration;
/// use scrubjay::Cache;
///
/// let cache: Cache<String, Vec<u8>> = Cache::builder()
///     .max_bytes(64 << 20, |key: &String, value: &Vec<u8>| (key.capacity() + value.capacity()) as u32)
///     .ttl(Duration::from_secs(300))
///     .soft_ttl(Duration::from_secs(240))
///     .jitter(0.1)
///     .build();
/// ```
pub struct Builder<K, V, S = ahash::RandomState> {
    pub(super) max_weight: Option<u64>,
    pub(super) weigher: Option<Weigher<K, V>>,
    pub(super) policy: Policy,
    pub(super) small_thousandths: u64,
    pub(super) defaults: Defaults,
    pub(super) listener: Option<Listener<K, V>>,
    pub(super) clock: Clock,
    pub(super) shards: Option<usize>,
    pub(super) seed: Option<u64>,
    pub(super) hasher: S,
}

impl<K, V> Builder<K, V> {
    pub(super) fn new() -> Self {
        Self {
            max_weight: None,
            weigher: None,
            policy: Policy::default(),
            small_thousandths: SMALL_THOUSANDTHS,
            defaults: Defaults { retry_after: Duration::from_secs(1), ..Defaults::default() },
            listener: None,
            clock: Clock::system(),
            shards: None,
            seed: None,
            hasher: ahash::RandomState::new(),
        }
    }
}

impl<K, V, S> Builder<K, V, S> {
    /// How many entries there may be. Default: any number.
    #[must_use]
    pub fn max_entries(mut self, entries: u64) -> Self {
        self.max_weight = Some(entries);
        self.weigher = None;
        self
    }

    /// What all entries may weigh together, by this measure. What is known to be absent weighs 1.
    #[must_use]
    pub fn max_weight(
        mut self,
        weight: u64,
        weigher: impl Fn(&K, &V) -> u32 + Send + Sync + 'static,
    ) -> Self {
        self.max_weight = Some(weight);
        self.weigher = Some(Weigher { weigh: Arc::new(weigher), overhead: 0 });
        self
    }

    /// How many bytes the cache may take: `owned` says how many a key and its value own besides those that
    /// lie in the cache itself, which counts those.
    #[must_use]
    pub fn max_bytes(mut self, bytes: u64, owned: impl Fn(&K, &V) -> u32 + Send + Sync + 'static) -> Self {
        self.max_weight = Some(bytes);
        self.weigher = Some(Weigher { weigh: Arc::new(owned), overhead: super::entry_bytes::<K, V>() });
        self
    }

    /// Which entries give way when the cache is full. Default [`Policy::S3Fifo`].
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// S3-FIFO: the share of all entries that may be new and unproved, 0 to 1. Default 0.1.
    ///
    /// # Panics
    /// For anything else.
    #[must_use]
    pub fn small_queue(mut self, share: f64) -> Self {
        self.small_thousandths = thousandths(share);
        self
    }

    /// Entries are gone after so long (the *hard* TTL). Default: never. An entry may have
    /// [terms](super::Terms) of its own.
    #[must_use]
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.defaults.ttl = Some(ttl);
        self
    }

    /// Entries are stale after so long: still served, while one caller loads them anew. Default: never.
    #[must_use]
    pub fn soft_ttl(mut self, soft_ttl: Duration) -> Self {
        self.defaults.soft_ttl = Some(soft_ttl);
        self
    }

    /// Entries are gone when they were not read for so long. Default: they may lie.
    #[must_use]
    pub fn time_to_idle(mut self, time_to_idle: Duration) -> Self {
        self.defaults.time_to_idle = Some(time_to_idle);
        self
    }

    /// Each TTL is shortened by up to this share, by chance, so that what came together does not go together.
    /// Default 0.
    ///
    /// # Panics
    /// Unless it is 0 to 1.
    #[must_use]
    pub fn jitter(mut self, share: f64) -> Self {
        assert!((0.0..=1.0).contains(&share), "a share is 0 to 1, not {share}");
        self.defaults.jitter = share;
        self
    }

    /// Loads that find nothing are remembered for so long. Default: they are not.
    #[must_use]
    pub fn absent_ttl(mut self, ttl: Duration) -> Self {
        self.defaults.absent_ttl = Some(ttl);
        self
    }

    /// Loads that fail are remembered for so long, with their error. Default: they are not.
    #[must_use]
    pub fn failed_ttl(mut self, ttl: Duration) -> Self {
        self.defaults.failed_ttl = Some(ttl);
        self
    }

    /// For so long after its hard TTL a value is kept to stand in for one that cannot be had: reads do not
    /// see it, but a load that fails is answered with it. Never one that was invalidated. Default: none is
    /// kept.
    #[must_use]
    pub fn stale_on_error(mut self, limit: Duration) -> Self {
        self.defaults.stand_in = Some(limit);
        self
    }

    /// How long a value that stands in is served before it is asked for anew. Default 1 s.
    #[must_use]
    pub fn retry_after(mut self, pause: Duration) -> Self {
        self.defaults.retry_after = pause;
        self
    }

    /// Who is told of every value that leaves, whatever the cause: by the thread that caused it, after all
    /// locks are released.
    #[must_use]
    pub fn listener(mut self, hear: impl Fn(Removal<K, V>) + Send + Sync + 'static) -> Self {
        self.listener = Some(Listener::new(hear));
        self
    }

    /// Where the cache reads the time: the system's clocks, or a [`ManualClock`](crate::time::ManualClock) in
    /// tests. TTLs follow the one that never goes back.
    #[must_use]
    pub fn clock(mut self, clock: impl Into<Clock>) -> Self {
        self.clock = clock.into();
        self
    }

    /// How many locks there are: rounded up to a power of two, at most 1024. By default 256, and fewer in a
    /// cache of so few entries that a part of it would be a poor cache.
    #[must_use]
    pub fn shards(mut self, shards: usize) -> Self {
        self.shards = Some(shards);
        self
    }

    /// Makes chance (jitter, LFU) repeat itself. Not the hasher: see [`hasher`](Self::hasher).
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// How keys are hashed. Default: ahash, with keys of its own for each cache.
    #[must_use]
    pub fn hasher<T: BuildHasher>(self, hasher: T) -> Builder<K, V, T> {
        let Self {
            max_weight,
            weigher,
            policy,
            small_thousandths,
            defaults,
            listener,
            clock,
            shards,
            seed,
            ..
        } = self;
        Builder {
            max_weight,
            weigher,
            policy,
            small_thousandths,
            defaults,
            listener,
            clock,
            shards,
            seed,
            hasher,
        }
    }

    /// The cache.
    pub fn build(self) -> Cache<K, V, S>
    where
        K: Hash + Eq,
        S: BuildHasher,
    {
        Cache::new(self)
    }

    pub(super) fn shard_count(&self) -> usize {
        let usual = match self.max_weight {
            Some(max) => {
                // What entries weigh is not known; that they weigh more than 64 bytes, or 1, is likely.
                let likely = if self.weigher.is_some() { 64 } else { 1 };
                usize::try_from(max / likely / SHARE_MIN).unwrap_or(SHARDS).clamp(1, SHARDS)
            }
            None => SHARDS,
        };
        let wanted = self.shards.unwrap_or(usual).clamp(1, SHARDS_MAX);
        if self.shards.is_some() || wanted.is_power_of_two() {
            wanted.next_power_of_two()
        } else {
            wanted.next_power_of_two() / 2
        }
    }
}

impl<K, V, S> fmt::Debug for Builder<K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { max_weight, policy, small_thousandths, defaults, listener, clock, shards, .. } = self;
        f.debug_struct("Builder")
            .field("max_weight", max_weight)
            .field("policy", policy)
            .field("small_thousandths", small_thousandths)
            .field("defaults", defaults)
            .field("listener", listener)
            .field("clock", clock)
            .field("shards", shards)
            .finish_non_exhaustive()
    }
}

pub(super) fn thousandths(share: f64) -> u64 {
    assert!((0.0..=1.0).contains(&share), "a share is 0 to 1, not {share}");
    (share * 1000.0).round() as u64
}
