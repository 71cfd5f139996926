//! One part of a cache: entries, their deadlines, who has to go. `&mut self`, `now` as an argument, no locks.
//!
//! Nothing that belongs to the caller is called from here but `Eq` of keys, while nothing is changed; nothing
//! is dropped here but what is empty: what goes is handed out in a [`Trash`], for after the lock.

use std::borrow::Borrow;

use smallvec::SmallVec;

use super::budget::Budget;
use super::column::Column;
use super::entry::{Content, Entry, Extra, NEVER};
use super::events::Cause;
use super::flight::Flights;
use super::policy::{State, USED_MAX};
use super::stats::Stats;
use crate::collections::table::{Entries, Slot, Table};
use crate::collections::wheel::{Answer, Wheel};
use crate::random::Random;
use crate::raw::Handle;
use crate::raw::typed::TypedSlab;
use crate::time::{Clock, Millis};

/// While less of the bound is taken than this, in thousandths, there is room.
const ROOMY_THOUSANDTHS: u64 = 900;
/// Records of the wheel that an insert does the work of, on its way.
const EXPIRED_PER_INSERT: usize = 4;

/// An entry and its place in the table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    pub(super) slot: Slot,
    pub(super) handle: Handle,
}

/// Where an entry lies in the hash space of its shard.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) position: u64,
    pub(super) tag: u8,
}

/// The handle with these bits, which came from a table.
#[inline]
pub(super) fn named(bits: u32) -> Handle {
    Handle::from_bits(bits).expect("invariant: a table holds the handles it was given")
}

/// Something that has left the cache.
pub(super) struct Gone<K, V> {
    pub(super) key: K,
    pub(super) content: Content<V>,
    pub(super) _extra: Option<Box<Extra>>,
    pub(super) cause: Cause,
}

/// What has left the cache, to be dropped, and told of, after the lock is released.
pub(super) type Trash<K, V> = SmallVec<[Gone<K, V>; 1]>;

/// An entry on its way in.
pub(super) struct Coming<K, V> {
    pub(super) hash: u64,
    pub(super) key: K,
    pub(super) content: Content<V>,
    pub(super) deadline: Millis,
    pub(super) extra: Option<Box<Extra>>,
    pub(super) weight: u32,
}

/// In this order, so that what a hit needs lies together.
#[repr(C)]
pub(super) struct Shard<K, V> {
    pub(super) table: Table,
    pub(super) slab: TypedSlab<Entry<K, V>>,
    pub(super) stats: Stats,
    pub(super) policy: State,
    pub(super) random: Random,
    pub(super) flights: Flights<K, V>,
    extras: Column<Option<Box<Extra>>>,
    /// Of each entry, unless all weigh 1.
    weights: Option<Column<u32>>,
    wheel: Wheel,
    /// Before this moment the wheel has nothing to fire.
    due: Millis,
    weight: u64,
    /// What of the bound is this shard's: never less than `weight`.
    granted: u64,
    /// How many bits of a hash choose the shard.
    shard_bits: u8,
}

/// What the table asks of the slab.
struct Positions<'a, K, V> {
    slab: &'a TypedSlab<Entry<K, V>>,
    shard_bits: u8,
}

impl<K, V> Entries for Positions<'_, K, V> {
    #[inline]
    fn position(&self, handle: u32) -> u64 {
        position(self.slab.get(named(handle)).hash(), self.shard_bits)
    }

    #[inline]
    fn prefetch(&self, handle: u32) {
        self.slab.prefetch(named(handle));
    }
}

#[inline]
fn position(hash: u64, shard_bits: u8) -> u64 {
    hash << shard_bits
}

impl<K, V> Shard<K, V> {
    pub(super) fn new(policy: State, weighted: bool, shard_bits: u8, random: Random) -> Self {
        Self {
            table: Table::new(),
            slab: TypedSlab::new(),
            policy,
            random,
            flights: Flights::new(),
            stats: Stats::default(),
            extras: Column::new(),
            weights: weighted.then(Column::new),
            wheel: Wheel::new(0),
            due: NEVER,
            weight: 0,
            granted: 0,
            shard_bits,
        }
    }

    #[inline]
    pub(super) fn place(&self, hash: u64) -> Place {
        Place { position: position(hash, self.shard_bits), tag: hash as u8 }
    }

    /// The entry of a key, expired or not.
    #[inline]
    pub(super) fn find<Q>(&self, hash: u64, key: &Q) -> Option<Found>
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        let place = self.place(hash);
        let slot = self.table.find(place.position, place.tag, |handle| {
            let entry = self.slab.get(named(handle));
            entry.hash() == hash && entry.key.borrow() == key
        })?;
        Some(Found { slot, handle: named(self.table.handle(slot)) })
    }

    /// Reads a key as nearly all reads go: a value that has nothing special about it but perhaps a deadline
    /// some way off, in a cache whose policy counts uses in the table. One look at each of the lines of
    /// memory it touches. Counts as a use, and in the statistics; nothing is said of what is not there, or
    /// not so.
    #[inline]
    pub(super) fn quick_look<Q>(&mut self, hash: u64, place: Place, key: &Q, clock: &Clock) -> Option<&V>
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        let bucket = self.table.home_bucket(place.position)?;
        for lane in bucket.likely_matches(place.tag) {
            let Some(entry) =
                Handle::from_bits(bucket.handle(lane)).and_then(|handle| self.slab.find(handle))
            else {
                continue;
            };
            if entry.hash() == hash && entry.key.borrow() == key {
                if !entry.is_plain() && !entry.lasts(clock) {
                    return None;
                }
                let value = entry.content.found()?;
                bucket.count_use(lane, USED_MAX);
                self.stats.hits += 1;
                return Some(value);
            }
        }
        None
    }

    #[inline]
    pub(super) fn entry(&self, found: Found) -> &Entry<K, V> {
        self.slab.get(found.handle)
    }

    pub(super) fn extra(&self, found: Found) -> Option<&Extra> {
        if self.entry(found).has_extra() { self.extras.get(found.handle)?.as_deref() } else { None }
    }

    pub(super) fn extra_mut(&mut self, found: Found) -> Option<&mut Extra> {
        if self.entry(found).has_extra() { self.extras.place(found.handle).as_deref_mut() } else { None }
    }

    /// Why an entry must not be seen any more.
    #[inline]
    pub(super) fn over(&self, found: Found, now: Millis) -> Option<Cause> {
        let entry = self.entry(found);
        if entry.is_plain() {
            return None;
        }
        self.over_cold(found, now)
    }

    fn over_cold(&self, found: Found, now: Millis) -> Option<Cause> {
        if self.entry(found).deadline() <= now {
            return Some(Cause::Expired);
        }
        let extra = self.extra(found)?;
        if extra.stamp.as_ref().is_some_and(|stamp| !stamp.is_valid()) {
            return Some(Cause::Invalidated);
        }
        (extra.idle_deadline() <= now).then_some(Cause::Expired)
    }

    /// The entry of a key that may be seen. One that is over is thrown away.
    pub(super) fn find_live<Q>(
        &mut self,
        hash: u64,
        key: &Q,
        now: Millis,
        trash: &mut Trash<K, V>,
    ) -> Option<Found>
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        let found = self.find(hash, key)?;
        if self.throw_away_if_over(found, now, trash) { None } else { Some(found) }
    }

    /// Throws an entry away that must not be seen any more; whether it was one.
    pub(super) fn throw_away_if_over(&mut self, found: Found, now: Millis, trash: &mut Trash<K, V>) -> bool {
        let over = self.over(found, now);
        if let Some(cause) = over {
            self.remove(found, cause, trash);
        }
        over.is_some()
    }

    /// Puts an entry in, in place of the one of its key if there is one, at most after throwing away every
    /// other entry of this shard. What there is no room for is handed back.
    pub(super) fn insert(
        &mut self,
        coming: Coming<K, V>,
        now: Millis,
        budget: &Budget,
        trash: &mut Trash<K, V>,
    ) -> Result<(), Coming<K, V>>
    where
        K: Eq,
    {
        self.expire(now, EXPIRED_PER_INSERT, trash);
        let old = self.find(coming.hash, &coming.key);
        let old_weight = old.map_or(0, |old| self.weight_of(old.handle));
        let more = u64::from(coming.weight).saturating_sub(u64::from(old_weight));
        if !self.make_room(more, budget, trash) {
            return Err(coming);
        }
        // Making room may have taken it.
        match old.and_then(|_| self.find(coming.hash, &coming.key)) {
            Some(old) => self.replace(old, coming, trash),
            None => self.add(coming, budget),
        }
        Ok(())
    }

    /// [`insert`](Self::insert) as nearly all inserts go: all entries weigh 1, this one does not expire, none
    /// here ever will, nobody is loading, and at most one other has to go, which is handed out. Gives key and
    /// value back if it is not so.
    pub(super) fn insert_plain(
        &mut self,
        hash: u64,
        key: K,
        value: V,
        budget: &Budget,
    ) -> Result<Option<Gone<K, V>>, (K, V)>
    where
        K: Eq,
    {
        if self.is_armed() || !self.flights.is_empty() {
            return Err((key, value));
        }
        self.policy_prefetch(self.place(hash));
        if let Some(old) = self.find(hash, &key) {
            if !self.entry(old).is_plain() {
                return Err((key, value));
            }
            let content =
                std::mem::replace(&mut self.slab.get_mut(old.handle).content, Content::Found(value));
            self.policy_used(old);
            self.stats.inserts += 1;
            return Ok(Some(Gone { key, content, _extra: None, cause: Cause::Replaced }));
        }
        let mut gone = None;
        if self.weight == self.granted {
            if let Some(granted) = budget.grant(1) {
                self.granted += granted;
            } else {
                let victim = self.victim().filter(|&victim| self.entry(victim).is_plain());
                let Some(victim) = victim else { return Err((key, value)) };
                self.stats.evictions += 1;
                gone = Some(self.take_out(victim, Cause::Evicted));
            }
        }
        self.stats.inserts += 1;
        self.weight += 1;
        self.place_in(hash, Entry::new(hash, key, Content::Found(value), NEVER), budget);
        Ok(gone)
    }

    fn place_in(&mut self, hash: u64, entry: Entry<K, V>, budget: &Budget) -> Found {
        let place = self.place(hash);
        let handle = self.slab.insert(entry);
        let positions = Positions { slab: &self.slab, shard_bits: self.shard_bits };
        let slot = self.table.insert(place.position, place.tag, handle.to_bits(), &positions);
        let found = Found { slot, handle };
        self.policy_inserted(found, hash, budget.has_room_below(ROOMY_THOUSANDTHS));
        found
    }

    /// Takes out an entry with nothing beside it any more.
    fn take_out(&mut self, found: Found, cause: Cause) -> Gone<K, V> {
        self.policy_removed(found);
        self.weight -= u64::from(self.weight_of(found.handle));
        self.table.remove(found.slot);
        let Entry { key, content, .. } = self.slab.remove(found.handle);
        Gone { key, content, _extra: None, cause }
    }

    fn add(&mut self, coming: Coming<K, V>, budget: &Budget) {
        let Coming { hash, key, content, deadline, extra, weight } = coming;
        let found = self.place_in(hash, Entry::new(hash, key, content, deadline), budget);
        self.furnish(found, extra, weight);
    }

    fn replace(&mut self, old: Found, coming: Coming<K, V>, trash: &mut Trash<K, V>) {
        let extra = if self.entry(old).is_plain() { None } else { self.unfurnish(old) };
        self.weight -= u64::from(self.weight_of(old.handle));
        let entry = self.slab.get_mut(old.handle);
        entry.set_deadline(coming.deadline);
        let content = std::mem::replace(&mut entry.content, coming.content);
        trash.push(Gone { key: coming.key, content, _extra: extra, cause: Cause::Replaced });
        self.policy_used(old);
        self.furnish(old, coming.extra, coming.weight);
    }

    /// Notes what lies beside an entry: its extra, its weight, its deadline in the wheel.
    fn furnish(&mut self, found: Found, extra: Option<Box<Extra>>, weight: u32) {
        self.weight += u64::from(weight);
        if let Some(weights) = &mut self.weights {
            *weights.place(found.handle) = weight;
        }
        if extra.is_some() {
            *self.extras.place(found.handle) = extra;
            self.slab.get_mut(found.handle).set_has_extra(true);
        }
        if !self.entry(found).is_plain() {
            self.arm(found);
        }
    }

    /// Takes an entry out.
    pub(super) fn remove(&mut self, found: Found, cause: Cause, trash: &mut Trash<K, V>) {
        match cause {
            Cause::Evicted => self.stats.evictions += 1,
            Cause::Expired => self.stats.expiries += 1,
            Cause::Invalidated => self.stats.invalidations += 1,
            Cause::Replaced => {}
        }
        let extra = if self.entry(found).is_plain() { None } else { self.unfurnish(found) };
        trash.push(Gone { _extra: extra, ..self.take_out(found, cause) });
    }

    /// Gives back what is granted and not used, but for a lot.
    pub(super) fn settle(&mut self, budget: &Budget) {
        let unused = self.granted - self.weight;
        let lot = budget.lot();
        if unused > 2 * lot {
            self.granted -= unused - lot;
            budget.give_back(unused - lot);
        }
    }

    /// Sees to it that so much more fits, if that can be.
    fn make_room(&mut self, more: u64, budget: &Budget, trash: &mut Trash<K, V>) -> bool {
        loop {
            let need = (self.weight + more).saturating_sub(self.granted);
            if need == 0 {
                return true;
            }
            if let Some(granted) = budget.grant(need) {
                self.granted += granted;
            } else if !self.evict(trash) {
                return false;
            }
        }
    }

    /// Takes over what was granted on its behalf.
    pub(super) fn endow(&mut self, granted: u64) {
        self.granted += granted;
    }

    /// Gives back as much as is asked for, if need be by throwing entries away. What was given back.
    pub(super) fn shed(&mut self, wanted: u64, budget: &Budget, trash: &mut Trash<K, V>) -> u64 {
        while self.granted - self.weight < wanted && self.evict(trash) {}
        let gives = (self.granted - self.weight).min(wanted);
        self.granted -= gives;
        budget.give_back(gives);
        gives
    }

    fn evict(&mut self, trash: &mut Trash<K, V>) -> bool {
        let Some(victim) = self.victim() else { return false };
        self.remove(victim, Cause::Evicted, trash);
        true
    }

    /// Throws everything away.
    pub(super) fn clear(&mut self, budget: &Budget) -> Cleared<K, V> {
        self.flights.invalidate_all();
        self.stats.invalidations += self.slab.len() as u64;
        let cleared = Cleared {
            slab: std::mem::take(&mut self.slab),
            _table: std::mem::take(&mut self.table),
            _extras: std::mem::replace(&mut self.extras, Column::new()),
        };
        if let Some(weights) = &mut self.weights {
            weights.clear();
        }
        self.policy.clear();
        self.wheel = Wheel::new(0);
        self.due = NEVER;
        budget.give_back(self.granted);
        self.weight = 0;
        self.granted = 0;
        cleared
    }

    fn weight_of(&self, handle: Handle) -> u32 {
        self.weights.as_ref().map_or(1, |weights| weights.get(handle).copied().unwrap_or(0))
    }

    /// Takes away what lies beside an entry that is not plain.
    fn unfurnish(&mut self, found: Found) -> Option<Box<Extra>> {
        self.disarm(found);
        if !self.entry(found).has_extra() {
            return None;
        }
        self.slab.get_mut(found.handle).set_has_extra(false);
        self.extras.take(found.handle)
    }

    /// When an entry is over, if nobody uses it before.
    fn end(&self, handle: Handle) -> Millis {
        let entry = self.slab.get(handle);
        let extra = if entry.has_extra() { self.extras.get(handle).and_then(Option::as_deref) } else { None };
        entry.deadline().min(extra.map_or(NEVER, Extra::idle_deadline))
    }

    /// The moment under which an entry lies in the wheel. Its end may be later, since it was used.
    fn filed(&self, handle: Handle) -> Millis {
        let entry = self.slab.get(handle);
        let extra = if entry.has_extra() { self.extras.get(handle).and_then(Option::as_deref) } else { None };
        extra.map_or(entry.deadline(), |extra| extra.filed)
    }

    fn note_filed(&mut self, found: Found, moment: Millis) {
        if let Some(extra) = self.extra_mut(found) {
            extra.filed = moment;
        }
    }

    fn arm(&mut self, found: Found) {
        let end = self.end(found.handle);
        self.note_filed(found, end);
        if end < NEVER {
            let place = self.place(self.entry(found).hash());
            self.wheel.insert(place.position, place.tag, end);
            self.due = self.due.min(end);
        }
    }

    fn disarm(&mut self, found: Found) {
        if self.filed(found.handle) < NEVER {
            self.wheel.note_dead();
            if self.wheel.wants_sweep() {
                self.due = 0;
            }
        }
    }

    /// Whether [`expire`](Self::expire) has something to do.
    #[inline]
    pub(super) fn is_due(&self, now: Millis) -> bool {
        self.due <= now
    }

    /// Whether anything here will ever be due.
    #[inline]
    pub(super) fn is_armed(&self) -> bool {
        self.due < NEVER
    }

    /// Throws away what has expired, doing at most so many records' work. Whether there is more to do.
    pub(super) fn expire(&mut self, now: Millis, budget: usize, trash: &mut Trash<K, V>) -> bool {
        if !self.is_due(now) {
            return false;
        }
        // Taken out so that the wheel and the rest can both be changed.
        let mut wheel = std::mem::replace(&mut self.wheel, Wheel::new(now));
        let mut more = wheel.advance(now, budget, |record| {
            match self.agreeing(record.position(), record.tag(), |moment| record.agrees(moment)) {
                None => Answer::Dead,
                Some((_, filed)) if filed > now => Answer::Again(filed),
                Some((found, _)) => {
                    let end = self.end(found.handle);
                    if end > now {
                        self.note_filed(found, end);
                        return Answer::Again(end);
                    }
                    // Its record is this one, and no dead one in the wheel that would have to be counted.
                    self.slab.get_mut(found.handle).set_deadline(NEVER);
                    self.note_filed(found, NEVER);
                    self.remove(found, Cause::Expired, trash);
                    Answer::Expired
                }
            }
        });
        if wheel.wants_sweep() {
            more |= wheel.sweep(budget, |record| {
                self.agreeing(record.position(), record.tag(), |moment| record.agrees(moment)).is_some()
            });
        }
        self.due = if wheel.wants_sweep() { 0 } else { wheel.next_due().unwrap_or(NEVER) };
        self.wheel = wheel;
        more
    }

    /// The entry that a record of the wheel is about, with the moment it is filed under.
    fn agreeing(&self, position: u64, tag: u8, agrees: impl Fn(Millis) -> bool) -> Option<(Found, Millis)> {
        let mut best: Option<(Found, Millis)> = None;
        self.table.candidates((position >> 40) as u32, tag, |slot, handle| {
            let handle = named(handle);
            let own = self.place(self.slab.get(handle).hash()).position >> 40 == position >> 40;
            let moment = self.filed(handle);
            if own && moment < NEVER && agrees(moment) && best.is_none_or(|(_, earliest)| moment < earliest) {
                best = Some((Found { slot, handle }, moment));
            }
        });
        best
    }

    /// The counts, with what there is now.
    pub(super) fn stats(&self) -> Stats {
        let bytes = self.table.memory_bytes()
            + self.slab.bytes_held()
            + self.policy.memory_bytes()
            + self.wheel.memory_bytes()
            + self.extras.memory_bytes()
            + self.weights.as_ref().map_or(0, Column::memory_bytes);
        Stats { entries: self.slab.len() as u64, weight: self.weight, bytes: bytes as u64, ..self.stats }
    }

    /// Asserts that all parts agree; what is granted.
    #[cfg(test)]
    pub(super) fn check(&self) -> u64 {
        assert_eq!(self.table.len(), self.slab.len());
        let weights: u64 = self.slab.iter().map(|(handle, _)| u64::from(self.weight_of(handle))).sum();
        assert_eq!(self.weight, weights);
        assert!(self.granted >= self.weight);
        let filed = self.slab.iter().filter(|(handle, _)| self.filed(*handle) < NEVER).count();
        assert!(self.wheel.len() >= filed, "{} records for {filed} deadlines", self.wheel.len());
        for (handle, entry) in self.slab.iter() {
            let place = self.place(entry.hash());
            assert!(self.table.find_handle(place.position, place.tag, handle.to_bits()).is_some());
        }
        self.granted
    }
}

/// All that was in a shard, to be dropped after the lock is released.
pub(super) struct Cleared<K, V> {
    pub(super) slab: TypedSlab<Entry<K, V>>,
    _table: Table,
    _extras: Column<Option<Box<Extra>>>,
}
