//! Where pages come from: blocks of 1 MiB, divided into units of 4 KiB.
//!
//! ```text
//! block: [8 KiB][4][4][16 KiB     ][ free ... ][64 KiB        ]    runs of 2^n units, aligned as a buddy's
//! ```
//!
//! A run that is given back is discarded: its addresses stay ours, its memory goes back to the system at
//! once. So what the slab holds is what is resident, whatever was allocated between its pages. Pages straight
//! from malloc were tried: they were cut from one heap together with large values, and after some rounds of
//! churn in the sizes of values the process held 1.6 times what was in use, and 1.15 times after
//! `malloc_trim`.
//!
//! Invariants:
//!
//! - B1: a bit of `used` is set exactly if its unit is in a [`Run`] that was taken and not given back, or
//!   is the spare. So runs do not overlap, and the blocks they lie in stay.
//! - B2: before the block that `hints` has for an order, no block has a free run of that order.
//!
//! A run's memory lives until the run is given back or the `Blocks` are dropped, whichever is first; the slab
//! drops both together.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ptr::NonNull;

use crate::raw::heap::{allocate, discard, free, held_bytes, malloc_bytes};

/// The smallest run, and what a system page is nearly everywhere. Where it is larger, small runs stay
/// resident.
pub(super) const UNIT: usize = 4096;
/// The number of sizes of runs: 4, 8, 16, 32 and 64 KiB.
pub(super) const ORDERS: usize = 5;

const WORDS: usize = 4;
const UNITS: usize = WORDS * 64;
/// What malloc's header in front of a block takes, in resident memory.
const BLOCK_HEADER: usize = UNIT;
/// In place of a block's number: the run is an allocation of its own.
const OWN: u32 = u32::MAX;

/// A stretch of memory for one page. Nothing in it is initialised until somebody does it.
pub(super) struct Run {
    base: NonNull<u8>,
    /// Zero: no memory, and `base` dangles.
    bytes: usize,
    block: u32,
    unit: u16,
    order: u8,
}

impl Run {
    pub(super) const fn none() -> Self {
        Self { base: NonNull::dangling(), bytes: 0, block: OWN, unit: 0, order: 0 }
    }

    /// An allocation of its own, of any size but zero.
    pub(super) fn own(bytes: usize) -> Self {
        Self { base: allocate(bytes), bytes, ..Self::none() }
    }

    /// The beginning, aligned to 16 bytes.
    #[inline]
    pub(super) fn base(&self) -> NonNull<u8> {
        self.base
    }

    #[inline]
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// What it takes from the system.
    pub(super) fn held_bytes(&self) -> usize {
        if self.block == OWN { held_bytes(self.bytes) } else { self.bytes }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if self.block == OWN && self.bytes > 0 {
            // SAFETY: allocated by `own` with this size, and nobody else's.
            unsafe { free(self.base, self.bytes) };
        }
    }
}

/// The blocks of one slab.
pub(super) struct Blocks {
    blocks: Vec<Block>,
    hints: [u32; ORDERS],
    /// The last run that was given back, as it is likely to be wanted again: a page of one kind of entry is
    /// emptied, one of another kind filled. Kept only where it is small beside the rest.
    spare: Option<Run>,
    /// All runs in blocks, the spare one too.
    run_bytes: usize,
    block_count: usize,
}

impl Blocks {
    pub(super) const fn new() -> Self {
        Self { blocks: Vec::new(), hints: [0; ORDERS], spare: None, run_bytes: 0, block_count: 0 }
    }

    /// The memory that is resident because of runs in blocks, or may be: runs, the spare, headers and the
    /// list of blocks.
    #[inline]
    pub(super) fn held_bytes(&self) -> usize {
        self.run_bytes
            + self.block_count * BLOCK_HEADER
            + malloc_bytes(self.blocks.capacity() * size_of::<Block>())
    }

    /// Takes a run of `UNIT << order` bytes.
    pub(super) fn take(&mut self, order: u8) -> Run {
        if let Some(spare) = self.spare.take_if(|spare| spare.order == order) {
            return spare;
        }
        let hint = &mut self.hints[usize::from(order)];
        let from = *hint as usize;
        let found = self.blocks[from.min(self.blocks.len())..]
            .iter()
            .zip(from..)
            .find_map(|(block, number)| Some((number, block.find(order)?)));
        let (number, unit) = if let Some(found) = found {
            *hint = found.0 as u32;
            found
        } else {
            *hint = self.blocks.len() as u32;
            (self.add_block(), 0)
        };
        let block = &mut self.blocks[number];
        block.mark(unit, order, true);
        self.run_bytes += UNIT << order;
        // SAFETY: the unit was found in the block, or is the first of a new one, so it lies within the
        // block's memory.
        let base = unsafe { block.base.add(unit * UNIT) };
        Run { base, bytes: UNIT << order, block: number as u32, unit: unit as u16, order }
    }

    /// Takes a run back, of these blocks or an allocation of its own.
    pub(super) fn give_back(&mut self, run: Run) {
        if run.block == OWN {
            return;
        }
        if let Some(before) = self.spare.replace(run) {
            self.free(&before);
        }
        let run_bytes = self.run_bytes;
        if let Some(run) = self.spare.take_if(|run| run.order > 0 && run.bytes * 64 > run_bytes) {
            self.free(&run);
        }
    }

    fn free(&mut self, run: &Run) {
        let number = run.block as usize;
        let block = &mut self.blocks[number];
        block.mark(usize::from(run.unit), run.order, false);
        self.run_bytes -= run.bytes;
        for hint in &mut self.hints {
            *hint = (*hint).min(run.block);
        }
        // The last block stays, so that a slab in which one entry comes and goes does not map and unmap each
        // time.
        if block.is_free() && self.block_count > 1 {
            *block = Block::none();
            self.block_count -= 1;
            while self.blocks.last().is_some_and(Block::is_none) {
                self.blocks.pop();
            }
        } else {
            // SAFETY: the run was taken from this block and is free now (B1), so nothing in it is of use to
            // anybody.
            unsafe { discard(run.base, run.bytes) };
        }
    }

    #[cold]
    fn add_block(&mut self) -> usize {
        let number = self.blocks.iter().position(Block::is_none).unwrap_or(self.blocks.len());
        if number == self.blocks.len() {
            self.blocks.push(Block::none());
        }
        self.blocks[number] = Block::new();
        self.block_count += 1;
        for hint in &mut self.hints {
            *hint = (*hint).min(number as u32);
        }
        number
    }
}

struct Block {
    base: NonNull<u8>,
    used: [u64; WORDS],
    is_none: bool,
}

// The first unit of each aligned run in a word, by order.
const ALIGNED: [u64; ORDERS] =
    [!0, 0x5555_5555_5555_5555, 0x1111_1111_1111_1111, 0x0101_0101_0101_0101, 0x0001_0001_0001_0001];

impl Block {
    /// No block, in which there is no room.
    const fn none() -> Self {
        Self { base: NonNull::dangling(), used: [!0; WORDS], is_none: true }
    }

    fn new() -> Self {
        // SAFETY: the layout is not empty.
        let memory = unsafe { alloc(Self::LAYOUT) };
        let Some(base) = NonNull::new(memory) else { handle_alloc_error(Self::LAYOUT) };
        Self { base, used: [0; WORDS], is_none: false }
    }

    const LAYOUT: Layout = match Layout::from_size_align(UNITS * UNIT, UNIT) {
        Ok(layout) => layout,
        Err(_) => panic!("a block is no layout"),
    };

    fn is_none(&self) -> bool {
        self.is_none
    }

    fn is_free(&self) -> bool {
        self.used == [0; WORDS]
    }

    /// The first free run of this order.
    fn find(&self, order: u8) -> Option<usize> {
        self.used.iter().zip(0..).find_map(|(&used, word)| {
            // Bit n: all units of the run that begins at n are free.
            let begins =
                (0..order).fold(!used, |free, half| free & free >> (1 << half)) & ALIGNED[usize::from(order)];
            (begins != 0).then(|| word * 64 + begins.trailing_zeros() as usize)
        })
    }

    fn mark(&mut self, unit: usize, order: u8, is_used: bool) {
        let bits = ((1 << (1 << order)) - 1) << (unit % 64);
        let word = &mut self.used[unit / 64];
        debug_assert_eq!(*word & bits, if is_used { 0 } else { bits });
        if is_used {
            *word |= bits;
        } else {
            *word &= !bits;
        }
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        if !self.is_none {
            // SAFETY: allocated by `new` with this layout, and owned by nobody else. Runs in it are gone, or
            // never looked at again (see the file's page).
            unsafe { dealloc(self.base.as_ptr(), Self::LAYOUT) };
        }
    }
}

#[cfg(test)]
impl Blocks {
    /// Counts everything again; `runs` is what the pages have.
    pub(super) fn audit<'a>(&'a self, runs: impl Iterator<Item = &'a Run>) {
        let mut used = vec![[0u64; WORDS]; self.blocks.len()];
        let mut bytes = 0;
        for run in runs.chain(&self.spare).filter(|run| run.block != OWN) {
            for unit in usize::from(run.unit)..usize::from(run.unit) + (1 << run.order) {
                assert_eq!(used[run.block as usize][unit / 64] >> (unit % 64) & 1, 0, "no two runs overlap");
                used[run.block as usize][unit / 64] |= 1 << (unit % 64);
            }
            bytes += run.bytes;
        }
        assert_eq!(bytes, self.run_bytes);
        let mut count = 0;
        for (number, block) in self.blocks.iter().enumerate().filter(|(_, block)| !block.is_none) {
            assert_eq!(block.used, used[number]);
            for order in 0..ORDERS {
                assert!(number >= self.hints[order] as usize || block.find(order as u8).is_none());
            }
            count += 1;
        }
        assert_eq!(count, self.block_count);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::test_runner::RngAlgorithm;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: if cfg!(miri) { 3 } else { 128 },
            failure_persistence: None,
            rng_algorithm: RngAlgorithm::XorShift,
            ..ProptestConfig::default()
        })]

        /// Takes a run of some order, or gives the one at some place back.
        #[test]
        fn runs_never_overlap(
            ops in prop::collection::vec((0..9u8, any::<usize>()), 1..if cfg!(miri) { 60 } else { 400 }),
        ) {
            let mut blocks = Blocks::new();
            let mut runs: Vec<Run> = Vec::new();
            for (op, at) in ops {
                if usize::from(op) < ORDERS {
                    let run = blocks.take(op);
                    prop_assert_eq!((run.bytes(), run.base().as_ptr() as usize % UNIT), (UNIT << op, 0));
                    // SAFETY: the first and the last byte of a run that is ours.
                    unsafe {
                        run.base().write(op);
                        run.base().add(run.bytes() - 1).write(op);
                    }
                    runs.push(run);
                } else if !runs.is_empty() {
                    let at = at % runs.len();
                    blocks.give_back(runs.swap_remove(at));
                }
                for run in &runs {
                    // SAFETY: written when it was taken.
                    let ends = unsafe { (run.base().read(), run.base().add(run.bytes() - 1).read()) };
                    prop_assert_eq!(ends, (run.order, run.order));
                }
            }
            blocks.audit(runs.iter());
            for run in runs.drain(..) {
                blocks.give_back(run);
            }
            blocks.audit(runs.iter());
            prop_assert!(blocks.run_bytes <= UNIT && blocks.block_count <= 1);
        }
    }
}
