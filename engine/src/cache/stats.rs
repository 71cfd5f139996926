//! What a cache counts.

/// Counts since the cache was made, over all of its shards.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Reads that were given a value, stale ones included.
    pub hits: u64,
    /// Those among them whose value was past its soft TTL.
    pub stale_hits: u64,
    /// Reads that were told that there is no value, or that it cannot be had.
    pub negative_hits: u64,
    /// Reads that were given nothing.
    pub misses: u64,
    /// Values put in, by inserts and by loads.
    pub inserts: u64,
    /// Loads that brought a value, or the knowledge that there is none.
    pub loads: u64,
    /// Loads that failed, panicked or were given up.
    pub load_failures: u64,
    /// Stale values that stood in for a load that failed.
    pub stand_ins: u64,
    /// Loads whose value was not kept, since the key was written or invalidated meanwhile.
    pub discarded_loads: u64,
    /// The time that all loads took together, in microseconds.
    pub load_micros: u64,
    /// Entries that gave way to others.
    pub evictions: u64,
    /// Entries whose TTL or time to idle was over.
    pub expiries: u64,
    /// Entries removed by their key, by a predicate, a tag or with all others.
    pub invalidations: u64,
    /// Entries now, expired ones that were not yet met included.
    pub entries: u64,
    /// What they weigh together.
    pub weight: u64,
    /// The memory the cache itself holds, in bytes: keys and values in place, without what they own
    /// elsewhere.
    pub bytes: u64,
}

impl Stats {
    /// The share of reads that were answered, of 0 to 1; 0 before the first.
    pub fn hit_ratio(&self) -> f64 {
        let answered = self.hits + self.negative_hits;
        let reads = answered + self.misses;
        if reads == 0 { 0.0 } else { answered as f64 / reads as f64 }
    }

    /// Adds those of a shard.
    pub(super) fn add(&mut self, other: &Self) {
        let pairs = [
            (&mut self.hits, other.hits),
            (&mut self.stale_hits, other.stale_hits),
            (&mut self.negative_hits, other.negative_hits),
            (&mut self.misses, other.misses),
            (&mut self.inserts, other.inserts),
            (&mut self.loads, other.loads),
            (&mut self.load_failures, other.load_failures),
            (&mut self.stand_ins, other.stand_ins),
            (&mut self.discarded_loads, other.discarded_loads),
            (&mut self.load_micros, other.load_micros),
            (&mut self.evictions, other.evictions),
            (&mut self.expiries, other.expiries),
            (&mut self.invalidations, other.invalidations),
            (&mut self.entries, other.entries),
            (&mut self.weight, other.weight),
            (&mut self.bytes, other.bytes),
        ];
        for (sum, part) in pairs {
            *sum += part;
        }
    }
}
