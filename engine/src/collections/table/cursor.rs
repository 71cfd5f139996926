//! Walking the table in the order of positions, in steps, while it changes.

use super::segment::Place;
use super::{RESOLUTION, Slot, Table};
use crate::random::Random;

/// So few entries are counted out.
const FEW: usize = 16;
/// How often [`Table::random`] tries before it counts: a table that is as full as one that has just shrunk
/// succeeds in one of eight.
const TRIES: usize = 128;
/// Hardly any bucket has more entries with its chain than this.
const LANES_LIKELY: usize = 18;

/// How many top bits of a position [`Table::candidates`] is given.
const CANDIDATE_BITS: u32 = 24;

impl Table {
    /// Hands out every entry of the one bucket that holds `from`, and returns the first position of the next
    /// bucket, or `None` after the last.
    ///
    /// Walk the table by beginning at 0 and passing back what was returned. **Guarantee:** whatever is
    /// inserted and removed between the steps, and whatever splits, merges, grows or shrinks by it, an entry
    /// that is in the table throughout the walk is handed out at least once. The reason: a bucket is at any
    /// moment a range of positions, and every entry lies in the bucket (or its chain) whose range holds its
    /// position. Each step hands out at least all entries with positions from `from` up to the one it
    /// returns, and so the steps together leave no position out. An entry may come twice when buckets have
    /// merged in between.
    ///
    /// The cursor is nothing but a position, so nothing about the walk is stored, and any position is a valid
    /// one to begin at: so this also serves the hand of an eviction policy, and draws random samples. It may
    /// be kept as its top [`RESOLUTION`] bits, rounded down: bounds of buckets, which are all that is ever
    /// returned, have zeros behind these bits.
    #[inline]
    pub fn scan_bucket(&self, from: u64, mut emit: impl FnMut(Slot, u32)) -> Option<u64> {
        let (index, home) = self.locate(from)?;
        let segment = &self.segments[index];
        for bucket in segment.chain(home) {
            for (lane, &handle) in segment.bucket(bucket).handles().iter().enumerate() {
                emit(Slot::new(index, home, Place { bucket, lane }), handle);
            }
        }
        self.next_bucket(index, from)
    }

    /// One step of an eviction policy's hand: [`scan_bucket`](Self::scan_bucket) that also hands out the use
    /// count of each entry and stores the one it gets in return.
    #[inline]
    pub fn turn_hand(&mut self, from: u64, mut turn: impl FnMut(Slot, u32, u8) -> u8) -> Option<u64> {
        let (index, home) = self.locate(from)?;
        let segment = &mut self.segments[index];
        let mut next = Some(home);
        while let Some(index_in_chain) = next {
            let bucket = segment.bucket_mut(index_in_chain);
            for lane in 0..bucket.len() {
                let slot = Slot::new(index, home, Place { bucket: index_in_chain, lane });
                let before = bucket.use_count(lane);
                let after = turn(slot, bucket.handle(lane), before);
                if after != before {
                    bucket.set_use_count(lane, after);
                }
            }
            next = bucket.link().map(|link| link as usize);
        }
        self.next_bucket(index, from)
    }

    /// Hands out every entry with this tag whose position has these top 24 bits, and perhaps others with the
    /// same tag from the same buckets: for a caller who knows no more than these bits of an entry that may
    /// have gone, and who can tell by other means whether he has found it.
    #[inline]
    pub fn candidates(&self, top_bits: u32, tag: u8, mut emit: impl FnMut(Slot, u32)) {
        let first = u64::from(top_bits) << (64 - CANDIDATE_BITS);
        let last = first | (u64::MAX >> CANDIDATE_BITS);
        // One bucket, unless the table is so large that buckets are finer than 24 bits.
        let mut next = Some(first);
        while let Some(position) = next.filter(|&position| position <= last) {
            let Some((index, home)) = self.locate(position) else { return };
            let segment = &self.segments[index];
            for bucket in segment.chain(home) {
                for lane in segment.bucket(bucket).matches(tag) {
                    emit(Slot::new(index, home, Place { bucket, lane }), segment.bucket(bucket).handle(lane));
                }
            }
            next = self.next_bucket(index, position);
        }
    }

    /// An entry, each equally likely as far as positions are spread evenly; none of an empty table.
    ///
    /// A bucket is found at a random position, so a wide one is found more often; it is accepted as often as
    /// it is narrow, and then one of its lanes, as often as there is an entry in it.
    pub fn random(&self, random: &mut Random) -> Option<u32> {
        if self.len() <= FEW {
            return self.iter().nth(random.below(self.len() as u64) as usize);
        }
        for _ in 0..TRIES {
            let position = random.next_u64();
            let (index, home) = self.locate(position)?;
            let segment = &self.segments[index];
            // Of the `2^wider` parts of this bucket that are as wide as the narrowest bucket, only the first
            // counts.
            let wider = u32::from(self.depth) - segment.depth();
            let part = position << segment.depth() << self.bits >> 1 >> (63 - wider);
            if part != 0 {
                continue;
            }
            let count: usize = segment.chain(home).map(|bucket| segment.bucket(bucket).len()).sum();
            let lane = random.below(count.max(LANES_LIKELY) as u64) as usize;
            if lane < count {
                return segment.entries(home).nth(lane).map(|entry| entry.handle);
            }
        }
        // Hardly ever: the table is nearly empty for its size, or its positions lie in few places.
        self.iter().nth(random.below(self.len() as u64) as usize)
    }

    /// The first position behind the bucket of segment `index` that holds `position`.
    #[inline]
    fn next_bucket(&self, index: usize, position: u64) -> Option<u64> {
        let shift = 64 - self.segments[index].depth() - u32::from(self.bits);
        debug_assert!(shift >= 64 - RESOLUTION);
        let width = 1 << shift;
        (position & !(width - 1)).checked_add(width)
    }
}
