//! A segment: the buckets of one stretch of hash space, and the chains that grow out of them.
//!
//! The first `2^bits` buckets are *home* buckets, in the order of the positions they stand for; those behind
//! are overflow buckets, each in exactly one chain. `bits` is the same for all segments of a table, so the
//! table keeps it.
//!
//! Chain invariants: every bucket of a chain but the first overflow bucket is full (eleven entries and a
//! link, or twelve entries at the end); the first overflow bucket holds at least one entry. New entries go to
//! the home bucket or to the first overflow bucket, and a new overflow bucket is linked in right behind home,
//! so an insert looks at two lines however long a chain may be.

use std::num::NonZeroU32;

use crate::raw::bucket::{Bucket, Entry};

/// Overflow buckets are allocated this many at a time.
const OVERFLOW_STEP: usize = 4;

#[derive(Clone, Debug)]
pub(super) struct Segment {
    buckets: Vec<Bucket>,
    len: u32,
    /// Which stretch of hash space this is.
    pub(super) node: Node,
}

/// A stretch of hash space: all positions with the same first few bits. Numbered like a heap, so that one
/// number says how many bits and which: the whole space is 1, and the halves of `n` are `2n` and `2n + 1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Node(NonZeroU32);

impl Node {
    pub(super) const ROOT: Self = Self(NonZeroU32::MIN);

    /// How many bits all its positions share.
    #[inline]
    pub(super) fn depth(self) -> u32 {
        self.0.ilog2()
    }

    /// The bits that all its positions share.
    pub(super) fn prefix(self) -> u32 {
        self.0.get() - (1 << self.depth())
    }

    /// Its lower half, or its upper half.
    pub(super) fn half(self, is_upper: bool) -> Self {
        Self::from(self.0.get() << 1 | u32::from(is_upper))
    }

    pub(super) fn is_upper_half(self) -> bool {
        self.0.get() & 1 == 1
    }

    /// What it is a half of. The root is not.
    pub(super) fn parent(self) -> Self {
        Self::from(self.0.get() >> 1)
    }

    /// The other half of its parent.
    pub(super) fn buddy(self) -> Self {
        Self::from(self.0.get() ^ 1)
    }

    fn from(number: u32) -> Self {
        Self(NonZeroU32::new(number).expect("invariant: the root has no parent and no buddy"))
    }
}

/// Where an entry lies in a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) bucket: usize,
    pub(super) lane: usize,
}

impl Segment {
    pub(super) fn new(node: Node, bits: u8) -> Self {
        Self { buckets: vec![Bucket::EMPTY; 1 << bits], len: 0, node }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len as usize
    }

    #[inline]
    pub(super) fn depth(&self) -> u32 {
        self.node.depth()
    }

    /// The number of buckets for which memory is held.
    #[inline]
    pub(super) fn capacity(&self) -> usize {
        self.buckets.capacity()
    }

    #[inline]
    pub(super) fn bucket(&self, index: usize) -> &Bucket {
        &self.buckets[index]
    }

    #[inline]
    pub(super) fn bucket_mut(&mut self, index: usize) -> &mut Bucket {
        &mut self.buckets[index]
    }

    /// All buckets, home and overflow.
    pub(super) fn buckets(&self) -> &[Bucket] {
        &self.buckets
    }

    /// The indices of the buckets of one chain, home first.
    pub(super) fn chain(&self, home: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(Some(home), |&index| self.buckets[index].link().map(|link| link as usize))
    }

    /// All entries that belong to one home bucket.
    pub(super) fn entries(&self, home: usize) -> impl Iterator<Item = Entry> {
        self.chain(home).flat_map(|index| self.buckets[index].entries())
    }

    /// Whether the next entry for `home` would need a new overflow bucket.
    #[inline]
    pub(super) fn is_full(&self, home: usize) -> bool {
        let bucket = &self.buckets[home];
        !bucket.has_room() && bucket.link().is_none_or(|link| !self.buckets[link as usize].has_room())
    }

    pub(super) fn push(&mut self, home: usize, entry: Entry) -> Place {
        self.len += 1;
        let bucket = &mut self.buckets[home];
        if bucket.has_room() {
            return Place { bucket: home, lane: bucket.push(entry) };
        }
        let overflow = match bucket.link() {
            Some(link) if self.buckets[link as usize].has_room() => link as usize,
            _ => self.lengthen(home),
        };
        Place { bucket: overflow, lane: self.buckets[overflow].push(entry) }
    }

    /// Takes out the entry at `place`, which belongs to `home`. The hole is filled from the one bucket of the
    /// chain that need not be full.
    pub(super) fn remove(&mut self, home: usize, place: Place) -> Entry {
        let removed = self.buckets[place.bucket].entry(place.lane);
        let link = self.buckets[home].link();
        let source = link.map_or(home, |link| link as usize);
        let filler = self.buckets[source].pop().expect("invariant: the first overflow bucket is never empty");
        if place != (Place { bucket: source, lane: self.buckets[source].len() }) {
            self.buckets[place.bucket].set_entry(place.lane, filler);
        }
        self.len -= 1;
        if link.is_some() && self.buckets[source].is_empty() {
            match self.buckets[source].link() {
                Some(next) => self.buckets[home].set_link(next),
                None => self.buckets[home].clear_link(),
            }
            self.release(source);
        }
        removed
    }

    /// Takes any handle out, without keeping the chains in order, and gives up the buckets behind it. Only
    /// for emptying a segment that no table holds any longer.
    pub(super) fn drain_one(&mut self) -> Option<u32> {
        loop {
            match self.buckets.last_mut()?.pop() {
                Some(entry) => return Some(entry.handle),
                None => self.buckets.pop(),
            };
        }
    }

    /// Links a new overflow bucket in behind `home`, and returns its index.
    #[cold]
    fn lengthen(&mut self, home: usize) -> usize {
        let index = self.buckets.len();
        if index == self.buckets.capacity() {
            // A sixteenth for a segment that may not split any more, or its growth would be quadratic.
            self.buckets.reserve_exact(OVERFLOW_STEP.max(index / 16));
        }
        let mut overflow = Bucket::EMPTY;
        match self.buckets[home].link() {
            Some(link) => overflow.set_link(link),
            None => {
                let moved = self.buckets[home].pop().expect("invariant: only a full bucket grows a chain");
                overflow.push(moved);
            }
        }
        self.buckets[home].set_link(index as u32);
        self.buckets.push(overflow);
        index
    }

    /// Gives up an overflow bucket that no chain uses any more; the last one moves into its place.
    #[cold]
    fn release(&mut self, index: usize) {
        let last = self.buckets.len() - 1;
        self.buckets.swap_remove(index);
        if index != last {
            let owner = self
                .buckets
                .iter_mut()
                .find(|bucket| bucket.link() == Some(last as u32))
                .expect("invariant: every overflow bucket is in a chain");
            owner.set_link(index as u32);
        }
        let slack = OVERFLOW_STEP.max(last / 16);
        if self.buckets.capacity() - last >= 2 * slack {
            self.buckets.shrink_to(last + slack);
        }
    }
}
