//! Any entry, or any with a deadline.

use super::super::{Found, Positions, Shard};
use crate::shard::parts::Parts;

impl<X: Parts, P: Positions> Shard<X, P> {
    /// Any entry; an expired one that nobody has met yet will do too.
    pub(super) fn random_victim(&mut self) -> Option<(u16, Found)> {
        let db = self.crowded_db()?;
        self.random_entry(db, 0).map(|found| (db, found))
    }

    /// Any entry with a deadline.
    pub(super) fn random_volatile_victim(&mut self) -> Option<(u16, Found)> {
        let db = self.crowded_db()?;
        // A quarter of the records are dead at most, give or take those that a sweep has not met; they go on
        // the way.
        loop {
            let wheel = self.spaces[usize::from(db)].wheel.as_mut()?;
            let record = wheel.take_random(&mut self.random)?;
            let agreeing =
                self.agreeing(db, |deadline| record.agrees(deadline), record.position(), record.tag());
            if let Some(victim) = self.unfiled(db, agreeing) {
                return Some((db, victim));
            }
        }
    }
}
