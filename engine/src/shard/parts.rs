//! Parts of an entry's object that perish before the entry does.
//!
//! An object may have parts with deadlines of their own. To the shard it only says when the next of them is
//! due, and under that moment its entry is filed in a second wheel, as it is in the first under its own
//! deadline. What is due is removed in bounded steps: when the wheel fires, and whenever the entry is looked
//! up. An object of which every part has perished is as good as gone: its entry is removed at once, whatever
//! the number of parts.
//!
//! A second wheel, since the first is also where eviction looks for entries that have a deadline.
//!
//! Invariant: every entry whose object says that a part is due some time has a record in its database's wheel
//! of parts that agrees with that moment, and is counted in `perishing`.

use super::change::{Event, Log};
use super::expire::SWEEP_DUE;
use super::{Found, Place, Positions, Shard, Space};
use crate::collections::wheel::{Answer, Wheel};
use crate::raw::heap::HeapBytes;
use crate::raw::slab::{EntryRef, NewValue, ValueMut, ValueRef};
use crate::time::Millis;

/// What a shard asks of the objects that its entries own.
pub trait Parts: HeapBytes {
    /// When the next of its parts perishes, or has perished and is still there. Asked on every look-up.
    fn next_due(&self) -> Option<Millis>;

    /// Whether it had parts and none that has not perished is left.
    fn all_perished(&self, now: Millis) -> bool;

    /// Removes parts that have perished, at most `budget` of them; how many.
    fn remove_perished(&mut self, now: Millis, budget: usize) -> usize;

    /// How many parts it has that perish some time.
    fn perishing(&self) -> usize;
}

/// What Valkey tells when parts have perished: only fields of hashes do.
const PART_EXPIRED: Event = Event::HExpired;
/// Parts removed when an entry is looked up: some 10 us.
const PARTS_IN_PASSING: usize = 32;
/// Parts removed for one record of a wheel.
const PARTS_PER_RECORD: usize = 4;

/// When the next part of what an entry holds is due.
#[inline]
pub(super) fn next_due<X: Parts>(entry: EntryRef<'_, X>) -> Option<Millis> {
    match entry.value() {
        ValueRef::Heap(object) => object.next_due(),
        ValueRef::Inline(_) => None,
    }
}

/// When the next part of a value is due that goes into an entry.
#[inline]
pub(super) fn next_due_of_new<X: Parts>(value: &NewValue<'_, X>) -> Option<Millis> {
    match value {
        NewValue::Heap(object) => object.next_due(),
        _ => None,
    }
}

/// Whether an entry is there for a reader.
#[inline]
pub(super) fn is_live<X: Parts>(entry: EntryRef<'_, X>, now: Millis) -> bool {
    entry.deadline().is_none_or(|deadline| deadline > now)
        && match entry.value() {
            ValueRef::Heap(object) => {
                object.next_due().is_none_or(|due| due > now) || !object.all_perished(now)
            }
            ValueRef::Inline(_) => true,
        }
}

impl Space {
    /// Heap bytes of the wheel of parts.
    pub(super) fn parts_bytes(&self) -> usize {
        self.parts.as_ref().map_or(0, |wheel| wheel.memory_bytes() + size_of_val(&**wheel))
    }
}

impl<X: Parts, P: Positions> Shard<X, P> {
    /// When the next part of an entry's object is due.
    #[inline]
    pub fn part_due(&self, found: Found) -> Option<Millis> {
        next_due(self.slab.get(found.handle))
    }

    /// An entry's object has been changed, of which a part was due at `before`.
    #[inline]
    pub fn parts_changed(&mut self, place: Place, found: Found, before: Option<Millis>, now: Millis) {
        let after = self.part_due(found);
        if before != after {
            self.refile(place, before, after, now);
        }
    }

    /// How many entries of a database have parts that perish some time.
    pub fn perishing(&self, db: u16) -> usize {
        self.spaces[usize::from(db)].perishing
    }

    /// Counts parts that somebody else than the shard found perished.
    pub fn count_perished(&mut self, count: usize) {
        self.counters.expired_parts += count as u64;
    }

    /// Files an entry under the moment at which its next part is due, and no more under the one before.
    pub(super) fn refile(
        &mut self,
        place: Place,
        before: Option<Millis>,
        after: Option<Millis>,
        now: Millis,
    ) {
        if before.is_some() {
            self.unfile(place.db);
        }
        if let Some(due) = after {
            let space = &mut self.spaces[usize::from(place.db)];
            space.perishing += 1;
            space.parts.get_or_insert_with(|| Box::new(Wheel::new(now))).insert(
                place.position,
                place.tag,
                due,
            );
            self.armed = Some(self.armed.map_or(due, |armed| armed.min(due)));
        }
        self.recount(place.db);
    }

    /// An entry's record in the wheel of parts has died.
    pub(super) fn unfile(&mut self, db: u16) {
        let space = &mut self.spaces[usize::from(db)];
        space.perishing -= 1;
        if let Some(wheel) = &mut space.parts {
            wheel.note_dead();
            if wheel.wants_sweep() {
                self.armed = Some(SWEEP_DUE);
            }
        }
    }

    /// Some part of an entry that was looked up has perished; the entry, if it is still there.
    #[cold]
    #[inline(never)]
    pub(super) fn perish(&mut self, place: Place, found: Found, now: Millis, log: &mut Log) -> Option<Found> {
        let before = self.part_due(found);
        if !self.remove_perished(place.db, found, now, PARTS_IN_PASSING, log) {
            return None;
        }
        self.parts_changed(place, found, before, now);
        Some(found)
    }

    /// Removes what has perished of an entry's object, or the entry if that is everything; whether it is
    /// still there. Its record is left to the caller, unless it is gone.
    fn remove_perished(&mut self, db: u16, found: Found, now: Millis, budget: usize, log: &mut Log) -> bool {
        let ValueMut::Heap(mut object) = self.slab.value_mut(found.handle) else { return true };
        let all = object.all_perished(now);
        let count = if all { object.perishing() } else { object.remove_perished(now, budget) };
        drop(object);
        self.counters.expired_parts += count as u64;
        log.happened(db, self.slab.get(found.handle).key(), PART_EXPIRED);
        if all {
            log.happened(db, self.slab.get(found.handle).key(), Event::Del);
            self.remove(db, found);
        }
        !all
    }

    /// Removes parts that are due, as [`expire_step`](Self::expire_step) does entries; whether there are more
    /// at this moment.
    pub(super) fn expire_parts(&mut self, db: u16, now: Millis, budget: usize, log: &mut Log) -> bool {
        // Taken out so that the wheel and the rest of the shard can both be changed.
        let Some(mut wheel) = self.spaces[usize::from(db)].parts.take() else { return false };
        let mut more = wheel.advance(now, budget, |record| {
            match self.agreeing_by(db, next_due, |due| record.agrees(due), record.position(), record.tag()) {
                Some((found, due)) if due <= now => {
                    if !self.remove_perished(db, found, now, PARTS_PER_RECORD, log) {
                        return Answer::Expired;
                    }
                    match self.part_due(found) {
                        Some(due) => Answer::Again(due),
                        None => {
                            self.spaces[usize::from(db)].perishing -= 1;
                            Answer::Expired
                        }
                    }
                }
                Some((_, due)) => Answer::Again(due),
                None => Answer::Dead,
            }
        });
        if wheel.wants_sweep() {
            more |= wheel.sweep(budget, |record| {
                let (position, tag) = (record.position(), record.tag());
                self.agreeing_by(db, next_due, |due| record.agrees(due), position, tag).is_some()
            });
        }
        if !wheel.is_empty() {
            self.spaces[usize::from(db)].parts = Some(wheel);
        }
        self.recount(db);
        more
    }
}
