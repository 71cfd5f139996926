//! One page: a run of memory cut into slots of one size.
//!
//! ```text
//! | live | free | live | free | ... | never used     |
//! 0                                 end       slots   granules
//! ```
//!
//! Slots before `end` have been used; each begins with an initialised [`Head`], which says whether an entry
//! lives there. A free one's head names the next free slot. The rest of the page is untouched memory.
//!
//! A handle is checked before a slot is looked at: its granule lies before `end` and is a multiple of the
//! slot size. So a head is only ever read where a head stands, and bytes that a client chose are never taken
//! for one.
//!
//! Invariants:
//!
//! - P1: `end` is a multiple of the slot size in granules, or one for an oversize page that is in use, or
//!   zero; the slots before `end` lie within `run`, which is this page's alone.
//! - P2: each slot that begins before `end` begins with an initialised head. If that says live, an entry in
//!   the form of `entry.rs` with this head lies in the slot, and fits it.
//! - P3: following `free` through the heads of free slots meets each free slot before `end` once.

use std::ptr::NonNull;

use super::blocks::Run;
use super::class::{GRANULE, slot_bytes};
use super::entry::Head;

/// The class of a page that holds one entry too large for any class.
pub(super) const OVERSIZE: u8 = u8::MAX;
/// The class of a page number that names no page now.
pub(super) const VACANT: u8 = u8::MAX - 1;

/// The end of a list of slots.
const NONE: u16 = u16::MAX;

pub(super) struct Page {
    run: Run,
    /// `u32::MAX / slot_granules + 1`: for what it is good, see `is_slot`.
    reciprocal: u32,
    slot_granules: u32,
    end: u16,
    free: u16,
    slots: u16,
    live: u16,
    class: u8,
    /// Which list of the slab this page is on; the slab's business, as are the links.
    pub(super) list: u8,
    pub(super) next: u32,
    pub(super) prev: u32,
}

impl Page {
    /// A page of free slots, as many as fit the run.
    pub(super) fn with_slots(class: usize, run: Run) -> Self {
        let slot_granules = (slot_bytes(class) / GRANULE) as u32;
        let slots = run.bytes() / slot_bytes(class);
        assert!(slots > 0 && run.bytes() / GRANULE < usize::from(NONE), "invariant: granules fit 16 bits");
        Self {
            run,
            reciprocal: u32::MAX / slot_granules + 1,
            slot_granules,
            slots: slots as u16,
            class: class as u8,
            ..Self::vacant()
        }
    }

    /// A page for one entry, as large as the run.
    pub(super) fn oversize(run: Run) -> Self {
        assert!(run.bytes() >= size_of::<Head>(), "invariant: an entry has a head at least");
        Self { run, slots: 1, class: OVERSIZE, ..Self::vacant() }
    }

    /// No page: every handle into it is refused.
    pub(super) const fn vacant() -> Self {
        Self {
            run: Run::none(),
            // Makes granule zero a slot, and with `end` at one at most the only one.
            reciprocal: 1,
            slot_granules: 1,
            end: 0,
            free: NONE,
            slots: 0,
            live: 0,
            class: VACANT,
            list: u8::MAX,
            next: 0,
            prev: 0,
        }
    }

    /// The memory of a page that is no longer needed.
    pub(super) fn into_run(self) -> Run {
        self.run
    }

    #[cfg(test)]
    pub(super) fn run(&self) -> &Run {
        &self.run
    }

    pub(super) fn class(&self) -> u8 {
        self.class
    }

    pub(super) fn slots(&self) -> usize {
        usize::from(self.slots)
    }

    pub(super) fn live(&self) -> usize {
        usize::from(self.live)
    }

    /// How full it is, in eighths rounded down; eight if no slot is free.
    #[inline]
    pub(super) fn eighths(&self) -> u8 {
        // In 32 bits, where a division is cheap.
        (u32::from(self.live) * 8 / u32::from(self.slots)) as u8
    }

    /// What the page takes from the system.
    pub(super) fn held_bytes(&self) -> usize {
        self.run.held_bytes()
    }

    /// The room of one slot.
    #[inline]
    pub(super) fn slot_bytes(&self) -> usize {
        if self.class == OVERSIZE { self.run.bytes() } else { self.slot_granules as usize * GRANULE }
    }

    /// The entry whose slot begins at this granule, and its head; none if none lives there.
    #[inline]
    pub(super) fn entry(&self, granule: u32) -> Option<(NonNull<u8>, Head)> {
        if !self.is_slot(granule) {
            return None;
        }
        let at = self.slot(granule);
        // SAFETY: a slot before `end` begins with an initialised head (P2), and is aligned for it.
        let head = unsafe { at.cast::<Head>().read() };
        head.is_live().then_some((at, head))
    }

    /// Where the slot would be that begins at this granule. The address may be anywhere: for prefetching
    /// only.
    #[inline]
    pub(super) fn address(&self, granule: u32) -> *const u8 {
        self.run.base().as_ptr().wrapping_add(granule as usize * GRANULE)
    }

    /// The live entries from this granule on, which begins a slot: granule, place and head of each.
    pub(super) fn entries(&self, from: u32) -> impl Iterator<Item = (u32, NonNull<u8>, Head)> {
        (from..u32::from(self.end))
            .step_by(self.slot_granules as usize)
            .filter_map(|granule| self.entry(granule).map(|(at, head)| (granule, at, head)))
    }

    /// Takes a free slot into use. Its head stays one of a free slot until the caller has written the entry.
    ///
    /// The page must have one.
    pub(super) fn take(&mut self) -> (u32, NonNull<u8>) {
        assert!(self.live < self.slots, "invariant: the page has a free slot");
        self.live += 1;
        if self.free == NONE {
            let granule = u32::from(self.end);
            // SAFETY: fewer than `slots` slots lie before `end`, as none of them is free, so one more lies
            // within the run: `with_slots` has divided, and the one slot of `oversize` is the run.
            let at = unsafe { self.run.base().add(granule as usize * GRANULE) };
            // SAFETY: within the run, as above, and aligned: runs are, and slots begin at multiples of 8. P2
            // for the new slot.
            unsafe { at.cast::<Head>().write(Head::free(NONE)) };
            self.end += self.slot_granules as u16;
            return (granule, at);
        }
        let granule = u32::from(self.free);
        let at = self.slot(granule);
        // SAFETY: a free slot before `end` (P3) begins with an initialised head (P2).
        self.free = unsafe { at.cast::<Head>().read() }.next_free();
        (granule, at)
    }

    /// Makes the slot of a live entry free. What the entry owned is the caller's from now on.
    pub(super) fn give_back(&mut self, granule: u32) {
        let (at, _) = self.entry(granule).expect("invariant: a live entry's slot is given back");
        // SAFETY: `entry` has found a slot before `end` there. P2: a free slot's head is all that its slot
        // needs; P3: the slot was not on the list, since it was live.
        unsafe { at.cast::<Head>().write(Head::free(self.free)) };
        self.free = granule as u16;
        self.live -= 1;
    }

    /// Whether a slot that has been used begins at this granule.
    ///
    /// A division would cost as much as all the rest of a lookup. For `n` below 2^13 and a divisor below
    /// 2^10, `n` is a multiple exactly if `n * (2^32 / divisor, rounded up)`, modulo 2^32, is less than that
    /// factor (Lemire, Kaser, Kurz: "Faster remainder by direct computation", 2019).
    #[inline]
    fn is_slot(&self, granule: u32) -> bool {
        granule < u32::from(self.end) && granule.wrapping_mul(self.reciprocal) < self.reciprocal
    }

    /// Where the slot that begins at this granule is.
    #[inline]
    fn slot(&self, granule: u32) -> NonNull<u8> {
        debug_assert!(self.is_slot(granule));
        // SAFETY: callers have a granule that `is_slot` accepts or that `free` holds; both lie before `end`,
        // and slots before `end` lie within the run (P1).
        unsafe { self.run.base().add(granule as usize * GRANULE) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::blocks::Blocks;
    use super::super::class::{CLASSES, page_order};
    use super::*;

    #[test]
    fn only_multiples_of_the_slot_size_are_slots() {
        for class in 0..CLASSES {
            if cfg!(miri) && class % 9 != 0 {
                continue;
            }
            let mut blocks = Blocks::new();
            let mut page = Page::with_slots(class, blocks.take(page_order(class, usize::MAX)));
            let slots = page.slots();
            for _ in 0..slots {
                page.take();
            }
            let granules = slot_bytes(class) / GRANULE;
            for granule in 0..1 << 13 {
                let is_slot = granule % granules == 0 && granule < slots * granules;
                assert_eq!(page.is_slot(granule as u32), is_slot);
            }
        }
    }
}
