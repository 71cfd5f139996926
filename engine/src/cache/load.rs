//! Loading what is not there: blocking and asynchronous, upon [single flight](super::flight).

use std::borrow::Borrow;
use std::future::Future;
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

use super::Cache;
use super::entry::{Failure, Outcome};
use super::flight::{Claim, Loaded, Ticket};
use super::shard::Trash;

/// What a caller takes for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// A value: what is known to be absent, or to fail, is looked up again.
    Value,
    /// A value or a failure.
    Result,
    /// Whatever is known.
    Anything,
}

impl Wanted {
    fn takes<V>(self, known: &Outcome<V>) -> bool {
        match known {
            Outcome::Fresh { .. } | Outcome::Stale { .. } => true,
            Outcome::Failed { .. } => self != Self::Value,
            Outcome::Absent { .. } => self == Self::Anything,
            Outcome::Miss => false,
        }
    }

    fn takes_loaded<V>(self, loaded: &Loaded<V>) -> bool {
        match loaded {
            Loaded::Found(_) => true,
            Loaded::Failed(_) => self != Self::Value,
            Loaded::Absent => self == Self::Anything,
        }
    }
}

impl<K: Hash + Eq, V: Clone, S: BuildHasher> Cache<K, V, S> {
    /// The value of a key, which `load` makes if it is not there: once, however many ask at the same time.
    /// Past its soft TTL, one caller loads it anew, and the others are given what there is.
    ///
    /// If `load` panics, or its thread asks for the same key again in it, the others are not left behind: the
    /// next of them loads.
    pub fn get_or_insert_with<Q>(&self, key: &Q, load: impl FnOnce() -> V) -> V
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        match self.load_with(key, Wanted::Value, |_| true, || Loaded::Found(load())) {
            Loaded::Found(value) => value,
            _ => unreachable!("invariant: a loader of values brings one, and nothing else is waited for"),
        }
    }

    /// The same for a loader that may fail. All who wait share its error, which is not kept unless the cache
    /// has a [TTL for failures](super::Builder::failed_ttl). If a value is kept to
    /// [stand in](super::Builder::stale_on_error), it is returned in place of the error.
    ///
    /// # Errors
    /// What `load` failed with, or failed with before.
    pub fn try_get_or_insert_with<Q, E>(
        &self,
        key: &Q,
        load: impl FnOnce() -> Result<V, E>,
    ) -> Result<V, Arc<E>>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
        E: Send + Sync + 'static,
    {
        match self
            .load_with(key, Wanted::Result, Failure::is::<E>, || load().map_or_else(failed, Loaded::Found))
        {
            Loaded::Found(value) => Ok(value),
            Loaded::Failed(failure) => Err(of_type(&failure)),
            Loaded::Absent => unreachable!("invariant: a loader of values does not say that there is none"),
        }
    }

    /// The same for what may have no value, which is kept if the cache has a
    /// [TTL for that](super::Builder::absent_ttl).
    ///
    /// # Errors
    /// What `load` failed with, or failed with before.
    pub fn get_or_load<Q, E>(
        &self,
        key: &Q,
        load: impl FnOnce() -> Result<Option<V>, E>,
    ) -> Result<Option<V>, Arc<E>>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
        E: Send + Sync + 'static,
    {
        let load = || load().map_or_else(failed, |value| value.map_or(Loaded::Absent, Loaded::Found));
        match self.load_with(key, Wanted::Anything, Failure::is::<E>, load) {
            Loaded::Found(value) => Ok(Some(value)),
            Loaded::Absent => Ok(None),
            Loaded::Failed(failure) => Err(of_type(&failure)),
        }
    }

    /// [`get_or_insert_with`](Self::get_or_insert_with) for an asynchronous loader, on any runtime. If the
    /// caller is cancelled, the next who waits loads.
    pub async fn get_or_insert_with_async<Q, F>(&self, key: &Q, load: impl FnOnce() -> F) -> V
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
        F: Future<Output = V>,
    {
        let load = async || Loaded::Found(load().await);
        match self.load_with_async(key, Wanted::Value, |_| true, load).await {
            Loaded::Found(value) => value,
            _ => unreachable!("invariant: a loader of values brings one, and nothing else is waited for"),
        }
    }

    /// [`try_get_or_insert_with`](Self::try_get_or_insert_with) for an asynchronous loader.
    ///
    /// # Errors
    /// What `load` failed with, or failed with before.
    pub async fn try_get_or_insert_with_async<Q, F, E>(
        &self,
        key: &Q,
        load: impl FnOnce() -> F,
    ) -> Result<V, Arc<E>>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
        F: Future<Output = Result<V, E>>,
        E: Send + Sync + 'static,
    {
        let load = async || load().await.map_or_else(failed, Loaded::Found);
        match self.load_with_async(key, Wanted::Result, Failure::is::<E>, load).await {
            Loaded::Found(value) => Ok(value),
            Loaded::Failed(failure) => Err(of_type(&failure)),
            Loaded::Absent => unreachable!("invariant: a loader of values does not say that there is none"),
        }
    }

    /// [`get_or_load`](Self::get_or_load) for an asynchronous loader.
    ///
    /// # Errors
    /// What `load` failed with, or failed with before.
    pub async fn get_or_load_async<Q, F, E>(
        &self,
        key: &Q,
        load: impl FnOnce() -> F,
    ) -> Result<Option<V>, Arc<E>>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
        F: Future<Output = Result<Option<V>, E>>,
        E: Send + Sync + 'static,
    {
        let load = async || match load().await {
            Ok(value) => value.map_or(Loaded::Absent, Loaded::Found),
            Err(error) => failed(error),
        };
        match self.load_with_async(key, Wanted::Anything, Failure::is::<E>, load).await {
            Loaded::Found(value) => Ok(Some(value)),
            Loaded::Absent => Ok(None),
            Loaded::Failed(failure) => Err(of_type(&failure)),
        }
    }

    /// What is known about a key, or the duty to find out, or somebody to wait for who has it. What all the
    /// other loading calls are made of, for loaders that run elsewhere:
    ///
    /// ```
    /// use scrubjay::cache::{Cache, Claim};
    ///
    /// let cache: Cache<u32, String> = Cache::default();
    /// let value = match cache.claim(&7) {
    ///     Claim::Held(outcome) => outcome.into_value(),
    ///     // Past its soft TTL: a ticket may go to a thread of its own, and need not be waited for.
    ///     Claim::Refresh(value, ticket) => {
    ///         std::thread::spawn(move || ticket.publish("seven, anew".to_owned()));
    ///         Some(value)
    ///     }
    ///     Claim::Load(ticket) => {
    ///         ticket.publish("seven".to_owned());
    ///         Some("seven".to_owned())
    ///     }
    ///     Claim::Wait(pending) => pending.wait().and_then(|loaded| loaded.into_value()),
    ///     _ => None,
    /// };
    /// assert_eq!(value.as_deref(), Some("seven"));
    /// ```
    pub fn claim<Q>(&self, key: &Q) -> Claim<K, V, S>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        self.claim_wanted(key, Wanted::Anything, |_| true)
    }

    /// The same for a caller who knows better which values are good: one that `is_good` refuses is not held
    /// but to be loaded, and stays meanwhile, so that [`Ticket::fail`] may return it and
    /// [`peek`](Self::peek) finds it. `is_good` runs under the lock of a shard: see the
    /// [rules](super#rules).
    ///
    /// ```
    /// use scrubjay::cache::{Cache, Claim};
    ///
    /// let cache: Cache<u32, u64> = Cache::default();
    /// cache.insert(7, 1);
    /// assert!(matches!(cache.claim_if(&7, |version| *version >= 1), Claim::Held(_)));
    /// let Claim::Load(ticket) = cache.claim_if(&7, |version| *version >= 2) else { unreachable!() };
    /// assert_eq!(cache.get(&7), Some(1));
    /// ticket.publish(2);
    /// assert_eq!(cache.get(&7), Some(2));
    /// ```
    pub fn claim_if<Q>(&self, key: &Q, is_good: impl Fn(&V) -> bool) -> Claim<K, V, S>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        self.claim_wanted(key, Wanted::Anything, is_good)
    }

    fn claim_wanted<Q>(&self, key: &Q, wanted: Wanted, is_good: impl Fn(&V) -> bool) -> Claim<K, V, S>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        let hash = self.hash(key);
        {
            // What is fresh and will stay so needs no clock.
            let mut shard = self.lock(hash);
            if let Some(found) = shard.find(hash, key)
                && shard.entry(found).is_plain()
                && shard.entry(found).content.found().is_some_and(&is_good)
            {
                shard.count(Some(found), 0);
                return Claim::Held(shard.outcome(found, 0, V::clone));
            }
        }
        let now = self.now();
        let born = self.0.tags.now();
        let mut trash = Trash::new();
        let mut shard = self.lock(hash);
        let found = shard.find_live(hash, key, now, &mut trash);
        shard.count(found, now);
        let outcome = found
            .filter(|&found| shard.entry(found).content.found().is_none_or(is_good))
            .map_or(Outcome::Miss, |found| shard.outcome(found, now, V::clone));
        let claim = match outcome {
            Outcome::Stale { value, left } => {
                let waits = found.and_then(|found| shard.extra(found)).is_some_and(|extra| now < extra.retry);
                if waits || shard.flights.is_loading(hash, key) {
                    Claim::Held(Outcome::Stale { value, left })
                } else {
                    let flight = shard.flights.start(hash, key.to_owned());
                    Claim::Refresh(value, Ticket::new(self.clone(), flight, key.to_owned(), born))
                }
            }
            known if wanted.takes(&known) => Claim::Held(known),
            _ => match shard.flights.join(hash, key) {
                Some(pending) => Claim::Wait(pending),
                None => {
                    let flight = shard.flights.start(hash, key.to_owned());
                    Claim::Load(Ticket::new(self.clone(), flight, key.to_owned(), born))
                }
            },
        };
        drop(shard);
        self.throw_away(trash);
        claim
    }

    /// Failures of types that are not `mine` are of another kind of loader for the same key: they do not
    /// count.
    fn load_with<Q>(
        &self,
        key: &Q,
        wanted: Wanted,
        mine: impl Fn(&Failure) -> bool,
        load: impl FnOnce() -> Loaded<V>,
    ) -> Loaded<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        loop {
            match self.claim_wanted(key, wanted, |_| true) {
                Claim::Held(Outcome::Failed { failure, .. }) if !mine(&failure) => return load(),
                Claim::Held(outcome) => return held(outcome),
                Claim::Refresh(_, ticket) | Claim::Load(ticket) => return spend(ticket, load()),
                // It asks for what it is loading: it would wait for itself.
                Claim::Wait(pending) if pending.is_own() => return load(),
                Claim::Wait(pending) => match pending.wait() {
                    Some(Loaded::Failed(failure)) if !mine(&failure) => return load(),
                    Some(loaded) if wanted.takes_loaded(&loaded) => return loaded,
                    _ => {}
                },
            }
        }
    }

    async fn load_with_async<Q>(
        &self,
        key: &Q,
        wanted: Wanted,
        mine: impl Fn(&Failure) -> bool,
        load: impl AsyncFnOnce() -> Loaded<V>,
    ) -> Loaded<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        loop {
            match self.claim_wanted(key, wanted, |_| true) {
                Claim::Held(Outcome::Failed { failure, .. }) if !mine(&failure) => return load().await,
                Claim::Held(outcome) => return held(outcome),
                Claim::Refresh(_, ticket) | Claim::Load(ticket) => return spend(ticket, load().await),
                Claim::Wait(pending) => match pending.await {
                    Some(Loaded::Failed(failure)) if !mine(&failure) => return load().await,
                    Some(loaded) if wanted.takes_loaded(&loaded) => return loaded,
                    _ => {}
                },
            }
        }
    }
}

impl<V> Loaded<V> {
    /// The value, if there is one.
    pub fn into_value(self) -> Option<V> {
        match self {
            Self::Found(value) => Some(value),
            Self::Absent | Self::Failed(_) => None,
        }
    }
}

fn failed<V, E: Send + Sync + 'static>(error: E) -> Loaded<V> {
    Loaded::Failed(Failure::new(error))
}

fn of_type<E: Send + Sync + 'static>(failure: &Failure) -> Arc<E> {
    failure.downcast().expect("invariant: failures of other types were sorted out")
}

fn held<V>(outcome: Outcome<V>) -> Loaded<V> {
    match outcome {
        Outcome::Fresh { value, .. } | Outcome::Stale { value, .. } => Loaded::Found(value),
        Outcome::Failed { failure, .. } => Loaded::Failed(failure),
        Outcome::Absent { .. } => Loaded::Absent,
        Outcome::Miss => unreachable!("invariant: a miss is not held"),
    }
}

/// Keeps what was loaded, and says what its caller gets.
fn spend<K: Hash + Eq, V: Clone, S: BuildHasher>(ticket: Ticket<K, V, S>, loaded: Loaded<V>) -> Loaded<V> {
    match loaded {
        Loaded::Found(value) => {
            ticket.publish(value.clone());
            Loaded::Found(value)
        }
        Loaded::Absent => {
            ticket.absent();
            Loaded::Absent
        }
        Loaded::Failed(failure) => match ticket.fail(failure.clone()) {
            Some(value) => Loaded::Found(value),
            None => Loaded::Failed(failure),
        },
    }
}
