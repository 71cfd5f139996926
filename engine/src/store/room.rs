//! The memory limit: what is held, and making room.
//!
//! Each shard's bytes are exact under its lock. Their sum is kept in one counter that shards bring up to date
//! in lots, so that small changes of many threads do not meet on one cache line; what is not yet accounted is
//! less than a thousandth of the limit. Room is made before a command takes its locks, one shard at a time,
//! from any shard.

use super::view::View;
use super::{Locked, Store};
use crate::OutOfMemory;
use crate::raw::extents::slack_bytes;
use crate::shard::evict::{Policy, Tuning};
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, AtomicIsize, AtomicUsize, Ordering::Relaxed};
use crate::time::Millis;

/// Bytes a shard may be out of date by when there is no limit.
const LOT_BYTES_MAX: usize = 64 * 1024;
/// Evictions for each time a shard is locked.
const EVICTIONS_PER_LOCK: usize = 16;
/// Passing the limit by one part in so many is put up with for a while: up to there an operation evicts no
/// more than [`EVICTIONS_PER_CALL`] and leaves the rest to those that follow. What is evicted leaves holes
/// first, and in a full store it takes some per cent of all entries until they become pages; one operation
/// alone would be long about it.
const TOLERANCE_SHARE: usize = 256;
const EVICTIONS_PER_CALL: usize = 128;

pub(super) struct Room {
    max_bytes: AtomicUsize,
    lot_bytes: AtomicUsize,
    /// Of all shards, but for what is left of their lots.
    shards_bytes: AtomicIsize,
    /// What others told us they hold: client buffers.
    outside_bytes: AtomicIsize,
    peak_bytes: AtomicUsize,
    policy: Mutex<(Policy, Tuning)>,
    /// Whether the policy evicts at all.
    evicts: AtomicBool,
    next_shard: AtomicUsize,
}

impl Room {
    pub(super) fn new(max_bytes: usize, policy: Policy, tuning: Tuning, shards: usize) -> Self {
        let room = Self {
            max_bytes: AtomicUsize::new(0),
            lot_bytes: AtomicUsize::new(LOT_BYTES_MAX),
            shards_bytes: AtomicIsize::new(0),
            outside_bytes: AtomicIsize::new(0),
            peak_bytes: AtomicUsize::new(0),
            policy: Mutex::new((policy, tuning)),
            evicts: AtomicBool::new(policy != Policy::NoEviction),
            next_shard: AtomicUsize::new(0),
        };
        room.limit(max_bytes, shards);
        room
    }

    fn limit(&self, max_bytes: usize, shards: usize) {
        let lot = if max_bytes == 0 { LOT_BYTES_MAX } else { (max_bytes / 1024 / shards).min(LOT_BYTES_MAX) };
        self.lot_bytes.store(lot, Relaxed);
        self.max_bytes.store(max_bytes, Relaxed);
    }

    fn used(&self) -> usize {
        let sum = self.shards_bytes.load(Relaxed) + self.outside_bytes.load(Relaxed);
        usize::try_from(sum).unwrap_or(0).saturating_add(slack_bytes())
    }

    /// Brings the account up to date with a shard that has changed.
    #[inline]
    pub(super) fn account(&self, locked: &mut Locked) {
        let bytes = locked.shard.bytes();
        if bytes.abs_diff(locked.accounted_bytes) > self.lot_bytes.load(Relaxed) {
            self.account_in_full(locked);
            self.peak_bytes.fetch_max(self.used(), Relaxed);
        }
    }

    fn account_in_full(&self, locked: &mut Locked) {
        let bytes = locked.shard.bytes();
        let change = bytes as isize - std::mem::replace(&mut locked.accounted_bytes, bytes) as isize;
        self.shards_bytes.fetch_add(change, Relaxed);
    }
}

#[cfg(test)]
impl Room {
    pub(super) fn shards_bytes(&self) -> isize {
        self.shards_bytes.load(Relaxed)
    }
}

impl Store {
    /// What the store holds, in bytes: pages in full, tables, wheels, large values, the holes between these
    /// (of all stores of the process together), and what [`note_outside`](Self::note_outside) was told of.
    pub fn used_bytes(&self) -> usize {
        self.walk().used_bytes()
    }

    /// The same without taking a lock, and so out of date by less than a thousandth of the limit.
    pub fn accounted_bytes(&self) -> usize {
        self.room.used()
    }

    /// The most it has held, as far as it has been accounted: [`used_bytes`](Self::used_bytes) may be a
    /// little more.
    pub fn peak_bytes(&self) -> usize {
        self.room.peak_bytes.load(Relaxed)
    }

    /// Tells of memory that somebody holds on behalf of this store's users, such as client buffers: it counts
    /// against the limit. `change` is in bytes.
    pub fn note_outside(&self, change: isize) {
        self.room.outside_bytes.fetch_add(change, Relaxed);
    }

    /// What [`note_outside`](Self::note_outside) was told of and not yet told the end of, in bytes.
    pub fn outside_bytes(&self) -> usize {
        usize::try_from(self.room.outside_bytes.load(Relaxed)).unwrap_or(0)
    }

    /// The memory limit in bytes; 0 for none.
    pub fn max_memory(&self) -> usize {
        self.room.max_bytes.load(Relaxed)
    }

    /// Changes the memory limit; 0 for none. Room is made by the operations that follow.
    pub fn set_max_memory(&self, bytes: usize) {
        self.walk().set_max_memory(bytes);
    }

    pub(super) fn is_full(&self) -> bool {
        let max = self.room.max_bytes.load(Relaxed);
        max != 0 && self.room.used() > max && !self.room.evicts.load(Relaxed)
    }

    /// The policy, and what it is told.
    pub fn policy(&self) -> (Policy, Tuning) {
        *self.room.policy.lock()
    }

    /// Changes the policy, and what it is told.
    pub fn set_policy(&self, policy: Policy, tuning: Tuning) {
        self.walk().set_policy(policy, tuning);
    }

    /// Evicts until the memory limit holds with `bytes` more than now. Call it before an operation that takes
    /// memory, and not while a [`View`] is open; and after one, with 0 bytes, as it may have
    /// taken more than was foreseen. Then the limit is passed by half a per cent at most, if there is enough
    /// to evict.
    ///
    /// # Errors
    /// When the limit is passed already and the policy finds nothing to evict.
    #[inline]
    pub fn make_room(&self, bytes: usize, now: Millis) -> Result<(), OutOfMemory> {
        let max = self.room.max_bytes.load(Relaxed);
        if max == 0 || self.room.used().saturating_add(bytes) <= max {
            return Ok(());
        }
        self.evict_down_to(max, bytes, now)
    }

    #[cold]
    fn evict_down_to(&self, max: usize, bytes: usize, now: Millis) -> Result<(), OutOfMemory> {
        let refused = || if self.room.used() > max { Err(OutOfMemory) } else { Ok(()) };
        if !self.room.evicts.load(Relaxed) {
            return refused();
        }
        // What can never fit is no reason to evict everything else before it is there.
        let bytes = if bytes > max { 0 } else { bytes };
        let tolerated = max.saturating_add(max / TOLERANCE_SHARE);
        let shards = self.shards.len();
        let (mut evicted, mut in_vain) = (0, 0);
        loop {
            let wanted = self.room.used().saturating_add(bytes);
            if wanted <= max || (wanted <= tolerated && evicted >= EVICTIONS_PER_CALL) {
                return Ok(());
            }
            if in_vain == shards {
                return refused();
            }
            let index = self.room.next_shard.fetch_add(1, Relaxed) % shards;
            let here = self.evict_from(index, wanted - max, now);
            evicted += here;
            in_vain = if here == 0 { in_vain + 1 } else { 0 };
        }
    }

    /// Evicts some entries of one shard, to get `target` bytes or a part of them; how many.
    fn evict_from(&self, index: usize, target: usize, now: Millis) -> usize {
        let mut evicted = 0;
        let Some(mut view) = View::of_shard(self, index, now) else { return 0 };
        let (locked, log) = view.only_shard();
        let before = locked.shard.bytes();
        while evicted < EVICTIONS_PER_LOCK
            && before.saturating_sub(locked.shard.bytes()) < target
            && locked.shard.evict(now, log)
        {
            evicted += 1;
        }
        // In full, so that the caller sees what it has done.
        self.room.account_in_full(locked);
        view.settle_anyway();
        evicted
    }
}

impl View<'_> {
    /// See [`Store::used_bytes`].
    pub fn used_bytes(&mut self) -> usize {
        let mut held = 0;
        self.each_shard(|locked| held += locked.shard.bytes());
        held + self.store().outside_bytes() + slack_bytes()
    }

    /// See [`Store::set_max_memory`].
    pub fn set_max_memory(&mut self, bytes: usize) {
        let room = &self.store().room;
        room.limit(bytes, self.shards());
        // Lots that were small beside the old limit may be large beside the new one.
        self.each_shard(|locked| room.account_in_full(locked));
    }

    /// See [`Store::set_policy`].
    pub fn set_policy(&mut self, policy: Policy, tuning: Tuning) {
        let room = &self.store().room;
        *room.policy.lock() = (policy, tuning);
        room.evicts.store(policy != Policy::NoEviction, Relaxed);
        self.each_shard(|locked| {
            // The one that holds by now: of two who set it at once the last one decides for every shard.
            let (policy, tuning) = *room.policy.lock();
            locked.shard.set_policy(policy, tuning);
            room.account_in_full(locked);
        });
    }
}
