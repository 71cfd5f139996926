//! Who has to go when the cache is full. One policy, one file; this one holds what they share.

mod lists;
mod s3fifo;

use super::shard::{Found, Place, Shard};

pub(super) use self::lists::Lists;
pub(super) use self::s3fifo::{S3Fifo, USED_MAX};

/// Which entries give way to others when a cache is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
#[non_exhaustive]
pub enum Policy {
    /// New entries prove themselves in a small queue first; the rest is passed by a clock hand (Yang et al.,
    /// SOSP 2023). The best on nearly every load, and reads write next to nothing.
    #[default]
    S3Fifo,
    /// The one that was used least recently, exactly.
    Lru,
    /// The one that is used least often, among those the least recent. Counts are logarithmic and fade.
    Lfu,
    /// The one that was put in first.
    Fifo,
}

/// A policy at work in one shard.
pub(super) enum State {
    S3Fifo(S3Fifo),
    Lists(Lists),
}

impl State {
    pub(super) fn new(policy: Policy, small_thousandths: u64) -> Self {
        match policy {
            Policy::S3Fifo => Self::S3Fifo(S3Fifo::new(small_thousandths)),
            Policy::Lru | Policy::Lfu | Policy::Fifo => Self::Lists(Lists::new(policy)),
        }
    }

    pub(super) fn memory_bytes(&self) -> usize {
        match self {
            Self::S3Fifo(queues) => queues.memory_bytes(),
            Self::Lists(lists) => lists.memory_bytes(),
        }
    }

    pub(super) fn clear(&mut self) {
        match self {
            Self::S3Fifo(queues) => queues.clear(),
            Self::Lists(lists) => lists.clear(),
        }
    }
}

impl<K, V> Shard<K, V> {
    /// Hints that an entry will be looked for, and put in if it is not there.
    #[inline]
    pub(super) fn policy_prefetch(&self, place: Place) {
        if let State::S3Fifo(queues) = &self.policy {
            queues.prefetch(place, &self.table);
        }
    }

    /// An entry has come. `roomy` says whether the cache is far from full.
    pub(super) fn policy_inserted(&mut self, found: Found, hash: u64, roomy: bool) {
        let place = self.place(hash);
        match &mut self.policy {
            State::S3Fifo(queues) => queues.inserted(place, roomy),
            State::Lists(lists) => lists.inserted(found.handle),
        }
    }

    /// An entry was used.
    #[inline]
    pub(super) fn policy_used(&mut self, found: Found) {
        match &mut self.policy {
            State::S3Fifo(_) => {
                let count = self.table.use_count(found.slot);
                // A line is written to only as long as that says something new.
                if count < USED_MAX {
                    self.table.set_use_count(found.slot, count + 1);
                }
            }
            State::Lists(lists) => lists.used(found.handle, &mut self.random),
        }
    }

    /// An entry is about to be removed.
    pub(super) fn policy_removed(&mut self, found: Found) {
        if let State::Lists(lists) = &mut self.policy {
            lists.removed(found.handle);
        }
    }

    /// The entry that has to go.
    pub(super) fn victim(&mut self) -> Option<Found> {
        match &mut self.policy {
            State::S3Fifo(_) => self.s3fifo_victim(),
            State::Lists(lists) => {
                let handle = lists.victim()?;
                let hash = self.slab.get(handle).hash();
                let place = self.place(hash);
                let slot = self.table.find_handle(place.position, place.tag, handle.to_bits());
                slot.map(|slot| Found { slot, handle })
            }
        }
    }
}
