//! A dictionary of small byte strings: the keyspace's own bucket [`Table`] over an arena without the head
//! that an entry of the keyspace has. For big hashes (field, value, deadline), big sets (member) and the
//! members of sorted sets (member, score).
//!
//! An item lies in one slot and is named by a four-byte handle, which stays valid until the item is removed,
//! is given a value or a deadline for which its slot has the wrong size (the method says the new handle), or
//! is moved by [`Dict::compact`] (which tells).
//!
//! What an item of `n` bytes takes, key, value and deadline and two to four bytes with their lengths: its
//! slot, in steps of four bytes, and 8.8 bytes of the table: 21 bytes for a member of eight. Growth splits a
//! few hundred items at a time and never copies an item; dropping a dict frees its pages, whatever lies in
//! them.
//!
//! What is absent: time. A deadline is a number that is kept beside an item.

mod arena;
mod class;
mod item;
#[cfg(all(test, not(shuttle)))]
mod tests;

use self::arena::Arena;
use self::item::item_bytes;
use crate::collections::table::{Entries, Figures, RESOLUTION, Slot, Table};
use crate::random::Random;
use crate::raw::Handle;
use crate::raw::prefetch::prefetch;

/// What a dict keeps under a handle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item<'a> {
    /// The key, of which there is no other in the dict.
    pub key: &'a [u8],
    /// The value; none is the same as an empty one.
    pub value: &'a [u8],
    /// The deadline, which the dict does not interpret.
    pub deadline: Option<u64>,
}

/// The hash of a key in one dict, for a caller who looks it up and then inserts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hash(u64);

impl Hash {
    fn position(self) -> u64 {
        self.0
    }

    fn tag(self) -> u8 {
        self.0 as u8
    }
}

/// See the [module](self).
///
/// A clone has the same items in the same order, under the same handles.
#[derive(Debug, Clone)]
pub struct Dict {
    table: Table,
    arena: Arena,
    hasher: ahash::RandomState,
}

/// The table's view of the arena.
struct ByHash<'a> {
    arena: &'a Arena,
    hasher: &'a ahash::RandomState,
}

impl Entries for ByHash<'_> {
    #[inline]
    fn position(&self, handle: u32) -> u64 {
        self.hasher.hash_one(item::key(self.arena.get(named(handle))))
    }

    #[inline]
    fn prefetch(&self, handle: u32) {
        prefetch(&self.arena.get(named(handle))[..1]);
    }
}

#[inline]
fn named(handle: u32) -> Handle {
    Handle::from_bits(handle).expect("invariant: a table holds handles of the arena")
}

impl Dict {
    /// An empty dict. Who does not know the seed cannot choose keys that all fall to one place.
    pub fn new(seed: u64) -> Self {
        let mut random = Random::seeded(seed);
        let [a, b, c, d] = std::array::from_fn(|_| random.next_u64());
        Self {
            table: Table::new(),
            arena: Arena::default(),
            hasher: ahash::RandomState::with_seeds(a, b, c, d),
        }
    }

    /// An empty dict with the seed of this one.
    pub fn empty_like(&self) -> Self {
        Self { table: Table::new(), arena: Arena::default(), hasher: self.hasher.clone() }
    }

    /// The number of items.
    #[inline]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there is no item.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Heap bytes held, without `size_of::<Dict>()`.
    #[inline]
    pub fn memory_bytes(&self) -> usize {
        self.table.memory_bytes() + self.arena.memory_bytes()
    }

    /// The hash of a key in this dict.
    #[inline]
    pub fn hash(&self, key: &[u8]) -> Hash {
        Hash(self.hasher.hash_one(key))
    }

    /// The item with this key.
    #[inline]
    pub fn find(&self, key: &[u8]) -> Option<Handle> {
        self.find_hashed(self.hash(key), key)
    }

    /// [`find`](Self::find) with the key's hash.
    #[inline]
    pub fn find_hashed(&self, hash: Hash, key: &[u8]) -> Option<Handle> {
        let mut found = None;
        self.table.find(hash.position(), hash.tag(), |handle| {
            let is_it = item::key(self.arena.get(named(handle))) == key;
            if is_it {
                found = Some(named(handle));
            }
            is_it
        })?;
        found
    }

    /// An item, whole.
    #[inline]
    pub fn item(&self, handle: Handle) -> Item<'_> {
        item::read(self.arena.get(handle))
    }

    /// The key of an item, for one who wants nothing else.
    #[inline]
    pub fn key(&self, handle: Handle) -> &[u8] {
        item::key(self.arena.get(handle))
    }

    /// A hint that the item with a key will be looked for soon: has the bucket fetched that it would be in.
    #[inline]
    pub fn prefetch_bucket(&self, hash: Hash) {
        self.table.prefetch(hash.position());
    }

    /// The next hint, when the bucket is there: has the item fetched, as far as the bucket can tell.
    #[inline]
    pub fn prefetch_hashed(&self, hash: Hash) {
        self.table.find(hash.position(), hash.tag(), |handle| {
            self.prefetch(named(handle));
            true
        });
    }

    /// A hint that an item will be asked for soon.
    #[inline]
    pub fn prefetch(&self, handle: Handle) {
        prefetch(&self.arena.get(handle)[..1]);
    }

    /// The value of an item.
    #[inline]
    pub fn value(&self, handle: Handle) -> &[u8] {
        let slot = self.arena.get(handle);
        let (start, end) = item::value_range(slot);
        &slot[start..end]
    }

    /// The deadline of an item.
    #[inline]
    pub fn deadline(&self, handle: Handle) -> Option<u64> {
        item::deadline(self.arena.get(handle))
    }

    /// Adds an item. The caller has made sure that its key is not in the dict.
    #[inline]
    pub fn insert(&mut self, key: &[u8], value: &[u8], deadline: Option<u64>) -> Handle {
        self.insert_hashed(self.hash(key), Item { key, value, deadline })
    }

    /// [`insert`](Self::insert) with the key's hash.
    #[inline]
    pub fn insert_hashed(&mut self, hash: Hash, item: Item<'_>) -> Handle {
        let handle = self.arena.insert(item);
        let entries = ByHash { arena: &self.arena, hasher: &self.hasher };
        self.table.insert(hash.position(), hash.tag(), handle.to_bits(), &entries);
        handle
    }

    /// Gives an item another value, and says the handle it has now.
    pub fn set_value(&mut self, handle: Handle, value: &[u8]) -> Handle {
        let Item { key, value: old, deadline } = self.item(handle);
        if old.len() == value.len() {
            self.value_mut(handle).copy_from_slice(value);
            return handle;
        }
        if self.arena.fits(handle, item_bytes(key.len(), value.len(), deadline.is_some())) {
            item::set_value(self.arena.get_mut(handle), value);
            return handle;
        }
        let key = smallvec::SmallVec::<[u8; 64]>::from_slice(key);
        self.replace(handle, Item { key: &key, value, deadline })
    }

    /// The value of an item, to change in place.
    #[inline]
    pub fn value_mut(&mut self, handle: Handle) -> &mut [u8] {
        let slot = self.arena.get_mut(handle);
        let (start, end) = item::value_range(slot);
        &mut slot[start..end]
    }

    /// Gives an item a deadline, or takes it away, and says the handle it has now.
    pub fn set_deadline(&mut self, handle: Handle, deadline: Option<u64>) -> Handle {
        match (self.deadline(handle), deadline) {
            (None, None) => handle,
            (Some(_), Some(deadline)) => {
                item::set_deadline(self.arena.get_mut(handle), deadline);
                handle
            }
            _ => {
                let Item { key, value, .. } = self.item(handle);
                let key = smallvec::SmallVec::<[u8; 64]>::from_slice(key);
                let value = smallvec::SmallVec::<[u8; 256]>::from_slice(value);
                self.replace(handle, Item { key: &key, value: &value, deadline })
            }
        }
    }

    /// Removes an item.
    pub fn remove(&mut self, handle: Handle) {
        let slot = self.slot(handle);
        self.table.remove(slot);
        self.arena.remove(handle);
    }

    /// Takes all items out at once.
    pub fn clear(&mut self) {
        self.table = Table::new();
        self.arena = Arena::default();
    }

    /// The handles of all items, in no order.
    pub fn handles(&self) -> impl Iterator<Item = Handle> {
        self.table.iter().map(named)
    }

    /// All items, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (Handle, Item<'_>)> {
        self.handles().map(|handle| (handle, self.item(handle)))
    }

    /// Hands out the items of one bucket and returns the cursor of the next, or 0 after the last.
    ///
    /// Begin at 0 and pass back what was returned. An item that is in the dict throughout the walk is handed
    /// out at least once, whatever is inserted and removed meanwhile. Any number is a valid cursor, and those
    /// returned are below 2^42.
    pub fn scan(&self, cursor: u64, mut emit: impl FnMut(Handle, Item<'_>)) -> u64 {
        const SHIFT: u32 = u64::BITS - RESOLUTION;
        // What is beyond the last position is at the end.
        if cursor >> RESOLUTION != 0 {
            return 0;
        }
        let next = self.table.scan_bucket(cursor << SHIFT, |_, handle| {
            let handle = named(handle);
            emit(handle, self.item(handle));
        });
        next.map_or(0, |position| position >> SHIFT)
    }

    /// An item, each equally likely; none of an empty dict.
    pub fn random(&self, random: &mut Random) -> Option<Handle> {
        self.table.random(random).map(named)
    }

    /// How its table is filled.
    pub fn figures(&self) -> Figures {
        let mut figures = Figures::default();
        figures.add(&self.table);
        figures
    }

    /// Whether [`compact`](Self::compact) has something to do: removals have left many holes.
    #[inline]
    pub fn is_sparse(&self) -> bool {
        self.arena.is_sparse()
    }

    /// Gives memory back after removals: looks at up to `budget` slots of sparse pages, moves the items in
    /// them elsewhere and tells of each its old and its new handle. Eight for each removal keep up with any
    /// number of them. Cheap when there is nothing to do.
    pub fn compact(&mut self, budget: usize, mut moved: impl FnMut(Handle, Handle)) {
        self.compact_items(budget, |old, new, _| moved(old, new));
    }

    /// [`compact`](Self::compact) that also shows the item.
    pub fn compact_items(&mut self, budget: usize, mut moved: impl FnMut(Handle, Handle, Item<'_>)) {
        if !self.arena.is_sparse() {
            return;
        }
        let (table, hasher) = (&mut self.table, &self.hasher);
        self.arena.compact(budget, |old, new, slot| {
            let hash = Hash(hasher.hash_one(item::key(slot)));
            let at = table
                .find_handle(hash.position(), hash.tag(), old.to_bits())
                .expect("invariant: every item stands in the table");
            table.set_handle(at, new.to_bits());
            moved(old, new, item::read(slot));
        });
    }

    /// Puts an item with the same key in the place of another.
    fn replace(&mut self, handle: Handle, item: Item<'_>) -> Handle {
        let slot = self.slot(handle);
        self.arena.remove(handle);
        let handle = self.arena.insert(item);
        self.table.set_handle(slot, handle.to_bits());
        handle
    }

    /// Where an item stands in the table.
    fn slot(&self, handle: Handle) -> Slot {
        let hash = self.hash(self.key(handle));
        self.table
            .find_handle(hash.position(), hash.tag(), handle.to_bits())
            .expect("invariant: the handle of an item")
    }
}
