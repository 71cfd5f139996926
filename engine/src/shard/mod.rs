//! One keyspace, single-threaded: `&mut self`, `now` as an argument, never locks, never asks a clock, never
//! logs.
//!
//! A shard is entries in a slab, and for each database a table that finds them and a wheel that knows when
//! they expire. It does not know what a value means: to it a value is bytes beside the key or an object `X`
//! that the entry owns.
//!
//! Invariants:
//! - Every handle in a table names a live entry of the slab, and every entry stands in exactly one table,
//!   under the position of its key.
//! - Every entry with a deadline has a record in its database's wheel that agrees with it. Records without
//!   such an entry are dead, and counted.
//! - What an operation removes is put aside as garbage, so that whoever holds the lock can let it go first
//!   and drop afterwards.

pub mod change;
pub mod evict;
mod expire;
mod memory;
mod parts;
mod scan;

use crate::collections::table::{Entries, Slot, Table};
use crate::collections::wheel::Wheel;
use crate::random::Random;
use crate::raw::slab::{ByteSlab, EntryRef, NewValue};
use crate::raw::{Handle, slab};
use crate::time::Millis;

use self::change::{Event, Log};
use self::evict::{Evictor, Policy};

pub use self::expire::Expired;
pub use self::parts::Parts;
pub use crate::raw::slab::Meta;

/// Where a key belongs: its database, and its hash as the shard's tables use it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The database.
    pub db: u16,
    /// The hash, stretched over the shard's range: what the table orders by.
    pub position: u64,
    /// The hash's low byte.
    pub tag: u8,
}

/// How a key's bytes become its [`Place`] in this shard; a table asks when it splits.
pub trait Positions {
    /// The position of a key of this shard.
    fn position(&self, key: &[u8]) -> u64;

    /// The tag of a key.
    fn tag(&self, key: &[u8]) -> u8;
}

/// A live entry, found; good until the next change of the shard.
#[derive(Debug, Clone, Copy)]
pub struct Found {
    slot: Slot,
    handle: Handle,
}

/// One database's part of a shard.
#[derive(Default)]
struct Space {
    table: Table,
    /// Made with the first deadline.
    wheel: Option<Box<Wheel>>,
    /// Entries with a deadline.
    volatile: usize,
    /// The sum of their deadlines, so that the mean is known without a look at any.
    deadlines: u128,
    /// Of entries whose objects have parts that perish; made with the first of them.
    parts: Option<Box<Wheel>>,
    /// Such entries.
    perishing: usize,
    /// What of the table and the wheels is in the shard's account.
    counted_bytes: usize,
}

/// One lock's worth of the keyspace; see the [module](self).
pub struct Shard<X: Parts, P> {
    slab: ByteSlab<X>,
    spaces: Vec<Space>,
    positions: P,
    evictor: Evictor,
    random: Random,
    /// See [`Shard::seed`].
    seed: u64,
    /// Tables and wheels of all spaces, in bytes.
    spaces_bytes: usize,
    /// Objects taken out of the slab, to be dropped after the lock is gone.
    garbage: Vec<X>,
    /// Slabs of databases that were cleared, to be dropped likewise.
    remains: Vec<ByteSlab<X>>,
    /// The earliest deadline given since somebody last asked.
    armed: Option<Millis>,
    /// What happened by itself.
    pub counters: Counters,
}

/// What happened in a shard, for statistics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Look-ups of commands that read, and found the key.
    pub hits: u64,
    /// Look-ups of commands that read, and did not.
    pub misses: u64,
    /// Entries that expired.
    pub expired: u64,
    /// Parts of entries that expired.
    pub expired_parts: u64,
    /// Entries that were evicted.
    pub evicted: u64,
}

/// The table's view of the slab: it asks for nothing but positions.
struct ByPosition<'a, X: Parts, P> {
    slab: &'a ByteSlab<X>,
    positions: &'a P,
}

impl<X: Parts, P: Positions> Entries for ByPosition<'_, X, P> {
    #[inline]
    fn position(&self, handle: u32) -> u64 {
        self.positions.position(self.slab.get(named(handle)).key())
    }

    #[inline]
    fn prefetch(&self, handle: u32) {
        self.slab.prefetch(named(handle));
    }
}

#[inline]
fn named(handle: u32) -> Handle {
    Handle::from_bits(handle).expect("invariant: a table holds handles of the slab")
}

impl<X: Parts, P: Positions> Shard<X, P> {
    /// An empty shard of `databases` databases.
    pub fn new(databases: usize, positions: P, seed: u64, random: Random) -> Self {
        Self {
            seed,
            slab: ByteSlab::new(),
            spaces: (0..databases).map(|_| Space::default()).collect(),
            positions,
            evictor: Evictor::default(),
            random,
            spaces_bytes: 0,
            garbage: Vec::new(),
            remains: Vec::new(),
            armed: None,
            counters: Counters::default(),
        }
    }

    /// The policy that evicts, and how entries note that they are used.
    pub fn policy(&self) -> Policy {
        self.evictor.policy()
    }

    /// Asks the processor to fetch the bucket a key would lie in.
    #[inline]
    pub fn prefetch_bucket(&self, place: Place) {
        self.spaces[usize::from(place.db)].table.prefetch(place.position);
    }

    /// Asks the processor to fetch the entry a key names, as far as the bucket can tell.
    #[inline]
    pub fn prefetch_entry(&self, place: Place) {
        let found = self.spaces[usize::from(place.db)].table.find(place.position, place.tag, |_| true);
        if let Some(slot) = found {
            self.slab.prefetch(named(self.spaces[usize::from(place.db)].table.handle(slot)));
        }
    }

    /// The live entry of `key`. One that has expired at `now` is removed instead, and the log told.
    #[inline(always)]
    pub fn find(&mut self, place: Place, key: &[u8], now: Millis, log: &mut Log) -> Option<Found> {
        let found = self.find_any(place, key)?;
        let entry = self.slab.get(found.handle);
        if entry.deadline().is_some_and(|deadline| deadline <= now) {
            self.expire(place.db, found, log);
            return None;
        }
        if parts::next_due(entry).is_some_and(|due| due <= now) {
            return self.perish(place, found, now, log);
        }
        Some(found)
    }

    /// The entry of `key`, expired or not.
    #[inline(always)]
    fn find_any(&self, place: Place, key: &[u8]) -> Option<Found> {
        let table = &self.spaces[usize::from(place.db)].table;
        let slot =
            table.find(place.position, place.tag, |handle| self.slab.get(named(handle)).key() == key)?;
        Some(Found { slot, handle: named(table.handle(slot)) })
    }

    /// The live entry of `key`, for whoever only looks: one that has expired stays where it is.
    #[inline]
    pub fn peek(&self, place: Place, key: &[u8], now: Millis) -> Option<Found> {
        let found = self.find_any(place, key)?;
        parts::is_live(self.slab.get(found.handle), now).then_some(found)
    }

    /// What the order in the tables of collections follows from. It is the same for all of a store, so that a
    /// walk over one goes on in another that has taken its place, and what is made of several is made in the
    /// order in which all of them lie: members that are met one after the other are looked up, and put, side
    /// by side. (Of a million members each, an intersection took half the time that it did in different
    /// orders.)
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The shard's source of chance.
    pub fn random_mut(&mut self) -> &mut Random {
        &mut self.random
    }

    /// What an entry holds.
    #[inline]
    pub fn entry(&self, found: Found) -> EntryRef<'_, X> {
        self.slab.get(found.handle)
    }

    /// Notes that an entry is used now.
    #[inline]
    pub fn touch(&mut self, db: u16, found: Found, now: Millis) {
        self.count_use(db, found);
        let clock = self.slab.get(found.handle).clock();
        let touched = self.evictor.touched(clock, now, &mut self.random);
        if touched != clock {
            self.slab.set_clock(found.handle, touched);
        }
    }

    /// Counts a use of an entry where the policy counts them in the table.
    #[inline]
    fn count_use(&mut self, db: u16, found: Found) {
        if self.policy().counts_in_table() {
            let table = &mut self.spaces[usize::from(db)].table;
            let count = table.use_count(found.slot);
            if count < 3 {
                table.set_use_count(found.slot, count + 1);
            }
        }
    }

    /// Adds an entry for a key that has none. `meta.clock` is set here.
    pub fn insert(
        &mut self,
        place: Place,
        key: &[u8],
        meta: Meta,
        value: NewValue<'_, X>,
        now: Millis,
    ) -> Found {
        let meta = Meta { clock: self.evictor.new_clock(now), ..meta };
        let due = parts::next_due_of_new(&value);
        let handle = self.slab.insert(key, meta, value);
        if let Some(deadline) = meta.deadline {
            self.arm(place, deadline, now);
        }
        if due.is_some() {
            self.refile(place, None, due, now);
        }
        let space = &mut self.spaces[usize::from(place.db)];
        let entries = ByPosition { slab: &self.slab, positions: &self.positions };
        let slot = space.table.insert(place.position, place.tag, handle.to_bits(), &entries);
        self.evictor.inserted(place, slot, &mut space.table, self.slab.len());
        self.recount(place.db);
        Found { slot, handle }
    }

    /// Gives an entry another value, kind, encoding and deadline. It counts as used.
    pub fn replace(
        &mut self,
        place: Place,
        found: Found,
        meta: Meta,
        value: NewValue<'_, X>,
        now: Millis,
    ) -> Found {
        let old = self.slab.get(found.handle).meta();
        let clock = self.evictor.touched(old.clock, now, &mut self.random);
        self.count_use(place.db, found);
        let due = parts::next_due_of_new(&value);
        let (handle, displaced) = self.slab.replace(found.handle, Meta { clock, ..meta }, value);
        let due_before = displaced.as_ref().and_then(X::next_due);
        if due_before.is_some() || due.is_some() {
            self.refile(place, due_before, due, now);
        }
        self.garbage.extend(displaced);
        self.rearm(place, old.deadline, meta.deadline, now);
        self.moved(place.db, found, handle)
    }

    /// Gives an entry a deadline, or takes it away.
    pub fn set_deadline(
        &mut self,
        place: Place,
        found: Found,
        deadline: Option<Millis>,
        now: Millis,
    ) -> Found {
        let old = self.slab.get(found.handle).deadline();
        let handle = self.slab.set_deadline(found.handle, deadline);
        self.rearm(place, old, deadline, now);
        self.moved(place.db, found, handle)
    }

    /// Makes an inline value `len` bytes long: cut, or filled up with zeros.
    pub fn resize_value(&mut self, db: u16, found: Found, len: usize) -> Found {
        let handle = self.slab.resize_value(found.handle, len);
        self.moved(db, found, handle)
    }

    /// The value of an entry, to change in place.
    pub fn value_mut(&mut self, found: Found) -> slab::ValueMut<'_, X> {
        self.slab.value_mut(found.handle)
    }

    /// Sets how the value is encoded, which the shard does not interpret.
    pub fn set_encoding(&mut self, found: Found, encoding: u8) {
        let kind = self.slab.get(found.handle).kind();
        self.slab.set_kind(found.handle, kind, encoding);
    }

    /// Removes an entry. What it owned becomes garbage.
    pub fn remove(&mut self, db: u16, found: Found) {
        if let Some(object) = self.take(db, found) {
            self.garbage.push(object);
        }
    }

    /// Removes an entry and hands out the object it owned, if its value was one.
    pub fn take(&mut self, db: u16, found: Found) -> Option<X> {
        if let Some(deadline) = self.slab.get(found.handle).deadline() {
            self.disarm(db, deadline);
        }
        self.spaces[usize::from(db)].table.remove(found.slot);
        let object = self.slab.remove(found.handle);
        if object.as_ref().is_some_and(|object| object.next_due().is_some()) {
            self.unfile(db);
        }
        self.recount(db);
        object
    }

    /// Whether objects wait to be dropped.
    #[inline]
    pub fn has_garbage(&self) -> bool {
        !self.garbage.is_empty() || !self.remains.is_empty()
    }

    /// The objects removed so far, to be dropped after the lock is gone.
    pub fn take_garbage(&mut self) -> Vec<X> {
        std::mem::take(&mut self.garbage)
    }

    /// The slabs of databases that were cleared, to be dropped after the lock is gone.
    pub fn take_remains(&mut self) -> Vec<ByteSlab<X>> {
        std::mem::take(&mut self.remains)
    }

    /// The earliest deadline that was given to an entry since this was last asked.
    #[inline]
    pub fn take_armed(&mut self) -> Option<Millis> {
        self.armed.take()
    }

    /// How many entries a database holds here, expired ones included that nobody has met yet, and how many of
    /// them have a deadline.
    pub fn len(&self, db: u16) -> (usize, usize) {
        let space = &self.spaces[usize::from(db)];
        (space.table.len(), space.volatile)
    }

    /// The sum of the deadlines of a database's entries here.
    pub fn deadlines(&self, db: u16) -> u128 {
        self.spaces[usize::from(db)].deadlines
    }

    /// Exchanges two databases.
    pub fn swap(&mut self, a: u16, b: u16) {
        self.spaces.swap(usize::from(a), usize::from(b));
    }

    /// Takes all entries of these databases away; how many there were. When the others are empty the whole
    /// slab goes, to be taken apart elsewhere; else it is done entry by entry.
    pub fn clear(&mut self, databases: std::ops::Range<u16>) -> usize {
        let range = usize::from(databases.start)..usize::from(databases.end);
        let count = self.spaces[range.clone()].iter().map(|space| space.table.len()).sum();
        if count == self.slab.len() {
            self.remains.push(std::mem::take(&mut self.slab));
            self.evictor.clear();
        } else {
            for space in &self.spaces[range.clone()] {
                for handle in space.table.iter() {
                    self.garbage.extend(self.slab.remove(named(handle)));
                }
            }
        }
        for db in databases {
            self.spaces[usize::from(db)] =
                Space { counted_bytes: self.spaces[usize::from(db)].counted_bytes, ..Space::default() };
            self.recount(db);
        }
        count
    }

    /// The entry has perhaps moved: its table has to know.
    #[inline]
    fn moved(&mut self, db: u16, found: Found, handle: Handle) -> Found {
        if handle != found.handle {
            self.spaces[usize::from(db)].table.set_handle(found.slot, handle.to_bits());
        }
        Found { slot: found.slot, handle }
    }

    /// An entry expires.
    #[cold]
    fn expire(&mut self, db: u16, found: Found, log: &mut Log) {
        log.happened(db, self.slab.get(found.handle).key(), Event::Expired);
        self.counters.expired += 1;
        self.remove(db, found);
    }
}
