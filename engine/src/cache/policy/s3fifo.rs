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

use super::State;
use crate::cache::shard::{Found, Place, Shard, named};
use crate::collections::ghost::Ghost;
use crate::collections::ring::Ring;
use crate::collections::table::Table;

/// Where counting ends. An entry's count starts at zero, so the hand, which cannot see which part an entry
/// belongs to, also takes new ones that it meets unused. To pass those once, or to give who comes from the
/// small queue a use for free, costs hit ratio on every load but the ones that are all bursts.
pub(in crate::cache) const USED_MAX: u8 = 3;
/// Rounds of the hand at most for one victim: three bring any count to zero, the fourth finds it, and the
/// first may begin in the middle.
const LAPS_MAX: usize = 5;

pub(in crate::cache) struct S3Fifo {
    /// Position's top 56 bits and tag, in the order in which they came.
    small: Ring,
    ghost: Ghost,
    hand: u64,
    /// The small queue's share of all entries, in thousandths.
    share: u64,
}

fn record(place: Place) -> u64 {
    (place.position >> 8 << 8) | u64::from(place.tag)
}

fn fingerprint(place: Place) -> u32 {
    (place.position >> 40) as u32 ^ (u32::from(place.tag) << 24)
}

impl S3Fifo {
    pub(super) fn new(share: u64) -> Self {
        Self { small: Ring::new(), ghost: Ghost::new(0), hand: 0, share }
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

    pub(super) fn inserted(&mut self, place: Place, roomy: bool) {
        if !self.ghost.remove(fingerprint(place)) && !roomy {
            self.small.push(record(place));
        }
    }

    /// Hints that an entry will come, and that another will have to go for it: four lines that would be
    /// waited for one after the other.
    pub(super) fn prefetch(&self, place: Place, table: &Table) {
        table.prefetch(place.position);
        self.ghost.prefetch(fingerprint(place));
        if let Some(next) = self.small.front() {
            let next = Place { position: next >> 8 << 8, tag: next as u8 };
            table.prefetch(next.position);
            self.ghost.prefetch(fingerprint(next));
        }
    }

    /// Keeps the ghost about as long as there are entries. It is not changed for a few more or less: that
    /// takes as long as it is, and this is asked at each eviction.
    fn fit_ghost(&mut self, all: usize) {
        let capacity = self.ghost.capacity();
        if all > capacity || all < capacity / 2 {
            self.ghost.resize(all);
        }
    }
}

impl<K, V> Shard<K, V> {
    pub(super) fn s3fifo_victim(&mut self) -> Option<Found> {
        let all = self.slab.len();
        loop {
            let State::S3Fifo(queues) = &mut self.policy else { return None };
            queues.fit_ghost(all);
            if queues.small.len() as u64 * 1000 <= all as u64 * queues.share {
                break;
            }
            let Some(record) = queues.small.pop() else { break };
            let place = Place { position: record >> 8 << 8, tag: record as u8 };
            let Some(found) = self.recorded(place) else { continue };
            if self.table.use_count(found.slot) > 0 {
                // From here on it has to be used again before the hand comes.
                self.table.set_use_count(found.slot, 0);
                continue;
            }
            if let State::S3Fifo(queues) = &mut self.policy {
                queues.ghost.insert(fingerprint(place));
            }
            return Some(found);
        }
        self.clock_victim()
    }

    /// The entry that a record of the small queue is about.
    fn recorded(&self, place: Place) -> Option<Found> {
        let own =
            |handle| self.place(self.slab.get(named(handle)).hash()).position >> 8 == place.position >> 8;
        let slot = self.table.find(place.position, place.tag, own)?;
        Some(Found { slot, handle: named(self.table.handle(slot)) })
    }

    /// The first entry that the hand meets with its use count down to zero.
    ///
    /// The hand stays at a bucket as long as there is such an entry, and counts down only what it leaves
    /// behind. If it moved on with each victim it would count a whole bucket down for it: entries that are
    /// in use would run out of count between two uses.
    fn clock_victim(&mut self) -> Option<Found> {
        let State::S3Fifo(queues) = &mut self.policy else { return None };
        for _ in 0..LAPS_MAX {
            loop {
                let mut victim = None;
                self.table.turn_hand(queues.hand, |slot, handle, count| {
                    if count == 0 && victim.is_none() {
                        victim = Some(Found { slot, handle: named(handle) });
                    }
                    count
                });
                if victim.is_some() {
                    return victim;
                }
                match self.table.turn_hand(queues.hand, |_, _, count| count.saturating_sub(1)) {
                    Some(next) => queues.hand = next,
                    None => break,
                }
            }
            queues.hand = 0;
        }
        None
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
