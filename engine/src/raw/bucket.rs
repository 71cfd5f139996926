//! One cache line of a hash table: twelve entries, each a one-byte tag and a four-byte handle.
//!
//! ```text
//!  0            12         15     16                                              64
//!  | tag x 12   | use x 12 | state | handle x 12                                   |
//!                 2 bits     len:4, chained:1
//! ```
//!
//! The tags lie in the first sixteen bytes, so one SSE2 comparison tests all of them; the use counts and the
//! state ride along in the same register and are masked off.
//!
//! Invariants: entries are dense (lanes `0..len`). A chained bucket holds at most eleven entries, since its
//! last handle is the index of the next bucket of the chain. Tags, counts and handles of lanes at or past
//! `len` mean nothing.

/// How many entries a bucket holds when it is not chained.
pub const LANES: usize = 12;

/// The lane whose handle names the next bucket when this one is chained.
const LINK: usize = LANES - 1;
/// Where the use counts begin in the head.
const USES: usize = LANES;
/// Where the state byte lies in the head.
const STATE: usize = 15;
const LEN_MASK: u8 = 0x0f;
const CHAINED: u8 = 0x80;

/// The largest use count an entry can carry.
pub const USE_MAX: u8 = 3;

/// Twelve entries in one cache line.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub struct Bucket {
    head: [u8; 16],
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
    pub const EMPTY: Self = Self { head: [0; 16], handles: [0; LANES] };

    /// The number of entries in this bucket, not counting those further down the chain.
    #[inline]
    pub fn len(&self) -> usize {
        usize::from(self.head[STATE] & LEN_MASK)
    }

    /// Whether this bucket holds no entry.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether one more entry fits into this bucket itself.
    #[inline]
    pub fn has_room(&self) -> bool {
        self.len() < if self.head[STATE] & CHAINED == 0 { LANES } else { LINK }
    }

    /// The index of the next bucket of the chain.
    #[inline]
    pub fn link(&self) -> Option<u32> {
        (self.head[STATE] & CHAINED != 0).then(|| self.handles[LINK])
    }

    /// Makes `link` the next bucket of the chain. The last lane must be free.
    pub fn set_link(&mut self, link: u32) {
        debug_assert!(self.len() <= LINK, "invariant: the link takes the place of the twelfth entry");
        self.head[STATE] |= CHAINED;
        self.handles[LINK] = link;
    }

    /// Ends the chain at this bucket.
    pub fn clear_link(&mut self) {
        self.head[STATE] &= !CHAINED;
    }

    /// The lanes whose tag is `tag`, in use or not: for who can tell by what a lane's handle names, or does
    /// not name, and is spared the look at how many are in use. Those in use come first.
    #[inline]
    pub fn likely_matches(&self, tag: u8) -> Lanes {
        #[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
        #[expect(unsafe_code, reason = "one instruction for twelve tags: see `match_sse2`")]
        // SAFETY: the function needs SSE2 and nothing else, and this line is compiled only where the target
        // is known to have it.
        let (mask, _) = unsafe { match_sse2(&self.head, tag) };
        #[cfg(not(all(target_arch = "x86_64", target_feature = "sse2")))]
        let (mask, _) = match_swar(&self.head, tag);
        Lanes(mask & ((1 << LANES) - 1))
    }

    /// The lanes whose tag is `tag`.
    #[inline]
    pub fn matches(&self, tag: u8) -> Lanes {
        #[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
        #[expect(unsafe_code, reason = "one instruction for twelve tags: see `match_sse2`")]
        // SAFETY: the function needs SSE2 and nothing else, and this line is compiled only where the target
        // is known to have it.
        let (mask, state) = unsafe { match_sse2(&self.head, tag) };
        #[cfg(not(all(target_arch = "x86_64", target_feature = "sse2")))]
        let (mask, state) = match_swar(&self.head, tag);
        Lanes(mask & ((1 << (state & LEN_MASK)) - 1))
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
        (self.head[USES + lane / 4] >> (lane % 4 * 2)) & USE_MAX
    }

    /// Sets the use count of the entry in `lane`; what does not fit becomes [`USE_MAX`].
    #[inline]
    pub fn set_use_count(&mut self, lane: usize, use_count: u8) {
        let byte = &mut self.head[USES + lane / 4];
        let shift = lane % 4 * 2;
        *byte = (*byte & !(USE_MAX << shift)) | (use_count.min(USE_MAX) << shift);
    }

    /// Raises the use count of the entry in `lane` by one, up to `use_max`.
    #[inline]
    pub fn count_use(&mut self, lane: usize, use_max: u8) {
        let count = self.use_count(lane);
        if count < use_max {
            self.set_use_count(lane, count + 1);
        }
    }

    /// The entry in `lane`.
    #[inline]
    pub fn entry(&self, lane: usize) -> Entry {
        debug_assert!(lane < self.len());
        Entry { tag: self.head[lane], handle: self.handles[lane], use_count: self.use_count(lane) }
    }

    /// Writes `entry` over the one in `lane`.
    #[inline]
    pub fn set_entry(&mut self, lane: usize, entry: Entry) {
        debug_assert!(lane < self.len());
        self.head[lane] = entry.tag;
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
        self.head[STATE] += 1;
        self.set_entry(lane, entry);
        lane
    }

    /// Takes the last entry out.
    #[inline]
    pub fn pop(&mut self) -> Option<Entry> {
        let lane = self.len().checked_sub(1)?;
        let entry = self.entry(lane);
        self.head[STATE] -= 1;
        Some(entry)
    }

    /// Asks the processor to bring this bucket into its cache; a hint without any effect on the program.
    #[inline]
    pub fn prefetch(&self) {
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            #[expect(unsafe_code, reason = "there is no safe way to prefetch")]
            // SAFETY: a prefetch never faults and reads nothing the program can see, and the pointer comes
            // from a live reference anyway.
            unsafe {
                _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(self).cast());
            }
        }
    }
}

/// A set of lanes, lowest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lanes(u32);

impl Iterator for Lanes {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        let lane = self.0.trailing_zeros() as usize;
        // The comparison with LANES, always true for a set bit, is what frees the callers of bounds checks.
        if self.0 == 0 || lane >= LANES {
            return None;
        }
        self.0 &= self.0 - 1;
        Some(lane)
    }
}

/// One bit for each of the sixteen bytes of `head` that equals `tag`, and the state byte.
///
/// A lookup in a table that fits the caches takes 5.7 ns with it, and 9.4 ns with [`match_swar`].
///
/// Building the register from two integers compiles to a single load of the whole head. The state is taken
/// from that register too: left to itself the compiler stores the register to memory and loads the byte from
/// there, which is four cycles more on the way to the handle.
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
#[target_feature(enable = "sse2")]
#[inline]
fn match_sse2(head: &[u8; 16], tag: u8) -> (u32, u8) {
    use std::arch::x86_64::{
        _mm_cmpeq_epi8, _mm_extract_epi16, _mm_movemask_epi8, _mm_set_epi64x, _mm_set1_epi8,
    };
    const { assert!(STATE == 15) };
    let bits = u128::from_le_bytes(*head);
    let head = _mm_set_epi64x((bits >> 64) as i64, bits as i64);
    let mask = _mm_movemask_epi8(_mm_cmpeq_epi8(head, _mm_set1_epi8(tag as i8))) as u32;
    (mask, (_mm_extract_epi16::<7>(head) >> 8) as u8)
}

/// What [`match_sse2`] computes, on any machine: eight bytes at a time in an ordinary register.
#[cfg_attr(all(target_arch = "x86_64", target_feature = "sse2", not(test)), allow(dead_code))]
#[inline]
fn match_swar(head: &[u8; 16], tag: u8) -> (u32, u8) {
    const LOW: u64 = 0x0101_0101_0101_0101;
    const SEVEN: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    let mask = |bytes: u64| -> u32 {
        let differing = bytes ^ (LOW * u64::from(tag));
        // Adding 0x7f to seven bits carries into the eighth unless they are zero; no carry leaves its byte.
        let nonzero = ((differing & SEVEN) + SEVEN) | differing;
        let equal = (!nonzero >> 7) & LOW;
        // Bit 8i moves to bit 56 + i, and no two products meet.
        (equal.wrapping_mul(0x0102_0408_1020_4080) >> 56) as u32
    };
    let bits = u128::from_le_bytes(*head);
    (mask(bits as u64) | (mask((bits >> 64) as u64) << 8), head[STATE])
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

    #[test]
    fn a_use_count_leaves_its_neighbours_alone_and_saturates() {
        let mut bucket = Bucket::EMPTY;
        for lane in 0..12 {
            bucket.push(entry(0, lane, 0));
        }
        for lane in 0..12 {
            bucket.set_use_count(lane, 200);
            for other in 0..12 {
                assert_eq!(bucket.use_count(other), if other == lane { USE_MAX } else { 0 });
            }
            bucket.set_use_count(lane, 0);
        }
        assert_eq!(bucket.len(), 12);
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: if cfg!(miri) { 8 } else { 1024 },
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        /// Few distinct values, so that equal bytes and bytes one bit apart are common.
        #[test]
        fn every_matcher_agrees_with_a_plain_loop(
            head in prop::array::uniform16(
                prop::sample::select(vec![0u8, 1, 2, 0x7f, 0x80, 0x81, 0xfe, 0xff])
            ),
            tag in prop::sample::select(vec![0u8, 1, 3, 0x7f, 0x80, 0x81, 0xff]),
        ) {
            let naive = (0..16).filter(|&i| head[i] == tag).fold(0u32, |mask, i| mask | 1 << i);
            prop_assert_eq!(match_swar(&head, tag), (naive, head[STATE]));
            #[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
            {
                #[expect(unsafe_code, reason = "the matcher under test")]
                // SAFETY: compiled only where SSE2 is there.
                let matched = unsafe { match_sse2(&head, tag) };
                prop_assert_eq!(matched, (naive, head[STATE]));
            }
        }

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
