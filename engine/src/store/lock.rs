//! The only locking: one shard, several in ascending order, or all of them.
//!
//! **The rule**: whoever holds a shard takes no other; who needs several names them all at once and gets them
//! in ascending order. So no two threads can wait for each other. A [`Held`] is what a command got; it gives
//! everything back together.
//!
//! Whoever walks from shard to shard does not know whether it will get the next one soon. So it passes a
//! [`Gate`] first, and nobody locks everything while somebody is inside: a script may take long.
//!
//! **The exception** is who has closed that gate, since there is one at a time: a script comes to its keys
//! one by one, and takes their shards as it does, in any order. So that it does not wait for somebody who
//! waits for it, everyone else waits [briefly](BRIEFLY) while holding a shard, and then gives back what it
//! holds and begins again.

use std::time::Duration;

use smallvec::SmallVec;

use super::Locked;
use super::route::SHARDS_MAX;
use crate::sync::{CachePadded, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// How long who has other things to do, or holds another one, waits for a lock. Operations hold one for
/// microseconds, some for milliseconds; a script may hold all of them for seconds.
pub(super) const BRIEFLY: Duration = Duration::from_millis(2);

pub(super) type Guard<'s> = MutexGuard<'s, Locked>;
type Shards = [CachePadded<Mutex<Locked>>];

/// The shards that a view has locked.
pub(super) enum Held<'s> {
    None,
    One(usize, Guard<'s>),
    /// Some.
    Many(Box<Several<'s>>),
    /// Every shard, in order.
    All(Vec<Guard<'s>>),
}

/// Several shards, ascending. Each knows its own number.
///
/// Boxed in [`Held`]: what nearly every view would carry around for nothing costs more than an allocation
/// does here.
pub(super) struct Several<'s> {
    guards: SmallVec<[Guard<'s>; 12]>,
    /// Where each of the first shards is among them, from 1 on; 0 where it is not. Mostly there are no
    /// others.
    places: [u8; NEAR],
}

/// So many shards are found at once, others by a search.
const NEAR: usize = 64;

impl<'s> Several<'s> {
    fn new() -> Box<Self> {
        Box::new(Self { guards: SmallVec::new(), places: [0; NEAR] })
    }

    /// Adds one after all that there are.
    fn push(&mut self, guard: Guard<'s>) {
        let index = usize::from(guard.index);
        self.guards.push(guard);
        if let Some(place) = self.places.get_mut(index) {
            *place = self.guards.len() as u8;
        }
    }

    /// Adds one in its place.
    fn insert(&mut self, guard: Guard<'s>) {
        let at = self.guards.partition_point(|held| held.index < guard.index);
        let mut after: SmallVec<[Guard<'s>; 12]> = self.guards.drain(at..).collect();
        self.push(guard);
        after.drain(..).for_each(|guard| self.push(guard));
    }

    /// Where the shard of this number is.
    #[inline]
    fn place(&self, index: usize) -> Option<usize> {
        match self.places.get(index) {
            Some(0) => None,
            Some(place) => Some(usize::from(*place) - 1),
            None => self.guards.binary_search_by_key(&index, |held| usize::from(held.index)).ok(),
        }
    }
}

/// Comes before all shards: many who walk may have it, or one who locks everything.
pub(super) enum Gate<'s> {
    Open,
    Walking { _in: RwLockReadGuard<'s, ()> },
    Closed { _by: RwLockWriteGuard<'s, ()> },
}

impl<'s> Gate<'s> {
    /// Passes it to walk, waiting no longer than `patience`.
    pub(super) fn walk(gate: &'s RwLock<()>, patience: Option<Duration>) -> Option<Self> {
        let guard = match patience {
            None => gate.read_recursive(),
            Some(patience) => gate.try_read_recursive_for(patience)?,
        };
        Some(Self::Walking { _in: guard })
    }

    /// Closes it behind those who walk.
    pub(super) fn close(gate: &'s RwLock<()>, patience: Option<Duration>) -> Option<Self> {
        let guard = match patience {
            None => gate.write(),
            Some(patience) => gate.try_write_for(patience)?,
        };
        Some(Self::Closed { _by: guard })
    }
}

impl<'s> Held<'s> {
    /// Locks one shard.
    pub(super) fn one(shards: &'s Shards, index: usize, patience: Option<Duration>) -> Option<Self> {
        Some(Self::One(index, lock(&shards[index], patience)?))
    }

    /// Locks the shards of these numbers, which may repeat and come in any order.
    pub(super) fn many(
        shards: &'s Shards,
        numbers: impl Iterator<Item = usize>,
        patience: Option<Duration>,
    ) -> Option<Self> {
        // A bit for each shard: what has to be sorted and freed of repetitions comes out so.
        let mut wanted = [0u64; SHARDS_MAX / 64];
        for index in numbers {
            wanted[index / 64] |= 1 << (index % 64);
        }
        let in_order = || {
            wanted.iter().enumerate().take(shards.len().div_ceil(64)).flat_map(|(word, bits)| {
                let numbers = std::iter::successors(Some(*bits), |bits| Some(bits & bits.wrapping_sub(1)));
                numbers
                    .take_while(|bits| *bits != 0)
                    .map(move |bits| word * 64 + bits.trailing_zeros() as usize)
            })
        };
        // Where somebody waits for what is held here, it is given back after a while.
        let briefly = Some(patience.map_or(BRIEFLY, |patience| patience.min(BRIEFLY)));
        'anew: loop {
            let mut held = Several::new();
            for index in in_order() {
                let shard = &shards[index];
                let Some(guard) = lock(shard, if held.guards.is_empty() { patience } else { briefly }) else {
                    if held.guards.is_empty() {
                        return None;
                    }
                    drop(held);
                    drop(lock(shard, patience)?);
                    continue 'anew;
                };
                held.push(guard);
            }
            return Some(Self::Many(held));
        }
    }

    /// Locks the shard of this number as well, if it is not held. Only for who has closed the [`Gate`].
    pub(super) fn join(&mut self, shards: &'s Shards, index: usize) {
        if self.get(index).is_some() {
            return;
        }
        let mut held = match std::mem::replace(self, Self::None) {
            Self::Many(held) => held,
            Self::None => Several::new(),
            Self::One(_, guard) => {
                let mut held = Several::new();
                held.push(guard);
                held
            }
            Self::All(_) => unreachable!("invariant: it has them all"),
        };
        held.insert(shards[index].lock());
        *self = Self::Many(held);
    }

    /// Locks everything.
    pub(super) fn all(shards: &'s Shards, patience: Option<Duration>) -> Option<Self> {
        shards.iter().map(|shard| lock(shard, patience)).collect::<Option<_>>().map(Self::All)
    }

    /// The same, and the shards in which second keys of their waiters lie, of those that come with these as
    /// well, and so on. What is held is given back and taken again where others have to be added; so much may
    /// have happened meanwhile, and it is looked at anew.
    #[cold]
    pub(super) fn with_seconds(mut self, shards: &'s Shards, patience: Option<Duration>) -> Option<Self> {
        let mut wanted: SmallVec<[usize; 16]> = SmallVec::new();
        self.for_each(|locked| wanted.push(usize::from(locked.index)));
        loop {
            let had = wanted.len();
            self.for_each(|locked| {
                for second in locked.second_shards() {
                    if !wanted.contains(&second) {
                        wanted.push(second);
                    }
                }
            });
            if wanted.len() == had {
                return Some(self);
            }
            // Given back before any is taken: whoever holds a shard takes no other.
            drop(self);
            self = Self::many(shards, wanted.iter().copied(), patience)?;
        }
    }

    /// The shard of this number, if it is held.
    #[inline(always)]
    pub(super) fn get(&mut self, index: usize) -> Option<&mut Locked> {
        match self {
            Self::One(held, guard) => (*held == index).then_some(&mut **guard),
            several => several.get_among(index),
        }
    }

    #[inline(never)]
    fn get_among(&mut self, index: usize) -> Option<&mut Locked> {
        match self {
            Self::None | Self::One(..) => None,
            Self::Many(held) => held.place(index).map(|at| &mut *held.guards[at]),
            Self::All(guards) => guards.get_mut(index).map(|guard| &mut **guard),
        }
    }

    /// The same, to look at only.
    #[inline]
    pub(super) fn peek(&self, index: usize) -> Option<&Locked> {
        match self {
            Self::None => None,
            Self::One(held, guard) => (*held == index).then_some(&**guard),
            Self::Many(held) => held.place(index).map(|at| &*held.guards[at]),
            Self::All(guards) => guards.get(index).map(|guard| &**guard),
        }
    }

    /// Every shard that is held.
    pub(super) fn for_each(&mut self, mut act: impl FnMut(&mut Locked)) {
        match self {
            Self::None => {}
            Self::One(_, guard) => act(guard),
            Self::Many(held) => held.guards.iter_mut().for_each(|guard| act(guard)),
            Self::All(guards) => guards.iter_mut().for_each(|guard| act(guard)),
        }
    }
}

/// Locks one shard, waiting no longer than `patience`.
#[inline]
fn lock(shard: &Mutex<Locked>, patience: Option<Duration>) -> Option<Guard<'_>> {
    match patience {
        None => Some(shard.lock()),
        Some(patience) => shard.try_lock_for(patience),
    }
}
