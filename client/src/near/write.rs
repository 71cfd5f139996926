//! Writing: what this cache changes itself.
//!
//! The server does not tell a connection of its own writes (NOLOOP), so a write sees to the cache in this
//! process itself: it forgets the key, which kills every ticket, and takes a ticket. That keeps the new value
//! if nobody else has touched the key by the time the answer comes. If anybody has, or the write fails, or
//! its caller gives up, the key is forgotten once more *after* the last moment at which something older could
//! have been read: requests of one connection are executed in their order, so whoever claims the key after
//! that reads what was written.

use std::time::Duration;

use scrubjay::cache::Claim;
use tracing::{Instrument as _, debug_span};

use super::error::Error;
use super::held::Known;
use super::local::{Key, Local, Reading, Wanted};
use super::requests::Requests;
use super::{NearCache, held};
use crate::codec::Codec;

/// When a value is to be written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Condition {
    /// In any case.
    #[default]
    Always,
    /// If the server has none for the key.
    IfAbsent,
    /// If the server has one for the key.
    IfPresent,
}

/// Forgets a key when it is dropped: when what was to be written has been, or has failed, or nobody waits for
/// it any more.
pub(super) struct Forget<'a, V: Clone> {
    pub(super) local: &'a Local<V>,
    pub(super) key: &'a [u8],
    pub(super) is_called_off: bool,
}

impl<V: Clone> Drop for Forget<'_, V> {
    fn drop(&mut self) {
        if !self.is_called_off {
            self.local.forget(self.key);
        }
    }
}

impl<V: Clone + Send + Sync + 'static, C: Codec<V>> NearCache<V, C> {
    /// Writes a value at the server, for at most `ttl` if there is one, and keeps it here.
    ///
    /// # Errors
    /// [`Error::Codec`] if the value cannot be encoded; [`Error::Wire`] if it could not be written. After an
    /// outage the key is *removed* at the server when that is back: whatever it holds then may be outdated.
    pub async fn set(&self, key: impl AsRef<[u8]>, value: V, ttl: Option<Duration>) -> Result<(), Error> {
        self.set_if(key, value, ttl, Condition::Always).await.map(drop)
    }

    /// The same under a condition, which the server decides; whether it was written.
    ///
    /// # Errors
    /// As [`set`](Self::set).
    pub async fn set_if(
        &self,
        key: impl AsRef<[u8]>,
        value: V,
        ttl: Option<Duration>,
        condition: Condition,
    ) -> Result<bool, Error> {
        let key = key.as_ref();
        self.write(key, value, ttl, condition).instrument(debug_span!("near_set")).await
    }

    /// Removes a key at the server and here; whether the server had it.
    ///
    /// # Errors
    /// [`Error::Wire`] if it could not be removed. After an outage it is when the server is back.
    pub async fn remove(&self, key: impl AsRef<[u8]>) -> Result<bool, Error> {
        let key = key.as_ref();
        let core = &*self.0;
        let debt = core.debts.of(key);
        let removed = self.remove_now(key).instrument(debug_span!("near_remove")).await;
        self.account(key, debt, &removed);
        removed
    }

    /// Removes a key, without a second try.
    pub(super) async fn remove_now(&self, key: &[u8]) -> Result<bool, Error> {
        let core = &*self.0;
        core.local.forget(key);
        let _afterwards = Forget { local: &core.local, key, is_called_off: false };
        let answer = core.client.exchange(key, &core.requests.remove(key)).await?;
        Ok(Requests::was_removed(answer.values)?)
    }

    async fn write(
        &self,
        key: &[u8],
        value: V,
        ttl: Option<Duration>,
        condition: Condition,
    ) -> Result<bool, Error> {
        let core = &*self.0;
        let bytes = core.codec.encode(&value)?;
        let debt = core.debts.of(key);
        if debt.is_some() && condition != Condition::Always {
            // What the server has now should not be there.
            self.settle_debt_of(key).await?;
        }
        core.local.forget(key);
        let mut afterwards = Forget { local: &core.local, key, is_called_off: false };
        let ticket = match core.local.claim(&Key::from(key), Wanted::Servers) {
            Claim::Load(ticket) | Claim::Refresh(_, ticket) => Some(ticket),
            // Somebody has begun to read it just now.
            _ => None,
        };
        let began = core.local.now();
        let answer = core.client.exchange(key, &core.requests.write(key, &bytes, ttl, condition)).await;
        let written = match answer {
            Ok(answer) => core.requests.was_written(answer.values).map(|written| (written, answer.life)),
            Err(error) => Err(error),
        }
        .map_err(Error::from);
        self.account(key, debt, &written);
        let (written, life) = written?;
        if let Some(ticket) = ticket.filter(|_| written) {
            let left = ttl.map_or(held::NEVER, |ttl| u64::try_from(ttl.as_micros()).unwrap_or(held::NEVER));
            let reading = Reading { known: Known::Value(value), life, began, left, is_loaders: false };
            let (_, kept) = core.local.keep(ticket, reading);
            afterwards.is_called_off = kept;
        }
        Ok(written)
    }

    /// Notes what has failed for want of a server; what has not failed makes good what had.
    fn account<T>(&self, key: &[u8], debt: Option<u64>, outcome: &Result<T, Error>) {
        match outcome {
            Ok(_) => drop(debt.map(|write| self.0.debts.settle(key, write))),
            Err(error) if error.is_outage() => self.0.debts.note(key),
            Err(_) => {}
        }
    }

    /// Removes the key if a write of it has failed.
    pub(super) async fn settle_debt_of(&self, key: &[u8]) -> Result<(), Error> {
        match self.0.debts.of(key) {
            Some(write) => self.settle(key, write).await,
            None => Ok(()),
        }
    }
}
