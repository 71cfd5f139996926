//! What a pattern counts.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Declares each figure once: its name, and what it counts.
macro_rules! figures {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Counts since the pattern was made.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Stats {
            $($(#[$doc])* pub $name: u64,)*
        }

        /// The same while they are counted.
        #[derive(Debug, Default)]
        pub(super) struct Counters {
            $(pub(super) $name: AtomicU64,)*
        }

        impl Counters {
            pub(super) fn read(&self) -> Stats {
                Stats { $($name: self.$name.load(Relaxed),)* }
            }
        }
    };
}

figures! {
    /// Reads that were given a fresh value without a load.
    hits,
    /// Reads that were given a stale value, since a new one was not to be had, or not in time.
    stale_hits,
    /// Reads that were told, without a load, that there is no value or that it cannot be had.
    negative_hits,
    /// Reads that found nothing good enough.
    misses,
    /// Misses that were answered by a load of another task of this process.
    flight_waits,
    /// Loads that first waited for another process.
    lease_waits,
    /// Leases that were lost before the load was over: the key was written or removed, or this process had
    /// stood still for longer than the lease's TTL.
    leases_lost,
    /// Loads that were begun.
    loads,
    /// Loads that failed, those that were given up included.
    load_failures,
    /// Loads that were given up at the hard timeout.
    load_timeouts,
    /// The time that all finished loads took together, in microseconds.
    load_micros,
    /// Values that were loaded and not kept, since the key was written or removed meanwhile, or another
    /// process was loading it.
    fills_discarded,
    /// Loads before the time, with nobody waiting.
    refreshes,
    /// Values that could not be decoded, and were removed.
    undecodable,
    /// Values that could not be encoded, and were not kept.
    unencodable,
    /// Values that were found, and had been invalidated by a tag.
    outdated,
    /// Values, or keys, written by this pattern.
    writes,
    /// Writes that came too late: a newer value was there.
    writes_outdone,
    /// Keys removed by this pattern.
    removals,
    /// Steps that the backend could not take.
    backend_failures,
}

impl Stats {
    /// The share of reads that were answered without a load, 0 to 1; 0 before the first.
    pub fn hit_ratio(&self) -> f64 {
        let answered = self.hits + self.stale_hits + self.negative_hits;
        let reads = answered + self.misses;
        if reads == 0 { 0.0 } else { answered as f64 / reads as f64 }
    }
}

/// One more.
pub(super) fn count(figure: &AtomicU64) {
    figure.fetch_add(1, Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_read() {
        let counters = Counters::default();
        assert_eq!(counters.read().hit_ratio(), 0.0);
        for figure in [&counters.hits, &counters.stale_hits, &counters.negative_hits, &counters.misses] {
            count(figure);
        }
        let stats = counters.read();
        assert_eq!((stats.hits, stats.misses, stats.loads), (1, 1, 0));
        assert_eq!(stats.hit_ratio(), 0.75);
    }
}
