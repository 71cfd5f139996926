//! A backend for tests that can be away: every step fails until it is back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use super::record::Token;
use super::{Backend, Embedded, Error, ErrorKind, Kept, Lease, Locked, Rate, Taken};

/// See the [module](self). Clones go and come together.
#[derive(Clone, Default)]
pub(crate) struct Away {
    pub(crate) inner: Embedded,
    away: Arc<AtomicBool>,
}

impl Away {
    pub(crate) fn set(&self, away: bool) {
        self.away.store(away, SeqCst);
    }

    fn reach(&self) -> Result<&Embedded, Error> {
        let away = self.away.load(SeqCst);
        (!away).then_some(&self.inner).ok_or_else(|| Error::new(ErrorKind::Unavailable, "it is away"))
    }
}

impl From<Embedded> for Away {
    fn from(inner: Embedded) -> Self {
        Self { inner, away: Arc::default() }
    }
}

impl Backend for Away {
    async fn get(&self, key: &[u8]) -> Result<Option<Kept>, Error> {
        self.reach()?.get(key).await
    }

    async fn put(&self, key: &[u8], record: &[u8], ttl: Duration) -> Result<(), Error> {
        self.reach()?.put(key, record, ttl).await
    }

    async fn put_if_newer(
        &self,
        key: &[u8],
        version: u64,
        record: &[u8],
        ttl: Duration,
    ) -> Result<bool, Error> {
        self.reach()?.put_if_newer(key, version, record, ttl).await
    }

    async fn remove(&self, key: &[u8]) -> Result<bool, Error> {
        self.reach()?.remove(key).await
    }

    async fn remove_if_equal(&self, key: &[u8], record: &[u8]) -> Result<bool, Error> {
        self.reach()?.remove_if_equal(key, record).await
    }

    async fn lease(&self, key: &[u8], token: Token, ttl: Duration, ahead: Duration) -> Result<Lease, Error> {
        self.reach()?.lease(key, token, ttl, ahead).await
    }

    async fn extend_lease(&self, key: &[u8], token: Token, ttl: Duration) -> Result<bool, Error> {
        self.reach()?.extend_lease(key, token, ttl).await
    }

    async fn fill(&self, key: &[u8], token: Token, record: &[u8], ttl: Duration) -> Result<bool, Error> {
        self.reach()?.fill(key, token, record, ttl).await
    }

    async fn release(&self, key: &[u8], token: Token) -> Result<bool, Error> {
        self.reach()?.release(key, token).await
    }

    async fn generations(&self, tags: &[Vec<u8>], fresh: u64) -> Result<Vec<u64>, Error> {
        self.reach()?.generations(tags, fresh).await
    }

    async fn renew_generation(&self, tag: &[u8], fresh: u64) -> Result<(), Error> {
        self.reach()?.renew_generation(tag, fresh).await
    }

    async fn take(&self, key: &[u8], permits: u32, rate: Rate) -> Result<Taken, Error> {
        self.reach()?.take(key, permits, rate).await
    }

    async fn lock(&self, name: &[u8], token: Token, ttl: Duration) -> Result<Locked, Error> {
        self.reach()?.lock(name, token, ttl).await
    }

    async fn extend_lock(&self, name: &[u8], token: Token, ttl: Duration) -> Result<bool, Error> {
        self.reach()?.extend_lock(name, token, ttl).await
    }

    async fn unlock(&self, name: &[u8], token: Token) -> Result<bool, Error> {
        self.reach()?.unlock(name, token).await
    }
}
