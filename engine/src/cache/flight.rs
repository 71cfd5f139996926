//! Single flight: one caller loads a key, the others wait for what it brings, and nobody is left behind.
//!
//! Who asks for a key that is not there *claims* it. The first gets a [`Ticket`], and with it the duty to
//! load; the others get a [`Pending`] to wait on. A ticket is spent by what it brings; one that is dropped
//! (its caller was cancelled, or the loader panicked) wakes the waiting, and the first of them to claim again
//! has the duty.
//!
//! **A ticket dies** when its key is written, removed or invalidated before it is spent. Its value is then
//! handed to those who were waiting, who had asked before, and not kept. So a load can never undo an
//! invalidation. A near cache lives by that: the ticket is the placeholder with a token that stands in the
//! cache while the request is under way.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::future::Future;
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher};
use std::pin::Pin;
use std::sync::Arc as SharedWaker;
use std::task::{Context, Poll, Wake, Waker};

use super::Cache;
use super::entry::{Content, Extra, Failure, Outcome};
use super::shard::Trash;
use super::terms::{Sort, Terms};
use crate::sync::thread::{self, Thread, ThreadId};
use crate::sync::{Arc, Mutex};

/// What became of a load.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Loaded<V> {
    /// There is a value.
    Found(V),
    /// There is none.
    Absent,
    /// It could not be had.
    Failed(Failure),
}

/// A load under way.
pub(super) struct Flight<K, V> {
    hash: u64,
    key: K,
    /// The thread that claimed it: one that waits for itself would wait forever.
    leader: ThreadId,
    landing: Mutex<Landing<V>>,
}

struct Landing<V> {
    /// What it brought; nothing when it was given up.
    over: Option<Option<Loaded<V>>>,
    /// How many will ask for it.
    joined: usize,
    waiting: Vec<Option<Waker>>,
}

impl<K, V> Flight<K, V> {
    /// Hands out what it brought.
    fn land(&self, brought: impl FnOnce() -> Option<Loaded<V>>) {
        let mut landing = self.landing.lock();
        // It is out of the shard, so nobody can join any more.
        landing.over = Some(if landing.joined == 0 { None } else { brought() });
        let waiting = std::mem::take(&mut landing.waiting);
        drop(landing);
        waiting.into_iter().flatten().for_each(Waker::wake);
    }
}

/// The loads under way in a shard.
pub(super) struct Flights<K, V>(HashMap<u64, OfHash<K, V>, BuildHasherDefault<Hashed>>);

type OfHash<K, V> = Vec<Arc<Flight<K, V>>>;

/// For keys that are hashes already.
#[derive(Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn write(&mut self, _: &[u8]) {
        unreachable!("invariant: only hashes are hashed");
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

impl<K, V> Flights<K, V> {
    pub(super) fn new() -> Self {
        Self(HashMap::default())
    }

    fn find<Q>(&self, hash: u64, key: &Q) -> Option<&Arc<Flight<K, V>>>
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        self.0.get(&hash)?.iter().find(|flight| flight.key.borrow() == key)
    }

    pub(super) fn start(&mut self, hash: u64, key: K) -> Arc<Flight<K, V>> {
        let landing = Mutex::new(Landing { over: None, joined: 0, waiting: Vec::new() });
        let flight = Arc::new(Flight { hash, key, leader: thread::current().id(), landing });
        self.0.entry(hash).or_default().push(Arc::clone(&flight));
        flight
    }

    /// Takes a flight out; whether it was still there, so that what it brings may be kept.
    pub(super) fn end(&mut self, flight: &Arc<Flight<K, V>>) -> bool {
        let Some(of_hash) = self.0.get_mut(&flight.hash) else { return false };
        let Some(at) = of_hash.iter().position(|other| Arc::ptr_eq(other, flight)) else { return false };
        of_hash.swap_remove(at);
        if of_hash.is_empty() {
            self.0.remove(&flight.hash);
        }
        true
    }

    /// Whether somebody is loading this key.
    pub(super) fn is_loading<Q>(&self, hash: u64, key: &Q) -> bool
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        self.find(hash, key).is_some()
    }

    /// Whether it was neither ended nor invalidated.
    pub(super) fn is_live(&self, flight: &Arc<Flight<K, V>>) -> bool {
        self.0.get(&flight.hash).is_some_and(|of_hash| of_hash.iter().any(|other| Arc::ptr_eq(other, flight)))
    }

    /// A share in the flight of this key, if there is one.
    pub(super) fn join<Q>(&self, hash: u64, key: &Q) -> Option<Pending<K, V>>
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        let flight = Arc::clone(self.find(hash, key)?);
        flight.landing.lock().joined += 1;
        Some(Pending { flight, number: None })
    }

    /// Kills the ticket of a key, if there is one.
    #[inline]
    pub(super) fn invalidate<Q>(&mut self, hash: u64, key: &Q)
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        if !self.is_empty()
            && let Some(flight) = self.find(hash, key).cloned()
        {
            self.end(&flight);
        }
    }

    /// Whether nobody is loading anything.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Kills all tickets.
    pub(super) fn invalidate_all(&mut self) {
        self.0.clear();
    }
}

/// What a claim was answered with.
#[non_exhaustive]
pub enum Claim<K, V, S = ahash::RandomState>
where
    K: Hash + Eq,
    S: BuildHasher,
{
    /// What is known, and good enough. Never a [`Outcome::Miss`].
    Held(Outcome<V>),
    /// A stale value to go on with, and the duty to load it anew. Nobody waits.
    Refresh(V, Ticket<K, V, S>),
    /// Nothing, and the duty to load it.
    Load(Ticket<K, V, S>),
    /// Somebody is loading it.
    Wait(Pending<K, V>),
}

/// The duty to load a key, and the right to keep the value: until its key is written or invalidated. Dropped
/// unspent, it wakes those who wait, and the next of them has the duty.
#[must_use = "a ticket that is dropped lets the others wait for nothing"]
pub struct Ticket<K: Hash + Eq, V, S: BuildHasher = ahash::RandomState> {
    cache: Cache<K, V, S>,
    flight: Arc<Flight<K, V>>,
    /// None once it is spent.
    key: Option<K>,
    /// How far the tags' clock stood.
    born: u64,
    began_micros: u64,
}

impl<K: Hash + Eq, V, S: BuildHasher> Ticket<K, V, S> {
    /// The duty to load what is under way in `flight`.
    pub(super) fn new(cache: Cache<K, V, S>, flight: Arc<Flight<K, V>>, key: K, born: u64) -> Self {
        let began_micros = cache.clock().monotonic_micros();
        Self { cache, flight, key: Some(key), born, began_micros }
    }

    /// The key to load.
    pub fn key(&self) -> &K {
        &self.flight.key
    }

    /// Whether what it brings would still be kept. Only a hint that loading is worth the while: it may change
    /// at any moment.
    pub fn is_live(&self) -> bool {
        self.cache.lock(self.flight.hash).flights.is_live(&self.flight)
    }
}

impl<K: Hash + Eq, V: Clone, S: BuildHasher> Ticket<K, V, S> {
    /// Keeps a value. Whether it was kept: not if the key was written or invalidated meanwhile, nor if it is
    /// too large for the cache.
    pub fn publish(self, value: V) -> bool {
        self.publish_as(value, &Terms::new())
    }

    /// Keeps a value, on terms of its own.
    pub fn publish_as(mut self, value: V, terms: &Terms) -> bool {
        // A copy for those who wait, if anybody does or might yet.
        let landed = value.clone();
        self.spend(Content::Found(value), None, terms, || Some(Loaded::Found(landed)))
    }

    /// Keeps that there is no value, if the cache has a TTL for that.
    pub fn absent(mut self) -> bool {
        if self.cache.defaults().absent_ttl.is_some() {
            return self.spend(Content::Nothing, None, &Terms::new(), || Some(Loaded::Absent));
        }
        self.end(true);
        // What was there is not there any more.
        self.flight.land(|| Some(Loaded::Absent));
        false
    }

    /// The value cannot be had. If the cache keeps values to stand in for such, and has one, it is returned,
    /// served for a while, and handed to the waiting too; otherwise they get the failure, which is kept if
    /// the cache has a TTL for that.
    pub fn fail(mut self, failure: Failure) -> Option<V> {
        if let Some(value) = self.stand_in() {
            let landed = value.clone();
            self.flight.land(|| Some(Loaded::Found(landed)));
            return Some(value);
        }
        let landed = failure.clone();
        if self.cache.defaults().failed_ttl.is_some() {
            self.spend(Content::Nothing, Some(failure), &Terms::new(), || Some(Loaded::Failed(landed)));
        } else {
            self.end(false);
            self.flight.land(|| Some(Loaded::Failed(landed)));
        }
        None
    }

    fn spend(
        &mut self,
        content: Content<V>,
        failure: Option<Failure>,
        terms: &Terms,
        landed: impl FnOnce() -> Option<Loaded<V>>,
    ) -> bool {
        let sort = match (&content, &failure) {
            (Content::Found(_), _) => Sort::Found,
            (Content::Nothing, None) => Sort::Absent,
            (Content::Nothing, Some(_)) => Sort::Failed,
        };
        let weight = self.cache.weigh(self.key(), &content);
        let Some(key) = self.key.take() else { return false };
        let micros = self.micros();
        let kept = self.cache.put(
            super::Put { hash: self.flight.hash, key, content, failure, sort, weight, born: self.born },
            terms,
            Some((&self.flight, micros)),
        );
        self.flight.land(landed);
        kept
    }

    /// The value that stands in for the one that could not be had, from now on for a while.
    fn stand_in(&mut self) -> Option<V> {
        let now = self.cache.now();
        let retry = super::terms::millis(self.cache.defaults().retry_after, 1.0);
        let mut shard = self.cache.lock(self.flight.hash);
        if !shard.flights.is_live(&self.flight) {
            return None;
        }
        let found = shard.find(self.flight.hash, &self.flight.key)?;
        if shard.over(found, now).is_some() {
            return None;
        }
        let value = shard.entry(found).content.found()?.clone();
        if let Some(Extra { soft, hard, retry: pause, .. }) = shard.extra_mut(found) {
            *pause = now.saturating_add(retry);
            *soft = (*soft).min(*hard);
            *hard = (*hard).max(*pause);
        }
        shard.flights.end(&self.flight);
        shard.stats.load_failures += 1;
        shard.stats.stand_ins += 1;
        drop(shard);
        self.key = None;
        Some(value)
    }
}

impl<K: Hash + Eq, V, S: BuildHasher> Ticket<K, V, S> {
    fn micros(&self) -> u64 {
        self.cache.clock().monotonic_micros().saturating_sub(self.began_micros)
    }

    /// Ends the flight with nothing to keep. What was there goes, if it is `outdated`.
    fn end(&mut self, outdated: bool) {
        let key = self.key.take();
        let micros = self.micros();
        let mut trash = Trash::new();
        let mut shard = self.cache.lock(self.flight.hash);
        let live = shard.flights.end(&self.flight);
        shard.stats.load_micros += micros;
        if outdated {
            shard.stats.loads += 1;
            if live && let Some(found) = shard.find(self.flight.hash, &self.flight.key) {
                shard.remove(found, super::Cause::Invalidated, &mut trash);
            }
        } else {
            shard.stats.load_failures += 1;
        }
        drop(shard);
        drop(key);
        self.cache.throw_away(trash);
    }
}

impl<K: Hash + Eq, V, S: BuildHasher> Drop for Ticket<K, V, S> {
    fn drop(&mut self) {
        if self.key.is_some() {
            self.end(false);
            self.flight.land(|| None);
        }
    }
}

/// Somebody else's load, to wait for: a future, or [`wait`](Self::wait) where threads may block.
///
/// Gives `None` when the load was given up: then it is time to claim the key again.
#[must_use = "a future does nothing unless it is polled"]
pub struct Pending<K, V> {
    flight: Arc<Flight<K, V>>,
    /// Which of the waiting it is, once it was polled.
    number: Option<usize>,
}

impl<K, V: Clone> Pending<K, V> {
    /// Blocks until the load is over.
    pub fn wait(self) -> Option<Loaded<V>> {
        block_on(self)
    }

    /// Whether this very thread has the ticket, so that waiting would be for ever.
    pub(super) fn is_own(&self) -> bool {
        self.flight.leader == thread::current().id()
    }
}

impl<K, V: Clone> Future for Pending<K, V> {
    type Output = Option<Loaded<V>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let mut landing = this.flight.landing.lock();
        if let Some(brought) = &landing.over {
            return Poll::Ready(brought.clone());
        }
        let waker = Some(context.waker().clone());
        match this.number {
            Some(number) => landing.waiting[number] = waker,
            None => {
                this.number = Some(landing.waiting.len());
                landing.waiting.push(waker);
            }
        }
        Poll::Pending
    }
}

impl<K, V> Drop for Pending<K, V> {
    fn drop(&mut self) {
        if let Some(number) = self.number
            && let Some(waiting) = self.flight.landing.lock().waiting.get_mut(number)
        {
            *waiting = None;
        }
    }
}

/// A thread that waits for a future.
struct Parked(Thread);

impl Wake for Parked {
    fn wake(self: SharedWaker<Self>) {
        self.0.unpark();
    }
}

fn block_on<F: Future + Unpin>(mut future: F) -> F::Output {
    let waker = Waker::from(SharedWaker::new(Parked(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        match Pin::new(&mut future).poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}
