//! Deadlines: filing them, and giving back what has expired, in bounded steps.
//!
//! A reader never meets an expired entry, since [`Shard::find`] looks at the deadline itself. The wheel is
//! there to give memory back, and to tell of the expiry, when the deadline comes and not when somebody looks.

use super::change::Log;
use super::{Found, Place, Positions, Shard, Space, named};
use crate::collections::wheel::{Answer, Wheel};
use crate::raw::slab::EntryRef;
use crate::shard::parts::Parts;
use crate::time::Millis;

/// What a step of expiry leaves to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expired {
    /// Whether more is due at this very moment.
    pub more: bool,
    /// Before this moment nothing else is.
    pub next_due: Option<Millis>,
}

/// Sweeping is due at any moment.
pub(super) const SWEEP_DUE: Millis = 0;

impl Space {
    /// Its wheels, as far as there are any.
    fn wheels(&self) -> impl Iterator<Item = &Wheel> {
        [&self.wheel, &self.parts].into_iter().filter_map(|wheel| wheel.as_deref())
    }

    /// A record of this database has died; whether it is time to sweep them up.
    pub(super) fn note_dead(&mut self) -> bool {
        self.wheel.as_mut().is_some_and(|wheel| {
            wheel.note_dead();
            wheel.wants_sweep()
        })
    }
}

impl<X: Parts, P: Positions> Shard<X, P> {
    /// Files an entry under its deadline.
    pub(super) fn arm(&mut self, place: Place, deadline: Millis, now: Millis) {
        let space = &mut self.spaces[usize::from(place.db)];
        space.volatile += 1;
        space.deadlines += u128::from(deadline);
        let wheel = space.wheel.get_or_insert_with(|| Box::new(Wheel::new(now)));
        wheel.insert(place.position, place.tag, deadline);
        self.armed = Some(self.armed.map_or(deadline, |armed| armed.min(deadline)));
    }

    /// An entry has lost the deadline it had.
    pub(super) fn disarm(&mut self, db: u16, deadline: Millis) {
        let space = &mut self.spaces[usize::from(db)];
        space.volatile -= 1;
        space.deadlines -= u128::from(deadline);
        if space.note_dead() {
            self.armed = Some(SWEEP_DUE);
        }
    }

    /// The deadline of an entry has changed from `old` to `new`. A later deadline needs a record of its own
    /// too: the old one would find the entry, but one that is not due for years should not be met every time
    /// its old moment comes.
    pub(super) fn rearm(&mut self, place: Place, old: Option<Millis>, new: Option<Millis>, now: Millis) {
        if old == new {
            return;
        }
        if let Some(deadline) = old {
            self.disarm(place.db, deadline);
        }
        if let Some(deadline) = new {
            self.arm(place, deadline, now);
        }
        self.recount(place.db);
    }

    /// Removes what has expired at `now`, at most about `budget` entries in all databases together, and
    /// sweeps wheels that are full of dead records by as much.
    pub fn expire_step(&mut self, now: Millis, budget: usize, log: &mut Log) -> Expired {
        let wheels: usize = self.spaces.iter().map(|space| space.wheels().count()).sum();
        // Each gets its share, so that none has to wait for another to be done.
        let budget = (budget / wheels.max(1)).max(1);
        let mut more = false;
        for db in 0..self.spaces.len() {
            more |= self.expire_parts(db as u16, now, budget, log);
            // Taken out so that the wheel and the rest of the shard can both be changed.
            let Some(mut wheel) = self.spaces[db].wheel.take() else { continue };
            let db = db as u16;
            more |= wheel.advance(now, budget, |record| {
                match self.agreeing(db, |entry| record.agrees(entry), record.position(), record.tag()) {
                    Some((found, deadline)) if deadline <= now => {
                        self.expire(db, found, log);
                        Answer::Expired
                    }
                    Some((_, deadline)) => Answer::Again(deadline),
                    None => Answer::Dead,
                }
            });
            if wheel.wants_sweep() {
                more |= wheel.sweep(budget, |record| {
                    self.agreeing(db, |entry| record.agrees(entry), record.position(), record.tag()).is_some()
                });
            }
            if !wheel.is_empty() {
                self.spaces[usize::from(db)].wheel = Some(wheel);
            }
            self.recount(db);
        }
        Expired { more, next_due: self.next_due() }
    }

    /// Before this moment there is nothing for [`expire_step`](Self::expire_step) to do.
    pub fn next_due(&self) -> Option<Millis> {
        let wheels = self.spaces.iter().flat_map(Space::wheels);
        wheels.filter_map(|wheel| if wheel.wants_sweep() { Some(SWEEP_DUE) } else { wheel.next_due() }).min()
    }

    /// The live entry that a wheel's record is about, with its deadline.
    pub(super) fn agreeing(
        &self,
        db: u16,
        agrees: impl Fn(Millis) -> bool,
        position: u64,
        tag: u8,
    ) -> Option<(Found, Millis)> {
        self.agreeing_by(db, |entry| entry.deadline(), agrees, position, tag)
    }

    /// The live entry that a wheel's record is about, with the moment it is filed under: one of those that
    /// lie about there and have a moment that the record remembers a part of.
    pub(super) fn agreeing_by(
        &self,
        db: u16,
        moment: impl Fn(EntryRef<'_, X>) -> Option<Millis>,
        agrees: impl Fn(Millis) -> bool,
        position: u64,
        tag: u8,
    ) -> Option<(Found, Millis)> {
        let mut best: Option<(Found, Millis)> = None;
        let table = &self.spaces[usize::from(db)].table;
        table.candidates((position >> 40) as u32, tag, |slot, handle| {
            let handle = named(handle);
            let entry = self.slab.get(handle);
            // A neighbour in the bucket may have the same tag and moment. Taken for the record's own entry,
            // it would leave its own record behind, which no longer leads to the other once the bucket has
            // split.
            let own = |_: &Millis| self.positions.position(entry.key()) >> 40 == position >> 40;
            let moment = moment(entry).filter(|moment| agrees(*moment)).filter(own);
            if let Some(moment) = moment
                && best.is_none_or(|(_, earliest)| moment < earliest)
            {
                best = Some((Found { slot, handle }, moment));
            }
        });
        best
    }
}
