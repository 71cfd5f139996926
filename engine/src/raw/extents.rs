//! Memory for what is too large for a slot of the slab and too small to be mapped by itself: strings from 2
//! to 128 KiB.
//!
//! ```text
//! block of 4 MiB: [6 KiB   |17 KiB                   | free |3 KiB | free ... ]   in units of 1 KiB
//! system pages:   [4 KiB resident |resident |resident |... |resident|dirty |resident |absent ...]
//! ```
//!
//! Strings stay where they are, since readers hold them, so holes cannot be closed as the slab closes its
//! own. But what lies in them can be given back: a system page in which nothing lives is *dirty*, and when
//! more than a sixty-fourth is, all that is dirty goes back to the system at once. So what is resident is
//! known at any moment, to the page, and [`slack_bytes`] says by how much it exceeds what was asked for. With
//! malloc nobody knows: after ten rounds of churn in the sizes of values from 4 to 32 KiB the process held
//! 1.6 times what was in use, and 1.15 times after `malloc_trim`.
//!
//! One for the process, as malloc is, because a string may outlive its store in the hands of a reader. The
//! lowest place where a string fits is taken, so that the blocks behind run empty.
//!
//! Invariants:
//!
//! - E1: a bit of `used` is set exactly if its unit was taken and not given back. So what was taken does not
//!   overlap, and the blocks it lies in stay.
//! - E2: `touched` has the bits of whole system pages: of all in which a unit was used since the page was
//!   last given back to the system. So used units are touched.
//! - E3: `blocks` ascend by address; before the block that `hints` has for a length, none has room for it.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use super::heap::{MMAP_THRESHOLD, discard};
use crate::sync::Plain;

/// What is shorter is malloc's.
const BYTES_MIN: usize = 2048;
/// What is longer is mapped by malloc, in whole system pages.
const BYTES_MAX: usize = MMAP_THRESHOLD;

const UNIT: usize = 1024;
const UNITS_MAX: usize = BYTES_MAX / UNIT;
const SYSTEM_PAGE: usize = 4096;
/// Units in a system page; a page's units are a nibble of a word.
const PAGE_UNITS: usize = SYSTEM_PAGE / UNIT;
const LOW_BITS: u64 = 0x1111_1111_1111_1111;
const _: () = assert!(PAGE_UNITS == 4);

/// 64 units each.
const WORDS: usize = if cfg!(miri) { 4 } else { 64 };
const BLOCK_UNITS: usize = WORDS * 64;
const BLOCK_BYTES: usize = BLOCK_UNITS * UNIT;
/// What malloc's header in front of a block takes, in resident memory.
const BLOCK_HEADER: usize = SYSTEM_PAGE;

/// How many pages may be dirty: a share of those that are resident, within bounds. The upper one is a
/// millisecond's work.
const DIRTY_SHARE: usize = 64;
const DIRTY_MIN: usize = 64;
const DIRTY_MAX: usize = 1024;

static EXTENTS: Plain<Extents> = Plain::new(Extents::new());
/// A copy for those who only want to know.
static SLACK_BYTES: AtomicUsize = AtomicUsize::new(0);

/// Whether something of this size is to be had here.
#[inline]
pub(super) const fn serves(bytes: usize) -> bool {
    BYTES_MIN <= bytes && bytes <= BYTES_MAX
}

/// What something of this size takes here: the size that its owner may use and has to account for.
#[inline]
pub(super) const fn rounded(bytes: usize) -> usize {
    bytes.next_multiple_of(UNIT)
}

/// What is resident beyond what was taken: pages that are used in part, and such as wait to be given back.
#[inline]
pub fn slack_bytes() -> usize {
    SLACK_BYTES.load(Relaxed)
}

/// Takes memory of a size that is [served](serves), aligned to a unit. It is the caller's until it is given
/// back.
pub(super) fn take(bytes: usize) -> NonNull<u8> {
    debug_assert!(serves(bytes));
    EXTENTS.with(|extents| {
        let at = extents.take(bytes.div_ceil(UNIT));
        SLACK_BYTES.store(extents.slack_bytes(), Relaxed);
        at
    })
}

/// Gives memory back.
///
/// # Safety
///
/// It was taken with this size, and nobody uses it any more.
pub(super) unsafe fn give_back(at: NonNull<u8>, bytes: usize) {
    EXTENTS.with(|extents| {
        // SAFETY: the contract.
        unsafe { extents.give_back(at, bytes.div_ceil(UNIT)) };
        SLACK_BYTES.store(extents.slack_bytes(), Relaxed);
    });
}

/// Gives the system back whatever is not used.
pub(super) fn purge() {
    EXTENTS.with(|extents| {
        extents.purge();
        SLACK_BYTES.store(extents.slack_bytes(), Relaxed);
    });
}

struct Extents {
    blocks: Vec<Block>,
    hints: [u32; UNITS_MAX + 1],
    used_units: usize,
    touched_pages: usize,
    dirty_pages: usize,
}

struct Block {
    base: NonNull<u8>,
    used: [u64; WORDS],
    touched: [u64; WORDS],
    free_units: usize,
    dirty_pages: usize,
}

// SAFETY: a block's memory is reached through the lock alone, and what was taken is its owner's.
unsafe impl Send for Block {}

impl Extents {
    const fn new() -> Self {
        Self {
            blocks: Vec::new(),
            hints: [0; UNITS_MAX + 1],
            used_units: 0,
            touched_pages: 0,
            dirty_pages: 0,
        }
    }

    fn slack_bytes(&self) -> usize {
        self.touched_pages * SYSTEM_PAGE + self.blocks.len() * BLOCK_HEADER - self.used_units * UNIT
    }

    fn take(&mut self, units: usize) -> NonNull<u8> {
        let from = (self.hints[units] as usize).min(self.blocks.len());
        let found = self.blocks[from..]
            .iter()
            .zip(from..)
            .find_map(|(block, number)| Some((number, block.find(units)?)));
        let (number, unit) = match found {
            Some((number, unit)) => {
                self.hints[units] = number as u32;
                (number, unit)
            }
            None => (self.add_block(), 0),
        };
        let block = &mut self.blocks[number];
        let (fresh, cleaned) = block.mark(unit, units);
        self.used_units += units;
        self.touched_pages += fresh;
        self.dirty_pages -= cleaned;
        // SAFETY: `find` has found that many units in the block, or it is new and longer.
        unsafe { block.base.add(unit * UNIT) }
    }

    /// # Safety
    ///
    /// So many units were taken here and not given back, and nobody uses them.
    unsafe fn give_back(&mut self, at: NonNull<u8>, units: usize) {
        let number = self.blocks.partition_point(|block| block.base <= at) - 1;
        let block = &mut self.blocks[number];
        let unit = (at.as_ptr() as usize - block.base.as_ptr() as usize) / UNIT;
        self.dirty_pages += block.unmark(unit, units);
        self.used_units -= units;
        for hint in &mut self.hints {
            *hint = (*hint).min(number as u32);
        }
        if block.free_units == BLOCK_UNITS && self.blocks.len() > 1 {
            let block = self.blocks.remove(number);
            self.dirty_pages -= block.dirty_pages;
            self.touched_pages -= block.dirty_pages;
            // SAFETY: allocated with this layout; no unit of it is used (E1), and the block itself is gone.
            unsafe { dealloc(block.base.as_ptr(), LAYOUT) };
        } else if self.dirty_pages > (self.touched_pages / DIRTY_SHARE).clamp(DIRTY_MIN, DIRTY_MAX) {
            self.purge();
        }
    }

    #[cold]
    fn purge(&mut self) {
        for block in self.blocks.iter_mut().filter(|block| block.dirty_pages > 0) {
            block.purge();
        }
        self.touched_pages -= std::mem::take(&mut self.dirty_pages);
    }

    #[cold]
    fn add_block(&mut self) -> usize {
        let block = Block::new();
        let number = self.blocks.partition_point(|other| other.base < block.base);
        self.blocks.insert(number, block);
        // Those behind it have other numbers now.
        for hint in &mut self.hints {
            *hint = (*hint).min(number as u32);
        }
        number
    }
}

const LAYOUT: Layout = match Layout::from_size_align(BLOCK_BYTES, SYSTEM_PAGE) {
    Ok(layout) => layout,
    Err(_) => panic!("a block is no layout"),
};

impl Block {
    fn new() -> Self {
        // SAFETY: the layout is not empty.
        let memory = unsafe { alloc(LAYOUT) };
        let Some(base) = NonNull::new(memory) else { handle_alloc_error(LAYOUT) };
        Self { base, used: [0; WORDS], touched: [0; WORDS], free_units: BLOCK_UNITS, dirty_pages: 0 }
    }

    /// The first so many units that are free, one after another.
    fn find(&self, units: usize) -> Option<usize> {
        if units > self.free_units {
            return None;
        }
        // Free units just before the word.
        let mut before = 0;
        for (word, &used) in self.used.iter().enumerate() {
            if before + used.trailing_zeros() as usize >= units {
                return Some(word * 64 - before);
            }
            if used == 0 {
                before += 64;
                continue;
            }
            let begins = begins_of_runs(!used, units);
            if begins != 0 {
                return Some(word * 64 + begins.trailing_zeros() as usize);
            }
            before = used.leading_zeros() as usize;
        }
        None
    }

    /// Marks units used. Returns how many pages are touched anew, and how many were dirty.
    fn mark(&mut self, unit: usize, units: usize) -> (usize, usize) {
        let (mut fresh, mut cleaned) = (0, 0);
        for (word, bits) in words(unit, units) {
            let pages = whole_pages(bits);
            debug_assert_eq!(self.used[word] & bits, 0);
            fresh += page_count(pages & !self.touched[word]);
            cleaned += page_count(pages & self.touched[word] & !whole_pages(self.used[word]));
            self.used[word] |= bits;
            self.touched[word] |= pages;
        }
        self.free_units -= units;
        self.dirty_pages -= cleaned;
        (fresh, cleaned)
    }

    /// Marks units free. Returns how many pages have become dirty.
    fn unmark(&mut self, unit: usize, units: usize) -> usize {
        let mut dirty = 0;
        for (word, bits) in words(unit, units) {
            assert_eq!(self.used[word] & bits, bits, "invariant: what is given back was taken");
            self.used[word] &= !bits;
            dirty += page_count(whole_pages(bits) & !whole_pages(self.used[word]));
        }
        self.free_units += units;
        self.dirty_pages += dirty;
        dirty
    }

    /// Gives the system back all pages that are dirty.
    fn purge(&mut self) {
        // A run of dirty units that goes on into the next word.
        let mut run: Option<(usize, usize)> = None;
        for word in 0..WORDS {
            let mut dirty = self.touched[word] & !whole_pages(self.used[word]);
            self.touched[word] &= !dirty;
            while dirty != 0 {
                let first = dirty.trailing_zeros() as usize;
                let count = (!(dirty >> first)).trailing_zeros() as usize;
                let mask = u64::MAX >> (64 - count) << first;
                dirty &= !mask;
                let begin = word * 64 + first;
                run = match run {
                    Some((start, end)) if end == begin => Some((start, end + count)),
                    before => {
                        self.discard(before);
                        Some((begin, begin + count))
                    }
                };
            }
        }
        self.discard(run);
        self.dirty_pages = 0;
    }

    fn discard(&self, run: Option<(usize, usize)>) {
        if let Some((start, end)) = run {
            // SAFETY: whole pages of this block in which no unit is used (E1): nobody reads them before he
            // has written.
            unsafe { discard(self.base.add(start * UNIT), (end - start) * UNIT) };
        }
    }
}

/// The words that a range of units lies in, and its bits in each.
fn words(unit: usize, units: usize) -> impl Iterator<Item = (usize, u64)> {
    let end = unit + units;
    (unit / 64..end.div_ceil(64)).map(move |word| {
        let (from, to) = (unit.max(word * 64) - word * 64, end.min(word * 64 + 64) - word * 64);
        (word, u64::MAX >> (64 - (to - from)) << from)
    })
}

/// All units of the pages that have one of these.
fn whole_pages(bits: u64) -> u64 {
    ((bits | bits >> 1 | bits >> 2 | bits >> 3) & LOW_BITS) * 15
}

fn page_count(pages: u64) -> usize {
    pages.count_ones() as usize / PAGE_UNITS
}

/// Where in a word runs of so many set bits begin.
fn begins_of_runs(bits: u64, length: usize) -> u64 {
    if length > 64 {
        return 0;
    }
    // `bits` has those from which `have` bits are set.
    let (mut bits, mut have) = (bits, 1);
    while have < length && bits != 0 {
        let step = have.min(length - have);
        bits &= bits >> step;
        have += step;
    }
    bits
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use super::*;
    use crate::random::Random;

    impl Extents {
        /// Counts everything again.
        fn audit(&self) {
            let (mut used, mut touched, mut dirty) = (0, 0, 0);
            for pair in self.blocks.windows(2) {
                assert!(pair[0].base < pair[1].base);
            }
            for (number, block) in self.blocks.iter().enumerate() {
                let mut free = BLOCK_UNITS;
                let mut block_dirty = 0;
                for word in 0..WORDS {
                    let pages = whole_pages(block.used[word]);
                    assert_eq!(block.touched[word], whole_pages(block.touched[word]));
                    assert_eq!(pages & !block.touched[word], 0, "used units are touched");
                    free -= block.used[word].count_ones() as usize;
                    touched += page_count(block.touched[word]);
                    block_dirty += page_count(block.touched[word] & !pages);
                }
                assert_eq!((free, block_dirty), (block.free_units, block.dirty_pages));
                used += BLOCK_UNITS - free;
                dirty += block_dirty;
                for units in 1..=UNITS_MAX.min(BLOCK_UNITS) {
                    let is_skipped = number < self.hints[units] as usize;
                    assert!(!is_skipped || block.find(units).is_none());
                }
            }
            assert_eq!((used, touched, dirty), (self.used_units, self.touched_pages, self.dirty_pages));
        }
    }

    #[test]
    fn what_is_taken_never_overlaps_and_is_counted_to_the_page() {
        let mut random = Random::seeded(11);
        let mut extents = Extents::new();
        let mut taken: Vec<(NonNull<u8>, usize, u8)> = Vec::new();
        let steps = if cfg!(miri) { 120 } else { 6_000 };
        for step in 0..steps {
            let grows = step % (steps / 3) < steps / 6;
            if random.chance(if grows { 0.7 } else { 0.3 }) {
                let most = if random.chance(0.5) { 8 } else { UNITS_MAX as u64 };
                let units = 1 + random.below(most) as usize;
                let at = extents.take(units);
                assert_eq!(at.as_ptr() as usize % UNIT, 0);
                // SAFETY: the first and the last byte of what was taken.
                unsafe {
                    at.write(step as u8);
                    at.add(units * UNIT - 1).write(step as u8);
                }
                taken.push((at, units, step as u8));
            } else if !taken.is_empty() {
                let (at, units, mark) = taken.swap_remove(random.below(taken.len() as u64) as usize);
                // SAFETY: taken and written above, and given back once.
                unsafe {
                    assert_eq!((at.read(), at.add(units * UNIT - 1).read()), (mark, mark));
                    extents.give_back(at, units);
                }
            }
            if step % 50 == 0 {
                extents.audit();
            }
        }
        for (at, units, _) in taken.drain(..) {
            // SAFETY: taken above and given back once.
            unsafe { extents.give_back(at, units) };
        }
        extents.purge();
        extents.audit();
        assert_eq!((extents.blocks.len(), extents.slack_bytes()), (1, BLOCK_HEADER));
        // SAFETY: the one block that stays, in which nothing is used.
        unsafe { dealloc(extents.blocks[0].base.as_ptr(), LAYOUT) };
    }

    #[test]
    fn finds_runs_across_words() {
        let mut extents = Extents::new();
        let first = extents.take(60);
        let long = extents.take(100);
        assert_eq!(long.as_ptr() as usize - first.as_ptr() as usize, 60 * UNIT);
        let last = extents.take(3);
        // SAFETY: given back once each.
        unsafe { extents.give_back(long, 100) };
        assert_eq!(extents.take(90), long, "the lowest place where it fits");
        assert_eq!(extents.take(10).as_ptr() as usize - long.as_ptr() as usize, 90 * UNIT);
        assert_eq!(extents.take(1).as_ptr() as usize - last.as_ptr() as usize, 3 * UNIT);
        extents.audit();
        // SAFETY: the only block, and nobody uses it.
        unsafe { dealloc(extents.blocks[0].base.as_ptr(), LAYOUT) };
    }

    #[test]
    fn runs_in_a_word() {
        assert_eq!(begins_of_runs(0b1110_1111, 3), 0b0010_0011);
        assert_eq!(begins_of_runs(u64::MAX, 64), 1);
        assert_eq!(begins_of_runs(u64::MAX, 65), 0);
        assert_eq!(whole_pages(0b0001_0000_1000), 0b1111_0000_1111);
        assert_eq!(
            words(60, 70).map(|(word, bits)| (word, bits.count_ones())).collect::<Vec<_>>(),
            [(0, 4), (1, 64), (2, 2)]
        );
    }
}
