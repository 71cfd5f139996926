//! From a key's bytes to its shard and its place in it.
//!
//! ```text
//! hash (64 bits, seeded) -> top 12 bits -> shard, by a table of 4,096
//!                        -> position: how far into its shard's range the hash lies, stretched over 64 bits
//!                        -> tag: the low byte
//! ```
//!
//! Shards own ranges of *unequal* width, growing by a constant factor from the first to the last, which is
//! nearly twice as wide. With a good hash all tables of equal ranges would fill, and split, at the same time;
//! like this some shard is always splitting, and the memory in use for a key is the same at every population.
//!
//! Stretching keeps the order, so a position is a place in the shard's hash space at any moment, and with the
//! shard's number in front of it one in the whole keyspace's: that is the cursor of `SCAN`.

use crate::collections::table::RESOLUTION;
use crate::shard::Positions;

/// Units in which ranges are measured out.
const UNITS: usize = 4096;
const UNIT_SHIFT: u32 = 52;
/// The most shards there can be: a cursor holds a shard and a position of 42 bits, and stays below 2^52.
pub(super) const SHARDS_MAX: usize = 1024;

/// Where a key lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Routed {
    pub(super) shard: u16,
    pub(super) tag: u8,
    pub(super) position: u64,
}

/// The map of the hash space.
pub(super) struct Route {
    hasher: ahash::RandomState,
    /// The shard of each unit.
    shard_of: Box<[u16; UNITS]>,
    ranges: Box<[Range]>,
}

/// The part of the hash space that is one shard's.
#[derive(Debug, Clone, Copy)]
struct Range {
    start: u64,
    /// `2^64 / units`, rounded down.
    reciprocal: u64,
}

impl Range {
    #[inline]
    fn position(self, hash: u64) -> u64 {
        // Less than units * 2^52 times at most (2^64 - 1) / units: the product fits, and so does its top.
        ((u128::from(hash - self.start) * u128::from(self.reciprocal)) >> UNIT_SHIFT) as u64
    }
}

/// One shard's part of the map, and the hash: what its tables need when they split.
pub(super) struct ShardPositions {
    hasher: ahash::RandomState,
    range: Range,
}

impl Positions for ShardPositions {
    #[inline]
    fn position(&self, key: &[u8]) -> u64 {
        self.range.position(self.hasher.hash_one(key))
    }

    #[inline]
    fn tag(&self, key: &[u8]) -> u8 {
        self.hasher.hash_one(key) as u8
    }
}

impl Route {
    /// A map for `shards` shards, a number from 1 to [`SHARDS_MAX`].
    pub(super) fn new(shards: usize, seeds: [u64; 4]) -> Self {
        assert!((1..=SHARDS_MAX).contains(&shards), "from 1 to {SHARDS_MAX} shards");
        let [a, b, c, d] = seeds;
        let hasher = ahash::RandomState::with_seeds(a, b, c, d);
        // Where shard i begins, as a fraction: (2^(i/n) - 1), since the widths are in proportion to 2^(i/n).
        let spare = UNITS - shards;
        let bound = |shard: usize| {
            let fraction = (shard as f64 / shards as f64).exp2() - 1.0;
            // One unit each, so that no shard is left without, and the rest in proportion.
            shard + (fraction * spare as f64).round() as usize
        };
        let mut shard_of = Box::new([0; UNITS]);
        let mut ranges = Vec::with_capacity(shards);
        for shard in 0..shards {
            let (start, end) = (bound(shard), bound(shard + 1));
            shard_of[start..end].fill(shard as u16);
            let reciprocal = u64::MAX / (end - start) as u64;
            ranges.push(Range { start: (start as u64) << UNIT_SHIFT, reciprocal });
        }
        Self { hasher, shard_of, ranges: ranges.into() }
    }

    #[inline]
    pub(super) fn locate(&self, key: &[u8]) -> Routed {
        let hash = self.hasher.hash_one(key);
        let shard = self.shard_of[(hash >> UNIT_SHIFT) as usize];
        Routed { shard, tag: hash as u8, position: self.ranges[usize::from(shard)].position(hash) }
    }

    /// A hash of other seeds: for tables of keys of one shard, whose hashes here are all alike at the top.
    pub(super) fn other_hasher(&self) -> ahash::RandomState {
        let [a, b, c, d] = [1u8, 2, 3, 4].map(|n| self.hasher.hash_one(n));
        ahash::RandomState::with_seeds(a, b, c, d)
    }

    pub(super) fn positions(&self, shard: usize) -> ShardPositions {
        ShardPositions { hasher: self.hasher.clone(), range: self.ranges[shard] }
    }
}

/// The cursor of a walk that stands at `position` of `shard`.
pub(super) fn cursor(shard: usize, position: u64) -> u64 {
    ((shard as u64) << RESOLUTION) | (position >> (64 - RESOLUTION))
}

/// Where a cursor stands. Any number is a cursor; one that no walk has given out stands somewhere or behind
/// the end.
pub(super) fn cursor_parts(cursor: u64) -> (usize, u64) {
    ((cursor >> RESOLUTION) as usize, cursor << (64 - RESOLUTION))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_keep_the_order_of_hashes_and_fill_the_range() {
        for shards in [1, 2, 3, 64, 1000, SHARDS_MAX] {
            let route = Route::new(shards, [1, 2, 3, 4]);
            let mut at = 0;
            for (shard, range) in route.ranges.iter().enumerate() {
                assert_eq!(range.start, at);
                let units =
                    route.shard_of.iter().filter(|owner| usize::from(**owner) == shard).count() as u64;
                let width = u128::from(units) << UNIT_SHIFT;
                let last = range.start + (width - 1) as u64;
                assert_eq!(range.position(range.start), 0);
                // The reciprocal is rounded down by less than one, and a range has at most 4,096 units.
                assert!(range.position(last) >= u64::MAX - UNITS as u64, "{shards} {shard}");
                let middle = range.position(range.start + (width / 2) as u64);
                assert!(middle.abs_diff(1 << 63) <= UNITS as u64, "{shards} {shard}");
                at = last.wrapping_add(1);
            }
            assert_eq!(at, 0);
        }
    }

    #[test]
    fn a_key_lies_where_its_shard_thinks_it_does() {
        let route = Route::new(64, [5, 6, 7, 8]);
        for n in 0..1000u32 {
            let key = n.to_le_bytes();
            let routed = route.locate(&key);
            let positions = route.positions(usize::from(routed.shard));
            assert_eq!((positions.position(&key), positions.tag(&key)), (routed.position, routed.tag));
        }
    }

    #[test]
    fn cursors_fit_javascript_numbers() {
        assert!(cursor(SHARDS_MAX - 1, u64::MAX) < 1 << 53);
        let position = 0x1234_5678_9ac0_0000;
        assert_eq!(cursor_parts(cursor(7, position)), (7, position));
    }
}
