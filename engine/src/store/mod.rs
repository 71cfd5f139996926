//! Many shards and threads: routing, locking, views, settling, and the memory limit.

mod builder;
mod changes;
mod embedded;
#[cfg(all(test, not(shuttle)))]
mod heard;
#[cfg(all(test, shuttle))]
mod interleavings;
mod key;
mod lock;
mod maintain;
mod observe;
mod parts;
#[cfg(all(test, not(shuttle)))]
mod perishing;
mod room;
mod route;
mod stats;
#[cfg(test)]
mod taker;
#[cfg(all(test, not(shuttle)))]
mod tests;
mod view;
mod waiters;
mod walk;
mod watch;

pub use self::builder::Builder;
pub use self::changes::{Changes, OwnedChange};
pub use self::embedded::{
    BitmapHandle, HashHandle, HyperLogLogHandle, ListHandle, PendingEntry, PlacesHandle, SetHandle,
    SortedSetHandle, StreamEntry, StreamHandle,
};
pub use self::key::{Key, OwnedKey};
pub use self::maintain::{Maintained, Round, Step, Waker};
pub use self::observe::Observer;
pub use self::stats::Stats;
pub use self::view::{
    AddCounts, Combination, Deadline, FieldCondition, FieldExpiry, FieldPersist, FieldPresence, GroupStart,
    Lookup, Meta, Missing, Popped, Scope, SetOperation, Span, Text, Tools, Usage, View, ranks_between,
};
pub use self::waiters::{Offer, Registration, Waiter, Wanted};
pub use self::walk::Flush;
pub use self::watch::Watch;

use self::maintain::{Alarm, Trash};
use self::observe::Observers;
use self::room::Room;
use self::route::{Route, ShardPositions};
use self::waiters::Waiters;
use self::watch::Watches;
use crate::random::Random;
use crate::raw::slab::ValueRef;
use crate::shard::Shard;
use crate::sync::atomic::AtomicU64;
use crate::sync::{CachePadded, Mutex, RwLock};
use crate::time::{Clock, Millis};
use crate::types::{Limits, Object};

type StoreShard = Shard<Object, ShardPositions>;

/// What one lock guards.
struct Locked {
    /// Its number.
    index: u16,
    shard: StoreShard,
    /// What of its bytes stands in the store's account.
    accounted_bytes: usize,
    /// Nothing in it expires before this moment.
    due: Millis,
    /// Who waits for keys in it; none while nobody does.
    waiters: Option<Box<Waiters>>,
    /// What is watched in it; none while nothing is.
    watches: Option<Box<Watches>>,
    /// The bounds of small forms, the same in every shard.
    limits: Limits,
}

/// A keyspace of byte strings, shared by threads.
///
/// There are two ways to use it. The methods that take keys as bytes ([`get`](Self::get), [`set`](Self::set),
/// ...) are the short one: each is one operation in database 0, at the time that the store's clock shows.
/// Under them lies [`view`](Self::view): several steps as one operation, in any database, at a moment of the
/// caller's. Both make room, count, expire and tell [observers](Self::observe) alike, and so does a client's
/// command when a server serves the store.
///
/// A store is shared behind an [`Arc`](std::sync::Arc); all methods take `&self`. See the [crate's
/// page](crate) for a first example.
pub struct Store {
    clock: Clock,
    databases: u16,
    route: Route,
    shards: Box<[CachePadded<Mutex<Locked>>]>,
    /// Between those who walk over all shards and those who lock all of them.
    gate: RwLock<()>,
    room: Room,
    observers: Observers,
    alarm: Alarm,
    /// What is to be dropped by [`Store::maintain`], as it takes long.
    trash: Mutex<Trash>,
    random: Mutex<Random>,
    /// The next waiter's.
    tickets: AtomicU64,
}

impl Default for Store {
    fn default() -> Self {
        Self::builder().build()
    }
}

impl Store {
    /// A store with parameters.
    pub fn builder() -> Builder {
        Builder::default()
    }

    fn from_builder(builder: &Builder) -> Self {
        let mut random = builder.seed.map_or_else(Random::from_os, Random::seeded);
        let route = Route::new(builder.shards, std::array::from_fn(|_| random.next_u64()));
        let seed = random.next_u64();
        let shard = |index| {
            let random = Random::seeded(random.next_u64());
            let mut shard = Shard::new(usize::from(builder.databases), route.positions(index), seed, random);
            shard.set_policy(builder.policy, builder.tuning);
            CachePadded::new(Mutex::new(Locked {
                index: index as u16,
                shard,
                accounted_bytes: 0,
                due: Millis::MAX,
                waiters: None,
                watches: None,
                limits: builder.limits,
            }))
        };
        let shards = (0..builder.shards).map(shard).collect();
        Self {
            clock: builder.clock.clone(),
            databases: builder.databases,
            shards,
            gate: RwLock::default(),
            room: Room::new(builder.max_memory_bytes, builder.policy, builder.tuning, builder.shards),
            observers: Observers::default(),
            alarm: Alarm::default(),
            trash: Mutex::new(Trash::default()),
            random: Mutex::new(random),
            tickets: AtomicU64::new(1),
            route,
        }
    }

    /// Where this store reads the time.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// How many databases there are, numbered from 0.
    pub fn databases(&self) -> u16 {
        self.databases
    }

    /// How many shards there are, numbered from 0.
    pub fn shards(&self) -> usize {
        self.shards.len()
    }

    /// The bounds of small forms.
    pub fn limits(&self) -> Limits {
        self.walk().store_limits()
    }

    /// Changes the bounds of small forms, for the operations that follow.
    pub fn set_limits(&self, limits: Limits) {
        self.walk().set_limits(limits);
    }

    /// A view for what concerns the store as a whole.
    fn walk(&self) -> View<'_> {
        self.view(Scope::Walk, self.clock.now())
    }

    /// Hashes a key of a database.
    ///
    /// # Panics
    /// When there is no such database.
    #[inline]
    pub fn key<'a>(&self, db: u16, bytes: &'a [u8]) -> Key<'a> {
        assert!(db < self.databases, "there are {} databases, and none of number {db}", self.databases);
        Key { db, routed: self.route.locate(bytes), bytes }
    }

    /// Has the memory of these members, or fields, of large collections fetched before they are asked for. To
    /// be called when that of the keys is there. What a small collection holds lies with its key.
    pub fn prefetch_members(&self, members: &[(Key<'_>, &[u8])]) {
        let stages: [fn(&Object, &[u8]) -> bool; 3] =
            [Object::prefetch_bucket, Object::prefetch_member, Object::prefetch_rank];
        for stage in stages {
            let mut more = false;
            for (key, member) in members {
                more |= self.with_object(*key, |object| stage(object, member));
            }
            if !more {
                return;
            }
        }
    }

    /// Lends the object at `key` to a hint, if there is one. A lock that somebody holds is not waited for.
    fn with_object(&self, key: Key<'_>, hint: impl FnOnce(&Object) -> bool) -> bool {
        let Some(locked) = self.shards[key.shard()].try_lock() else { return false };
        let Some(found) = locked.shard.peek(key.place(), key.bytes, Millis::MIN) else { return false };
        match locked.shard.entry(found).value() {
            ValueRef::Heap(object) => hint(object),
            ValueRef::Inline(_) => false,
        }
    }

    /// Has the memory of these keys fetched before they are asked for, so that the fetches overlap.
    pub fn prefetch(&self, keys: &[Key<'_>]) {
        // A lock that somebody holds is not worth waiting for.
        for key in keys {
            if let Some(locked) = self.shards[key.shard()].try_lock() {
                locked.shard.prefetch_bucket(key.place());
            }
        }
        for key in keys {
            if let Some(locked) = self.shards[key.shard()].try_lock() {
                locked.shard.prefetch_entry(key.place());
            }
        }
    }
}
