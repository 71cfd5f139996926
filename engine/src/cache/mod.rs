//! The embedded cache: any keys, any values, in this process, shared by all of its threads.
//!
//! ```
//! use std::time::Duration;
//! use scrubjay::Cache;
//!
//! let cache: Cache<String, String> =
//! Cache::builder().max_entries(100_000).ttl(Duration::from_secs(60)).build();
//!
//! cache.insert("greeting".to_owned(), "hello".to_owned());
//! assert_eq!(cache.get("greeting").as_deref(), Some("hello"));
//!
//! // One caller loads, all others wait for what it brings.
//! let answer = cache.get_or_insert_with("answer", || "42".to_owned());
//! assert_eq!(answer, "42");
//! ```
//!
//! A [`Cache`] is a handle: clones of it are the same cache. It needs no runtime and starts no thread. A
//! value is handed out as a clone; where that is dear, keep an `Arc`, or have it lent by [`Cache::get_with`].
//!
//! # What to read next
//!
//! - [`Builder`]: the bound (by entries, by weight, by bytes), TTLs, the policy, the listener, the clock.
//! - [`Cache::get_or_insert_with`] and its relatives, `try_` and `_async`: loading with single flight.
//!   [`Cache::claim`]: the same by hand, for a loader that runs anywhere.
//! - [`Terms`]: what holds for one entry alone: TTLs, [tags](Cache::invalidate_tag).
//! - [`Cache::read`]: not only the value, but what is known about it.
//! - [`Cache::compute`] and [`Cache::entry`]: reading and writing in one step.
//! - [`Cache::save`] and [`Cache::load`]: a warm restart.
//!
//! # The map of the source
//!
//! - `shard`: one part of a cache, without locks; `entry`, `column`, `deadlines`: how its entries lie, and
//!   when they are over.
//! - `policy`: who has to go. `budget`: the bound, shared out to the shards. `terms`, `tags`: how long an
//!   entry is good for.
//! - `flight`: single flight. `load`: loading, blocking and not, upon it.
//! - `compute`, `walk`, `snapshot`, `events`, `stats`: what their names say.
//!
//! # Rules
//!
//! What is lent, compared or computed *inside* a call ([`Cache::get_with`], [`Cache::compute`], predicates,
//! weighers, `Eq` and `Clone` of keys and values) runs under the lock of a shard: it must not use the same
//! cache, or it may wait for itself. Loaders, listeners, hashers and `Drop` run under no lock. Whichever of
//! all these panics, the cache stays whole and unlocked.

mod budget;
mod builder;
mod column;
mod compute;
mod deadlines;
mod entry;
mod events;
mod flight;
#[cfg(all(test, shuttle))]
mod interleavings;
mod load;
mod policy;
mod shard;
mod snapshot;
mod stats;
mod tags;
mod terms;
#[cfg(test)]
mod tests;
mod walk;

use std::borrow::Borrow;
use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::sync::Arc as SharedFn;
use std::time::Duration;

use self::budget::Budget;
use self::entry::{Content, Extra, NEVER};
use self::events::Listener;
use self::flight::Flight;
use self::policy::State;
use self::shard::{Coming, Gone, Shard, Trash};
use self::tags::Tags;
use self::terms::{Defaults, Sort};
use crate::collections::flat::At;
use crate::random::Random;
use crate::raw::lock::{ShortMutex, ShortMutexGuard};
use crate::sync::atomic::{AtomicU64, Ordering::Relaxed};
use crate::sync::{Arc, CachePadded};
use crate::time::{Clock, Millis};

pub use self::builder::Builder;
pub use self::compute::{Compute, Entry};
pub use self::entry::{Failure, Outcome};
pub use self::events::{Cause, Removal};
pub use self::flight::{Claim, Loaded, Pending, Ticket};
pub use self::policy::Policy;
pub use self::snapshot::SnapshotError;
pub use self::stats::Stats;
pub use self::terms::Terms;
pub use self::walk::Iter;

/// Homes in tables that a round of [`Cache::maintain`] sees to, per shard and lock.
const EXPIRED_PER_LOCK: usize = 64;
/// How often an insert asks all others for room before it gives up.
const ROUNDS: usize = 64;

/// A concurrent cache; see the [module](self).
pub struct Cache<K: Hash + Eq, V, S: BuildHasher = ahash::RandomState>(Arc<Inner<K, V, S>>);

struct Inner<K, V, S> {
    shards: Box<[Locked<K, V>]>,
    /// Whether the policy counts uses in the table, so that a quick look will do.
    is_counted_in_table: bool,
    hasher: S,
    clock: Clock,
    budget: Budget,
    weigher: Option<Weigher<K, V>>,
    defaults: Defaults,
    /// Whether entries weigh 1 and do not expire, unless they are told to.
    is_plain: bool,
    tags: Tags,
    listener: Option<Listener<K, V>>,
    policy: Policy,
    small_thousandths: AtomicU64,
}

type Locked<K, V> = CachePadded<ShortMutex<Shard<K, V>>>;

/// What an entry weighs.
struct Weigher<K, V> {
    weigh: SharedFn<Weigh<K, V>>,
    /// What it weighs besides.
    overhead: u32,
}

type Weigh<K, V> = dyn Fn(&K, &V) -> u32 + Send + Sync;

/// What an entry takes in the cache itself, in bytes: its place and its share of those that are empty, its
/// weight, and what the policy remembers.
const fn entry_bytes<K, V>() -> u32 {
    let place = size_of::<entry::Entry<K, V>>();
    (place + place / 6 + 20) as u32
}

/// How a cache is set, as far as that can be asked.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Setting {
    /// Which entries give way.
    pub policy: Policy,
    /// S3-FIFO's share of new and unproved entries.
    pub small_queue: f64,
    /// The bound, in entries or whatever the weigher measures.
    pub max_weight: Option<u64>,
    /// The hard TTL of entries without their own.
    pub ttl: Option<Duration>,
    /// The soft TTL of entries without their own.
    pub soft_ttl: Option<Duration>,
    /// The time to idle of entries without their own.
    pub time_to_idle: Option<Duration>,
    /// How many locks there are.
    pub shards: usize,
}

/// What to do about shards that somebody else has locked.
#[derive(Debug, Clone, Copy)]
enum Others {
    Wait,
    /// For who has locked one himself.
    PassBy,
}

/// Something to put in.
struct Put<K, V> {
    hash: u64,
    key: K,
    content: Content<V>,
    failure: Option<Failure>,
    sort: Sort,
    weight: u32,
    born: u64,
}

impl<K: Hash + Eq, V> Cache<K, V> {
    /// A cache's parameters.
    pub fn builder() -> Builder<K, V> {
        Builder::new()
    }

    /// A cache of at most so many entries.
    pub fn with_entries(entries: u64) -> Self {
        Builder::new().max_entries(entries).build()
    }
}

impl<K: Hash + Eq, V, S: BuildHasher> Cache<K, V, S> {
    fn new(builder: Builder<K, V, S>) -> Self {
        let count = builder.shard_count();
        let mut random = builder.seed.map_or_else(Random::from_os, Random::seeded);
        let shards = (0..count).map(|_| {
            let policy = State::new(builder.policy, builder.small_thousandths);
            let random = Random::seeded(random.next_u64());
            CachePadded::new(ShortMutex::new(Shard::new(policy, builder.weigher.is_some(), random)))
        });
        Self(Arc::new(Inner {
            shards: shards.collect(),
            is_counted_in_table: builder.policy == Policy::S3Fifo,
            hasher: builder.hasher,
            clock: builder.clock,
            budget: Budget::new(builder.max_weight, count),
            is_plain: builder.weigher.is_none() && !builder.defaults.is_timed(&Terms::new(), Sort::Found),
            weigher: builder.weigher,
            defaults: builder.defaults,
            tags: Tags::default(),
            listener: builder.listener,
            policy: builder.policy,
            small_thousandths: AtomicU64::new(builder.small_thousandths),
        }))
    }

    /// A clone of the value, fresh or stale.
    #[inline(always)]
    pub fn get<Q>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
        V: Clone,
    {
        self.get_with(key, V::clone)
    }

    /// Lends the value to `read`, without a clone. Other keys wait meanwhile: keep it short, and see the
    /// [rules](self#rules).
    #[inline(always)]
    pub fn get_with<Q, R>(&self, key: &Q, read: impl FnOnce(&V) -> R) -> Option<R>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let hash = self.hash(key);
        let Some(mut shard) = self.shard(hash).try_lock() else {
            return self.look_contended(hash, key, read);
        };
        let mut at = None;
        // As nearly all reads go: one look at each of the lines of memory that this takes.
        if self.0.is_counted_in_table
            && let Some(mut hit) = shard.find_at_home(hash, key)
        {
            if hit.entry.is_plain()
                && let Some(value) = hit.entry.content.found()
            {
                hit.count_use();
                let read = read(value);
                shard.hits += 1;
                return Some(read);
            }
            let spot = hit.spot;
            at = Some(shard.map.at(hash, spot));
        }
        self.look_closely(shard, at, hash, key, read)
    }

    #[cold]
    #[inline(never)]
    fn look_contended<Q, R>(&self, hash: u64, key: &Q, read: impl FnOnce(&V) -> R) -> Option<R>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.look_closely(self.lock(hash), None, hash, key, read)
    }

    /// The rest of [`get_with`](Self::get_with): misses, and whatever is not plain or not at home.
    #[inline(never)]
    fn look_closely<Q, R>(
        &self,
        mut shard: ShortMutexGuard<'_, Shard<K, V>>,
        at: Option<At>,
        hash: u64,
        key: &Q,
        read: impl FnOnce(&V) -> R,
    ) -> Option<R>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let found = at.or_else(|| shard.find(hash, key));
        if let Some(at) = found
            && self.0.is_counted_in_table
            && let entry = shard.entry(at)
            && entry.lasts(&self.0.clock)
            && let Some(value) = entry.content.found()
        {
            let read = read(value);
            shard.map.count_use(at);
            shard.hits += 1;
            return Some(read);
        }
        self.look_locked(shard, found, true, read).into_value()
    }

    /// What is known about a key: see [`Outcome`]. Counts as a use, as [`get`](Self::get) does.
    pub fn read<Q>(&self, key: &Q) -> Outcome<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
        V: Clone,
    {
        self.look(self.hash(key), key, true, V::clone)
    }

    /// The same, without counting as a use or in the statistics.
    pub fn peek<Q>(&self, key: &Q) -> Outcome<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
        V: Clone,
    {
        self.look(self.hash(key), key, false, V::clone)
    }

    /// Whether there is a value, fresh or stale. Does not count as a use.
    pub fn contains_key<Q>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.look(self.hash(key), key, false, |_| ()).into_value().is_some()
    }

    /// Puts a value in, on the cache's terms. One that is heavier than the whole bound is not kept.
    pub fn insert(&self, key: K, value: V) {
        if self.0.is_plain {
            let hash = self.hash(&key);
            let mut shard = self.lock(hash);
            if let Some(plan) = shard.plan(hash, &key, &self.0.budget) {
                let gone = shard.carry_out(plan, hash, key, value, &self.0.budget);
                drop(shard);
                return self.tell(gone);
            }
        }
        self.insert_as(key, value, &Terms::new());
    }

    /// Puts a value in, on terms of its own. Whether it was kept.
    pub fn insert_as(&self, key: K, value: V, terms: &Terms) -> bool {
        self.insert_content(key, Content::Found(value), Sort::Found, terms)
    }

    /// Notes that a key has no value, for the TTL of what is absent.
    pub fn insert_absent(&self, key: K) {
        self.insert_content(key, Content::Nothing, Sort::Absent, &Terms::new());
    }

    /// Removes a key, and kills the load of it that may be under way. The value, fresh or stale.
    pub fn remove<Q>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
        V: Clone,
    {
        let mut value = None;
        self.invalidate_with(key, |removed| value = Some(removed.clone()));
        value
    }

    /// Removes a key, and kills the load of it that may be under way. Whether there was a value.
    pub fn invalidate<Q>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let mut there = false;
        self.invalidate_with(key, |_| there = true);
        there
    }

    fn invalidate_with<Q>(&self, key: &Q, see: impl FnOnce(&V))
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let hash = self.hash(key);
        let mut trash = Trash::new();
        let mut shard = self.lock(hash);
        shard.flights.invalidate(hash, key);
        let now = if shard.deadlines.is_armed() { self.now() } else { 0 };
        if let Some(found) = shard.find_live(hash, key, now, &mut trash) {
            let seen = shard.extra(found).is_none_or(|extra| now < extra.hard);
            shard.remove(found, Cause::Invalidated, &mut trash);
            if seen && let Some(value) = trash.last().and_then(|gone| gone.content.found()) {
                see(value);
            }
        }
        shard.settle(&self.0.budget);
        drop(shard);
        self.throw_away(trash);
    }

    /// Invalidates every entry with this tag, and every load under way that will carry it. Takes as long as
    /// looking up the tag, however many there are; the entries are collected later.
    pub fn invalidate_tag(&self, tag: &str) {
        self.0.tags.invalidate(tag);
    }

    /// Removes everything, and kills all loads under way.
    pub fn clear(&self) {
        for shard in &self.0.shards {
            let cleared = shard.lock().clear(&self.0.budget);
            let Some(listener) = &self.0.listener else { continue };
            for entry in cleared.map.into_entries() {
                if let Content::Found(value) = entry.content {
                    listener.tell(entry.key, value, Cause::Invalidated);
                }
            }
        }
    }

    /// Changes the bound, in entries or whatever the weigher measures. Returns when it holds.
    pub fn resize(&self, max_weight: u64) {
        let Inner { budget, shards, .. } = &*self.0;
        budget.set_max(Some(max_weight));
        // Each gives its share, so that no part of the cache is emptied for the others.
        for round in 1.. {
            let excess = budget.excess();
            if excess == 0 {
                return;
            }
            for shard in shards {
                let mut trash = Trash::new();
                let part = if round == 1 { excess.div_ceil(shards.len() as u64) } else { budget.excess() };
                shard.lock().shed(part.min(budget.excess()), budget, &mut trash);
                self.throw_away(trash);
            }
        }
    }

    /// Changes S3-FIFO's share of entries that may be new and unproved, 0 to 1. The other policies have none.
    ///
    /// # Panics
    /// For anything else.
    pub fn set_small_queue(&self, share: f64) {
        let thousandths = builder::thousandths(share);
        self.0.small_thousandths.store(thousandths, Relaxed);
        for shard in &self.0.shards {
            if let State::S3Fifo(queues) = &mut shard.lock().policy {
                queues.set_share(thousandths);
            }
        }
    }

    /// How the cache is set.
    pub fn setting(&self) -> Setting {
        let Inner { defaults, policy, small_thousandths, budget, shards, .. } = &*self.0;
        Setting {
            policy: *policy,
            small_queue: small_thousandths.load(Relaxed) as f64 / 1000.0,
            max_weight: budget.max(),
            ttl: defaults.ttl,
            soft_ttl: defaults.soft_ttl,
            time_to_idle: defaults.time_to_idle,
            shards: shards.len(),
        }
    }

    /// What the cache has counted, and holds now. Looks into one shard after the other.
    pub fn stats(&self) -> Stats {
        let mut sum = Stats::default();
        for shard in &self.0.shards {
            sum.add(&shard.lock().stats());
        }
        sum.bytes += (size_of_val(&*self.0.shards)) as u64;
        sum
    }

    /// How many entries there are, expired ones that were not yet met included.
    pub fn len(&self) -> usize {
        self.0.shards.iter().map(|shard| shard.lock().map.len()).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.shards.iter().all(|shard| shard.lock().map.is_empty())
    }

    /// What all entries weigh together: their number, unless there is a weigher.
    pub fn weight(&self) -> u64 {
        self.stats().weight
    }

    /// Gives back what has expired, in short steps. Inserts do some of this on their way; a program that
    /// wants it done promptly without them calls this now and then.
    pub fn maintain(&self) {
        let now = self.now();
        for shard in &self.0.shards {
            let mut more = true;
            while more {
                let mut trash = Trash::new();
                let mut shard = shard.lock();
                more = shard.expire(now, EXPIRED_PER_LOCK, &mut trash);
                shard.settle(&self.0.budget);
                drop(shard);
                self.throw_away(trash);
            }
        }
    }

    /// The clock that TTLs follow.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    fn defaults(&self) -> &Defaults {
        &self.0.defaults
    }

    fn now(&self) -> Millis {
        self.0.clock.monotonic_micros() / 1000
    }

    /// A hash whose high bits and whose low bits both vary, whatever the hasher is.
    #[inline]
    fn hash<Q: Hash + ?Sized>(&self, key: &Q) -> u64 {
        let product = u128::from(self.0.hasher.hash_one(key)) * 0x9e37_79b9_7f4a_7c15;
        (product >> 64) as u64 ^ product as u64
    }

    #[inline]
    fn shard(&self, hash: u64) -> &Locked<K, V> {
        // Of a hash, the upper bits say where in a shard, and the last eight are the tag.
        &self.0.shards[(hash >> 8) as usize & (self.0.shards.len() - 1)]
    }

    #[inline]
    fn lock(&self, hash: u64) -> ShortMutexGuard<'_, Shard<K, V>> {
        self.shard(hash).lock()
    }

    /// What is known about a key, with what `read` makes of its value.
    fn look<Q, R>(&self, hash: u64, key: &Q, counts: bool, read: impl FnOnce(&V) -> R) -> Outcome<R>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let shard = self.lock(hash);
        let found = shard.find(hash, key);
        self.look_locked(shard, found, counts, read)
    }

    /// The same of an entry that was found, if it was. Releases the lock.
    fn look_locked<R>(
        &self,
        mut shard: ShortMutexGuard<'_, Shard<K, V>>,
        found: Option<At>,
        counts: bool,
        read: impl FnOnce(&V) -> R,
    ) -> Outcome<R> {
        let Some(found) = found else {
            shard.stats.misses += u64::from(counts);
            return Outcome::Miss;
        };
        let now = if shard.entry(found).is_plain() { 0 } else { self.now() };
        let mut trash = Trash::new();
        let found = Some(found).filter(|&found| !shard.throw_away_if_over(found, now, &mut trash));
        if counts {
            shard.count(found, now);
        }
        let outcome = found.map_or(Outcome::Miss, |found| shard.outcome(found, now, read));
        drop(shard);
        self.throw_away(trash);
        outcome
    }

    fn insert_content(&self, key: K, content: Content<V>, sort: Sort, terms: &Terms) -> bool {
        let hash = self.hash(&key);
        let weight = self.weigh(&key, &content);
        let born = self.0.tags.now();
        self.put(Put { hash, key, content, failure: None, sort, weight, born }, terms, None)
    }

    fn weigh(&self, key: &K, content: &Content<V>) -> u32 {
        let Some(Weigher { weigh, overhead }) = &self.0.weigher else { return 1 };
        match content.found() {
            Some(value) => weigh(key, value).saturating_add(*overhead),
            None => (*overhead).max(1),
        }
    }

    /// Puts something in, if the load that brought it was not invalidated; whether it was kept.
    fn put(&self, put: Put<K, V>, terms: &Terms, flight: Option<(&Arc<Flight<K, V>>, u64)>) -> bool {
        let mut trash = Trash::new();
        let granted = self.room_for_bulk(put.weight, Others::Wait, &mut trash);
        let mut shard = self.lock(put.hash);
        shard.endow(granted);
        self.put_locked(shard, put, terms, flight, trash)
    }

    /// The same with the shard locked already. Releases it.
    fn put_locked(
        &self,
        mut shard: ShortMutexGuard<'_, Shard<K, V>>,
        put: Put<K, V>,
        terms: &Terms,
        flight: Option<(&Arc<Flight<K, V>>, u64)>,
        mut trash: Trash<K, V>,
    ) -> bool {
        let Put { hash, key, content, failure, sort, weight, born } = put;
        let Inner { budget, defaults, tags, .. } = &*self.0;
        let now = if defaults.is_timed(terms, sort) || shard.deadlines.is_armed() { self.now() } else { 0 };
        let live = flight.is_none_or(|(flight, micros)| shard.land(flight, sort, micros));
        let refused = if live {
            shard.flights.invalidate(hash, &key);
            let extra = Extra { stamp: tags.stamp(&terms.tags, born), failure, ..Extra::default() };
            let (deadline, extra) = defaults.resolve(terms, sort, now, extra, &mut shard.random);
            let coming = Coming { hash, key, content, deadline, extra, weight };
            self.insert_locked(&mut shard, coming, now, &mut trash)
                .err()
                .map(|coming| (coming, Cause::Evicted))
        } else {
            Some((Coming { hash, key, content, deadline: NEVER, extra: None, weight }, Cause::Invalidated))
        };
        let kept = refused.is_none();
        shard.stats.inserts += u64::from(kept && sort == Sort::Found);
        if let Some((refused, cause)) = refused {
            shard.refuse(refused, cause, &mut trash);
        }
        shard.settle(budget);
        drop(shard);
        self.throw_away(trash);
        kept
    }

    fn insert_locked(
        &self,
        shard: &mut Shard<K, V>,
        mut coming: Coming<K, V>,
        now: Millis,
        trash: &mut Trash<K, V>,
    ) -> Result<(), Coming<K, V>> {
        let budget = &self.0.budget;
        let weight = u64::from(coming.weight);
        // It is tried again for as long as others hold all that there is, and have it locked.
        for _ in 0..ROUNDS {
            if budget.max().is_some_and(|max| weight > max) {
                break;
            }
            match shard.insert(coming, now, budget, trash) {
                Ok(()) => return Ok(()),
                Err(refused) => coming = refused,
            }
            shard.endow(self.collect(weight, Others::PassBy, trash));
        }
        Err(coming)
    }

    /// Room for something so heavy that the entries of one shard should not make room for it alone.
    fn room_for_bulk(&self, weight: u32, others: Others, trash: &mut Trash<K, V>) -> u64 {
        let Inner { budget, shards, .. } = &*self.0;
        let weight = u64::from(weight);
        let share = |max: u64| max / shards.len() as u64;
        let is_bulky =
            weight > 1 && budget.max().is_some_and(|max| weight <= max && weight > share(max) / 16);
        if is_bulky { self.collect(weight, others, trash) } else { 0 }
    }

    /// Has all shards together make room. What was granted for it: all or nothing.
    fn collect(&self, weight: u64, others: Others, trash: &mut Trash<K, V>) -> u64 {
        let Inner { budget, shards, .. } = &*self.0;
        // Others may be faster to take what has become free; they must not keep this going for ever.
        for part in [weight.div_ceil(shards.len() as u64), weight, weight] {
            for shard in shards {
                if let Some(granted) = budget.grant_exactly(weight) {
                    return granted;
                }
                let locked = match others {
                    Others::Wait => Some(shard.lock()),
                    Others::PassBy => shard.try_lock(),
                };
                if let Some(mut shard) = locked {
                    shard.shed(part, budget, trash);
                }
            }
        }
        budget.grant_exactly(weight).unwrap_or(0)
    }

    /// Drops what has left the cache, and tells of it. No lock is held.
    fn throw_away(&self, trash: Trash<K, V>) {
        self.tell(trash);
    }

    fn tell(&self, gone: impl IntoIterator<Item = Gone<K, V>>) {
        let Some(listener) = &self.0.listener else { return };
        for gone in gone {
            if let Content::Found(value) = gone.content {
                listener.tell(gone.key, value, gone.cause);
            }
        }
    }
}

impl<K, V> Shard<K, V> {
    /// Counts a read, and has it count for the entry.
    fn count(&mut self, found: Option<At>, now: Millis) {
        let Some(found) = found else {
            self.stats.misses += 1;
            return;
        };
        if self.extra(found).is_some_and(|extra| extra.hard <= now) {
            self.stats.misses += 1;
            return;
        }
        self.policy_used(found);
        let is_value = self.entry(found).content.found().is_some();
        let mut is_stale = false;
        if let Some(extra) = self.extra_mut(found) {
            extra.used = now;
            is_stale = extra.soft <= now;
        }
        if is_value {
            self.hits += 1;
            self.stats.stale_hits += u64::from(is_stale);
        } else {
            self.stats.negative_hits += 1;
        }
    }

    /// What is known about an entry that is not over.
    fn outcome<R>(&self, found: At, now: Millis, read: impl FnOnce(&V) -> R) -> Outcome<R> {
        let entry = self.entry(found);
        let extra = self.extra(found);
        let (soft, hard) = extra.map_or((NEVER, NEVER), |extra| (extra.soft, extra.hard));
        let end = entry.deadline().min(hard).min(extra.map_or(NEVER, |extra| extra.idle_deadline()));
        let left = |end: Millis| (end < NEVER).then(|| Duration::from_millis(end.saturating_sub(now)));
        match &entry.content {
            Content::Found(_) if hard <= now => Outcome::Miss,
            Content::Found(value) if soft <= now => Outcome::Stale { value: read(value), left: left(end) },
            Content::Found(value) => Outcome::Fresh { value: read(value), left: left(end.min(soft)) },
            Content::Nothing => match extra.and_then(|extra| extra.failure.clone()) {
                Some(failure) => Outcome::Failed { failure, left: left(end) },
                None => Outcome::Absent { left: left(end) },
            },
        }
    }

    /// Ends a load; whether what it brought may be kept.
    fn land(&mut self, flight: &Arc<Flight<K, V>>, sort: Sort, micros: u64) -> bool {
        let live = self.flights.end(flight);
        self.stats.load_micros += micros;
        if sort == Sort::Failed {
            self.stats.load_failures += 1;
        } else {
            self.stats.loads += 1;
        }
        self.stats.discarded_loads += u64::from(!live);
        live
    }

    /// What is not kept. If it was too heavy, the old entry of its key is outdated all the same.
    fn refuse(&mut self, refused: Coming<K, V>, cause: Cause, trash: &mut Trash<K, V>)
    where
        K: Eq,
    {
        if cause == Cause::Evicted {
            self.stats.evictions += 1;
            if let Some(old) = self.find(refused.hash, &refused.key) {
                self.remove(old, Cause::Replaced, trash);
            }
        }
        let Coming { key, content, .. } = refused;
        trash.push(Gone { key, content, _extra: None, cause });
    }
}

impl<K: Hash + Eq, V, S: BuildHasher> Clone for Cache<K, V, S> {
    /// Another handle to the same cache.
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K: Hash + Eq, V> Default for Cache<K, V> {
    /// A cache without a bound.
    fn default() -> Self {
        Builder::new().build()
    }
}

impl<K: Hash + Eq, V, S: BuildHasher> fmt::Debug for Cache<K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").field("setting", &self.setting()).field("len", &self.len()).finish()
    }
}
