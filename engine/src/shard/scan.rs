//! Walking a shard's keys in the order of their positions, in steps, while it changes.

use super::{Found, Positions, Shard, named};
use crate::raw::slab::EntryRef;
use crate::shard::parts::{Parts, is_live};
use crate::time::Millis;

impl<X: Parts, P: Positions> Shard<X, P> {
    /// Shows the live entries of the one bucket of `db` that holds the position `from`, and returns where the
    /// next bucket begins, or `None` after the last. The guarantee of `Table::scan_bucket` holds: an entry
    /// that is there throughout a walk from 0 to `None` is shown at least once.
    pub fn scan_step(
        &self,
        db: u16,
        from: u64,
        now: Millis,
        mut show: impl FnMut(Found, EntryRef<'_, X>),
    ) -> Option<u64> {
        self.spaces[usize::from(db)].table.scan_bucket(from, |slot, handle| {
            let handle = named(handle);
            let entry = self.slab.get(handle);
            if is_live(entry, now) {
                show(Found { slot, handle }, entry);
            }
        })
    }

    /// A live entry of `db`, chosen at random: evenly among the buckets tried, and in a bucket among its
    /// entries.
    pub fn random_entry(&mut self, db: u16, now: Millis) -> Option<Found> {
        if self.spaces[usize::from(db)].table.is_empty() {
            return None;
        }
        // Nearly every bucket has an entry; a walk follows for a table that is nearly empty or nearly all
        // expired.
        for _ in 0..16 {
            let from = self.random.next_u64();
            let mut seen = 0;
            let mut chosen = None;
            // The generator is the shard's, and the walk borrows the shard.
            let draws = self.random.next_u64();
            self.scan_step(db, from, now, |found, _| {
                seen += 1;
                if draws.rotate_left(seen) % u64::from(seen) == 0 {
                    chosen = Some(found);
                }
            });
            if chosen.is_some() {
                return chosen;
            }
        }
        let mut from = Some(self.random.next_u64());
        let mut chosen = None;
        for _ in 0..2 {
            while let Some(position) = from.filter(|_| chosen.is_none()) {
                from = self.scan_step(db, position, now, |found, _| chosen = Some(found));
            }
            from = Some(0);
        }
        chosen
    }
}
