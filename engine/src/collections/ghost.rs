//! The fingerprints of what was lately evicted, so that a key that comes back can be told from a new one: the
//! ghost queue of S3-FIFO (Yang and others, SOSP 2023).
//!
//! One long ring with a hash index beside it would cost 12 bytes and two cache misses a fingerprint. Here
//! each cache line is a ring of its own for the fingerprints that fall to it: 2.1 bytes, one miss, no index.
//! Fingerprints are hashes, so the rings turn at nearly the same pace and each remembers, within a few, as
//! far back as the long one would. Of a fingerprint the line keeps sixteen bits: one in two thousand that are
//! asked for is taken for another.

use crate::raw::prefetch::prefetch;

/// Fingerprints in a line.
const LINE: usize = 31;

/// One ring: fingerprints, zero where there is none, and the hand that the next one is put at.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Line {
    fingerprints: [u16; LINE],
    hand: u16,
}

const _: () = assert!(size_of::<Line>() == 64);

impl Line {
    const EMPTY: Self = Self { fingerprints: [0; LINE], hand: 0 };

    /// Puts a fingerprint over the oldest; returns whether that place was free.
    #[inline]
    fn push(&mut self, fingerprint: u16) -> bool {
        let hand = usize::from(self.hand).min(LINE - 1);
        let was_free = self.fingerprints[hand] == 0;
        self.fingerprints[hand] = fingerprint;
        self.hand = if hand + 1 < LINE { hand as u16 + 1 } else { 0 };
        was_free
    }

    /// The loop has no other way out, so it is a few vector instructions: the answer is nearly always no.
    #[inline]
    fn contains(&self, fingerprint: u16) -> bool {
        self.fingerprints.iter().fold(false, |found, &other| found | (other == fingerprint))
    }
}

/// A set of 32-bit fingerprints that forgets the oldest when it is full.
#[derive(Debug, Default)]
pub struct Ghost {
    /// Fingerprints are spread over the lines in their order: the number of a line times the lines' share is
    /// a lower bound of what is in it.
    lines: Box<[Line]>,
    len: usize,
}

impl Ghost {
    /// A ghost for `capacity` fingerprints, rounded up to whole lines. With none it remembers nothing.
    pub fn new(capacity: usize) -> Self {
        Self { lines: vec![Line::EMPTY; capacity.div_ceil(LINE)].into_boxed_slice(), len: 0 }
    }

    /// Remembers a fingerprint, which should be evenly distributed, as the newest.
    #[inline]
    pub fn insert(&mut self, fingerprint: u32) {
        if let Some(line) = self.line_mut(fingerprint) {
            let grown = line.push(kept(fingerprint));
            self.len += usize::from(grown);
        }
    }

    /// Hints that this fingerprint will be asked for soon.
    #[inline]
    pub fn prefetch(&self, fingerprint: u32) {
        if let Some(line) = self.lines.get(self.line_of(fingerprint)) {
            prefetch(std::slice::from_ref(line));
        }
    }

    /// Whether a fingerprint is remembered.
    pub fn contains(&self, fingerprint: u32) -> bool {
        self.lines.get(self.line_of(fingerprint)).is_some_and(|line| line.contains(kept(fingerprint)))
    }

    /// Forgets a fingerprint; returns whether it was remembered.
    #[inline]
    pub fn remove(&mut self, fingerprint: u32) -> bool {
        let Some(line) = self.line_mut(fingerprint) else { return false };
        let fingerprint = kept(fingerprint);
        if !line.contains(fingerprint) {
            return false;
        }
        let mut forgotten = 0;
        for other in line.fingerprints.iter_mut().filter(|other| **other == fingerprint) {
            *other = 0;
            forgotten += 1;
        }
        self.len -= forgotten;
        true
    }

    /// Sees to it that about as many fingerprints are remembered as there are entries. The capacity is not
    /// changed for a few more or less: that takes as long as it is, and this is asked at each eviction.
    #[inline]
    pub fn fit(&mut self, entries: usize) {
        let capacity = self.capacity();
        if entries > capacity || entries < capacity / 2 {
            self.resize(entries + entries / 8);
        }
    }

    /// Changes the capacity. The newest are kept, nearly; the work is in proportion to both capacities.
    fn resize(&mut self, capacity: usize) {
        if capacity.div_ceil(LINE) == self.lines.len() {
            return;
        }
        let old = std::mem::replace(self, Self::new(capacity));
        let (before, after) = (old.lines.len(), self.lines.len());
        // By age over all lines, so that lines which fall together do not forget each other's newest.
        for age in 0..LINE {
            for (number, line) in old.lines.iter().enumerate() {
                let fingerprint = line.fingerprints[(usize::from(line.hand) + age) % LINE];
                if fingerprint == 0 {
                    continue;
                }
                // What is left of it does not tell in which of the lines it belongs that its own becomes.
                for line in &mut self.lines[number * after / before..((number + 1) * after).div_ceil(before)]
                {
                    self.len += usize::from(line.push(fingerprint));
                }
            }
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.lines.fill(Line::EMPTY);
        self.len = 0;
    }

    /// Fingerprints remembered.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many fingerprints there is room for.
    pub fn capacity(&self) -> usize {
        self.lines.len() * LINE
    }

    /// Heap bytes held.
    pub fn memory_bytes(&self) -> usize {
        size_of_val(&*self.lines)
    }

    /// Maps the fingerprints' range onto the lines', in order and evenly.
    #[inline]
    fn line_of(&self, fingerprint: u32) -> usize {
        ((u64::from(fingerprint) * self.lines.len() as u64) >> 32) as usize
    }

    #[inline]
    fn line_mut(&mut self, fingerprint: u32) -> Option<&mut Line> {
        let line = self.line_of(fingerprint);
        self.lines.get_mut(line)
    }
}

/// What a line keeps of a fingerprint. Zero marks a free place; what would be zero is taken for one.
#[inline]
fn kept(fingerprint: u32) -> u16 {
    (fingerprint as u16).max(1)
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use super::*;
    use crate::random::Random;

    fn fingerprints(seed: u64, count: usize) -> Vec<u32> {
        let mut random = Random::seeded(seed);
        (0..count).map(|_| random.next_u64() as u32).collect()
    }

    fn remembered(ghost: &Ghost, of: &[u32]) -> usize {
        of.iter().filter(|&&fingerprint| ghost.contains(fingerprint)).count()
    }

    #[test]
    fn remembers_about_its_capacity_and_forgets_the_oldest() {
        let mut ghost = Ghost::new(15_500);
        let all = fingerprints(1, 45_000);
        all.iter().for_each(|&fingerprint| ghost.insert(fingerprint));
        assert_eq!((ghost.capacity(), ghost.len()), (15_500, 15_500));
        // One in two thousand is taken for another.
        assert!((15_450..15_550).contains(&remembered(&ghost, &all)));
        // The lines' rings turn at their own pace, so the edge of memory is soft.
        assert!(remembered(&ghost, &all[40_000..]) >= 4_950);
        assert!(remembered(&ghost, &all[..20_000]) < 600);
        assert_eq!(ghost.memory_bytes(), 32_000);
    }

    #[test]
    fn removes_and_takes_zero() {
        let mut ghost = Ghost::new(100);
        for fingerprint in [0, 7, u32::MAX, 7] {
            ghost.insert(fingerprint);
        }
        assert_eq!(ghost.len(), 4);
        assert!(ghost.contains(0) && ghost.remove(0) && !ghost.contains(0) && !ghost.remove(0));
        assert!(ghost.remove(u32::MAX) && ghost.remove(7) && ghost.is_empty());
    }

    #[test]
    fn a_renewed_fingerprint_is_the_newest() {
        let mut ghost = Ghost::new(LINE);
        (1..=LINE as u32).for_each(|fingerprint| ghost.insert(fingerprint));
        ghost.insert(1);
        ghost.insert(100);
        ghost.insert(101);
        assert!(ghost.contains(1) && !ghost.contains(3));
    }

    #[test]
    fn resizes_with_the_newest() {
        let mut ghost = Ghost::new(3_000);
        let all = fingerprints(2, 3_000);
        all.iter().for_each(|&fingerprint| ghost.insert(fingerprint));
        let before = ghost.len();
        ghost.resize(6_000);
        assert!((before..before + 9).contains(&remembered(&ghost, &all)), "{before}");

        let mut ghost = Ghost::new(3_000);
        all.iter().for_each(|&fingerprint| ghost.insert(fingerprint));
        ghost.resize(1_500);
        assert!(ghost.len() <= ghost.capacity());
        assert!(remembered(&ghost, &all[2_500..]) > 470);
        ghost.resize(0);
        ghost.insert(9);
        assert!(!ghost.contains(9) && !ghost.remove(9));
        assert_eq!((ghost.capacity(), ghost.len(), ghost.memory_bytes()), (0, 0, 0));
        ghost.resize(1);
        ghost.insert(9);
        assert!(ghost.contains(9));
        ghost.clear();
        assert!(!ghost.contains(9));
    }
}
