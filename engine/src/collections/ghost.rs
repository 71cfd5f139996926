//! The fingerprints of what was lately evicted, so that a key that comes back can be told from a new one: the
//! ghost queue of S3-FIFO (Yang and others, SOSP 2023).
//!
//! One long ring with a hash index beside it would cost 12 bytes and two cache misses a fingerprint. Here
//! each cache line is a ring of its own for the fingerprints that fall to it: 4.3 bytes, one miss, no index.
//! Fingerprints are hashes, so the rings turn at nearly the same pace and each remembers, within a few, as
//! far back as the long one would.

/// Fingerprints in a line; the sixteenth word is the hand.
use crate::raw::prefetch::prefetch;

const LINE: usize = 15;

/// One ring: fingerprints, zero where there is none, and the hand that the next one is put at.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Line {
    fingerprints: [u32; LINE],
    hand: u32,
}

impl Line {
    const EMPTY: Self = Self { fingerprints: [0; LINE], hand: 0 };

    /// Puts a fingerprint over the oldest; returns whether that place was free.
    fn push(&mut self, fingerprint: u32) -> bool {
        let place = &mut self.fingerprints[self.hand as usize];
        let was_free = *place == 0;
        *place = fingerprint;
        self.hand = (self.hand + 1) % LINE as u32;
        was_free
    }

    fn find(&self, fingerprint: u32) -> Option<usize> {
        self.fingerprints.iter().position(|&other| other == fingerprint)
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
    pub fn insert(&mut self, fingerprint: u32) {
        self.remove(fingerprint);
        let fingerprint = not_zero(fingerprint);
        if let Some(line) = self.line_mut(fingerprint) {
            let grown = line.push(fingerprint);
            self.len += usize::from(grown);
        }
    }

    /// Hints that this fingerprint will be asked for soon.
    #[inline]
    pub fn prefetch(&self, fingerprint: u32) {
        if let Some(line) = self.lines.get(self.line_of(not_zero(fingerprint))) {
            prefetch(std::slice::from_ref(line));
        }
    }

    /// Whether a fingerprint is remembered.
    pub fn contains(&self, fingerprint: u32) -> bool {
        let fingerprint = not_zero(fingerprint);
        self.lines.get(self.line_of(fingerprint)).is_some_and(|line| line.find(fingerprint).is_some())
    }

    /// Forgets a fingerprint; returns whether it was remembered.
    pub fn remove(&mut self, fingerprint: u32) -> bool {
        let fingerprint = not_zero(fingerprint);
        let Some(line) = self.line_mut(fingerprint) else { return false };
        let Some(at) = line.find(fingerprint) else { return false };
        line.fingerprints[at] = 0;
        self.len -= 1;
        true
    }

    /// Changes the capacity. The newest are kept, nearly; the work is in proportion to both capacities.
    pub fn resize(&mut self, capacity: usize) {
        if capacity.div_ceil(LINE) == self.lines.len() {
            return;
        }
        let old = std::mem::replace(self, Self::new(capacity));
        // By age over all lines, so that lines which fall together do not forget each other's newest.
        for age in 0..LINE {
            for line in &old.lines {
                let fingerprint = line.fingerprints[(line.hand as usize + age) % LINE];
                if fingerprint != 0 {
                    self.insert(fingerprint);
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
    fn line_of(&self, fingerprint: u32) -> usize {
        ((u64::from(fingerprint) * self.lines.len() as u64) >> 32) as usize
    }

    fn line_mut(&mut self, fingerprint: u32) -> Option<&mut Line> {
        let line = self.line_of(fingerprint);
        self.lines.get_mut(line)
    }
}

/// Zero marks a free place; a fingerprint of zero is taken for one.
fn not_zero(fingerprint: u32) -> u32 {
    fingerprint.max(1)
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
        let mut ghost = Ghost::new(15_000);
        let all = fingerprints(1, 45_000);
        all.iter().for_each(|&fingerprint| ghost.insert(fingerprint));
        assert_eq!((ghost.capacity(), ghost.len()), (15_000, 15_000));
        assert_eq!(remembered(&ghost, &all), ghost.len());
        // The lines' rings turn at their own pace, so the edge of memory is soft.
        assert!(remembered(&ghost, &all[40_000..]) >= 4_950);
        assert!(remembered(&ghost, &all[..20_000]) < 600);
        assert_eq!(ghost.memory_bytes(), 64_000);
    }

    #[test]
    fn removes_and_takes_zero() {
        let mut ghost = Ghost::new(100);
        for fingerprint in [0, 7, u32::MAX, 7] {
            ghost.insert(fingerprint);
        }
        assert_eq!(ghost.len(), 3);
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
        assert_eq!((ghost.len(), remembered(&ghost, &all)), (before, before));

        let mut ghost = Ghost::new(3_000);
        all.iter().for_each(|&fingerprint| ghost.insert(fingerprint));
        ghost.resize(1_500);
        assert!(ghost.len() <= 1_500);
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
