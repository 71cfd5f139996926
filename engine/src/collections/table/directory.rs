//! How the table grows and shrinks: doubling, splitting, merging, halving.
//!
//! Hysteresis: a segment that has just split is half full, and two that have just merged are half full
//! together, so at least a few hundred changes lie between a split and the merge that undoes it.

use std::ops::Range;

use super::segment::{Node, Segment};
use super::{BITS_MAX, BITS_MIN, DEPTH_MAX, Entries, Table};
use crate::raw::bucket::{Entry, LANES};

/// Two buddies merge when together they fill at most half of the lanes of one.
const MERGE_MAX: usize = (LANES << BITS_MAX) / 2;
/// A lone segment halves when it fills at most a quarter of its lanes.
const HALVE_DIVISOR: usize = 4;
/// Removals look for a merge only when the segment's length is a multiple of this.
const CONDENSE_STEP: usize = 8;
/// The directory never has more than this many entries for each segment. Segments under an even hash differ
/// in depth by two at the most, which takes four; a hash that does not spread would take any number.
const DIRECTORY_PER_SEGMENT_MAX: usize = 8;

impl Table {
    /// The segment and home bucket for a new entry, after any growth that it calls for.
    #[inline]
    pub(super) fn make_room(&mut self, position: u64, entries: &impl Entries) -> (usize, usize) {
        if let Some((index, home)) = self.locate(position) {
            let segment = &self.segments[index];
            if segment.len() < self.lanes() || !segment.is_full(home) {
                return (index, home);
            }
        }
        self.grow(position, entries)
    }

    /// After a removal from segment `index`: shrinks if the segment is sparse.
    #[inline]
    pub(super) fn condense_sometimes(&mut self, index: usize) {
        let len = self.segments[index].len();
        if len <= MERGE_MAX && len.is_multiple_of(CONDENSE_STEP) {
            self.condense(index);
        }
    }

    /// The lanes of the home buckets of one segment: what it may hold before it has to split.
    #[inline]
    fn lanes(&self) -> usize {
        LANES << self.bits
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self, position: u64, entries: &impl Entries) -> (usize, usize) {
        if self.segments.is_empty() {
            self.bits = BITS_MIN;
            self.depth = 0;
            self.directory = vec![0];
            self.append(Segment::new(Node::ROOT, self.bits));
        }
        loop {
            let (index, home) = self.locate(position).expect("invariant: there is a segment by now");
            let segment = &self.segments[index];
            if segment.len() < self.lanes() || !segment.is_full(home) {
                return (index, home);
            }
            if self.bits < BITS_MAX {
                self.double_segment(entries);
            } else if segment.depth() < u32::from(self.depth) || self.double_directory() {
                self.split(index, entries);
            } else {
                return (index, home);
            }
        }
    }

    /// Gives the only segment twice as many home buckets.
    pub(super) fn double_segment(&mut self, entries: &impl Entries) {
        self.bits += 1;
        let mut doubled = Segment::new(Node::ROOT, self.bits);
        for_each_with_position(&self.segments[0], entries, |position, entry| {
            doubled.push(self.home(&doubled, position), entry);
        });
        self.replace(0, doubled);
    }

    /// Doubles the directory, unless it is large enough for the number of segments.
    fn double_directory(&mut self) -> bool {
        let doubled = self.directory.len() * 2;
        if self.depth >= DEPTH_MAX || doubled > DIRECTORY_PER_SEGMENT_MAX * (self.segments.len() + 1) {
            return false;
        }
        let mut directory = Vec::with_capacity(doubled);
        directory.extend(self.directory.iter().flat_map(|&index| [index; 2]));
        self.directory = directory;
        self.depth += 1;
        true
    }

    /// Splits a segment that stands in at least two entries of the directory.
    pub(super) fn split(&mut self, index: usize, entries: &impl Entries) {
        let old = &self.segments[index];
        let mut halves = [false, true].map(|is_upper| Segment::new(old.node.half(is_upper), self.bits));
        for_each_with_position(old, entries, |position, entry| {
            let half = &mut halves[(position << old.depth() >> 63) as usize];
            half.push(self.home(half, position), entry);
        });
        let [low, high] = halves;
        self.replace(index, low);
        self.append(high);
    }

    /// Merges or halves the segment for as long as it is sparse.
    #[cold]
    #[inline(never)]
    fn condense(&mut self, mut index: usize) {
        while self.segments[index].depth() > 0 {
            let node = self.segments[index].node;
            let buddy = self.directory[self.range(node.buddy()).start] as usize;
            let (this, other) = (&self.segments[index], &self.segments[buddy]);
            if other.node != node.buddy() || this.len() + other.len() > MERGE_MAX {
                return;
            }
            index = self.merge(index.min(buddy), index.max(buddy));
            self.halve_directory();
        }
        while self.bits > BITS_MIN && self.segments[index].len() <= self.lanes() / HALVE_DIVISOR {
            self.halve_segment();
        }
    }

    /// Merges two buddies and returns the index of the segment they have become. The entry store is not
    /// asked: two neighbouring buckets become one.
    fn merge(&mut self, first: usize, second: usize) -> usize {
        debug_assert!(first < second, "invariant: removing the second leaves the first in its place");
        let mut merged = Segment::new(self.segments[first].node.parent(), self.bits);
        for half in [first, second].map(|index| &self.segments[index]) {
            let offset = if half.node.is_upper_half() { 1 << (self.bits - 1) } else { 0 };
            pour_in_pairs(half, self.bits, &mut merged, offset);
        }
        self.replace(first, merged);
        let removed = self.segments.swap_remove(second);
        self.capacity -= removed.capacity() as u32;
        if second < self.segments.len() {
            self.point_at(second);
        }
        if self.segments.capacity() > 2 * self.segments.len() {
            self.segments.shrink_to(self.segments.len() * 5 / 4);
        }
        first
    }

    /// Halves the directory for as long as no segment needs its last bit.
    fn halve_directory(&mut self) {
        while self.depth > 0 && self.directory.chunks_exact(2).all(|pair| pair[0] == pair[1]) {
            self.directory = self.directory.iter().copied().step_by(2).collect();
            self.depth -= 1;
        }
    }

    /// Gives the only segment half as many home buckets.
    fn halve_segment(&mut self) {
        let mut halved = Segment::new(Node::ROOT, self.bits - 1);
        pour_in_pairs(&self.segments[0], self.bits, &mut halved, 0);
        self.bits -= 1;
        self.replace(0, halved);
    }

    /// Puts `segment` in the place of another, and into the directory.
    fn replace(&mut self, index: usize, segment: Segment) {
        self.capacity += segment.capacity() as u32;
        self.capacity -= self.segments[index].capacity() as u32;
        self.segments[index] = segment;
        self.point_at(index);
    }

    /// Adds `segment` to the table and to the directory.
    fn append(&mut self, segment: Segment) {
        let index = self.segments.len();
        if index == self.segments.capacity() {
            self.segments.reserve_exact(1 + index / 4);
        }
        self.capacity += segment.capacity() as u32;
        self.segments.push(segment);
        self.point_at(index);
    }

    /// Lets the directory lead to segment `index` for all positions that are its own.
    fn point_at(&mut self, index: usize) {
        let range = self.range(self.segments[index].node);
        self.directory[range].fill(index as u32);
    }

    /// The entries of the directory under `node`.
    pub(super) fn range(&self, node: Node) -> Range<usize> {
        let first = node.prefix() as usize;
        let shift = u32::from(self.depth) - node.depth();
        first << shift..(first + 1) << shift
    }
}

/// All entries of a segment with their positions. The store hears of the entries of the next bucket while
/// those of this one are handed out, so that its cache misses overlap.
fn for_each_with_position(segment: &Segment, entries: &impl Entries, mut visit: impl FnMut(u64, Entry)) {
    let buckets = segment.buckets();
    for (index, bucket) in buckets.iter().enumerate() {
        if let Some(next) = buckets.get(index + 1) {
            next.handles().iter().for_each(|&handle| entries.prefetch(handle));
        }
        for entry in bucket.entries() {
            visit(entries.position(entry.handle), entry);
        }
    }
}

/// Pours each two neighbouring buckets of `from` into one of `into`, from bucket `offset` on.
fn pour_in_pairs(from: &Segment, bits: u8, into: &mut Segment, offset: usize) {
    for home in 0..1 << bits {
        for entry in from.entries(home) {
            into.push(offset + home / 2, entry);
        }
    }
}
