//! The sixteen bytes that say what is in a bucket of a hash table: twelve one-byte tags, twelve use counts of
//! two bits, and a byte whose meaning is the bucket's own.
//!
//! ```text
//!  0            12                              15     16
//!  | tag x 12   | low bits x 12, high bits x 12 | rest |
//! ```
//!
//! The bits of the use counts lie in two planes, so that all twelve are asked, or counted down, in a few
//! instructions without a loop. One SSE2 comparison tests all tags; the use counts and the rest ride along in
//! the same register and are masked off.

/// How many entries a head speaks of.
pub const LANES: usize = 12;

/// The largest use count an entry can carry.
pub const USE_MAX: u8 = 3;

/// How far up in the last word the byte lies that is the bucket's own.
const REST: u32 = 24;
const _: () = assert!(2 * LANES as u32 == REST);

/// Tags, use counts and one byte more.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(16))]
pub struct Head {
    tags: [u8; LANES],
    /// Low bits, high bits, rest.
    word: u32,
}

const _: () = assert!(size_of::<Head>() == 16);

impl Head {
    /// Zeros.
    pub const EMPTY: Self = Self { tags: [0; LANES], word: 0 };

    /// The tag of a lane.
    #[inline]
    pub fn tag(&self, lane: usize) -> u8 {
        self.tags[lane]
    }

    /// Gives a lane another tag.
    #[inline]
    pub fn set_tag(&mut self, lane: usize, tag: u8) {
        self.tags[lane] = tag;
    }

    /// The byte that is the bucket's own.
    #[inline]
    pub fn rest(&self) -> u8 {
        (self.word >> REST) as u8
    }

    /// Changes the same.
    #[inline]
    pub fn set_rest(&mut self, rest: u8) {
        self.word = (self.word & ((1 << REST) - 1)) | u32::from(rest) << REST;
    }

    /// The use count of a lane.
    #[inline]
    pub fn use_count(&self, lane: usize) -> u8 {
        let (low, high) = self.planes();
        ((low >> lane & 1) | (high >> lane & 1) << 1) as u8
    }

    /// Sets the use count of a lane; what does not fit becomes [`USE_MAX`].
    #[inline]
    pub fn set_use_count(&mut self, lane: usize, use_count: u8) {
        let count = u32::from(use_count.min(USE_MAX));
        let bits = (count & 1) | (count >> 1) << LANES;
        self.word = (self.word & !((1 | 1 << LANES) << lane)) | bits << lane;
    }

    /// Raises the use count of a lane by one, up to [`USE_MAX`]. Written to only as long as that says
    /// something new.
    #[inline]
    pub fn count_use(&mut self, lane: usize) {
        let (low, high) = self.planes();
        let bit = 1 << lane;
        if low & high & bit == 0 {
            // An addition, with its carry.
            self.word ^= bit | (low & bit) << LANES;
        }
    }

    /// The lanes whose use count is zero.
    #[inline]
    pub fn unused(&self) -> Lanes {
        let (low, high) = self.planes();
        Lanes(!(low | high) & ALL)
    }

    /// Lowers every use count by one, down to zero.
    #[inline]
    pub fn count_down(&mut self) {
        let (low, high) = self.planes();
        self.set_planes(high & !low, high & low);
    }

    /// The low bits of the use counts, and above the twelfth bit other things; the high bits, likewise.
    #[inline]
    fn planes(&self) -> (u32, u32) {
        (self.word, self.word >> LANES)
    }

    #[inline]
    fn set_planes(&mut self, low: u32, high: u32) {
        self.word = (low & ALL) | (high & ALL) << LANES | (self.word >> REST << REST);
    }

    /// The lanes with this tag.
    #[inline]
    pub fn matches(&self, tag: u8) -> Lanes {
        #[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
        // SAFETY: the function needs SSE2 and nothing else, and this line is compiled only where the target
        // is known to have it.
        let mask = unsafe { match_sse2(self, tag) };
        #[cfg(not(all(target_arch = "x86_64", target_feature = "sse2")))]
        let mask = match_swar(self, tag);
        Lanes(mask & ALL)
    }
}

/// All lanes, as bits.
const ALL: u32 = (1 << LANES) - 1;

/// A set of lanes, lowest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lanes(u32);

impl Lanes {
    /// Those among them below `len`, which is at most sixteen.
    #[inline]
    pub fn below(self, len: u8) -> Self {
        Self(self.0 & ((1 << len) - 1))
    }

    /// The lanes that are not among them.
    #[inline]
    pub fn others(self) -> Self {
        Self(!self.0 & ALL)
    }

    /// Those that are among `others` too.
    #[inline]
    pub fn and(self, others: Self) -> Self {
        Self(self.0 & others.0)
    }

    /// The first, if there is one.
    #[inline]
    pub fn first(mut self) -> Option<usize> {
        self.next()
    }
}

impl Iterator for Lanes {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        if self.0 == 0 {
            return None;
        }
        let lane = self.0.trailing_zeros() as usize;
        self.0 &= self.0 - 1;
        // SAFETY: lanes are made with no bit set but the lowest twelve. It frees callers of bounds checks.
        unsafe { std::hint::assert_unchecked(lane < LANES) };
        Some(lane)
    }
}

/// One bit for each tag that equals this one; above the twelfth bit other things.
///
/// A lookup in a table that fits the caches takes 5.7 ns with it, and 9.4 ns with [`match_swar`].
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
#[target_feature(enable = "sse2")]
#[inline]
fn match_sse2(head: &Head, tag: u8) -> u32 {
    use std::arch::x86_64::{__m128i, _mm_cmpeq_epi8, _mm_load_si128, _mm_movemask_epi8, _mm_set1_epi8};
    // SAFETY: a head is sixteen initialised bytes, and lies at a multiple of sixteen.
    let head = unsafe { _mm_load_si128(std::ptr::from_ref(head).cast::<__m128i>()) };
    _mm_movemask_epi8(_mm_cmpeq_epi8(head, _mm_set1_epi8(tag as i8))) as u32
}

/// What [`match_sse2`] computes, on any machine: eight bytes at a time in an ordinary register.
#[cfg_attr(all(target_arch = "x86_64", target_feature = "sse2", not(test)), allow(dead_code))]
#[inline]
fn match_swar(head: &Head, tag: u8) -> u32 {
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
    let [a, b, c, d, e, f, g, h, i, j, k, l] = head.tags;
    mask(u64::from_le_bytes([a, b, c, d, e, f, g, h]))
        | mask(u64::from_le_bytes([i, j, k, l, 0, 0, 0, 0])) << 8
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_use_count_leaves_its_neighbours_alone_and_saturates() {
        let mut head = Head::EMPTY;
        for lane in 0..LANES {
            head.set_use_count(lane, 200);
            for other in 0..LANES {
                assert_eq!(head.use_count(other), if other == lane { USE_MAX } else { 0 });
            }
            head.set_use_count(lane, 0);
        }
        (0..5).for_each(|_| head.count_use(7));
        assert_eq!((head.use_count(6), head.use_count(7), head.use_count(8)), (0, USE_MAX, 0));
        assert_eq!((head.matches(0).count(), head.rest()), (LANES, 0));
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
            tags in prop::array::uniform12(
                prop::sample::select(vec![0u8, 1, 2, 0x7f, 0x80, 0x81, 0xfe, 0xff])
            ),
            tag in prop::sample::select(vec![0u8, 1, 3, 0x7f, 0x80, 0x81, 0xff]),
            word in any::<u32>(),
        ) {
            let head = Head { tags, word };
            let naive = (0..LANES).filter(|&i| tags[i] == tag).fold(0u32, |mask, i| mask | 1 << i);
            prop_assert_eq!(match_swar(&head, tag) & ALL, naive);
            #[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
            {
                // SAFETY: compiled only where SSE2 is there.
                let matched = unsafe { match_sse2(&head, tag) };
                prop_assert_eq!(matched & ALL, naive);
            }
        }

        #[test]
        fn counts_taken_together_are_those_taken_one_by_one(
            counts in prop::array::uniform12(0..=USE_MAX),
            tag in 1u8..,
        ) {
            let mut head = Head::EMPTY;
            head.set_tag(5, tag);
            head.set_rest(0x5a);
            for (lane, &count) in counts.iter().enumerate() {
                head.set_use_count(lane, count);
            }
            let unused: Vec<_> = (0..LANES).filter(|&lane| counts[lane] == 0).collect();
            prop_assert_eq!(head.unused().collect::<Vec<_>>(), unused);
            head.count_down();
            for (lane, &count) in counts.iter().enumerate() {
                prop_assert_eq!(head.use_count(lane), count.saturating_sub(1));
            }
            let with_tag = head.matches(tag);
            prop_assert_eq!((with_tag.first(), with_tag.others().count()), (Some(5), 11));
            prop_assert_eq!(head.rest(), 0x5a);
        }
    }
}
