//! The typed twin of the byte slab: values of one type, named by four-byte handles, without any unsafe code.
//!
//! Pages have 256 slots and fill as a `Vec` does, so a slab of three values holds room for four. A page
//! without values goes back to the allocator. Values never move inside the slab: a handle is good until its
//! value is removed.

#![forbid(unsafe_code)]

use super::Handle;
use super::heap::malloc_bytes;
use super::prefetch::prefetch;

const SLOT_BITS: u32 = if cfg!(miri) { 4 } else { 8 };
const SLOTS: usize = 1 << SLOT_BITS;
const PAGES_MAX: usize = 1 << (32 - SLOT_BITS);
/// The end of a page's list of free slots, and the place of a page that is not in `with_room`.
const NONE: u32 = u32::MAX;

/// Values of one type with handles; see the module's page.
#[derive(Debug)]
pub struct TypedSlab<T> {
    /// By page number; a page without values has no slots. Apart from the rest of what is known of a page, as
    /// this is all that a look-up needs.
    slots: Vec<Vec<Slot<T>>>,
    pages: Vec<Page>,
    /// The pages with a free slot, vacant ones included, in no order.
    with_room: Vec<u32>,
    len: usize,
    page_bytes_held: usize,
}

#[derive(Debug)]
struct Page {
    free: u32,
    live: u32,
    /// Where in `with_room` this page stands.
    place: u32,
}

#[derive(Debug)]
enum Slot<T> {
    Free { next: u32 },
    Live(T),
}

impl<T> TypedSlab<T> {
    /// An empty slab, which holds no memory.
    pub const fn new() -> Self {
        Self { slots: Vec::new(), pages: Vec::new(), with_room: Vec::new(), len: 0, page_bytes_held: 0 }
    }

    /// The number of values.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no values.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The memory the slab holds, free slots included; what the values own is apart.
    pub fn bytes_held(&self) -> usize {
        self.page_bytes_held
            + malloc_bytes(self.slots.capacity() * size_of::<Vec<Slot<T>>>())
            + malloc_bytes(self.pages.capacity() * size_of::<Page>())
            + malloc_bytes(self.with_room.capacity() * size_of::<u32>())
    }

    /// Adds a value.
    ///
    /// # Panics
    ///
    /// If there are about 2^32 values already.
    pub fn insert(&mut self, value: T) -> Handle {
        let number = match self.with_room.last() {
            Some(&number) => number,
            None => self.add_page(),
        };
        let (page, slots) = (&mut self.pages[number as usize], &mut self.slots[number as usize]);
        let slot = page.free;
        if slot == NONE {
            let before = slots.capacity();
            slots.push(Slot::Live(value));
            if slots.capacity() != before {
                self.page_bytes_held += held_bytes::<T>(slots.capacity()) - held_bytes::<T>(before);
            }
        } else {
            // A free slot has nothing to drop.
            let Slot::Free { next } = slots[slot as usize] else { unreachable!("invariant: it is free") };
            slots[slot as usize] = Slot::Live(value);
            page.free = next;
        }
        page.live += 1;
        let slot = if slot == NONE { slots.len() as u32 - 1 } else { slot };
        if page.live as usize == SLOTS {
            self.take_off(number);
        }
        self.len += 1;
        // One more, so that no handle is zero; `add_page` sees to it that this does not wrap.
        Handle::from_bits((number << SLOT_BITS | slot) + 1)
            .expect("invariant: one more than a number is not zero")
    }

    /// Hints that this value will be looked at soon.
    #[inline]
    pub fn prefetch(&self, handle: Handle) {
        let (number, slot) = split(handle);
        if let Some(slot) = self.slots.get(number as usize).and_then(|slots| slots.get(slot)) {
            prefetch(std::slice::from_ref(slot));
        }
    }

    /// The value that a handle names, if it names one.
    #[inline]
    pub fn find(&self, handle: Handle) -> Option<&T> {
        let (number, slot) = split(handle);
        match self.slots.get(number as usize)?.get(slot)? {
            Slot::Live(value) => Some(value),
            Slot::Free { .. } => None,
        }
    }

    /// The value that a handle names.
    ///
    /// # Panics
    ///
    /// If it names none.
    #[inline]
    pub fn get(&self, handle: Handle) -> &T {
        self.find(handle).expect("invariant: the handle names a value")
    }

    /// The value that a handle names, to change.
    ///
    /// # Panics
    ///
    /// If it names none.
    #[inline]
    pub fn get_mut(&mut self, handle: Handle) -> &mut T {
        let (number, slot) = split(handle);
        let slot = self.slots.get_mut(number as usize).and_then(|slots| slots.get_mut(slot));
        let Some(Slot::Live(value)) = slot else { panic!("invariant: the handle names a value") };
        value
    }

    /// Takes a value out.
    ///
    /// # Panics
    ///
    /// If the handle names none.
    pub fn remove(&mut self, handle: Handle) -> T {
        self.get(handle);
        let (number, slot) = split(handle);
        let (page, slots) = (&mut self.pages[number as usize], &mut self.slots[number as usize]);
        let removed = std::mem::replace(&mut slots[slot], Slot::Free { next: page.free });
        let Slot::Live(value) = removed else { panic!("invariant: the handle names a value") };
        page.free = slot as u32;
        page.live -= 1;
        self.len -= 1;
        if page.live == 0 {
            self.page_bytes_held -= held_bytes::<T>(slots.capacity());
            *slots = Vec::new();
            page.free = NONE;
        }
        if self.pages[number as usize].place == NONE {
            self.put_on(number);
        }
        if self.len == 0 {
            *self = Self::new();
        }
        value
    }

    /// Takes all values away and gives all memory back.
    pub fn clear(&mut self) {
        drop(std::mem::take(self));
    }

    /// All values, in no order that means anything.
    pub fn iter(&self) -> impl Iterator<Item = (Handle, &T)> {
        self.slots.iter().zip(0u32..).flat_map(|(slots, number)| {
            slots.iter().zip(1u32..).filter_map(move |(slot, nth)| match slot {
                Slot::Live(value) => Some((Handle::from_bits((number << SLOT_BITS) + nth)?, value)),
                Slot::Free { .. } => None,
            })
        })
    }

    /// All values, to keep.
    pub fn into_values(self) -> impl Iterator<Item = T> {
        self.slots.into_iter().flatten().filter_map(|slot| match slot {
            Slot::Live(value) => Some(value),
            Slot::Free { .. } => None,
        })
    }

    #[cold]
    fn add_page(&mut self) -> u32 {
        // The last number stays unused: its last slot plus one would be no handle.
        assert!(self.pages.len() < PAGES_MAX - 1, "a slab of {PAGES_MAX} pages is full");
        let number = self.pages.len() as u32;
        self.slots.push(Vec::new());
        self.pages.push(Page { free: NONE, live: 0, place: NONE });
        self.put_on(number);
        number
    }

    fn put_on(&mut self, number: u32) {
        self.pages[number as usize].place = self.with_room.len() as u32;
        self.with_room.push(number);
    }

    fn take_off(&mut self, number: u32) {
        let place = std::mem::replace(&mut self.pages[number as usize].place, NONE);
        self.with_room.swap_remove(place as usize);
        if let Some(&moved) = self.with_room.get(place as usize) {
            self.pages[moved as usize].place = place;
        }
    }
}

/// What a page of so many slots holds.
fn held_bytes<T>(slots: usize) -> usize {
    malloc_bytes(slots * size_of::<Slot<T>>())
}

impl<T> Default for TypedSlab<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[inline]
fn split(handle: Handle) -> (u32, usize) {
    let bits = handle.to_bits() - 1;
    (bits >> SLOT_BITS, bits as usize & (SLOTS - 1))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use proptest::test_runner::RngAlgorithm;

    use super::*;

    #[test]
    fn handles_are_used_again_and_memory_comes_back() {
        let mut slab = TypedSlab::new();
        assert_eq!(slab.bytes_held(), 0);
        let handles: Vec<_> = (0..1000).map(|n| slab.insert(n)).collect();
        let held = slab.bytes_held();
        for (n, &handle) in handles.iter().enumerate() {
            assert_eq!(slab.remove(handle), n);
            assert_eq!(slab.find(handle), None);
            slab.insert(n);
        }
        assert_eq!(slab.bytes_held(), held);
        slab.clear();
        assert_eq!((slab.len(), slab.bytes_held()), (0, 0));
    }

    #[test]
    #[should_panic(expected = "names a value")]
    fn a_stale_handle_is_refused() {
        let mut slab = TypedSlab::new();
        slab.insert(0);
        let handle = slab.insert(1);
        slab.remove(handle);
        slab.get_mut(handle);
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: if cfg!(miri) { 4 } else { 128 },
            failure_persistence: None,
            rng_algorithm: RngAlgorithm::XorShift,
            ..ProptestConfig::default()
        })]

        /// Each number adds a value, or takes away the one at this place.
        #[test]
        fn behaves_like_a_map(
            ops in prop::collection::vec(
                prop::option::weighted(0.6, any::<u16>()),
                0..if cfg!(miri) { 150 } else { 600 },
            ),
        ) {
            let (mut slab, mut model) = (TypedSlab::new(), BTreeMap::new());
            for (n, op) in ops.into_iter().enumerate() {
                if let Some(value) = op {
                    let handle = slab.insert(value);
                    prop_assert!(model.insert(handle, value).is_none());
                } else if let Some(&handle) = model.keys().nth(n * 7 % model.len().max(1)) {
                    prop_assert_eq!(Some(slab.remove(handle)), model.remove(&handle));
                }
                prop_assert_eq!(slab.len(), model.len());
            }
            let listed: BTreeMap<_, _> = slab.iter().map(|(handle, &value)| (handle, value)).collect();
            prop_assert_eq!(listed, model);
        }
    }
}
