//! One cache line of a hash table: twelve entries, each a one-byte tag and a four-byte handle.
//!
//! ```text
//!  0            12         15     16                                              64
//!  | tag x 12   | use x 12 | state | handle x 12                                   |
//!                 2 bits     len:4, chained:1
//! ```
//!
//! The first sixteen bytes are a [`Head`], whose last byte is the state.
//!
//! Invariants: entries are dense (lanes `0..len`). A chained bucket holds at most eleven entries, since its
//! last handle is the index of the next bucket of the chain. Tags, counts and handles of lanes at or past
//! `len` mean nothing.

use super::head::{Head, Lanes};
use super::prefetch::prefetch;

pub use super::head::{LANES, USE_MAX};

/// The lane whose handle names the next bucket when this one is chained.
const LINK: usize = LANES - 1;
const LEN_MASK: u8 = 0x0f;
const CHAINED: u8 = 0x80;

/// Twelve entries in one cache line.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub struct Bucket {
    head: Head,
    handles: [u32; LANES],
}

const _: () = assert!(size_of::<Bucket>() == 64);

/// One entry outside of its bucket, on the way from one to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Eight bits of the hash.
    pub tag: u8,
    /// What the entry store calls the entry.
    pub handle: u32,
    /// The two bits that eviction keeps, at most [`USE_MAX`].
    pub use_count: u8,
}

impl Bucket {
    /// A bucket without entries.
    pub const EMPTY: Self = Self { head: Head::EMPTY, handles: [0; LANES] };

    /// The number of entries in this bucket, not counting those further down the chain.
    #[inline]
    pub fn len(&self) -> usize {
        usize::from(self.head.rest() & LEN_MASK)
    }

    /// Whether this bucket holds no entry.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether one more entry fits into this bucket itself.
    #[inline]
    pub fn has_room(&self) -> bool {
        self.len() < if self.head.rest() & CHAINED == 0 { LANES } else { LINK }
    }

    /// The index of the next bucket of the chain.
    #[inline]
    pub fn link(&self) -> Option<u32> {
        (self.head.rest() & CHAINED != 0).then(|| self.handles[LINK])
    }

    /// Makes `link` the next bucket of the chain. The last lane must be free.
    pub fn set_link(&mut self, link: u32) {
        debug_assert!(self.len() <= LINK, "invariant: the link takes the place of the twelfth entry");
        self.head.set_rest(self.head.rest() | CHAINED);
        self.handles[LINK] = link;
    }

    /// Ends the chain at this bucket.
    pub fn clear_link(&mut self) {
        self.head.set_rest(self.head.rest() & !CHAINED);
    }

    /// The lanes whose tag is `tag`.
    #[inline]
    pub fn matches(&self, tag: u8) -> Lanes {
        self.head.matches(tag).below(self.head.rest() & LEN_MASK)
    }

    /// The handles of the entries of this bucket, in the order of their lanes.
    #[inline]
    pub fn handles(&self) -> &[u32] {
        &self.handles[..self.len().min(LANES)]
    }

    /// The handle in `lane`.
    #[inline]
    pub fn handle(&self, lane: usize) -> u32 {
        self.handles[lane]
    }

    /// Writes another handle into `lane`.
    #[inline]
    pub fn set_handle(&mut self, lane: usize, handle: u32) {
        debug_assert!(lane < self.len());
        self.handles[lane] = handle;
    }

    /// The use count of the entry in `lane`.
    #[inline]
    pub fn use_count(&self, lane: usize) -> u8 {
        self.head.use_count(lane)
    }

    /// Sets the use count of the entry in `lane`; what does not fit becomes [`USE_MAX`].
    #[inline]
    pub fn set_use_count(&mut self, lane: usize, use_count: u8) {
        self.head.set_use_count(lane, use_count);
    }

    /// The entry in `lane`.
    #[inline]
    pub fn entry(&self, lane: usize) -> Entry {
        debug_assert!(lane < self.len());
        Entry { tag: self.head.tag(lane), handle: self.handles[lane], use_count: self.use_count(lane) }
    }

    /// Writes `entry` over the one in `lane`.
    #[inline]
    pub fn set_entry(&mut self, lane: usize, entry: Entry) {
        debug_assert!(lane < self.len());
        self.head.set_tag(lane, entry.tag);
        self.handles[lane] = entry.handle;
        self.set_use_count(lane, entry.use_count);
    }

    /// The entries of this bucket, in the order of their lanes.
    pub fn entries(&self) -> impl Iterator<Item = Entry> {
        (0..self.len()).map(|lane| self.entry(lane))
    }

    /// Adds an entry and returns its lane. There must be room.
    #[inline]
    pub fn push(&mut self, entry: Entry) -> usize {
        debug_assert!(self.has_room(), "invariant: the caller has looked for room");
        let lane = self.len();
        self.head.set_rest(self.head.rest() + 1);
        self.set_entry(lane, entry);
        lane
    }

    /// Takes the last entry out.
    #[inline]
    pub fn pop(&mut self) -> Option<Entry> {
        let lane = self.len().checked_sub(1)?;
        let entry = self.entry(lane);
        self.head.set_rest(self.head.rest() - 1);
        Some(entry)
    }

    /// Asks the processor to bring this bucket into its cache; a hint without any effect on the program.
    #[inline]
    pub fn prefetch(&self) {
        prefetch(std::slice::from_ref(self));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entry(tag: u8, handle: u32, use_count: u8) -> Entry {
        Entry { tag, handle, use_count }
    }

    #[test]
    fn entries_come_back_as_they_went_in() {
        let mut bucket = Bucket::EMPTY;
        let entries: Vec<_> = (0..12).map(|i| entry(i as u8 * 21, i * 1_000_003, i as u8 % 4)).collect();
        for (lane, entry) in entries.iter().enumerate() {
            assert!(bucket.has_room());
            assert_eq!(bucket.push(*entry), lane);
        }
        assert!(!bucket.has_room());
        assert_eq!(bucket.link(), None);
        assert_eq!(bucket.entries().collect::<Vec<_>>(), entries);

        assert_eq!(bucket.pop(), Some(entries[11]));
        bucket.set_link(77);
        assert!(!bucket.has_room(), "the link has taken the twelfth place");
        assert_eq!(bucket.link(), Some(77));
        assert_eq!(bucket.entries().collect::<Vec<_>>(), entries[..11]);
        bucket.clear_link();
        assert!(bucket.has_room());
        while bucket.pop().is_some() {}
        assert!(bucket.is_empty());
        assert_eq!(bucket.matches(0).count(), 0, "lanes past the length never match");
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: if cfg!(miri) { 8 } else { 1024 },
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        #[test]
        fn matches_are_the_lanes_in_use_with_that_tag(
            tags in prop::collection::vec(0u8..4, 0..=12),
            tag in 0u8..4,
        ) {
            let mut bucket = Bucket::EMPTY;
            for (i, t) in tags.iter().enumerate() {
                bucket.push(entry(*t, i as u32, 0));
            }
            let naive: Vec<_> = (0..tags.len()).filter(|&i| tags[i] == tag).collect();
            prop_assert_eq!(bucket.matches(tag).collect::<Vec<_>>(), naive);
        }
    }
}
