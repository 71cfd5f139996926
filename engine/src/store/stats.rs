//! What a store tells of itself.

use std::fmt;

use super::{Store, View};
use crate::shard::Counters;

/// Figures of a store, of all its databases together. See [`Store::stats`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Keys there are, expired ones included that nobody has met and no maintenance has given back yet.
    pub keys: usize,
    /// Those of them that have a deadline.
    pub keys_with_deadline: usize,
    /// Reads that found their key.
    pub hits: u64,
    /// Reads that did not.
    pub misses: u64,
    /// Entries that have expired.
    pub expired: u64,
    /// Entries that had to go for want of memory.
    pub evicted: u64,
    /// Bytes held: all that counts against [`Builder::max_memory`](super::Builder::max_memory).
    pub used_bytes: usize,
    /// The most bytes that were held.
    pub peak_bytes: usize,
}

impl Stats {
    /// The part of reads that found their key, from 0 to 1; `None` before the first read.
    pub fn hit_ratio(&self) -> Option<f64> {
        let reads = self.hits + self.misses;
        (reads > 0).then(|| self.hits as f64 / reads as f64)
    }
}

impl Store {
    /// Figures of this moment. Each lock is held for an instant, one after another, so what other threads do
    /// meanwhile may show in some figures and not in others.
    ///
    /// ```
    /// let store = scrubjay::Store::default();
    /// store.set("there", "1")?;
    /// store.get_many(&["there", "not there"]);
    ///
    /// let stats = store.stats();
    /// assert_eq!((stats.keys, stats.hits, stats.misses), (1, 1, 1));
    /// assert_eq!(stats.hit_ratio(), Some(0.5));
    /// assert!(stats.used_bytes <= stats.peak_bytes);
    /// # Ok::<_, scrubjay::OutOfMemory>(())
    /// ```
    pub fn stats(&self) -> Stats {
        let Counters { hits, misses, expired, evicted, .. } = self.counters();
        let (mut keys, mut keys_with_deadline) = (0, 0);
        let mut view = self.walk();
        for db in 0..self.databases {
            let (all, volatile) = view.len(db);
            keys += all;
            keys_with_deadline += volatile;
        }
        let used_bytes = view.used_bytes();
        let peak_bytes = self.peak_bytes().max(used_bytes);
        Stats { keys, keys_with_deadline, hits, misses, expired, evicted, used_bytes, peak_bytes }
    }

    /// What happened by itself so far, in all shards together: the figures of [`stats`](Self::stats) that
    /// only grow.
    #[doc(hidden)]
    pub fn counters(&self) -> Counters {
        self.walk().counters()
    }

    /// Begins counting hits, misses, expired and evicted entries anew.
    pub fn reset_counters(&self) {
        self.walk().reset_counters();
    }
}

impl View<'_> {
    /// See [`Store::counters`].
    #[doc(hidden)]
    pub fn counters(&mut self) -> Counters {
        let mut sum = Counters::default();
        self.each_shard(|locked| {
            let counters = locked.shard.counters;
            sum.hits += counters.hits;
            sum.misses += counters.misses;
            sum.expired += counters.expired;
            sum.expired_parts += counters.expired_parts;
            sum.evicted += counters.evicted;
        });
        sum
    }

    /// See [`Store::reset_counters`].
    pub fn reset_counters(&mut self) {
        self.each_shard(|locked| locked.shard.counters = Counters::default());
    }
}

/// No contents: they may be secret, and many.
impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("databases", &self.databases)
            .field("shards", &self.shards.len())
            .field("max_memory", &self.max_memory())
            .finish_non_exhaustive()
    }
}
