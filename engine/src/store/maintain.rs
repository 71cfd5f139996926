//! What is done after an operation, still under its locks and right after them, and what is done in between.

use super::lock::BRIEFLY;
use super::view::View;
use super::waiters::{Registration, Waiter};
use super::{Locked, Store, Watch};
use crate::raw::heap::HeapBytes;
use crate::raw::slab::ByteSlab;
use crate::shard::change::Log;
use crate::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use crate::sync::{Arc, Mutex, MutexGuard};
use crate::time::Millis;
use crate::types::Object;

/// Entries that expire in one step of maintenance, under one lock: some 30 us.
const EXPIRED_PER_STEP: usize = 128;
/// Entries moved in one step out of sparse pages, and steps in one round for each shard.
const MOVED_PER_STEP: usize = 128;
const COMPACTIONS_MAX: usize = 1024;
/// Entries that expire on the way when an operation has locked a shard in which some are due.
const EXPIRED_IN_PASSING: usize = 8;

/// When to come again to a shard that somebody holds for long.
const LATER_MILLIS: Millis = 10;

/// An object that holds so much is dropped by [`Store::drop_removed`], if somebody calls that: taking a
/// collection of so many bytes apart takes some tens of microseconds.
const LARGE_BYTES: usize = 256 * 1024;

#[cfg(test)]
impl Trash {
    /// How many values wait to be dropped.
    pub(super) fn objects(&self) -> usize {
        self.objects.len()
    }
}

/// Wakes whoever calls [`Store::maintain`], because a deadline has come nearer than it was told.
pub type Waker = Arc<dyn Fn() + Send + Sync>;

/// When maintenance is due, and whom to wake when that changes.
#[derive(Default)]
pub(super) struct Alarm {
    /// 0: nobody waits.
    at: AtomicU64,
    waker: Mutex<Option<Waker>>,
    paused: AtomicBool,
    /// Whether what has expired stays, also when somebody meets it.
    keeps_expired: AtomicBool,
    /// Whether somebody calls [`Store::drop_removed`].
    tended: AtomicBool,
}

impl Alarm {
    /// Whether nothing expires by itself.
    fn is_paused(&self) -> bool {
        self.paused.load(Relaxed) || self.keeps_expired.load(Relaxed)
    }
}

/// What [`Store::maintain`] leaves to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Maintained {
    /// When to call again, in milliseconds since the epoch: at once if that has passed; `None`: when woken.
    pub next: Option<Millis>,
}

/// A round of maintenance that goes on.
pub struct Round<'s> {
    store: &'s Store,
    now: Millis,
    paused: bool,
    /// The next to be looked at.
    shard: usize,
    /// How often entries of this shard have been moved in this round.
    compactions: usize,
    next: Option<Millis>,
}

/// What a step of a [`Round`] was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A look at a shard in which there was nothing to do.
    Idle,
    /// Some tens of microseconds' work, some of it on entries that have expired.
    Expired,
    /// Other work of that length, or a wait for a shard that somebody held.
    Worked,
    /// None: the round is over.
    Over,
}

impl Round<'_> {
    /// Does a little, under one lock.
    pub fn step(&mut self) -> Step {
        if self.shard == self.store.shards.len() {
            return Step::Over;
        }
        let Some(mut view) = View::of_shard(self.store, self.shard, self.now) else {
            // Another time, soon.
            self.next = Some(self.now + LATER_MILLIS);
            self.shard += 1;
            self.compactions = 0;
            return Step::Worked;
        };
        let (locked, log) = view.only_shard();
        let due = !self.paused && locked.due <= self.now;
        let sparse = locked.shard.is_sparse();
        let mut more = due && locked.expire_some(self.now, EXPIRED_PER_STEP, log);
        if sparse {
            locked.shard.compact(MOVED_PER_STEP);
            // It ends when no entry is left that could be moved, and it needs not end in this round.
            self.compactions += 1;
            more |= locked.shard.is_sparse() && self.compactions < COMPACTIONS_MAX;
        }
        if !more {
            let due = Some(locked.due).filter(|due| *due != Millis::MAX && !self.paused);
            self.next = self.next.into_iter().chain(due).min();
            self.shard += 1;
            self.compactions = 0;
        }
        view.settle_anyway();
        drop(view);
        match (due, sparse) {
            (true, _) => Step::Expired,
            (false, true) => Step::Worked,
            (false, false) => Step::Idle,
        }
    }

    /// Says when the next round is due.
    pub fn end(self) -> Maintained {
        if let Some(next) = self.next {
            self.store.alarm.at.fetch_min(next, Relaxed);
        }
        Maintained { next: self.next }
    }
}

/// What an operation leaves to be done once its locks are gone.
#[derive(Default)]
pub(super) struct Settling {
    /// Boxed, since nearly every operation leaves none.
    garbage: Option<Box<Garbage>>,
    due: Option<Millis>,
    /// Whether observers were told of something.
    told: bool,
}

/// What was removed, to be dropped, and what else is left after few operations.
#[derive(Default)]
struct Garbage {
    objects: Vec<Object>,
    slabs: Vec<ByteSlab<Object>>,
    /// Who was served, to be woken.
    served: Vec<Arc<dyn Waiter>>,
}

/// What takes so long to drop that a thread that serves nobody does it.
#[derive(Default)]
pub(super) struct Trash {
    pub(super) slabs: Vec<ByteSlab<Object>>,
    objects: Vec<Object>,
    /// Who waits or watches no more, and could not say so where somebody held a shard for long.
    pub(super) leaving: Vec<Leaving>,
}

/// Something that still stands in shards, and nobody cares for.
pub(super) enum Leaving {
    Waiter(Registration),
    Watch(Arc<Watch>),
}

impl Settling {
    /// Brings accounts up to date and takes what is to be dropped, under the lock.
    #[inline]
    pub(super) fn settle(&mut self, store: &Store, locked: &mut Locked) {
        store.room.account(locked);
        if let Some(armed) = locked.shard.take_armed()
            && armed < locked.due
        {
            locked.due = armed;
            self.due = Some(self.due.map_or(armed, |due| due.min(armed)));
        }
        if locked.shard.has_garbage() {
            let garbage = self.garbage.get_or_insert_default();
            garbage.objects.append(&mut locked.shard.take_garbage());
            garbage.slabs.append(&mut locked.shard.take_remains());
        }
    }

    #[cold]
    pub(super) fn wake_later(&mut self, waiter: Arc<dyn Waiter>) {
        self.garbage.get_or_insert_default().served.push(waiter);
    }

    /// Observers were told of something, and are to know when the locks are gone.
    #[cold]
    pub(super) fn observers_told(&mut self) {
        self.told = true;
    }

    /// Whether there is nothing to [finish](Self::finish).
    #[inline]
    pub(super) fn is_over(&self) -> bool {
        self.garbage.is_none() && self.due.is_none() && !self.told
    }

    /// Drops what was taken, wakes who was served, and sees that a nearer deadline is known of. After the
    /// locks.
    #[inline]
    pub(super) fn finish(mut self, store: &Store) {
        if let Some(garbage) = &mut self.garbage
            && store.alarm.tended.load(Relaxed)
        {
            let large = garbage.objects.extract_if(.., |object| object.heap_bytes() >= LARGE_BYTES);
            let large: Vec<Object> = large.collect();
            if !large.is_empty() {
                store.trash.lock().objects.extend(large);
            }
        }
        if let Some(due) = self.due
            && due < store.alarm.at.load(Relaxed)
        {
            store.wake_maintenance();
        }
        if let Some(garbage) = &self.garbage {
            garbage.served.iter().for_each(|waiter| waiter.wake());
        }
        if self.told {
            store.observers.unlocked();
        }
    }

    /// The databases that were flushed, for somebody else to take apart.
    pub(super) fn take_remains(&mut self) -> Vec<ByteSlab<Object>> {
        self.garbage.as_mut().map(|garbage| std::mem::take(&mut garbage.slabs)).unwrap_or_default()
    }
}

impl Locked {
    /// Removes some of what has expired, on the way.
    #[inline]
    pub(super) fn expire_in_passing(&mut self, store: &Store, now: Millis, log: &mut Log) {
        if self.due <= now && !store.alarm.is_paused() {
            self.expire_some(now, EXPIRED_IN_PASSING, log);
        }
    }

    #[cold]
    fn expire_some(&mut self, now: Millis, budget: usize, log: &mut Log) -> bool {
        let expired = self.shard.expire_step(now, budget, log);
        // At any moment, not at this one: the clock may be set back before the rest is done.
        self.due = if expired.more { 0 } else { expired.next_due.unwrap_or(Millis::MAX) };
        expired.more
    }
}

impl Store {
    /// One round of what has to be done in between: gives back what has expired at `now`, empties sparse
    /// pages, and takes flushed databases apart. Every lock is held for some tens of microseconds at most.
    ///
    /// Nothing is wrong if nobody calls it: no expired entry is ever seen, and operations do some of this on
    /// their way.
    pub fn maintain(&self, now: Millis) -> Maintained {
        let mut round = self.begin_round(now);
        while round.step() != Step::Over {}
        self.drop_removed();
        round.end()
    }

    /// Begins a round of [`maintain`](Self::maintain), to be taken in steps by a thread that has other things
    /// to do in between.
    pub fn begin_round(&self, now: Millis) -> Round<'_> {
        // Whoever arms an earlier deadline from here on wakes us, also if this round has passed its shard
        // already.
        self.alarm.at.store(Millis::MAX, Relaxed);
        let paused = self.alarm.is_paused();
        Round { store: self, now, paused, shard: 0, compactions: 0, next: None }
    }

    /// Takes databases apart that were flushed in passing, and large values that were removed: long work, and
    /// under no lock.
    pub fn drop_removed(&self) {
        let Trash { slabs, objects, leaving } = std::mem::take(&mut *self.trash.lock());
        drop((slabs, objects));
        for leaving in leaving {
            match leaving {
                Leaving::Waiter(registration) => self.forget(registration),
                Leaving::Watch(watch) => self.unwatch(&watch),
            }
        }
    }

    /// Locks a shard to strike somebody off. Where that takes long, none, if somebody comes back for it:
    /// whoever leaves may be the one thread that can end what takes so long.
    pub(super) fn lock_to_strike(&self, index: usize) -> Option<MutexGuard<'_, Locked>> {
        match self.alarm.tended.load(Relaxed) {
            true => self.shards[index].try_lock_for(BRIEFLY),
            false => Some(self.shards[index].lock()),
        }
    }

    /// Has somebody struck off later, by [`drop_removed`](Self::drop_removed).
    #[cold]
    pub(super) fn strike_later(&self, leaving: Leaving) {
        self.trash.lock().leaving.push(leaving);
    }

    /// Says who is to be woken when maintenance is due sooner than [`maintain`](Self::maintain) has said.
    pub fn on_due(&self, waker: Waker) {
        *self.alarm.waker.lock() = Some(waker);
        self.alarm.tended.store(true, Relaxed);
    }

    /// Stops, or goes on with, giving back what has expired before somebody looks: `DEBUG SET-ACTIVE-EXPIRE`.
    pub fn set_active_expiry(&self, active: bool) {
        self.alarm.paused.store(!active, Relaxed);
        self.wake_maintenance();
    }

    /// Has what has expired stay, or lets it go again: `CLIENT PAUSE`. Nobody sees it, but it is counted, and
    /// nobody is told of its end until then. Whoever writes to such a key still removes it first.
    pub fn keep_expired(&self, keep: bool) {
        self.alarm.keeps_expired.store(keep, Relaxed);
        self.wake_maintenance();
    }

    #[inline]
    pub(super) fn keeps_expired(&self) -> bool {
        self.alarm.keeps_expired.load(Relaxed)
    }

    #[cold]
    pub(super) fn wake_maintenance(&self) {
        if let Some(waker) = &*self.alarm.waker.lock() {
            waker();
        }
    }
}
