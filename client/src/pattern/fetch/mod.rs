//! Reading a key: looking it up, or loading it once, and keeping what was loaded. What all reading patterns
//! are made of; they differ in their [`Rules`].
//!
//! ```text
//! look up ── fresh ───────────────────────────────> answer
//!    │ stale, or nothing
//! single flight in this process ── another loads ─> its answer
//!    │ this one loads, in a task of its own
//! lease of the key, over all processes ── another has it ── wait, or load without keeping
//!    │ granted
//! load ── fails ── release the lease, look again: is there still something stale?
//!    │
//! fill, if the lease is still held ───────────────> answer
//! ```
//!
//! The cache that the single flight is made of has room for no entry: it knows loads, and no values, so it
//! cannot be stale.
//!
//! Joining a load can be. It may have begun before a removal that another process made, and that has returned
//! before the one who joins began to read. So events of this process are numbered: a read by when it began,
//! an [`Answer`] by a moment as of which it is known to be right. That of a value that was filled is the
//! moment before the fill, since no removal can have come between the lease and that; of what was found,
//! before it was looked for; of what was not kept, or has tags, before the load. Who began before that
//! moment takes the answer; the others try again, and find what was filled, or load, or join a load that
//! began after they did.

mod found;
mod load;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use scrubjay::Cache;
use scrubjay::cache::{Claim, Failure, Loaded, Ticket};
use tokio::task::JoinHandle;
use tokio::task::coop::consume_budget;
use tokio::time::timeout;
use tracing::{Instrument, debug, debug_span, warn};

use self::found::Found;
use super::stats::{Counters, Stats, count};
use super::{Error, Setting};
use crate::backend::{self, Backend};
use crate::codec::Codec;

/// What a loader brings.
#[derive(Debug, Clone)]
pub(in crate::pattern) struct Brought<V> {
    pub(in crate::pattern) value: Option<V>,
    pub(in crate::pattern) version: Option<u64>,
}

impl<V> Brought<V> {
    pub(in crate::pattern) fn unversioned(value: Option<V>) -> Self {
        Self { value, version: None }
    }
}

/// A load that was not begun yet.
pub(in crate::pattern) type Load<V, E> = Box<dyn FnOnce() -> Loading<V, E> + Send>;
pub(in crate::pattern) type Loading<V, E> = Pin<Box<dyn Future<Output = Result<Brought<V>, E>> + Send>>;

/// A loader as callers write it.
pub(in crate::pattern) fn load_of<V, E, F>(load: impl FnOnce() -> F + Send + 'static) -> Load<V, E>
where
    F: Future<Output = Result<Option<V>, E>> + Send + 'static,
    V: Send + 'static,
    E: Send + 'static,
{
    Box::new(move || {
        let loading = load();
        Box::pin(async move { loading.await.map(Brought::unversioned) })
    })
}

/// What each pattern has that is nothing but a shared [`Fetch`], perhaps with a loader: named are their
/// fields, and what is to be said of a removal besides what is true of all.
macro_rules! handle {
    ($name:ident<$($parameter:ident),+> { $fetch:tt $(, $loader:ident)? } $(, $removal:literal)?) => {
        impl<$($parameter),+> $name<$($parameter),+>
        where
            V: Clone + Send + Sync + 'static,
            B: $crate::backend::Backend,
            C: $crate::codec::Codec<V>,
        {
            /// Removes what is cached of a key, after the database has changed; whether there was anything.
            $(#[doc = ""] #[doc = $removal])?
            ///
            /// # Errors
            /// The backend's: what was cached may still be.
            pub async fn remove(&self, key: &str) -> Result<bool, $crate::backend::Error> {
                self.$fetch.remove(key).await
            }

            /// What was counted so far.
            pub fn stats(&self) -> $crate::pattern::Stats {
                self.$fetch.stats()
            }
        }

        impl<$($parameter),+> Clone for $name<$($parameter),+> {
            fn clone(&self) -> Self {
                Self {
                    $fetch: std::sync::Arc::clone(&self.$fetch),
                    $($loader: std::sync::Arc::clone(&self.$loader),)?
                }
            }
        }

        impl<$($parameter),+> std::fmt::Debug for $name<$($parameter),+> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let setting = &self.$fetch.setting;
                f.debug_struct(stringify!($name)).field("setting", setting).finish_non_exhaustive()
            }
        }
    };
}
pub(in crate::pattern) use handle;

/// What a read is answered with, and as of when: right for all reads that began before.
#[derive(Debug, Clone)]
struct Answer<V> {
    value: Option<V>,
    as_of: u64,
}

/// How a pattern reads.
#[derive(Debug, Clone, Default)]
pub(in crate::pattern) struct Rules {
    /// Whether the load of another process is waited for.
    pub(in crate::pattern) waits: bool,
    /// How long before its time a value is loaded anew.
    pub(in crate::pattern) ahead: Duration,
    /// The keys of the tags that what is loaded will carry.
    pub(in crate::pattern) tags: Vec<String>,
    /// Whether the backend has just failed to answer.
    pub(in crate::pattern) away: bool,
}

pub(in crate::pattern) struct Fetch<V, B, C> {
    pattern: &'static str,
    pub(in crate::pattern) backend: B,
    pub(in crate::pattern) codec: C,
    pub(in crate::pattern) setting: Setting,
    /// Loads under way. It keeps no value.
    flights: Cache<String, Answer<V>>,
    /// The number of the last event.
    events: AtomicU64,
    /// The loads that failed lately.
    failures: Cache<String, Failure>,
    pub(in crate::pattern) counters: Counters,
}

impl<V, B, C> Fetch<V, B, C>
where
    V: Clone + Send + Sync + 'static,
    B: Backend,
    C: Codec<V>,
{
    pub(in crate::pattern) fn new(
        pattern: &'static str,
        backend: B,
        codec: C,
        setting: Setting,
    ) -> Arc<Self> {
        let flights = Cache::builder().max_entries(0).shards(16).clock(setting.clock.clone()).build();
        let memory = setting.failed_ttl.unwrap_or(setting.retry_after);
        let failures = Cache::builder().max_entries(10_000).ttl(memory).clock(setting.clock.clone()).build();
        let counters = Counters::default();
        let events = AtomicU64::new(0);
        Arc::new(Self { pattern, backend, codec, setting, flights, events, failures, counters })
    }

    pub(in crate::pattern) fn stats(&self) -> Stats {
        self.counters.read()
    }

    /// Numbers an event: larger than all numbers before.
    fn event(&self) -> u64 {
        self.events.fetch_add(1, SeqCst) + 1
    }

    pub(in crate::pattern) fn key(&self, key: &str) -> String {
        format!("{}{key}", self.setting.prefix)
    }

    /// Removes a key, and whatever is being loaded of it: nobody joins that any more.
    pub(in crate::pattern) async fn remove(&self, key: &str) -> Result<bool, backend::Error> {
        let key = self.key(key);
        self.forget_loads(&key);
        count(&self.counters.removals);
        self.step(self.backend.remove(key.as_bytes()).await)
    }

    /// Whoever asks from now on does not join a load that began before, nor hear of its failure.
    pub(in crate::pattern) fn forget_loads(&self, key: &str) {
        self.flights.invalidate(key);
        self.failures.invalidate(key);
    }

    /// The same for all keys.
    pub(in crate::pattern) fn forget_all_loads(&self) {
        self.flights.clear();
        self.failures.clear();
    }

    /// Counts what the backend could not do.
    pub(in crate::pattern) fn step<T>(
        &self,
        outcome: Result<T, backend::Error>,
    ) -> Result<T, backend::Error> {
        if let Err(error) = &outcome {
            count(&self.counters.backend_failures);
            warn!(pattern = self.pattern, %error, "the cache fails");
        }
        outcome
    }

    /// The value of a key.
    pub(in crate::pattern) async fn get<E: Send + Sync + 'static>(
        self: &Arc<Self>,
        key: &str,
        mut rules: Rules,
        load: Load<V, E>,
    ) -> Result<Option<V>, Error<E>> {
        let span = debug_span!("get", pattern = self.pattern, key);
        let key = self.key(key);
        // A backend in this process waits for nothing: without this a task that only reads would never give
        // its thread back.
        consume_budget().await;
        // Only read, since this is what every hit does: smaller than the number of any event to come.
        let began = self.events.load(SeqCst);
        async {
            let counters = &self.counters;
            let may_be_stale = match self.look_up(&key, &rules).await {
                Found::Fresh(value) => {
                    count(&counters.hits);
                    return Ok(Some(value));
                }
                Found::Due(value) => {
                    count(&counters.hits);
                    self.refresh(key, rules, load);
                    return Ok(Some(value));
                }
                Found::Absent => {
                    count(&counters.negative_hits);
                    return Ok(None);
                }
                Found::Stale(value) => {
                    if self.failures.contains_key(&key) {
                        count(&counters.stale_hits);
                        return Ok(Some(value));
                    }
                    true
                }
                Found::Nothing => false,
                Found::Unknown => {
                    rules.away = true;
                    false
                }
            };
            if self.setting.failed_ttl.is_some()
                && let Some(failure) = self.failures.get(&key)
                && let Some(error) = failure.downcast::<Error<E>>()
            {
                count(&counters.negative_hits);
                return Err((*error).clone());
            }
            count(&counters.misses);
            debug!("nothing fresh");
            let mut loading = pin!(self.load_once(began, &key, &rules, load));
            if let Some(soft) = self.setting.soft_timeout.filter(|_| may_be_stale) {
                if let Ok(loaded) = timeout(soft, &mut loading).await {
                    return loaded;
                }
                // What was stale a moment ago may have been removed meanwhile.
                if let Some(value) = self.stand_in(&key, &rules).await {
                    return Ok(Some(value));
                }
            }
            loading.await
        }
        .instrument(span)
        .await
    }

    /// Loads a key before its time, unless somebody does already. Nobody waits for it.
    fn refresh<E: Send + Sync + 'static>(self: &Arc<Self>, key: String, rules: Rules, load: Load<V, E>) {
        if self.failures.contains_key(&key) {
            return;
        }
        if let Claim::Load(ticket) = self.flights.claim(&key) {
            count(&self.counters.refreshes);
            drop(self.lead(ticket, key, rules, load));
        }
    }

    /// Loads a key, or waits for the task of this process that does, if its answer will do for a read that
    /// began then.
    async fn load_once<E: Send + Sync + 'static>(
        self: &Arc<Self>,
        began: u64,
        key: &String,
        rules: &Rules,
        load: Load<V, E>,
    ) -> Result<Option<V>, Error<E>> {
        let rules = Rules { ahead: Duration::ZERO, ..rules.clone() };
        loop {
            let loaded = match self.flights.claim(key) {
                Claim::Load(ticket) | Claim::Refresh(_, ticket) => {
                    return match self.lead(ticket, key.clone(), rules, load).await {
                        Ok(answer) => answer.map(|answer| answer.value),
                        Err(ended) if ended.is_panic() => std::panic::resume_unwind(ended.into_panic()),
                        Err(_) => Err(Error::Abandoned),
                    };
                }
                Claim::Wait(pending) => {
                    count(&self.counters.flight_waits);
                    pending.await
                }
                // It keeps nothing.
                _ => None,
            };
            match loaded {
                Some(Loaded::Found(answer)) if began < answer.as_of => return Ok(answer.value),
                Some(Loaded::Failed(failure)) => match failure.downcast::<Error<E>>() {
                    Some(error) => return Err((*error).clone()),
                    // Another kind of loader for the same key: its errors are none of ours.
                    None => return self.load_unkept(key, &rules, load).await.map(|answer| answer.value),
                },
                // It was given up, or may be too old: by now there may be a newer one.
                _ => {}
            }
        }
    }

    /// Loads a key in a task of its own, so that it goes on whoever is cancelled.
    fn lead<E: Send + Sync + 'static>(
        self: &Arc<Self>,
        ticket: Ticket<String, Answer<V>>,
        key: String,
        rules: Rules,
        load: Load<V, E>,
    ) -> JoinHandle<Result<Answer<V>, Error<E>>> {
        let this = Arc::clone(self);
        let span = debug_span!("load", pattern = self.pattern, key);
        let task = async move {
            let loaded = this.load_leased(&key, &rules, load).await;
            match &loaded {
                Ok(answer) => drop(ticket.publish(answer.clone())),
                Err(error) => drop(ticket.fail(Failure::new(error.clone()))),
            }
            loaded
        };
        tokio::spawn(task.instrument(span))
    }
}
