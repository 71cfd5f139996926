//! The memory of a dict: items in slots of pages, named by four-byte handles.
//!
//! ```text
//! handle:  0 | page number + 1: 19 | slot in the page: 12        an item in a slot
//!          1 | number: 31                                        an item with memory of its own
//! ```
//!
//! All slots of a page are of one size, its class. A new item goes to a page of its class among the fullest
//! that have room, so that the others run empty; a page without items is given back at once. Where removals
//! have left many holes in a class, [`Arena::compact`] empties one of its emptiest pages into the others.
//!
//! This is the slab of the keyspace in small: without a head for each item, and with steps of four bytes,
//! which is a third of what a short member takes. It is safe code: a page is a boxed slice, and a slot is
//! found by a multiplication and a bounds check.
//!
//! Invariants:
//! - A slot below its page's `fresh` holds an item, or begins with [`FREE`] and is in the page's list of free
//!   slots, whose next is named in the two bytes behind. One from `fresh` on was never used.
//! - A page with items and room is in the list of its class that `quarter` names, unless it is the one being
//!   emptied. No other page is in a list.
//! - The last page is in use.

use super::Item;
use super::class::{SLOT_BITS, SLOTS_MAX, class_of, page_slots, slot_bytes};
use super::item::{self, FREE, item_bytes};
use crate::raw::Handle;
use crate::raw::heap::{HeapBytes, malloc_bytes};
use crate::raw::shared::SharedBytes;

/// Marks the handle of an item with memory of its own.
const OWN: u32 = 1 << 31;
/// The number of pages there can be: some 32 GiB. What comes after that gets memory of its own.
const PAGES_MAX: usize = (1 << (31 - SLOT_BITS)) - 1;
/// The end of a page's list of free slots.
const NO_SLOT: u16 = u16::MAX;
/// The end of a list of pages.
const NO_PAGE: u32 = u32::MAX;
/// Lists of a class by how full their pages are.
const QUARTERS: usize = 4;
/// `Page::quarter` of a page that is in no list.
const UNLISTED: u8 = u8::MAX;

#[derive(Debug, Clone)]
struct Page {
    /// Empty for a number that is not in use.
    bytes: Box<[u8]>,
    slot_bytes: u16,
    /// How many there are, and how many of them hold an item.
    slots: u16,
    live: u16,
    /// Slots from here on were never used.
    fresh: u16,
    /// The first free slot below.
    free: u16,
    class: u8,
    /// The list of its class that it is in.
    quarter: u8,
    previous: u32,
    next: u32,
}

const _: () = assert!(size_of::<Page>() == 40);

impl Page {
    /// What stands for a page number that is not in use.
    fn vacant() -> Self {
        Self {
            bytes: Box::default(),
            slot_bytes: 0,
            slots: 0,
            live: 0,
            fresh: 0,
            free: NO_SLOT,
            class: 0,
            quarter: UNLISTED,
            previous: NO_PAGE,
            next: NO_PAGE,
        }
    }

    #[inline]
    fn slot(&self, slot: usize) -> &[u8] {
        let size = usize::from(self.slot_bytes);
        &self.bytes[slot * size..][..size]
    }

    #[inline]
    fn slot_mut(&mut self, slot: usize) -> &mut [u8] {
        let size = usize::from(self.slot_bytes);
        &mut self.bytes[slot * size..][..size]
    }

    /// Takes a slot for an item; the page has room.
    #[inline]
    fn take(&mut self) -> usize {
        self.live += 1;
        if self.free == NO_SLOT {
            self.fresh += 1;
            return usize::from(self.fresh - 1);
        }
        let slot = usize::from(self.free);
        let bytes = self.slot(slot);
        self.free = u16::from_le_bytes([bytes[1], bytes[2]]);
        slot
    }

    /// Gives the slot of an item back.
    fn release(&mut self, slot: usize) {
        let next = self.free.to_le_bytes();
        self.slot_mut(slot)[..3].copy_from_slice(&[FREE, next[0], next[1]]);
        self.free = slot as u16;
        self.live -= 1;
    }

    /// The list in which this page belongs.
    fn quarter_by_live(&self) -> u8 {
        if self.live == self.slots {
            UNLISTED
        } else {
            (usize::from(self.live) * QUARTERS / usize::from(self.slots)) as u8
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Class {
    /// The first page of each list.
    lists: [u32; QUARTERS],
    /// Items in pages of this class.
    live: u32,
    /// Free slots in its pages, without the one that is being emptied.
    free: u32,
}

impl Class {
    const EMPTY: Self = Self { lists: [NO_PAGE; QUARTERS], live: 0, free: 0 };

    /// Whether emptying a page of this class is worth it: an eighth of it is holes, and more than two pages
    /// such as it would get now.
    fn is_sparse(&self, class: usize) -> bool {
        let holes = self.free as usize;
        holes > self.live as usize / 8 && holes > 2 * page_slots(class, self.live as usize)
    }
}

/// The page that is being emptied, and the next of its slots to look at.
#[derive(Debug, Clone, Copy)]
struct Emptying {
    page: u32,
    slot: u16,
}

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Arena {
    pages: Vec<Page>,
    /// Numbers of pages that are not in use.
    vacant: usize,
    /// As many as the largest class in use calls for.
    classes: Vec<Class>,
    /// Items with memory of their own.
    own: Vec<Option<SharedBytes>>,
    /// Free places among them.
    own_free: Vec<u32>,
    emptying: Option<Emptying>,
    /// Bit by class: it has enough holes for `compact`.
    sparse: u64,
    /// What pages and items with memory of their own take.
    bytes: usize,
}

/// Where an item lies.
enum Place {
    Slot { page: usize, slot: usize },
    Own(usize),
}

#[inline]
fn place(handle: Handle) -> Place {
    let bits = handle.to_bits();
    if bits & OWN == 0 {
        let page = (bits >> SLOT_BITS).wrapping_sub(1) as usize;
        Place::Slot { page, slot: bits as usize & (SLOTS_MAX - 1) }
    } else {
        Place::Own((bits & !OWN) as usize)
    }
}

#[inline]
fn slot_handle(page: usize, slot: usize) -> Handle {
    Handle::from_bits((page as u32 + 1) << SLOT_BITS | slot as u32).expect("invariant: no page is named zero")
}

impl Clone for Arena {
    /// The same items under the same handles.
    fn clone(&self) -> Self {
        // A counted buffer would be shared, and each is counted in full.
        let copy = |own: &Option<SharedBytes>| own.as_deref().map(SharedBytes::copy_from);
        let own: Vec<Option<SharedBytes>> = self.own.iter().map(copy).collect();
        let held =
            |own: &[Option<SharedBytes>]| -> usize { own.iter().flatten().map(HeapBytes::heap_bytes).sum() };
        Self {
            bytes: self.bytes - held(&self.own) + held(&own),
            pages: self.pages.clone(),
            classes: self.classes.clone(),
            own,
            own_free: self.own_free.clone(),
            ..*self
        }
    }
}

impl Arena {
    /// Heap bytes held.
    #[inline]
    pub(super) fn memory_bytes(&self) -> usize {
        self.bytes
            + malloc_bytes(self.pages.capacity() * size_of::<Page>())
            + malloc_bytes(self.classes.capacity() * size_of::<Class>())
            + malloc_bytes(self.own.capacity() * size_of::<Option<SharedBytes>>())
            + malloc_bytes(self.own_free.capacity() * size_of::<u32>())
    }

    /// The slot of an item, to its end.
    #[inline]
    pub(super) fn get(&self, handle: Handle) -> &[u8] {
        match place(handle) {
            Place::Slot { page, slot } => self.pages[page].slot(slot),
            Place::Own(number) => self.own[number].as_ref().expect("invariant: the handle of an item"),
        }
    }

    /// The slot of an item, to change it within its layout.
    #[inline]
    pub(super) fn get_mut(&mut self, handle: Handle) -> &mut [u8] {
        match place(handle) {
            Place::Slot { page, slot } => self.pages[page].slot_mut(slot),
            Place::Own(number) => {
                self.own[number].as_mut().expect("invariant: the handle of an item").make_mut()
            }
        }
    }

    /// Whether an item of `bytes` would go to a slot of the size of this one's.
    #[inline]
    pub(super) fn fits(&self, handle: Handle, bytes: usize) -> bool {
        match place(handle) {
            Place::Slot { page, .. } => class_of(bytes) == Some(usize::from(self.pages[page].class)),
            Place::Own(number) => self.own[number].as_ref().is_some_and(|own| own.len() == bytes),
        }
    }

    /// Adds an item.
    #[inline]
    pub(super) fn insert(&mut self, item: Item<'_>) -> Handle {
        let bytes = item_bytes(item.key.len(), item.value.len(), item.deadline.is_some());
        let Some(class) = class_of(bytes) else { return self.insert_own(item, bytes) };
        let Some(page) = self.page_with_room(class) else { return self.insert_own(item, bytes) };
        let slot = self.take_slot(page, class);
        item::write(self.pages[page].slot_mut(slot), item);
        slot_handle(page, slot)
    }

    /// Removes an item.
    pub(super) fn remove(&mut self, handle: Handle) {
        match place(handle) {
            Place::Slot { page, slot } => self.release_slot(page, slot),
            Place::Own(number) => {
                let own = self.own[number].take().expect("invariant: the handle of an item");
                self.bytes -= own.heap_bytes();
                self.own_free.push(number as u32);
                if self.own_free.len() == self.own.len() {
                    self.own = Vec::new();
                    self.own_free = Vec::new();
                }
            }
        }
    }

    #[cold]
    fn insert_own(&mut self, item: Item<'_>, bytes: usize) -> Handle {
        let mut own = SharedBytes::with_capacity(bytes);
        own.resize(bytes);
        item::write(own.make_mut(), item);
        self.bytes += own.heap_bytes();
        let number = match self.own_free.pop() {
            Some(number) => {
                self.own[number as usize] = Some(own);
                number
            }
            None => {
                self.own.push(Some(own));
                self.own.len() as u32 - 1
            }
        };
        assert!(number < OWN, "invariant: 2^31 items of two KiB are more than memory holds");
        Handle::from_bits(OWN | number).expect("invariant: the mark is not zero")
    }

    /// A page of this class with a free slot; none if there can be no more pages.
    #[inline]
    fn page_with_room(&mut self, class: usize) -> Option<usize> {
        if let Some(of_class) = self.classes.get(class) {
            for list in of_class.lists.iter().rev() {
                if *list != NO_PAGE {
                    return Some(*list as usize);
                }
            }
        }
        self.add_page(class)
    }

    #[cold]
    fn add_page(&mut self, class: usize) -> Option<usize> {
        if class >= self.classes.len() {
            self.classes.reserve_exact(class + 1 - self.classes.len());
            self.classes.resize(class + 1, Class::EMPTY);
        }
        let slots = page_slots(class, self.classes[class].live as usize);
        let number = if self.vacant > 0 {
            self.vacant -= 1;
            let is_vacant = |page: &Page| page.bytes.is_empty();
            self.pages.iter().position(is_vacant).expect("invariant: some page number is not in use")
        } else if self.pages.len() < PAGES_MAX {
            if self.pages.len() == self.pages.capacity() {
                self.pages.reserve_exact(2 + self.pages.len() / 4);
            }
            self.pages.push(Page::vacant());
            self.pages.len() - 1
        } else {
            return None;
        };
        let bytes = vec![0; slots * slot_bytes(class)].into_boxed_slice();
        self.bytes += malloc_bytes(bytes.len());
        self.classes[class].free += slots as u32;
        self.pages[number] = Page {
            bytes,
            slot_bytes: slot_bytes(class) as u16,
            slots: slots as u16,
            class: class as u8,
            ..Page::vacant()
        };
        self.relist(number);
        Some(number)
    }

    #[inline]
    fn take_slot(&mut self, number: usize, class: usize) -> usize {
        let of_class = &mut self.classes[class];
        of_class.live += 1;
        of_class.free -= 1;
        let page = &mut self.pages[number];
        let slot = page.take();
        if page.quarter_by_live() != page.quarter {
            self.relist(number);
        }
        slot
    }

    fn release_slot(&mut self, number: usize, slot: usize) {
        let is_emptied = self.emptying.is_some_and(|emptying| emptying.page as usize == number);
        let page = &mut self.pages[number];
        let class = usize::from(page.class);
        page.release(slot);
        self.classes[class].live -= 1;
        if !is_emptied {
            self.classes[class].free += 1;
        }
        let page = &self.pages[number];
        if page.live == 0 {
            self.drop_page(number, is_emptied);
        } else if !is_emptied && page.quarter_by_live() != page.quarter {
            self.relist(number);
        }
        self.note_sparse(class);
    }

    /// Brings up to date whether a class wants to be compacted.
    #[inline]
    fn note_sparse(&mut self, class: usize) {
        let bit = 1 << class;
        if self.classes[class].is_sparse(class) {
            self.sparse |= bit;
        } else {
            self.sparse &= !bit;
        }
    }

    #[cold]
    fn drop_page(&mut self, number: usize, is_emptied: bool) {
        let class = usize::from(self.pages[number].class);
        if is_emptied {
            self.emptying = None;
        } else {
            self.classes[class].free -= u32::from(self.pages[number].slots);
            self.unlist(number);
        }
        self.bytes -= malloc_bytes(self.pages[number].bytes.len());
        self.pages[number] = Page::vacant();
        self.vacant += 1;
        while self.pages.last().is_some_and(|page| page.bytes.is_empty()) {
            self.pages.pop();
            self.vacant -= 1;
        }
        if self.pages.capacity() > 2 * self.pages.len() + 4 {
            self.pages.shrink_to(self.pages.len() * 5 / 4);
        }
    }

    /// Puts a page into the list in which it belongs.
    fn relist(&mut self, number: usize) {
        self.unlist(number);
        let page = &self.pages[number];
        let quarter = page.quarter_by_live();
        if quarter == UNLISTED {
            return;
        }
        let list = &mut self.classes[usize::from(page.class)].lists[usize::from(quarter)];
        let next = std::mem::replace(list, number as u32);
        if next != NO_PAGE {
            self.pages[next as usize].previous = number as u32;
        }
        let page = &mut self.pages[number];
        page.quarter = quarter;
        page.previous = NO_PAGE;
        page.next = next;
    }

    fn unlist(&mut self, number: usize) {
        let page = &mut self.pages[number];
        let quarter = std::mem::replace(&mut page.quarter, UNLISTED);
        if quarter == UNLISTED {
            return;
        }
        let (previous, next, class) = (page.previous, page.next, usize::from(page.class));
        match previous {
            NO_PAGE => self.classes[class].lists[usize::from(quarter)] = next,
            previous => self.pages[previous as usize].next = next,
        }
        if next != NO_PAGE {
            self.pages[next as usize].previous = previous;
        }
    }

    /// Whether [`compact`](Self::compact) has something to do.
    #[inline]
    pub(super) fn is_sparse(&self) -> bool {
        self.sparse != 0 || self.emptying.is_some()
    }

    /// Looks at up to `budget` slots of sparse pages and moves the items in them elsewhere, telling of each
    /// its old handle, its new one, and the bytes at the new one.
    pub(super) fn compact(&mut self, budget: usize, mut moved: impl FnMut(Handle, Handle, &[u8])) {
        for _ in 0..budget {
            let Some(Emptying { page: number, slot }) = self.emptying.or_else(|| self.begin_emptying())
            else {
                return;
            };
            let (number, slot) = (number as usize, usize::from(slot));
            let page = &self.pages[number];
            let class = usize::from(page.class);
            debug_assert!(slot < usize::from(page.fresh), "invariant: a page without items is dropped");
            self.emptying = Some(Emptying { page: number as u32, slot: slot as u16 + 1 });
            if page.slot(slot)[0] == FREE {
                continue;
            }
            let Some(target) = self.page_with_room(class) else { return };
            let target_slot = self.take_slot(target, class);
            let [from, to] = self
                .pages
                .get_disjoint_mut([number, target])
                .expect("invariant: the page being emptied is in no list");
            to.slot_mut(target_slot).copy_from_slice(from.slot(slot));
            self.release_slot(number, slot);
            let to = slot_handle(target, target_slot);
            moved(slot_handle(number, slot), to, self.pages[target].slot(target_slot));
        }
    }

    /// Chooses a page to be emptied.
    fn begin_emptying(&mut self) -> Option<Emptying> {
        let class = self.sparse.trailing_zeros() as usize;
        let of_class = self.classes.get(class)?;
        let number = *of_class.lists.iter().find(|list| **list != NO_PAGE).expect("invariant: it has holes");
        self.unlist(number as usize);
        let page = &self.pages[number as usize];
        self.classes[class].free -= u32::from(page.slots - page.live);
        self.note_sparse(class);
        self.emptying = Some(Emptying { page: number, slot: 0 });
        self.emptying
    }
}

#[cfg(test)]
impl Arena {
    /// Panics if an invariant does not hold.
    pub(super) fn check(&self) {
        let mut classes = vec![Class::EMPTY; self.classes.len()];
        let mut bytes: usize = self.own.iter().flatten().map(HeapBytes::heap_bytes).sum();
        let mut vacant = 0;
        for (number, page) in self.pages.iter().enumerate() {
            if page.bytes.is_empty() {
                vacant += 1;
                continue;
            }
            bytes += malloc_bytes(page.bytes.len());
            let is_emptied = self.emptying.is_some_and(|emptying| emptying.page as usize == number);
            let free = (0..usize::from(page.fresh)).filter(|&slot| page.slot(slot)[0] == FREE).count();
            assert_eq!(usize::from(page.fresh) - free, usize::from(page.live));
            assert!(page.live > 0);
            let class = &mut classes[usize::from(page.class)];
            class.live += u32::from(page.live);
            if is_emptied {
                assert_eq!(page.quarter, UNLISTED);
            } else {
                class.free += u32::from(page.slots - page.live);
                assert_eq!(page.quarter, page.quarter_by_live());
            }
            let mut at = page.free;
            for _ in 0..free {
                let slot = page.slot(usize::from(at));
                assert_eq!(slot[0], FREE);
                at = u16::from_le_bytes([slot[1], slot[2]]);
            }
            assert_eq!(at, NO_SLOT);
        }
        assert_eq!(vacant, self.vacant);
        assert!(self.pages.last().is_none_or(|page| !page.bytes.is_empty()));
        assert_eq!(bytes, self.bytes);
        for (number, (counted, class)) in classes.iter().zip(&self.classes).enumerate() {
            assert_eq!((counted.live, counted.free), (class.live, class.free));
            assert!(!class.is_sparse(number) || self.sparse & 1 << number != 0);
            for (quarter, list) in class.lists.iter().enumerate() {
                let (mut at, mut previous) = (*list, NO_PAGE);
                while at != NO_PAGE {
                    let page = &self.pages[at as usize];
                    assert_eq!((usize::from(page.quarter), page.previous), (quarter, previous));
                    (previous, at) = (at, page.next);
                }
            }
        }
    }
}
