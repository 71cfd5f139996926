//! What a stream knows of itself without its entries, and what follows from that about groups.
//!
//! A group counts the entries it has read, so that it can say how many are left: its *lag*. The count is
//! worth something as long as no entry was deleted between what was read and the stream's end; where it is
//! not, the place in the stream may still tell it. The rules are Valkey's, whose replies show both numbers,
//! and `tests/differential` holds them.

use super::StreamId;

/// A stream's counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Tally {
    /// Entries that are there.
    pub len: u64,
    /// Entries that were ever added.
    pub entries_added: u64,
    /// The id of the first entry; nought without entries.
    pub first: StreamId,
    /// The greatest id that was ever given. The next one is greater.
    pub last: StreamId,
    /// The greatest id of an entry that was deleted by its id.
    pub max_deleted: StreamId,
}

impl Tally {
    /// Whether an entry may have been deleted by its id from `start` on.
    pub(super) fn has_gap_from(&self, start: StreamId) -> bool {
        self.len > 0 && self.max_deleted != StreamId::ZERO && start <= self.max_deleted
    }

    /// How many entries were ever added up to `id`, where the place of `id` tells it.
    pub(super) fn added_up_to(&self, id: StreamId) -> Option<u64> {
        if self.entries_added == 0 {
            return Some(0);
        }
        if self.len == 0 && id <= self.last {
            return Some(self.entries_added);
        }
        if id != StreamId::ZERO && id < self.max_deleted {
            return None;
        }
        if id == self.last {
            return Some(self.entries_added);
        }
        let whole = self.max_deleted == StreamId::ZERO || self.max_deleted < self.first;
        if id > self.last || !whole || id > self.first {
            return None;
        }
        let before_first = self.entries_added.wrapping_sub(self.len);
        Some(if id == self.first { before_first.wrapping_add(1) } else { before_first })
    }

    /// How many entries are left for a group that has read up to `last`, where that is known.
    pub(super) fn lag(&self, last: StreamId, entries_read: Option<u64>) -> Option<u64> {
        if self.entries_added == 0 {
            return Some(0);
        }
        let read = entries_read.filter(|_| !self.has_gap_from(last)).or_else(|| self.added_up_to(last));
        read.map(|read| self.entries_added.wrapping_sub(read))
    }
}
