//! A hash table of handles: extendible hashing by hash *prefix* over segments of 64-byte buckets.
//!
//! ```text
//! position (64 bits)   | depth bits    | bucket bits |                                 |
//!                        directory ------> segment -----> bucket: 12 x (tag, handle, use count)
//!                        u32 each          32 bytes       one cache line, seldom a second
//! ```
//!
//! The table stores no keys. An entry is a `u32` handle into an [entry store](Entries) that the caller owns;
//! a one-byte tag beside it filters out nearly all entries that are not meant, and the caller compares the
//! rest. The only thing ever asked of the store is the *position* of a live entry: its full hash, in the
//! order by which the table divides hash space. User code is never called.
//!
//! **Growth.** A table begins with nothing, then has one segment of 4 buckets, which doubles up to 64
//! buckets. From there on a full segment splits in two, and only that segment is touched; when it was alone
//! under its directory entry the directory doubles first, which copies four bytes for each of its entries.
//! Sparse buddies merge, and the directory halves when no segment needs its last bit any more. A segment
//! splits when an entry finds no room in it though it holds as many entries as its home buckets have lanes:
//! by simulation the mean fill over all phases of growth is then 0.62 (8.8 bytes a key), and 4.9 % of all
//! hits and 13.8 % of all misses look at a second line. Splitting at 90 % would cost 9.3 bytes a key for 3.1
//! % and 8.5 %; at 80 %, 10.1 bytes for 1.7 % and 4.6 %.
//!
//! **Order.** Segments are ranges of positions, and so are the buckets in them: whatever has split or merged,
//! walking the buckets is walking the positions upwards. A cursor is therefore nothing but a position, see
//! [`Table::scan_bucket`].
//!
//! **Skew.** With a seeded hash, segments fill alike. Against a hash that does not spread, the directory is
//! held to a small multiple of the number of segments: a segment that may not split chains its buckets
//! instead. The table stays right and small, and becomes slow.
//!
//! Invariants, checked by `check` in the tests:
//! - The directory is empty or has `2^depth` entries; a segment of depth `d` stands in `2^(depth - d)`
//!   neighbouring ones. Some segment has depth `depth`.
//! - All segments have `2^bits` home buckets; `bits` is less than `BITS_MAX` only if there is one segment.
//! - `depth + bits` is at most [`RESOLUTION`], so a position cut to its top `RESOLUTION` bits still tells any
//!   two buckets apart.

mod cursor;
mod directory;
mod drain;
mod figures;
mod segment;
#[cfg(test)]
mod tests;

pub use drain::Drain;
pub use figures::Figures;

use crate::raw::bucket::{Bucket, Entry};
use segment::{Place, Segment};

/// What the table asks of the store its handles point into.
pub trait Entries {
    /// The full 64-bit position of a live entry: the same that it was inserted under.
    fn position(&self, handle: u32) -> u64;

    /// A hint that [`position`](Self::position) will soon be asked for this entry.
    #[inline]
    fn prefetch(&self, handle: u32) {
        let _ = handle;
    }
}

/// Home buckets of a fresh table: `2^BITS_MIN`.
const BITS_MIN: u8 = 2;
/// Home buckets of a segment that is ready to split: `2^BITS_MAX`, one page of memory. Under Miri a few
/// hundred entries must be enough to see every shape of the table.
const BITS_MAX: u8 = if cfg!(miri) { 3 } else { 6 };
/// A directory never has more than `2^DEPTH_MAX` entries. Filled evenly, that is more than `u32` handles can
/// name.
const DEPTH_MAX: u8 = 24;
/// How many of the top bits of a position suffice to name any bucket, now and after any change. A caller may
/// keep a cursor in this many bits.
pub const RESOLUTION: u32 = 42;
const _: () = assert!((DEPTH_MAX + BITS_MAX) as u32 <= RESOLUTION);

/// The place of an entry, valid until the next change of the table.
///
/// An outdated slot is harmless to memory: it names another entry, or panics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    segment: u32,
    bucket: u32,
    /// The bucket the chain begins with.
    home: u8,
    lane: u8,
}

impl Slot {
    #[inline]
    fn new(segment: usize, home: usize, place: Place) -> Self {
        Self {
            segment: segment as u32,
            bucket: place.bucket as u32,
            home: home as u8,
            lane: place.lane as u8,
        }
    }

    #[inline]
    fn place(self) -> Place {
        Place { bucket: self.bucket as usize, lane: usize::from(self.lane) }
    }
}

/// A hash table of `u32` handles, see the [module](self).
#[derive(Debug)]
pub struct Table {
    /// The segment of each prefix of `depth` bits.
    directory: Vec<u32>,
    /// In no order.
    segments: Vec<Segment>,
    len: usize,
    /// Buckets for which the segments hold memory. No more than there are handles, nearly.
    capacity: u32,
    depth: u8,
    bits: u8,
}

const _: () = assert!(size_of::<Table>() <= 64);
const _: () = assert!(size_of::<Segment>() == 32);

impl Table {
    /// A table without entries, which has allocated nothing.
    pub const fn new() -> Self {
        Self { directory: Vec::new(), segments: Vec::new(), len: 0, capacity: 0, depth: 0, bits: BITS_MIN }
    }

    /// The number of entries.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no entry.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bytes this table has allocated: segments, overflow buckets and directory, used or not, without
    /// `size_of::<Table>()`.
    #[inline]
    pub fn memory_bytes(&self) -> usize {
        self.capacity as usize * size_of::<Bucket>()
            + self.segments.capacity() * size_of::<Segment>()
            + self.directory.capacity() * size_of::<u32>()
    }

    /// Finds the entry with this position and tag that `is_it` recognises by its handle.
    ///
    /// `is_it` is asked only for entries with the same tag in the same bucket: nearly always just the right
    /// one, or none.
    #[inline]
    pub fn find(&self, position: u64, tag: u8, mut is_it: impl FnMut(u32) -> bool) -> Option<Slot> {
        let (segment, home) = self.locate(position)?;
        let buckets = &self.segments[segment];
        let bucket = buckets.bucket(home);
        for lane in bucket.matches(tag) {
            if is_it(bucket.handle(lane)) {
                return Some(Slot::new(segment, home, Place { bucket: home, lane }));
            }
        }
        let link = bucket.link()?;
        self.find_chained(segment, home, link, tag, is_it)
    }

    /// Finds the entry of this very handle, for an entry store that has moved it.
    #[inline]
    pub fn find_handle(&self, position: u64, tag: u8, handle: u32) -> Option<Slot> {
        self.find(position, tag, |candidate| candidate == handle)
    }

    /// Brings the bucket of `position` into the processor's cache, ahead of a [`find`](Self::find).
    #[inline]
    pub fn prefetch(&self, position: u64) {
        if let Some((segment, home)) = self.locate(position) {
            self.segments[segment].bucket(home).prefetch();
        }
    }

    /// The handle at `slot`.
    #[inline]
    pub fn handle(&self, slot: Slot) -> u32 {
        self.bucket(slot).handle(usize::from(slot.lane))
    }

    /// Gives the entry at `slot` another handle: it has moved, or another took its place under the same key.
    #[inline]
    pub fn set_handle(&mut self, slot: Slot, handle: u32) {
        self.bucket_mut(slot).set_handle(usize::from(slot.lane), handle);
    }

    /// The two bits that eviction keeps about the entry at `slot`.
    #[inline]
    pub fn use_count(&self, slot: Slot) -> u8 {
        self.bucket(slot).use_count(usize::from(slot.lane))
    }

    /// Sets the use count of the entry at `slot`; what does not fit into two bits becomes 3.
    #[inline]
    pub fn set_use_count(&mut self, slot: Slot, use_count: u8) {
        self.bucket_mut(slot).set_use_count(usize::from(slot.lane), use_count);
    }

    /// Adds an entry, with a use count of 0. The caller has made sure that its key is not in the table.
    ///
    /// `entries` must know the positions of all entries already in the table; it is not asked about this one.
    #[inline]
    pub fn insert(&mut self, position: u64, tag: u8, handle: u32, entries: &impl Entries) -> Slot {
        let (index, home) = self.make_room(position, entries);
        let segment = &mut self.segments[index];
        let before = segment.capacity();
        let place = segment.push(home, Entry { tag, handle, use_count: 0 });
        self.capacity += (segment.capacity() - before) as u32;
        self.len += 1;
        Slot::new(index, home, place)
    }

    /// Takes the entry at `slot` out and returns its handle. Sparse segments merge.
    #[inline]
    pub fn remove(&mut self, slot: Slot) -> u32 {
        let index = slot.segment as usize;
        let segment = &mut self.segments[index];
        let before = segment.capacity();
        let entry = segment.remove(usize::from(slot.home), slot.place());
        self.capacity -= (before - segment.capacity()) as u32;
        self.len -= 1;
        self.condense_sometimes(index);
        entry.handle
    }

    /// The handles of all entries, in no order.
    pub fn iter(&self) -> impl Iterator<Item = u32> {
        self.segments.iter().flat_map(|s| s.buckets()).flat_map(|bucket| bucket.handles().iter().copied())
    }

    /// Takes everything out at once and leaves an empty table. The handles, and with them the memory, can
    /// then be released in steps of any size, anywhere.
    pub fn clear(&mut self) -> Drain {
        Drain::new(std::mem::take(self))
    }

    /// The segment and the home bucket of `position`, or `None` while the table has no segment.
    #[inline]
    fn locate(&self, position: u64) -> Option<(usize, usize)> {
        let index = *self.directory.get(self.prefix(position))? as usize;
        Some((index, self.home(&self.segments[index], position)))
    }

    /// The index of `position` in the directory. In two shifts, since at depth 0 one would be of 64 bits.
    #[inline]
    fn prefix(&self, position: u64) -> usize {
        (position >> 1 >> (63 - self.depth)) as usize
    }

    /// The home bucket of `position` in its segment.
    #[inline]
    fn home(&self, segment: &Segment, position: u64) -> usize {
        (position << segment.depth() >> (64 - self.bits)) as usize
    }

    /// The rest of [`find`](Self::find), for the few buckets that have a chain.
    #[cold]
    fn find_chained(
        &self,
        segment: usize,
        home: usize,
        first: u32,
        tag: u8,
        mut is_it: impl FnMut(u32) -> bool,
    ) -> Option<Slot> {
        let buckets = &self.segments[segment];
        buckets.chain(first as usize).find_map(|index| {
            let bucket = buckets.bucket(index);
            let lane = bucket.matches(tag).find(|&lane| is_it(bucket.handle(lane)))?;
            Some(Slot::new(segment, home, Place { bucket: index, lane }))
        })
    }

    #[inline]
    fn bucket(&self, slot: Slot) -> &Bucket {
        self.segments[slot.segment as usize].bucket(slot.bucket as usize)
    }

    #[inline]
    fn bucket_mut(&mut self, slot: Slot) -> &mut Bucket {
        self.segments[slot.segment as usize].bucket_mut(slot.bucket as usize)
    }
}

impl Clone for Table {
    /// A table of the same handles in the same order.
    fn clone(&self) -> Self {
        let segments = self.segments.clone();
        // Room that was not used was not copied.
        let capacity = segments.iter().map(|segment| segment.capacity() as u32).sum();
        Self { directory: self.directory.clone(), segments, capacity, ..*self }
    }
}

impl Default for Table {
    fn default() -> Self {
        Self::new()
    }
}
