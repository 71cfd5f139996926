//! Who has to go when the cache is full. One policy, one file; this one holds what they share.

mod lists;
mod s3fifo;

use super::shard::Shard;
use crate::collections::flat::At;

pub(super) use self::lists::Lists;
pub(super) use self::s3fifo::S3Fifo;

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

    /// An entry has moved.
    pub(super) fn moved(&mut self, from: At, to: At) {
        if let Self::Lists(lists) = self {
            lists.moved(from, to);
        }
    }

    /// No entry lies on this side any more.
    pub(super) fn left(&mut self, side: usize) {
        if let Self::Lists(lists) = self {
            lists.left(side);
        }
    }
}

impl<K, V> Shard<K, V> {
    /// Hints that an entry will be looked for, and put in if it is not there.
    #[inline]
    pub(super) fn policy_prefetch(&self, hash: u64) {
        self.map.prefetch_free(hash);
        if let State::S3Fifo(queues) = &self.policy {
            queues.prefetch(hash);
        }
    }

    /// An entry has come. `roomy` says whether the cache is far from full.
    pub(super) fn policy_inserted(&mut self, at: At, hash: u64, roomy: bool) {
        match &mut self.policy {
            State::S3Fifo(queues) => queues.inserted(hash, roomy),
            State::Lists(lists) => lists.inserted(at),
        }
    }

    /// An entry was used.
    #[inline]
    pub(super) fn policy_used(&mut self, at: At) {
        match &mut self.policy {
            State::S3Fifo(_) => self.map.count_use(at),
            State::Lists(lists) => lists.used(at, &mut self.random),
        }
    }

    /// An entry is about to be removed.
    pub(super) fn policy_removed(&mut self, at: At) {
        if let State::Lists(lists) = &mut self.policy {
            lists.removed(at);
        }
    }

    /// The entry that has to go.
    pub(super) fn victim(&mut self) -> Option<At> {
        match &mut self.policy {
            State::S3Fifo(queues) => queues.victim(&mut self.map),
            State::Lists(lists) => lists.victim(),
        }
    }
}
