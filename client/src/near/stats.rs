//! What a near cache counts.

use scrubjay::sync::atomic::AtomicU64;
use scrubjay::sync::atomic::Ordering::Relaxed;

use crate::wire::{BreakerState, Node};

/// How a cache learns that something has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mode {
    /// The server tells of every change (CLIENT TRACKING).
    Tracking,
    /// The server does not; clients of this crate tell each other by PUBLISH, and values are kept for a short
    /// time only.
    Messages,
    /// Nobody tells of anything; values are kept for a short time only.
    Expiry,
}

/// Counts since the cache was made.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// How the cache learns that something has changed.
    pub mode: Mode,
    /// Reads that were answered in this process.
    pub hits: u64,
    /// Reads that were not.
    pub misses: u64,
    /// Reads among the misses that were answered with something stale, since nothing better was to be had.
    pub stale: u64,
    /// Values that were read anew while the old one was still served.
    pub refreshes: u64,
    /// Loaders called.
    pub loads: u64,
    /// Notices of single keys that were heeded.
    pub invalidations: u64,
    /// Notices that everything of a node is stale.
    pub flushes: u64,
    /// Values that were read and not kept, since a notice, a write or the end of the connection came between.
    pub fills_discarded: u64,
    /// Connections that were lost.
    pub disconnects: u64,
    /// Slots that have moved from node to node.
    pub slots_moved: u64,
    /// Values at the server that could not be decoded.
    pub undecodable: u64,
    /// Writes that failed and are yet to be made good.
    pub debts: u64,
    /// Writes that failed and were made good.
    pub debts_settled: u64,
    /// Writes that failed and were forgotten, since there were too many.
    pub debts_dropped: u64,
    /// Entries in this process now. What is worth nothing any more, since its connection was lost for
    /// example, is among them until it is swept out, soon after, or room is needed.
    pub entries: u64,
    /// What they weigh together: their number, or bytes if the bound is in bytes.
    pub weight: u64,
    /// Entries that gave way to others.
    pub evictions: u64,
    /// The circuit breaker of each node.
    pub breakers: Vec<(Node, BreakerState)>,
}

impl Stats {
    /// The share of reads that were answered in this process, of 0 to 1; 0 before the first.
    pub fn hit_ratio(&self) -> f64 {
        let reads = self.hits + self.misses;
        if reads == 0 { 0.0 } else { self.hits as f64 / reads as f64 }
    }
}

/// The counts that are not the embedded cache's. None of them is touched by a hit.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) misses: Counter,
    /// What the embedded cache took for a hit, and was none.
    pub(super) refused: Counter,
    pub(super) stale: Counter,
    pub(super) refreshes: Counter,
    pub(super) loads: Counter,
    pub(super) invalidations: Counter,
    pub(super) flushes: Counter,
    pub(super) discarded: Counter,
    pub(super) disconnects: Counter,
    pub(super) slots_moved: Counter,
    pub(super) undecodable: Counter,
}

#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub(super) fn one(&self) {
        self.add(1);
    }

    pub(super) fn add(&self, more: u64) {
        self.0.fetch_add(more, Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}
