//! The byte slab: the entries of one shard, each with its key and its value in one slot, named by four-byte
//! handles.
//!
//! ```text
//! handle: page number 19 | granule in the page 13
//!
//! pages: [vacant] [88 B x 46] [oversize] [88 B x 744] [vacant] ...     page zero is never used
//!                     |                       |
//! lists of the class: 4/8 full                7/8 full                 full pages are on none
//! ```
//!
//! An entry's slot is of the smallest class that holds it (`class.rs`); one too large for any class, because
//! of its key, gets a page with a single slot. New entries go to the fullest page that has room, so that the
//! others run empty; a page without entries goes back to the system at once (`blocks.rs`). Where evictions
//! have left more than two pages' worth of holes in a class, [`ByteSlab::compact`] empties its emptiest page
//! into the others.
//!
//! [`ByteSlab::bytes_held`] is exact at any moment: it counts pages in full, with their holes, the
//! allocator's headers, and the directory. What owned objects hold outside is counted apart, in
//! [`ByteSlab::heap_bytes`].
//!
//! No handle is zero, as page zero is never used. A limit: 2^19 pages, 32 GiB of entries.
//! [`ByteSlab::pages_left`] says how many are left; who lets clients add entries has to look.
//!
//! # What the unsafe code here rests on
//!
//! Page by page, the invariants of `page.rs` hold, and each page's run was taken from the slab's own blocks
//! or is an allocation of its own: it lives as long as the page does. The slab owns each object in a live
//! slot exactly once: it is moved out before its slot is freed or its head loses the flag, moved along bit by
//! bit when its entry moves, and dropped with the slab. Shared references into slots last as long as a borrow
//! of the slab, mutable ones as long as a mutable borrow; only methods with `&mut self` write to pages.

mod blocks;
mod class;
mod entry;
#[cfg(test)]
mod naive;
mod page;
#[cfg(test)]
mod tests;

use std::fmt;
use std::marker::PhantomData;
use std::mem;
use std::ops::{Deref, DerefMut};
use std::ptr::{self, NonNull};
use std::slice;

use super::Handle;
use super::heap::{HeapBytes, malloc_bytes};
use super::prefetch::prefetch_line;

pub use class::MAX_INLINE;
pub use entry::{EntryRef, Meta, NewValue, ValueRef};

use blocks::{Blocks, Run, UNIT};
use class::{CLASSES, class_of, page_order, slot_bytes};
use entry::{Head, Shape};
use page::{OVERSIZE, Page, VACANT};

const GRANULE_BITS: u32 = 13;
const PAGES_MAX: usize = 1 << (32 - GRANULE_BITS);

/// Lists of a class by how full their pages are, in eighths.
const LISTS: usize = 8;
/// `Page::list` of a page that is on no list of its class.
const UNLISTED: u8 = u8::MAX;

/// The entries of one shard; see the module's page.
///
/// `X` is what an entry can own in place of a value that lies in its slot: an enum of large values, a box, a
/// counted buffer. Its alignment is eight bytes at most.
pub struct ByteSlab<X: HeapBytes> {
    /// By page number. The first is never used; the last is in use, if there is more than one.
    pages: Vec<Page>,
    /// The first of the vacant page numbers, which are linked; zero for none.
    vacant: u32,
    vacant_count: usize,
    classes: [Class; CLASSES],
    /// A bit for each class that has enough holes for `compact`.
    sparse: u64,
    /// The page that `compact` is emptying, on no list meanwhile, and how far it has come; zero for none.
    emptying: u32,
    emptied_to: u32,
    len: usize,
    live_bytes: usize,
    blocks: Blocks,
    oversize_bytes: usize,
    heap_bytes: usize,
    objects: usize,
    owned: PhantomData<X>,
}

#[derive(Clone, Copy)]
struct Class {
    /// The first page of each list, zero for none: in list `n` those whose live slots are `n` eighths of all.
    lists: [u32; LISTS],
    /// A bit for each list that has a page.
    listed: u8,
    live: u32,
    /// The free slots of all its pages but the one that is being emptied.
    free: u32,
}

// SAFETY: the slab owns its pages and the objects in them, as a `Vec<X>` would; `&ByteSlab` gives out nothing
// but `&X` and bytes.
unsafe impl<X: HeapBytes + Send> Send for ByteSlab<X> {}
// SAFETY: as above.
unsafe impl<X: HeapBytes + Sync> Sync for ByteSlab<X> {}

/// Where a live entry is.
#[derive(Clone, Copy)]
struct Place {
    number: u32,
    granule: u32,
    at: NonNull<u8>,
}

impl Place {
    fn handle(self) -> Handle {
        Handle::from_bits(self.number << GRANULE_BITS | self.granule)
            .expect("invariant: page zero is never used")
    }
}

fn number_of(handle: Handle) -> u32 {
    handle.to_bits() >> GRANULE_BITS
}

fn granule_of(handle: Handle) -> u32 {
    handle.to_bits() & ((1 << GRANULE_BITS) - 1)
}

/// Whether an entry with these lengths fits a slot of a class. One that does not, because its value is large,
/// should hand the value over as an object: in a page of its own, a value is copied each time it grows.
pub fn fits_inline(key_len: usize, value_len: usize, has_deadline: bool) -> bool {
    key_len <= MAX_INLINE
        && value_len <= MAX_INLINE
        && Shape::<()>::new(key_len, Some(value_len), has_deadline).bytes() <= MAX_INLINE
}

impl<X: HeapBytes> ByteSlab<X> {
    /// An empty slab, which holds no memory.
    pub const fn new() -> Self {
        const { assert!(align_of::<X>() <= 8, "slots are aligned to eight bytes") };
        Self {
            pages: Vec::new(),
            vacant: 0,
            vacant_count: 0,
            classes: [Class { lists: [0; LISTS], listed: 0, live: 0, free: 0 }; CLASSES],
            sparse: 0,
            emptying: 0,
            emptied_to: 0,
            len: 0,
            live_bytes: 0,
            blocks: Blocks::new(),
            oversize_bytes: 0,
            heap_bytes: 0,
            objects: 0,
            owned: PhantomData,
        }
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The memory the slab holds: pages in full, and their directory. What owned objects hold is apart.
    pub fn bytes_held(&self) -> usize {
        self.blocks.held_bytes()
            + self.oversize_bytes
            + malloc_bytes(self.pages.capacity() * size_of::<Page>())
    }

    /// The memory that the owned objects hold.
    pub fn heap_bytes(&self) -> usize {
        self.heap_bytes
    }

    /// The bytes of all slots in which an entry lives.
    pub fn live_bytes(&self) -> usize {
        self.live_bytes
    }

    /// How many more pages there can be. As many entries fit, whatever their sizes; each takes one page at
    /// most.
    pub fn pages_left(&self) -> usize {
        PAGES_MAX - self.pages.len().max(1) + self.vacant_count
    }

    /// Adds an entry.
    ///
    /// # Panics
    ///
    /// If there are no [pages left](Self::pages_left), or the key or the value is 4 GiB or longer.
    pub fn insert(&mut self, key: &[u8], meta: Meta, value: NewValue<'_, X>) -> Handle {
        let shape = Shape::<X>::new(key.len(), value.inline_len(), meta.deadline.is_some());
        let owned = owned_bytes(&value);
        let place = self.take(shape.bytes());
        // SAFETY: `take` gives a slot of that many bytes that nothing else uses; nobody looks before key and
        // value are written; the value has the shape's length, which was read from it.
        unsafe {
            shape.write_head(place.at, meta);
            entry::copy(key, place.at.add(shape.key_at()));
            shape.write_value(place.at, value);
        }
        self.own(shape.has_object(), owned);
        place.handle()
    }

    /// The entry that a handle names.
    ///
    /// # Panics
    ///
    /// If it names none.
    #[inline]
    pub fn get(&self, handle: Handle) -> EntryRef<'_, X> {
        self.find(handle).expect("invariant: the handle names a live entry")
    }

    /// The entry that a handle names, if it names one.
    #[inline]
    pub fn find(&self, handle: Handle) -> Option<EntryRef<'_, X>> {
        let page = self.pages.get(number_of(handle) as usize)?;
        let (at, head) = page.entry(granule_of(handle))?;
        // SAFETY: a live entry lies there (P2 of `page.rs`), of this slab, so of `X`; the slab is borrowed
        // meanwhile.
        Some(unsafe { EntryRef::new(page, at, head) })
    }

    /// Asks the processor to fetch an entry that will be read soon, as far as the processor would not see by
    /// itself that it is read from front to back. Any handle will do.
    #[inline]
    pub fn prefetch(&self, handle: Handle) {
        const LINE_BYTES: usize = 64;
        const LINES_MAX: usize = 3;
        if let Some(page) = self.pages.get(number_of(handle) as usize) {
            let address = page.address(granule_of(handle));
            // Where the value lies only the head can tell. With one line on its way a batch of 16 random
            // reads took 46 to 50 ns each, with two 30 to 40.
            for line in 0..page.slot_bytes().div_ceil(LINE_BYTES).min(LINES_MAX) {
                prefetch_line(address.wrapping_add(line * LINE_BYTES));
            }
        }
    }

    /// Sets the 24 bits of the clock.
    #[inline]
    pub fn set_clock(&mut self, handle: Handle, clock: u32) {
        debug_assert!(clock < 1 << 24);
        self.change_head(handle, |head| head.with_clock(clock));
    }

    /// Sets kind and encoding, both below 16.
    pub fn set_kind(&mut self, handle: Handle, kind: u8, encoding: u8) {
        debug_assert!(kind < 16 && encoding < 16);
        self.change_head(handle, |head| head.with_kind(kind, encoding));
    }

    /// Sets or takes away the deadline. A deadline that is new takes eight bytes; where the slot has no room
    /// for them, the entry moves and its handle changes.
    pub fn set_deadline(&mut self, handle: Handle, deadline: Option<u64>) -> Handle {
        let (place, head) = self.locate(handle);
        // SAFETY: a live entry of this slab lies there.
        let (old, entry) = unsafe { (Shape::<X>::read(place.at, head), self.entry_at(place)) };
        let meta = Meta { deadline, ..entry.meta() };
        let value_len = if old.has_object() { None } else { Some(old.value_len) };
        let new = Shape::<X>::new(old.key_len, value_len, deadline.is_some());
        // What lies behind the deadline: object, key, value.
        let tail = old.bytes() - old.object_at();
        let to = if new.bytes() <= self.page(place).slot_bytes() { place } else { self.take(new.bytes()) };
        // SAFETY: both entries lie within their slots, which may be the same: so the tail first, which may
        // overlap, then the head, over what was the tail's beginning or the deadline. If there is an object,
        // it moves with the tail.
        unsafe {
            ptr::copy(place.at.add(old.object_at()).as_ptr(), to.at.add(new.object_at()).as_ptr(), tail);
            new.write_head(to.at, meta);
        }
        if to.handle() != handle {
            self.give_back(place);
        }
        to.handle()
    }

    /// Gives an entry another value, and everything that [`Meta`] says. The handle changes if the entry
    /// moves. The object that the entry owned, if any, is the caller's.
    ///
    /// # Panics
    ///
    /// As [`insert`](Self::insert).
    pub fn replace(&mut self, handle: Handle, meta: Meta, value: NewValue<'_, X>) -> (Handle, Option<X>) {
        let (from, head) = self.locate(handle);
        // SAFETY: a live entry of this slab lies there.
        let old = unsafe { Shape::<X>::read(from.at, head) };
        let new = Shape::<X>::new(old.key_len, value.inline_len(), meta.deadline.is_some());
        let owned = owned_bytes(&value);
        let to = if self.fits(from, new.bytes()) { from } else { self.take(new.bytes()) };
        // From here on nothing can panic until the entry is whole again.
        // SAFETY: the object is moved out, and its entry is overwritten or freed below.
        let displaced = unsafe { take_object(from.at, &old) };
        // SAFETY: both slots hold their entries by `take` and `fits`. The key first, as its old and new place
        // may overlap with each other and with the new head and object; the value lies behind it.
        unsafe {
            ptr::copy(from.at.add(old.key_at()).as_ptr(), to.at.add(new.key_at()).as_ptr(), old.key_len);
            new.write_head(to.at, meta);
            new.write_value(to.at, value);
        }
        if to.handle() != handle {
            self.give_back(from);
        }
        self.own(new.has_object(), owned);
        self.disown(displaced.as_ref());
        (to.handle(), displaced)
    }

    /// Makes an inline value `len` bytes long: cut, or filled up with zeros. The handle changes if the entry
    /// moves.
    ///
    /// # Panics
    ///
    /// If the value is an object; else as [`insert`](Self::insert).
    pub fn resize_value(&mut self, handle: Handle, len: usize) -> Handle {
        let (from, head) = self.locate(handle);
        // SAFETY: a live entry of this slab lies there.
        let (old, meta) = unsafe { (Shape::<X>::read(from.at, head), self.entry_at(from).meta()) };
        assert!(!old.has_object(), "an object is not resized by the slab");
        let new = Shape::<X>::new(old.key_len, Some(len), meta.deadline.is_some());
        let in_place = self.fits(from, new.bytes()) && new.key_at() == old.key_at();
        let to = if in_place { from } else { self.take(new.bytes()) };
        let kept = old.value_len.min(len);
        // SAFETY: both slots hold their entries. In place, key and value stay where they are; otherwise the
        // slots are not the same. What is new of the value is set to zero.
        unsafe {
            if !in_place {
                let (key_from, key_to) = (from.at.add(old.key_at()), to.at.add(new.key_at()));
                ptr::copy_nonoverlapping(key_from.as_ptr(), key_to.as_ptr(), old.key_len + kept);
            }
            to.at.add(new.value_at() + kept).write_bytes(0, len - kept);
            new.write_head(to.at, meta);
        }
        if !in_place {
            self.give_back(from);
        }
        to.handle()
    }

    /// The value, to change in place.
    pub fn value_mut(&mut self, handle: Handle) -> ValueMut<'_, X> {
        let (place, head) = self.locate(handle);
        // SAFETY: a live entry of this slab lies there, so its value is initialised, and an object aligned.
        // What is given out borrows the slab mutably, so it is the only way to the value; the counter lies
        // outside of the page.
        unsafe {
            let shape = Shape::<X>::read(place.at, head);
            if shape.has_object() {
                let object = place.at.add(shape.object_at()).cast::<X>().as_mut();
                ValueMut::Heap(HeapMut {
                    before: object.heap_bytes(),
                    object,
                    heap_bytes: &mut self.heap_bytes,
                })
            } else {
                let value = place.at.add(shape.value_at()).as_ptr();
                ValueMut::Inline(slice::from_raw_parts_mut(value, shape.value_len))
            }
        }
    }

    /// Takes an entry away. The object that it owned, if any, is the caller's.
    pub fn remove(&mut self, handle: Handle) -> Option<X> {
        let (place, head) = self.locate(handle);
        // SAFETY: a live entry of this slab lies there; its object is moved out, and its slot freed right
        // after.
        let object = unsafe { take_object(place.at, &Shape::<X>::read(place.at, head)) };
        self.give_back(place);
        self.disown(object.as_ref());
        object
    }

    /// Takes all entries away and gives all memory back.
    pub fn clear(&mut self) {
        // A panic in an object's destructor leaves an empty slab.
        drop(mem::take(self));
    }

    /// All entries, in no order that means anything.
    pub fn iter(&self) -> impl Iterator<Item = (Handle, EntryRef<'_, X>)> {
        self.pages.iter().zip(0..).flat_map(|(page, number)| {
            page.entries(0).map(move |(granule, at, head)| {
                // SAFETY: a live entry of this slab lies there, and the slab is borrowed meanwhile.
                (Place { number, granule, at }.handle(), unsafe { EntryRef::new(page, at, head) })
            })
        })
    }

    /// Whether some class has so many holes that [`compact`](Self::compact) would give memory back.
    #[inline]
    pub fn is_sparse(&self) -> bool {
        self.sparse != 0 || self.emptying != 0
    }

    /// Moves up to `budget` entries out of sparse pages into the holes of others, and gives emptied pages
    /// back; says how many. After each move `moved` is told the old and the new handle, and sees the entry in
    /// its new place.
    ///
    /// Each call goes on where the one before it stopped. What it moves it copies whole, some 50 ns for a
    /// small entry.
    pub fn compact(
        &mut self,
        budget: usize,
        mut moved: impl FnMut(Handle, Handle, EntryRef<'_, X>),
    ) -> usize {
        let mut freed = 0;
        for _ in 0..budget {
            if self.emptying == 0 && !self.begin_emptying() {
                break;
            }
            let number = self.emptying;
            let page = &self.pages[number as usize];
            let class = usize::from(page.class());
            let next = page.entries(self.emptied_to).next();
            let (granule, at, head) = next.expect("invariant: a page without entries is given back");
            if self.classes[class].free == 0 && self.pages_left() == 0 {
                break;
            }
            self.emptied_to = granule;
            let from = Place { number, granule, at };
            let to = self.take_slot(class);
            // SAFETY: the entry lies within its slot; the other is free and as large. If it owns an object,
            // that moves along, and the old slot is freed right after.
            unsafe {
                let bytes = Shape::<X>::read(at, head).bytes();
                ptr::copy_nonoverlapping(at.as_ptr(), to.at.as_ptr(), bytes);
            }
            freed += usize::from(self.give_back(from));
            moved(from.handle(), to.handle(), self.get(to.handle()));
        }
        freed
    }

    /// Chooses a page of a sparse class to be emptied, and takes it off its list so that nothing new comes
    /// in.
    ///
    /// This ends: a class is sparse if its free slots hold more than two pages of the size it would take
    /// next. If they hold the emptied page's entries too, nothing is allocated and they become fewer by that
    /// page's; otherwise all are used up, and less than one new page is left free.
    #[cold]
    fn begin_emptying(&mut self) -> bool {
        if self.sparse == 0 {
            return false;
        }
        let class = self.sparse.trailing_zeros() as usize;
        let emptiest = self.classes[class].listed.trailing_zeros() as usize;
        let number = self.classes[class].lists[emptiest];
        self.unlist(number);
        let page = &self.pages[number as usize];
        self.classes[class].free -= (page.slots() - page.live()) as u32;
        self.emptying = number;
        self.emptied_to = 0;
        self.judge(class);
        true
    }

    fn locate(&self, handle: Handle) -> (Place, Head) {
        let (number, granule) = (number_of(handle), granule_of(handle));
        let found = self.pages.get(number as usize).and_then(|page| page.entry(granule));
        let (at, head) = found.expect("invariant: the handle names a live entry");
        (Place { number, granule, at }, head)
    }

    fn page(&self, place: Place) -> &Page {
        &self.pages[place.number as usize]
    }

    fn entry_at(&self, place: Place) -> EntryRef<'_, X> {
        self.get(place.handle())
    }

    /// `change` keeps everything but kind, encoding and clock.
    #[inline]
    fn change_head(&mut self, handle: Handle, change: impl FnOnce(Head) -> Head) {
        let (place, head) = self.locate(handle);
        // SAFETY: the head of a live entry is replaced by one that says the same of flags and lengths.
        unsafe { place.at.cast::<Head>().write(change(head)) };
    }

    /// Whether an entry of `bytes` should stay in the slot of this one: it fits, and would get no smaller
    /// one.
    fn fits(&self, place: Place, bytes: usize) -> bool {
        let page = self.page(place);
        match class_of(bytes) {
            Some(class) => class == usize::from(page.class()),
            None => page.class() == OVERSIZE && bytes <= page.slot_bytes() && bytes > page.slot_bytes() / 2,
        }
    }

    /// Counts an object in, if there is one.
    fn own(&mut self, is_object: bool, bytes: usize) {
        self.objects += usize::from(is_object);
        self.heap_bytes += bytes;
    }

    /// Counts an object out, if there is one. Runs when the slab is whole, as it asks the object.
    fn disown(&mut self, object: Option<&X>) {
        if let Some(object) = object {
            self.objects -= 1;
            self.heap_bytes = self.heap_bytes.saturating_sub(object.heap_bytes());
        }
    }

    /// Takes a slot of at least `bytes` bytes into use.
    fn take(&mut self, bytes: usize) -> Place {
        match class_of(bytes) {
            Some(class) => self.take_slot(class),
            None => self.take_oversize(bytes),
        }
    }

    fn take_slot(&mut self, class: usize) -> Place {
        if self.classes[class].listed == 0 {
            self.add_page(class);
        }
        let fullest = self.classes[class].listed.ilog2() as usize;
        let number = self.classes[class].lists[fullest];
        let (granule, at) = self.pages[number as usize].take();
        self.classes[class].live += 1;
        self.classes[class].free -= 1;
        self.len += 1;
        self.live_bytes += slot_bytes(class);
        self.relist(number);
        self.judge(class);
        Place { number, granule, at }
    }

    #[cold]
    fn take_oversize(&mut self, bytes: usize) -> Place {
        let number = self.number(Page::oversize(Run::own(bytes)));
        let (granule, at) = self.pages[number as usize].take();
        self.len += 1;
        self.live_bytes += bytes;
        Place { number, granule, at }
    }

    /// Frees a live entry's slot; what the entry owned has been moved out. Says whether its page went with
    /// it.
    fn give_back(&mut self, place: Place) -> bool {
        let page = &mut self.pages[place.number as usize];
        page.give_back(place.granule);
        let (class, empty) = (page.class(), page.live() == 0);
        self.len -= 1;
        self.live_bytes -= page.slot_bytes();
        if class != OVERSIZE {
            let slots = page.slots() as u32;
            let class = usize::from(class);
            self.classes[class].live -= 1;
            if place.number == self.emptying {
                if empty {
                    self.emptying = 0;
                }
            } else {
                self.classes[class].free += 1;
                if empty {
                    self.unlist(place.number);
                    self.classes[class].free -= slots;
                } else {
                    self.relist(place.number);
                }
            }
            self.judge(class);
        }
        if empty {
            self.drop_page(place.number);
        }
        empty
    }

    #[cold]
    fn add_page(&mut self, class: usize) {
        let live = self.classes[class].live as usize * slot_bytes(class);
        let page = Page::with_slots(class, self.blocks.take(page_order(class, live)));
        self.classes[class].free += page.slots() as u32;
        let number = self.number(page);
        self.relist(number);
    }

    /// Gives a page a number.
    fn number(&mut self, page: Page) -> u32 {
        if page.class() == OVERSIZE {
            self.oversize_bytes += page.held_bytes();
        }
        if self.vacant != 0 {
            let number = self.vacant;
            unlink(&mut self.pages, &mut self.vacant, number);
            self.vacant_count -= 1;
            self.pages[number as usize] = page;
            return number;
        }
        if self.pages.is_empty() {
            self.pages.push(Page::vacant());
        }
        assert!(self.pages.len() < PAGES_MAX, "a slab of {PAGES_MAX} pages is full");
        self.pages.push(page);
        self.pages.len() as u32 - 1
    }

    /// Gives a page that is on no list back to the system, and its number free.
    #[cold]
    fn drop_page(&mut self, number: u32) {
        let page = mem::replace(&mut self.pages[number as usize], Page::vacant());
        if page.class() == OVERSIZE {
            self.oversize_bytes -= page.held_bytes();
        }
        self.blocks.give_back(page.into_run());
        link(&mut self.pages, &mut self.vacant, number);
        self.vacant_count += 1;
        // So that a slab that was large once does not keep its directory.
        while self.pages.len() > 1 && self.pages.last().is_some_and(|page| page.class() == VACANT) {
            let last = self.pages.len() as u32 - 1;
            unlink(&mut self.pages, &mut self.vacant, last);
            self.vacant_count -= 1;
            self.pages.pop();
        }
        if self.pages.len() == 1 {
            self.pages = Vec::new();
        } else if self.pages.len() < self.pages.capacity() / 4 {
            self.pages.shrink_to(self.pages.len() * 2);
        }
    }

    /// Puts a page on the list where it belongs.
    fn relist(&mut self, number: u32) {
        let page = &self.pages[number as usize];
        let list = if page.live() == page.slots() { UNLISTED } else { page.eighths() };
        if number == self.emptying || list == page.list {
            return;
        }
        self.unlist(number);
        if list != UNLISTED {
            let class = &mut self.classes[usize::from(self.pages[number as usize].class())];
            link(&mut self.pages, &mut class.lists[usize::from(list)], number);
            class.listed |= 1 << list;
            self.pages[number as usize].list = list;
        }
    }

    /// Takes a page off the list it is on, if any.
    fn unlist(&mut self, number: u32) {
        let page = &mut self.pages[number as usize];
        let list = mem::replace(&mut page.list, UNLISTED);
        if list != UNLISTED {
            let class = &mut self.classes[usize::from(page.class())];
            let first = &mut class.lists[usize::from(list)];
            unlink(&mut self.pages, first, number);
            if *first == 0 {
                class.listed &= !(1 << list);
            }
        }
    }

    /// Notes whether a class is sparse now.
    fn judge(&mut self, number: usize) {
        let class = &self.classes[number];
        let (live, free) =
            (class.live as usize * slot_bytes(number), class.free as usize * slot_bytes(number));
        if free > 2 * (UNIT << page_order(number, live)) {
            self.sparse |= 1 << number;
        } else {
            self.sparse &= !(1 << number);
        }
    }
}

/// What the object among new values holds.
fn owned_bytes<X: HeapBytes>(value: &NewValue<'_, X>) -> usize {
    if let NewValue::Heap(object) = value { object.heap_bytes() } else { 0 }
}

/// Moves the object out of an entry, if it has one.
///
/// # Safety
///
/// A live entry of this shape begins at `at`, and is overwritten or freed before anybody looks for its object
/// again.
unsafe fn take_object<X>(at: NonNull<u8>, shape: &Shape<X>) -> Option<X> {
    // SAFETY: a live entry has the object its shape speaks of, aligned; by the contract it is not used twice.
    shape.has_object().then(|| unsafe { at.add(shape.object_at()).cast::<X>().read() })
}

/// Puts a page in front of a list.
fn link(pages: &mut [Page], first: &mut u32, number: u32) {
    let next = mem::replace(first, number);
    let page = &mut pages[number as usize];
    (page.prev, page.next) = (0, next);
    if next != 0 {
        pages[next as usize].prev = number;
    }
}

/// Takes a page off the list that begins with `first`.
fn unlink(pages: &mut [Page], first: &mut u32, number: u32) {
    let page = &mut pages[number as usize];
    let (prev, next) = (mem::take(&mut page.prev), mem::take(&mut page.next));
    if prev == 0 {
        *first = next;
    } else {
        pages[prev as usize].next = next;
    }
    if next != 0 {
        pages[next as usize].prev = prev;
    }
}

impl<X: HeapBytes> Drop for ByteSlab<X> {
    fn drop(&mut self) {
        if !mem::needs_drop::<X>() || self.objects == 0 {
            return;
        }
        for (_, at, head) in self.pages.iter().flat_map(|page| page.entries(0)) {
            // SAFETY: a live entry of this slab; its object is moved out once, as each slot is passed once,
            // and nobody can look at the slab afterwards. Should the object's destructor panic, the objects
            // behind it leak, and the pages are freed all the same.
            drop(unsafe { take_object(at, &Shape::<X>::read(at, head)) });
        }
    }
}

impl<X: HeapBytes> Default for ByteSlab<X> {
    fn default() -> Self {
        Self::new()
    }
}

impl<X: HeapBytes> fmt::Debug for ByteSlab<X> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByteSlab")
            .field("len", &self.len)
            .field("live_bytes", &self.live_bytes)
            .field("bytes_held", &self.bytes_held())
            .field("heap_bytes", &self.heap_bytes)
            .finish_non_exhaustive()
    }
}

/// A value, to be changed.
#[derive(Debug)]
pub enum ValueMut<'a, X: HeapBytes> {
    /// Bytes beside the key.
    Inline(&'a mut [u8]),
    /// An object the entry owns.
    Heap(HeapMut<'a, X>),
}

/// An owned object, to be changed. When this is dropped, the slab counts again what the object holds.
#[derive(Debug)]
pub struct HeapMut<'a, X: HeapBytes> {
    object: &'a mut X,
    before: usize,
    heap_bytes: &'a mut usize,
}

impl<X: HeapBytes> Deref for HeapMut<'_, X> {
    type Target = X;

    fn deref(&self) -> &X {
        self.object
    }
}

impl<X: HeapBytes> DerefMut for HeapMut<'_, X> {
    fn deref_mut(&mut self) -> &mut X {
        self.object
    }
}

impl<X: HeapBytes> Drop for HeapMut<'_, X> {
    fn drop(&mut self) {
        *self.heap_bytes = (*self.heap_bytes + self.object.heap_bytes()).saturating_sub(self.before);
    }
}
