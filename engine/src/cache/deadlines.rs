//! When something in a shard is over.
//!
//! The wheel has one record for each home of the table, and not one for each entry: under the earliest end
//! among those who live there, which is noted with the home. So an entry costs no memory here, and none of
//! its comings and goings has to be told but an end that is earlier than all others. When a record fires,
//! whoever is over goes, and the home is filed under the next end; nobody may be over, since ends move away
//! by use, or who was meant has gone before.
//!
//! A record knows its home by where its hashes end. So it is dead when the home is gone, or filed anew.

use std::ops::RangeInclusive;

use super::entry::NEVER;
use crate::collections::flat::NO_NOTE;
use crate::collections::wheel::{Answer, Record, Wheel};
use crate::time::Millis;

/// The low bits of a hash, which a record does not keep.
const UNKNOWN: u64 = u32::MAX as u64;

/// The ends of a shard's homes.
pub(super) struct Deadlines {
    wheel: Wheel,
    /// Before this moment there is nothing to do.
    due: Millis,
}

impl Deadlines {
    pub(super) fn new() -> Self {
        Self { wheel: Wheel::new(0), due: NEVER }
    }

    /// Whether there is something to do.
    #[inline]
    pub(super) fn is_due(&self, now: Millis) -> bool {
        self.due <= now
    }

    /// Whether there will ever be something to do.
    #[inline]
    pub(super) fn is_armed(&self) -> bool {
        self.due < NEVER
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.wheel.memory_bytes()
    }

    /// In the home that ends with this hash, and had another note so far, somebody is over at `moment`.
    #[inline]
    pub(super) fn file(&mut self, end: u64, note: u64, moment: Millis) {
        if note != NO_NOTE {
            self.forget();
        }
        self.wheel.insert(end, (end >> UNKNOWN.count_ones()) as u8, moment);
        self.due = self.due.min(moment);
    }

    /// A home has another note than it was filed under, or is gone.
    pub(super) fn forget(&mut self) {
        self.wheel.note_dead();
        if self.wheel.wants_sweep() {
            self.due = 0;
        }
    }

    /// Has `fire` see to the homes that are due, at most `budget` of them. What it answers is the home's next
    /// moment, [`NEVER`] if there is none, or `None` if there is no such home. Whether there is more to do.
    pub(super) fn advance(
        &mut self,
        now: Millis,
        budget: usize,
        mut fire: impl FnMut(&Filed) -> Option<Millis>,
    ) -> bool {
        let more = self.wheel.advance(now, budget, |record| match fire(&Filed(record)) {
            None => Answer::Dead,
            Some(NEVER) => Answer::Expired,
            Some(next) => Answer::Again(next),
        });
        self.due = if self.wheel.wants_sweep() { 0 } else { self.wheel.next_due().unwrap_or(NEVER) };
        more
    }

    /// Throws away records of which `is_live` says that there is no such home, looking at `budget` of them.
    /// Whether there is more to do.
    pub(super) fn sweep(&mut self, budget: usize, mut is_live: impl FnMut(&Filed) -> bool) -> bool {
        if !self.wheel.wants_sweep() {
            return false;
        }
        let more = self.wheel.sweep(budget, |record| is_live(&Filed(record)));
        self.due = if self.wheel.wants_sweep() { 0 } else { self.wheel.next_due().unwrap_or(NEVER) };
        more
    }

    /// How many records there are.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.wheel.len()
    }
}

/// What is known of a home that was filed.
pub(super) struct Filed(Record);

impl Filed {
    /// The hashes among which that home ends.
    pub(super) fn hashes(&self) -> RangeInclusive<u64> {
        let first = self.0.position() | u64::from(self.0.tag()) << UNKNOWN.count_ones();
        first..=first | UNKNOWN
    }

    /// Whether a home with this note may be the one.
    pub(super) fn agrees(&self, note: u64) -> bool {
        note != NO_NOTE && self.0.agrees(note)
    }
}
