//! Loading a key, under a lease on it, and keeping what was loaded if the lease is still held then.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use scrubjay::cache::Failure;
use tokio::runtime::Handle;
use tokio::time::{sleep, timeout};
use tracing::{debug, warn};

use super::found::Found;
use super::{Answer, Brought, Fetch, Load, Rules};
use crate::backend::record::{Content, Record, Token};
use crate::backend::{Backend, Lease};
use crate::codec::{Codec, CodecError};
use crate::pattern::stats::count;
use crate::pattern::{Error, Setting};

/// The first pause of who waits for another process, and the longest.
const POLL: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(100));

/// How often a record that is there and of no use is removed before it is left alone.
const REMOVALS: usize = 3;

impl<V, B, C> Fetch<V, B, C>
where
    V: Clone + Send + Sync + 'static,
    B: Backend,
    C: Codec<V>,
{
    /// Loads a key under a lease, if it is to be had.
    pub(super) async fn load_leased<E: Send + Sync + 'static>(
        self: &Arc<Self>,
        key: &str,
        rules: &Rules,
        load: Load<V, E>,
    ) -> Result<Answer<V>, Error<E>> {
        if rules.away {
            // Who has just failed to answer is not asked again, which might take until its timeout.
            return self.load_unkept(key, rules, load).await;
        }
        let Setting { lease_ttl, lease_wait, chance, .. } = &self.setting;
        let token = chance.token();
        let (mut pause, mut waited, mut useless) = (POLL.0, Duration::ZERO, 0);
        loop {
            let as_of = self.event();
            let lease = self.backend.lease(key.as_bytes(), token, *lease_ttl, rules.ahead).await;
            match self.step(lease) {
                Err(_) => break,
                Ok(Lease::Granted { .. }) => {
                    let lease = Leased { fetch: Arc::clone(self), key: key.to_owned(), token, ended: false };
                    return self.load_kept(lease, rules, load).await;
                }
                Ok(Lease::Fresh(kept)) => match self.understand(key, &kept, rules, &[]).await {
                    Found::Fresh(value) | Found::Due(value) | Found::Stale(value) => {
                        return Ok(Answer { value: Some(value), as_of });
                    }
                    Found::Absent => return Ok(Answer { value: None, as_of }),
                    Found::Unknown => break,
                    // It was of no use, and is removed now.
                    Found::Nothing => {
                        useless += 1;
                        if useless > REMOVALS {
                            break;
                        }
                    }
                },
                Ok(Lease::Taken { stale }) => {
                    if let Some(stale) = stale
                        && let Found::Stale(value) = self.understand(key, &stale, rules, &[]).await
                    {
                        count(&self.counters.stale_hits);
                        return Ok(Answer { value: Some(value), as_of });
                    }
                    if !rules.waits || waited >= *lease_wait {
                        break;
                    }
                    if waited.is_zero() {
                        count(&self.counters.lease_waits);
                        debug!("another process loads");
                    }
                    let now = chance.shorten(pause, 0.5).min(*lease_wait - waited);
                    sleep(now).await;
                    waited += now.max(Duration::from_micros(1));
                    pause = (pause * 2).min(POLL.1);
                }
            }
        }
        self.load_unkept(key, rules, load).await
    }

    /// Loads a key whose lease is ours, and keeps the value if it still is then.
    async fn load_kept<E: Send + Sync + 'static>(
        self: &Arc<Self>,
        mut lease: Leased<V, B, C>,
        rules: &Rules,
        load: Load<V, E>,
    ) -> Result<Answer<V>, Error<E>> {
        let (key, token) = (lease.key.clone(), lease.token);
        let mut as_of = self.event();
        // Before the load: what is invalidated while it runs is outdated by then.
        let tags = match rules.tags.is_empty() {
            true => Vec::new(),
            false => self.generations(&rules.tags).await,
        };
        if tags.len() < rules.tags.len() {
            lease.end().await;
            return self.load_unkept(&key, rules, load).await;
        }
        let brought = {
            let mut loading = pin!(self.run(load));
            let mut is_held = true;
            loop {
                tokio::select! {
                    biased;
                    brought = &mut loading => break brought,
                    () = sleep(self.setting.lease_ttl / 3), if is_held => {
                        let extended =
                            self.backend.extend_lease(key.as_bytes(), token, self.setting.lease_ttl).await;
                        // If the backend does not answer, it may next time.
                        is_held = self.step(extended).unwrap_or(true);
                    }
                }
            }
        };
        let brought = match brought {
            Ok(brought) => brought,
            Err(error) => {
                lease.end().await;
                return self.after_failure(&key, rules, error).await;
            }
        };
        // That there is nothing is told to other processes that wait, and else only takes the place of what
        // is stale.
        let moment = rules.waits.then_some(POLL.1 * 2);
        match self.record(&brought, tags, moment) {
            Ok((record, ttl)) => {
                lease.ended = true;
                let filling = self.event();
                match self.step(self.backend.fill(key.as_bytes(), token, &record, ttl).await) {
                    // It may be outdated by a tag all the same.
                    Ok(true) if rules.tags.is_empty() => as_of = filling,
                    Ok(true) => {}
                    Ok(false) => {
                        count(&self.counters.leases_lost);
                        count(&self.counters.fills_discarded);
                    }
                    Err(_) => count(&self.counters.fills_discarded),
                }
            }
            Err(_) => lease.end().await,
        }
        self.failures.invalidate(&key);
        Ok(Answer { value: brought.value, as_of })
    }

    /// The record of what was loaded, and its life. `moment`: how long an absence lasts if the setting does
    /// not say it; if this does not either, it is the record of nothing at all.
    pub(in crate::pattern) fn record(
        &self,
        brought: &Brought<V>,
        tags: Vec<(String, u64)>,
        moment: Option<Duration>,
    ) -> Result<(Vec<u8>, Duration), CodecError> {
        let Setting { ttl, absent_ttl, stale_for, jitter, chance, .. } = &self.setting;
        let remembered = absent_ttl.or(moment);
        let encoded = brought.value.as_ref().map(|value| self.codec.encode(value)).transpose();
        let encoded = encoded.inspect_err(|error| {
            count(&self.counters.unencodable);
            warn!(pattern = self.pattern, %error);
        })?;
        let mut record = match &encoded {
            Some(bytes) => Record::new(Content::Value(bytes)).grace(*stale_for),
            None if remembered.is_some() => Record::new(Content::Absent),
            None => Record::new(Content::Pending),
        };
        record.version = brought.version;
        let ttl = match brought.value {
            Some(_) => chance.shorten(*ttl, *jitter) + *stale_for,
            None => remembered.map_or(Duration::ZERO, |ttl| chance.shorten(ttl, *jitter)),
        };
        Ok((record.tags(tags).to_bytes(), ttl.max(Duration::from_millis(1))))
    }

    /// Loads a key for who asks, and keeps nothing: the backend is away, or another process is loading.
    pub(super) async fn load_unkept<E: Send + Sync + 'static>(
        &self,
        key: &str,
        rules: &Rules,
        load: Load<V, E>,
    ) -> Result<Answer<V>, Error<E>> {
        let as_of = self.event();
        match self.run(load).await {
            Ok(brought) => {
                count(&self.counters.fills_discarded);
                Ok(Answer { value: brought.value, as_of })
            }
            Err(error) => self.after_failure(key, rules, error).await,
        }
    }

    /// What is stale, if there is anything, or the error.
    async fn after_failure<E: Send + Sync + 'static>(
        &self,
        key: &str,
        rules: &Rules,
        error: Error<E>,
    ) -> Result<Answer<V>, Error<E>> {
        self.failures.insert(key.to_owned(), Failure::new(error.clone()));
        let as_of = self.event();
        match self.stand_in(key, rules).await {
            Some(value) => Ok(Answer { value: Some(value), as_of }),
            None => Err(error),
        }
    }

    /// The load itself.
    async fn run<E>(&self, load: Load<V, E>) -> Result<Brought<V>, Error<E>> {
        count(&self.counters.loads);
        let began = self.setting.clock.monotonic_micros();
        let brought = match self.setting.hard_timeout {
            None => load().await.map_err(|error| Error::Load(Arc::new(error))),
            Some(hard) => match timeout(hard, load()).await {
                Ok(brought) => brought.map_err(|error| Error::Load(Arc::new(error))),
                Err(_) => {
                    count(&self.counters.load_timeouts);
                    Err(Error::TimedOut(hard))
                }
            },
        };
        let micros = self.setting.clock.monotonic_micros().saturating_sub(began);
        self.counters.load_micros.fetch_add(micros, Relaxed);
        if brought.is_err() {
            count(&self.counters.load_failures);
        }
        brought
    }
}

/// A lease that is ours, and is given back when the load is given up, or panics.
struct Leased<V, B, C>
where
    V: Clone + Send + Sync + 'static,
    B: Backend,
    C: Codec<V>,
{
    fetch: Arc<Fetch<V, B, C>>,
    key: String,
    token: Token,
    ended: bool,
}

impl<V, B, C> Leased<V, B, C>
where
    V: Clone + Send + Sync + 'static,
    B: Backend,
    C: Codec<V>,
{
    async fn end(&mut self) {
        self.ended = true;
        let Self { fetch, key, token, .. } = self;
        if let Ok(false) = fetch.step(fetch.backend.release(key.as_bytes(), *token).await) {
            count(&fetch.counters.leases_lost);
        }
    }
}

impl<V, B, C> Drop for Leased<V, B, C>
where
    V: Clone + Send + Sync + 'static,
    B: Backend,
    C: Codec<V>,
{
    fn drop(&mut self) {
        // Should there be no runtime any more, it ends by its TTL.
        if !self.ended
            && let Ok(runtime) = Handle::try_current()
        {
            let (fetch, key, token) = (Arc::clone(&self.fetch), std::mem::take(&mut self.key), self.token);
            drop(runtime.spawn(async move { fetch.backend.release(key.as_bytes(), token).await }));
        }
    }
}
