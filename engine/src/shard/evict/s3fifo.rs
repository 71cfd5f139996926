//! S3-FIFO (Yang et al., SOSP 2023): three first-in-first-out queues and no lists.
//!
//! A new entry stands in a small queue, a tenth of all. When it reaches the front unused it goes, and its
//! fingerprint is remembered for a while in a *ghost*; used, it moves on to the main part. A key that comes
//! back while its ghost is there goes to the main part at once. So a scan passes through the small queue and
//! leaves the rest alone.
//!
//! The main part is not a queue here: a hand walks the table and takes the first entry whose use count is
//! down to zero, counting the others down (CLOCK). That needs the two bits that the table keeps beside each
//! handle, and nothing in the entry. The small queue holds what is needed to find an entry again, never a
//! handle; an entry that has gone meanwhile leaves a record that finds nothing. A new entry's count starts at
//! zero, so the hand, which cannot see which part an entry belongs to, also takes new ones that it meets
//! unused: to pass those once costs hit ratio on nearly every load.

use super::super::{Found, Place, Positions, Shard, named};
use crate::collections::ghost::Ghost;
use crate::collections::ring::Ring;
use crate::collections::table::{Slot, Table};
use crate::shard::parts::Parts;

/// The small queue's share of all entries: one in so many.
const SMALL_SHARE: usize = 10;
/// While nothing has to go the queue grows to this share of all entries, and some: then the oldest move on to
/// the main part unproved. So it stays short in a store that never fills, and where entries are removed as
/// fast as they come.
const UNPRESSED_SHARE: usize = 5;
const UNPRESSED_SLACK: usize = 64;
/// Rounds of the hand at most for one victim: three bring any count to zero, the fourth finds it, and the
/// first may begin in the middle.
const LAPS_MAX: usize = 5;

pub(super) struct Queues {
    /// Position's top 48 bits, tag, database: in the order in which they came. Of the database's number there
    /// is room for eight bits: entries of those beyond 255 are not found again, and count as the main part's.
    small: Ring,
    ghost: Ghost,
    hand: u64,
}

impl Default for Queues {
    fn default() -> Self {
        Self { small: Ring::new(), ghost: Ghost::new(0), hand: 0 }
    }
}

fn record(place: Place) -> u64 {
    (place.position >> 16 << 16) | (u64::from(place.tag) << 8) | u64::from(place.db as u8)
}

fn fingerprint(position: u64, tag: u8) -> u32 {
    (position >> 40) as u32 ^ (u32::from(tag) << 24)
}

impl Queues {
    pub(super) fn memory_bytes(&self) -> usize {
        self.small.memory_bytes() + self.ghost.memory_bytes()
    }

    /// An entry has come, and there are now `all`.
    #[inline]
    pub(super) fn inserted(&mut self, place: Place, slot: Slot, table: &mut Table, all: usize) {
        table.set_use_count(slot, 0);
        if !self.ghost.remove(fingerprint(place.position, place.tag)) {
            self.small.push(record(place));
            if self.small.len() > all / UNPRESSED_SHARE + UNPRESSED_SLACK {
                self.small.pop();
                // Also of one that has become too long since entries went.
                self.small.pop();
            }
        }
    }

    /// All entries have gone.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

impl<X: Parts, P: Positions> Shard<X, P> {
    /// The entry that has to go.
    pub(super) fn s3fifo_victim(&mut self) -> Option<(u16, Found)> {
        let all = self.slab.len();
        if all == 0 {
            return None;
        }
        self.evictor.s3fifo.ghost.fit(all);
        while self.evictor.s3fifo.small.len() > all / SMALL_SHARE {
            let Some(record) = self.evictor.s3fifo.small.pop() else { break };
            let (position, tag, db) = (record >> 16 << 16, (record >> 8) as u8, u16::from(record as u8));
            let Some((found, count)) = self.recorded(db, position, tag) else { continue };
            let table = &mut self.spaces[usize::from(db)].table;
            if count > 0 {
                // From here on it has to be used again before the hand comes.
                table.set_use_count(found.slot, 0);
                continue;
            }
            self.evictor.s3fifo.ghost.insert(fingerprint(position, tag));
            return Some((db, found));
        }
        self.clock_victim()
    }

    /// The entry that a record of the small queue is about, and its use count.
    fn recorded(&self, db: u16, position: u64, tag: u8) -> Option<(Found, u8)> {
        let table = &self.spaces[usize::from(db)].table;
        let slot = table.find(position, tag, |handle| {
            self.positions.position(self.slab.get(named(handle)).key()) >> 16 == position >> 16
        })?;
        Some((Found { slot, handle: named(table.handle(slot)) }, table.use_count(slot)))
    }

    /// The first entry that the hand meets with its use count down to zero.
    ///
    /// The hand stays at a bucket as long as there is such an entry, and counts down only what it leaves
    /// behind. If it moved on with each victim it would count a whole bucket down for it: entries that are
    /// in use would run out of count between two uses.
    fn clock_victim(&mut self) -> Option<(u16, Found)> {
        let db = self.crowded_db()?;
        let table = &mut self.spaces[usize::from(db)].table;
        let hand = &mut self.evictor.s3fifo.hand;
        for _ in 0..LAPS_MAX {
            loop {
                let mut victim = None;
                table.turn_hand(*hand, |slot, handle, count| {
                    if count == 0 && victim.is_none() {
                        victim = Some(Found { slot, handle: named(handle) });
                    }
                    count
                });
                if let Some(victim) = victim {
                    return Some((db, victim));
                }
                match table.turn_hand(*hand, |_, _, count| count.saturating_sub(1)) {
                    Some(next) => *hand = next,
                    None => break,
                }
            }
            *hand = 0;
        }
        None
    }
}
