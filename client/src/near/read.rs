//! Reading: here if it is [fresh](super::hit), or else, by one for all who ask, from the server and from the
//! loader.

use std::error::Error as StdError;
use std::future::Future;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::Arc;

use scrubjay::cache::{Claim, Failure, Loaded, Ticket};
use tokio::task::coop::consume_budget;
use tokio::task::{JoinError, JoinSet};
use tokio::time::timeout;
use tracing::{Instrument as _, debug, debug_span, warn};

use super::NearCache;
use super::error::Error;
use super::held::{Held, Known, NEVER, Worth};
use super::hit::Read;
use super::local::{Key, Reading, Wanted};
use super::requests::{Requests, Said};
use super::write::{Condition, Forget};
use crate::codec::Codec;

/// Where an answer comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// It was kept in this process, and is fresh.
    Local,
    /// The server, just now.
    Server,
    /// The loader, just now.
    Loader,
    /// It was kept in this process, and is stale; nothing better was to be had.
    Stale,
}

/// An answer, and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lookup<V> {
    /// The value, if there is one.
    pub value: Option<V>,
    /// Where it comes from.
    pub source: Source,
}

pub(super) type Loading<V> =
    Pin<Box<dyn Future<Output = Result<Option<V>, Arc<dyn StdError + Send + Sync>>> + Send>>;

impl<V: Clone + Send + Sync + 'static, C: Codec<V>> NearCache<V, C> {
    /// The value of a key.
    ///
    /// # Errors
    /// [`Error::Wire`] when it is not here and the server cannot be asked, [`Error::Codec`] when what it has
    /// is no value, [`Error::TimedOut`] after the hard timeout.
    #[inline]
    pub fn get(&self, key: impl AsRef<[u8]>) -> impl Future<Output = Result<Option<V>, Error>> {
        Read::of_server(self, key, |lookup: Lookup<V>| lookup.value)
    }

    /// What is here and fresh, without asking anybody: `None` if nothing is known here, `Some(None)` if it is
    /// known that there is no value.
    pub fn cached(&self, key: impl AsRef<[u8]>) -> Option<Option<V>> {
        self.0.local.hit(key.as_ref(), Wanted::Servers)
    }

    /// The same as [`get`](Self::get), and where it comes from.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    #[inline]
    pub fn lookup(&self, key: impl AsRef<[u8]>) -> impl Future<Output = Result<Lookup<V>, Error>> {
        Read::of_server(self, key, |lookup: Lookup<V>| lookup)
    }

    /// The values of many keys, in their order. Those that are not here are asked for all at once. They are
    /// not of one moment.
    ///
    /// # Errors
    /// As [`get`](Self::get), for any of them.
    pub async fn get_many<K: AsRef<[u8]>>(
        &self,
        keys: impl IntoIterator<Item = K>,
    ) -> Result<Vec<Option<V>>, Error> {
        let mut values = Vec::new();
        let mut asked = JoinSet::new();
        for (at, key) in keys.into_iter().enumerate() {
            // As in `hit`.
            consume_budget().await;
            let hit = self.0.local.hit(key.as_ref(), Wanted::Servers);
            if hit.is_none() {
                let (cache, key) = (self.clone(), Key::from(key.as_ref()));
                asked.spawn(async move { (at, cache.miss(&key, Wanted::Servers, None).await) });
            }
            values.push(hit.flatten());
        }
        while let Some(answer) = asked.join_next().await {
            let (at, lookup) = joined(answer)?;
            values[at] = lookup?.value;
        }
        Ok(values)
    }

    /// The value of a key, which `load` brings if neither this process nor the server has it: once for all
    /// who ask here at the same time. What it brings is written at the server, for the
    /// [server's TTL](super::Builder::server_ttl), unless somebody else has written the key meanwhile: then
    /// that is the answer. That there is nothing to load is remembered too.
    ///
    /// When the server is away, `load` is asked, and what it brings is not kept.
    ///
    /// A key that is written and *removed* again at the server while its value is loaded is filled with what
    /// was loaded. Where that matters, use a lease.
    ///
    /// # Errors
    /// [`Error::Loader`] when `load` fails; otherwise as [`get`](Self::get).
    #[inline]
    pub fn get_or_load<L, F, E>(
        &self,
        key: impl AsRef<[u8]>,
        load: L,
    ) -> impl Future<Output = Result<Option<V>, Error>>
    where
        L: FnOnce() -> F + Send + 'static,
        F: Future<Output = Result<Option<V>, E>> + Send + 'static,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        let load = || -> Loading<V> {
            Box::pin(async move { load().await.map_err(|error| Arc::from(error.into())) })
        };
        Read::of_loader(self, key, load, |lookup: Lookup<V>| lookup.value)
    }

    pub(super) async fn miss(
        &self,
        key: &Key,
        wanted: Wanted,
        loading: Option<Loading<V>>,
    ) -> Result<Lookup<V>, Error> {
        self.0.local.counters.misses.one();
        self.look_up(key, wanted, loading).instrument(debug_span!("near_get")).await
    }

    async fn look_up(
        &self,
        key: &Key,
        wanted: Wanted,
        mut loading: Option<Loading<V>>,
    ) -> Result<Lookup<V>, Error> {
        let local = &self.0.local;
        if !local.covers(key) {
            let (reading, source) = self.obtain(key, loading, &|| true).await?;
            return Ok(Lookup { value: reading.known.into_value(), source });
        }
        loop {
            let claim = local.claim(key, wanted);
            let backup = local.not_fresh(key, wanted);
            match claim {
                Claim::Load(ticket) | Claim::Refresh(_, ticket) => {
                    let filling = self.clone().fill(ticket, loading.take());
                    if let Some((held, Worth::Due)) = backup {
                        local.counters.refreshes.one();
                        tokio::spawn(filling.in_current_span());
                        return Ok(served(held, Source::Local));
                    }
                    let filled = if self.0.soft_timeout.or(self.0.hard_timeout).is_some() {
                        // It goes on whether its caller does or not.
                        let task = tokio::spawn(filling.in_current_span());
                        self.patiently(task, backup.is_some()).await.map(|filled| joined(filled)?)
                    } else {
                        Some(filling.await)
                    };
                    return match filled {
                        Some(Ok((held, source))) => Ok(served(held, source)),
                        Some(Err(error)) => self.stale_or(key, wanted, error),
                        None => self.stale_or(key, wanted, Error::TimedOut),
                    };
                }
                Claim::Wait(pending) => {
                    if let Some((held, Worth::Due)) = backup {
                        return Ok(served(held, Source::Local));
                    }
                    match self.patiently(pending, backup.is_some()).await {
                        None => return self.stale_or(key, wanted, Error::TimedOut),
                        Some(Some(Loaded::Found(held))) if wanted.takes(&held.known()) => {
                            match local.worth(&held) {
                                Worth::Fresh | Worth::Due => return Ok(served(held, Source::Server)),
                                Worth::Standby => return Ok(self.stale(held)),
                                // The loader's word, with no server to tell of changes: as good as it gets.
                                Worth::Dead if held.is_loaders => return Ok(served(held, Source::Loader)),
                                // Its life ended, perhaps before this was asked.
                                Worth::Dead => {}
                            }
                        }
                        Some(Some(Loaded::Failed(failure))) => {
                            let error =
                                failure.downcast::<Error>().map_or(Error::TimedOut, |error| (*error).clone());
                            return self.stale_or(key, wanted, error);
                        }
                        // It was given up, or is not what is wanted here.
                        Some(_) => {}
                    }
                }
                Claim::Held(outcome) => {
                    if let Some(held) = outcome.into_value() {
                        return Ok(served(held, Source::Local));
                    }
                }
                _ => {}
            }
        }
    }

    /// Waits: not so long if there is something to serve instead.
    async fn patiently<T>(&self, future: impl Future<Output = T>, has_backup: bool) -> Option<T> {
        let soft = self.0.soft_timeout.filter(|_| has_backup);
        match soft.or(self.0.hard_timeout) {
            Some(limit) => timeout(limit, future).await.ok(),
            None => Some(future.await),
        }
    }

    /// What is stale *now*, since it may have been invalidated while nothing better came.
    fn stale_or(&self, key: &[u8], wanted: Wanted, error: Error) -> Result<Lookup<V>, Error> {
        if matches!(error, Error::Codec(_)) || matches!(&error, Error::Wire(wire) if !wire.is_outage()) {
            return Err(error);
        }
        match self.0.local.not_fresh(key, wanted) {
            Some((held, _)) => {
                debug!(%error, "serving what is stale");
                Ok(self.stale(held))
            }
            None => Err(error),
        }
    }

    fn stale(&self, held: Held<V>) -> Lookup<V> {
        self.0.local.counters.stale.one();
        served(held, Source::Stale)
    }

    /// Does the duty of a ticket.
    async fn fill(
        self,
        ticket: Ticket<Key, Held<V>>,
        loading: Option<Loading<V>>,
    ) -> Result<(Held<V>, Source), Error> {
        let obtained = self.obtain(ticket.key(), loading, &|| ticket.is_live()).await;
        match obtained {
            Ok((reading, source)) => {
                let key = (source == Source::Loader).then(|| ticket.key().clone());
                let (held, kept) = self.0.local.keep(ticket, reading);
                // It was written at the server, which does not tell its writer: whoever has read that there
                // is nothing, while the ticket was dead already, is wrong by now.
                if let Some(key) = key.filter(|_| !kept) {
                    self.0.local.forget(&key);
                }
                Ok((held, source))
            }
            Err(error) => {
                if !error.is_outage() && !matches!(error, Error::Loader(_)) {
                    // The server is there, and has something else: nothing old stands in for that.
                    self.0.local.forget(ticket.key());
                }
                let _ = ticket.fail(Failure::new(error.clone()));
                Err(error)
            }
        }
    }

    /// Asks the server, and the loader if that has nothing.
    async fn obtain(
        &self,
        key: &[u8],
        loading: Option<Loading<V>>,
        is_live: &(dyn Fn() -> bool + Send + Sync),
    ) -> Result<(Reading<V>, Source), Error> {
        let read = self.read(key).await;
        let Some(loading) = loading else { return Ok((read?, Source::Server)) };
        let condition = match &read {
            Ok(Reading { known: Known::Value(_), .. }) => return Ok((read?, Source::Server)),
            Ok(_) => Some(Condition::IfAbsent),
            Err(Error::Codec(_)) => Some(Condition::Always),
            Err(error) if error.is_outage() => None,
            Err(_) => return Ok((read?, Source::Server)),
        };
        self.0.local.counters.loads.one();
        let loaded = loading.instrument(debug_span!("near_load")).await.map_err(Error::Loader)?;
        let Some(value) = loaded else {
            let nowhere = |reading: Reading<V>| Reading { known: Known::Nowhere, ..reading };
            let reading = read.map_or_else(|_| self.unkept(Known::Nowhere), nowhere);
            return Ok((reading, Source::Loader));
        };
        // Whoever has changed the key since knows better.
        let Some(condition) = condition.filter(|_| is_live()) else {
            return Ok((self.unkept(Known::Value(value)), Source::Loader));
        };
        let reading = match self.store_loaded(key, &value, condition).await {
            Ok(Some(reading)) => reading,
            Ok(None) => self.unkept(Known::Value(value)),
            Err(error) => {
                warn!(%error, "what was loaded could not be written");
                self.unkept(Known::Value(value))
            }
        };
        Ok((reading, Source::Loader))
    }

    /// What the server has.
    async fn read(&self, key: &[u8]) -> Result<Reading<V>, Error> {
        let core = &*self.0;
        self.settle_debt_of(key).await?;
        let began = core.local.now();
        let answer = core.client.exchange(key, &core.requests.read(key)).await?;
        let said = Requests::was_read(answer.values)?;
        let (known, left) = self.decode(said)?;
        Ok(Reading { known, life: answer.life, began, left, is_loaders: false })
    }

    /// Writes what was loaded, and reads what is there then; None if that has gone already.
    async fn store_loaded(
        &self,
        key: &[u8],
        value: &V,
        condition: Condition,
    ) -> Result<Option<Reading<V>>, Error> {
        let core = &*self.0;
        let bytes = core.codec.encode(value)?;
        let began = core.local.now();
        let commands = core.requests.fill(key, &bytes, core.server_ttl, condition);
        // It may be executed though nobody learns of that here.
        let mut afterwards = Forget { local: &core.local, key, is_called_off: false };
        let answer = core.client.exchange(key, &commands).await?;
        afterwards.is_called_off = true;
        let said = Requests::was_filled(answer.values)?;
        if said.bytes.is_none() {
            return Ok(None);
        }
        let (known, left) = self.decode(said)?;
        Ok(Some(Reading { known, life: answer.life, began, left, is_loaders: true }))
    }

    fn decode(&self, said: Said) -> Result<(Known<V>, u64), Error> {
        let Some(bytes) = said.bytes else { return Ok((Known::Unset, said.left)) };
        match self.0.codec.decode(&bytes) {
            Ok(value) => Ok((Known::Value(value), said.left)),
            Err(error) => {
                self.0.local.counters.undecodable.one();
                Err(error.into())
            }
        }
    }

    /// What nobody will tell the changes of.
    fn unkept(&self, known: Known<V>) -> Reading<V> {
        Reading { known, life: None, began: self.0.local.now(), left: NEVER, is_loaders: true }
    }
}

fn served<V>(held: Held<V>, source: Source) -> Lookup<V> {
    Lookup { value: held.into_value(), source }
}

/// What a task has returned. It is not aborted, unless the runtime ends.
fn joined<T>(outcome: Result<T, JoinError>) -> Result<T, Error> {
    outcome.map_err(|error| match error.try_into_panic() {
        Ok(panic) => resume_unwind(panic),
        Err(_) => Error::TimedOut,
    })
}
