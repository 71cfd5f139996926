//! S3-FIFO (Yang et al., SOSP 2023) without lists, as the store has it (`shard::evict::s3fifo`), for one
//! table.
//!
//! A new entry stands in a small queue. When it reaches the front unused it goes, and its fingerprint is
//! remembered for a while in a *ghost*; used, it moves on to the main part. A key that comes back while its
//! ghost is there goes to the main part at once. The main part is the table itself: a hand walks it and takes
//! the first entry whose use count is down to zero, counting the others down.
//!
//! While the cache has room, new entries go to the main part straight away: on a loop that is longer than the
//! cache the paper's algorithm, like LRU, never hits at all, and this holds what fits.

use crate::collections::flat::{At, Flat, Hashed, tag};
use crate::collections::ghost::Ghost;
use crate::collections::ring::Ring;

/// What S3-FIFO knows beside the table and its use counts.
///
/// An entry's count starts at zero, so the hand, which cannot see which part an entry belongs to, also takes
/// new ones that it meets unused. To pass those once, or to give who comes from the small queue a use for
/// free, costs hit ratio on every load but the ones that are all bursts.
pub(in crate::cache) struct S3Fifo {
    /// The records of entries, in the order in which they came.
    small: Ring,
    ghost: Ghost,
    /// The small queue's share of all entries, in thousandths.
    share: u64,
}

/// What the small queue keeps of an entry: its hash, as far as the table tells hashes apart.
fn record(hash: u64) -> u64 {
    hash & !0xff | u64::from(tag(hash).get())
}

fn fingerprint(hash: u64) -> u32 {
    (hash >> 40) as u32 ^ (u32::from(tag(hash).get()) << 24)
}

impl S3Fifo {
    pub(super) fn new(share: u64) -> Self {
        Self { small: Ring::new(), ghost: Ghost::new(0), share }
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.small.memory_bytes() + self.ghost.memory_bytes()
    }

    pub(super) fn clear(&mut self) {
        *self = Self::new(self.share);
    }

    pub(in crate::cache) fn set_share(&mut self, thousandths: u64) {
        self.share = thousandths;
    }

    pub(super) fn inserted(&mut self, hash: u64, roomy: bool) {
        if !self.ghost.remove(fingerprint(hash)) && !roomy {
            self.small.push(record(hash));
        }
    }

    /// Hints that an entry will be looked for in the ghost.
    #[inline]
    pub(super) fn prefetch(&self, hash: u64) {
        self.ghost.prefetch(fingerprint(hash));
    }

    /// Hints that an entry will have to go: what that takes is here by the time it has to. To say where it
    /// lies its tag must be here, so that is hinted at still earlier.
    fn prefetch_victim<T: Hashed>(&self, map: &Flat<T>) {
        if let Some(next) = self.small.front() {
            map.prefetch_entry(next);
            self.ghost.prefetch(fingerprint(next));
        }
        if let Some(later) = self.small.get(1) {
            map.prefetch_home(later);
        }
    }

    /// The entry that has to go.
    pub(super) fn victim<T: Hashed>(&mut self, map: &mut Flat<T>) -> Option<At> {
        let all = map.len();
        self.ghost.fit(all);
        while self.small.len() as u64 * 1000 > all as u64 * self.share {
            let Some(next) = self.small.pop() else { break };
            let Some(at) = map.find(next, |entry| record(entry.hash()) == next) else { continue };
            if map.use_count(at) == 0 {
                self.ghost.insert(fingerprint(next));
                self.prefetch_victim(map);
                return Some(at);
            }
            // From here on it has to be used again before the hand comes.
            map.set_use_count(at, 0);
        }
        map.clock_victim()
    }
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use crate::Cache;

    #[test]
    fn who_is_in_use_does_not_pay_for_the_others() {
        let cache = Cache::builder().max_entries(1000).shards(1).small_queue(0.5).build();
        for key in 0..900 {
            cache.insert(key, ());
            for _ in 0..if key % 2 == 0 { 3 } else { 0 } {
                cache.get(&key);
            }
        }
        // The small queue has room for all of these, so the hand has to find 400 others: of the unused.
        (1000..1500).for_each(|key| cache.insert(key, ()));
        assert_eq!(cache.stats().evictions, 400);
        assert!((0..900).step_by(2).all(|key| cache.contains_key(&key)));
    }
}
