//! The entry whose deadline is nearest. The wheel knows: exactly within the next quarter of a second, and
//! further ahead the nearest of a hundred of the first slot in use.

use super::super::{Found, Positions, Shard};
use crate::shard::parts::Parts;
use crate::time::Millis;

impl<X: Parts, P: Positions> Shard<X, P> {
    /// The entry that would expire first.
    pub(super) fn soonest_victim(&mut self) -> Option<(u16, Found)> {
        loop {
            let wheels = self.spaces.iter().zip(0..);
            let due = wheels.filter_map(|(space, db)| Some((space.wheel.as_ref()?.next_due()?, db)));
            let (_, db) = due.min()?;
            let record = self.spaces[usize::from(db)].wheel.as_mut()?.take_soonest()?;
            let agreeing =
                self.agreeing(db, |deadline| record.agrees(deadline), record.position(), record.tag());
            if let Some(victim) = self.unfiled(db, agreeing) {
                return Some((db, victim));
            }
        }
    }

    /// What the caller found for a record that it has taken out of the wheel. Removing the entry counts a
    /// dead record, and this one is no longer there to be dead: so it is counted buried, and so is one
    /// without an entry.
    pub(super) fn unfiled(&mut self, db: u16, agreeing: Option<(Found, Millis)>) -> Option<Found> {
        if let Some(wheel) = &mut self.spaces[usize::from(db)].wheel {
            wheel.note_buried();
        }
        self.recount(db);
        agreeing.map(|(found, _)| found)
    }
}
