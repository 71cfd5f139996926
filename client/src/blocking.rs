//! The near cache for programs without an async runtime: the same core, its connections in a thread of their
//! own.
//!
//! ```no_run
//! use scrubjay_client::blocking::NearCache;
//! use scrubjay_client::codec::Raw;
//! use scrubjay_client::near;
//! use scrubjay_client::wire::Connector;
//!
//! # fn demo() -> Result<(), near::Error> {
//! let builder = near::NearCache::<String>::builder(Raw).max_entries(10_000);
//! let cache = NearCache::connect(builder, Connector::server("redis://127.0.0.1:6379"))?;
//! cache.set("greeting", "hello".to_owned(), None)?;
//! assert_eq!(cache.get("greeting")?.as_deref(), Some("hello"));
//! # Ok(()) }
//! ```
//!
//! A read that is answered here takes no other thread. None of this may be called from within an async
//! runtime, whose thread would stand still: it panics there, unless the answer is here.

use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Builder as RuntimeBuilder, Runtime};

use crate::codec::{Codec, Raw};
use crate::near::{self, Builder, Condition, Error, Lookup, Source, Stats};
use crate::wire::Connector;

/// A near cache whose calls block; see [`near`] for what it guarantees. A handle: clones of it are the same
/// cache.
pub struct NearCache<V, C = Raw> {
    /// Dropped first: its tasks end before their thread does.
    cache: near::NearCache<V, C>,
    background: Arc<Background>,
}

impl<V: Clone + Send + Sync + 'static, C: Codec<V>> NearCache<V, C> {
    /// Connects, and starts the thread.
    ///
    /// # Errors
    /// As [`Builder::connect`]; [`Error::Thread`] if the system has no thread to spare.
    pub fn connect(builder: Builder<V, C>, connector: Connector) -> Result<Self, Error> {
        let background = Arc::new(Background::start().map_err(|error| Error::Thread(Arc::new(error)))?);
        let cache = background.block_on(builder.connect(connector))?;
        Ok(Self { cache, background })
    }

    /// See [`near::NearCache::get`].
    ///
    /// # Errors
    /// As there.
    pub fn get(&self, key: impl AsRef<[u8]>) -> Result<Option<V>, Error> {
        match self.cache.cached(key.as_ref()) {
            Some(value) => Ok(value),
            None => self.background.block_on(self.cache.get(key)),
        }
    }

    /// See [`near::NearCache::lookup`].
    ///
    /// # Errors
    /// As there.
    pub fn lookup(&self, key: impl AsRef<[u8]>) -> Result<Lookup<V>, Error> {
        match self.cache.cached(key.as_ref()) {
            Some(value) => Ok(Lookup { value, source: Source::Local }),
            None => self.background.block_on(self.cache.lookup(key)),
        }
    }

    /// See [`near::NearCache::get_many`].
    ///
    /// # Errors
    /// As there.
    pub fn get_many<K: AsRef<[u8]>>(
        &self,
        keys: impl IntoIterator<Item = K>,
    ) -> Result<Vec<Option<V>>, Error> {
        self.background.block_on(self.cache.get_many(keys))
    }

    /// See [`near::NearCache::get_or_load`]. `load` may block, too: it is called in a thread for that.
    ///
    /// # Errors
    /// As there.
    pub fn get_or_load<L, E>(&self, key: impl AsRef<[u8]>, load: L) -> Result<Option<V>, Error>
    where
        L: FnOnce() -> Result<Option<V>, E> + Send + 'static,
        E: Into<Box<dyn StdError + Send + Sync>> + Send + 'static,
    {
        let load = || async move {
            match tokio::task::spawn_blocking(load).await {
                Ok(loaded) => loaded.map_err(Into::into),
                Err(error) => match error.try_into_panic() {
                    Ok(panic) => std::panic::resume_unwind(panic),
                    Err(error) => Err(error.into()),
                },
            }
        };
        self.background.block_on(self.cache.get_or_load(key, load))
    }

    /// See [`near::NearCache::set`].
    ///
    /// # Errors
    /// As there.
    pub fn set(&self, key: impl AsRef<[u8]>, value: V, ttl: Option<Duration>) -> Result<(), Error> {
        self.background.block_on(self.cache.set(key, value, ttl))
    }

    /// See [`near::NearCache::set_if`].
    ///
    /// # Errors
    /// As there.
    pub fn set_if(
        &self,
        key: impl AsRef<[u8]>,
        value: V,
        ttl: Option<Duration>,
        condition: Condition,
    ) -> Result<bool, Error> {
        self.background.block_on(self.cache.set_if(key, value, ttl, condition))
    }

    /// See [`near::NearCache::remove`].
    ///
    /// # Errors
    /// As there.
    pub fn remove(&self, key: impl AsRef<[u8]>) -> Result<bool, Error> {
        self.background.block_on(self.cache.remove(key))
    }

    /// See [`near::NearCache::invalidate`].
    pub fn invalidate(&self, key: impl AsRef<[u8]>) {
        self.cache.invalidate(key);
    }

    /// See [`near::NearCache::clear`].
    pub fn clear(&self) {
        self.cache.clear();
    }

    /// See [`near::NearCache::stats`].
    pub fn stats(&self) -> Stats {
        self.cache.stats()
    }
}

impl<V, C> Clone for NearCache<V, C> {
    /// Another handle to the same cache.
    fn clone(&self) -> Self {
        Self { cache: self.cache.clone(), background: Arc::clone(&self.background) }
    }
}

impl<V, C> fmt::Debug for NearCache<V, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cache.fmt(f)
    }
}

/// A runtime in a thread of its own, where tasks go on while nobody waits for them.
pub(crate) struct Background(Option<Runtime>);

impl Background {
    pub(crate) fn start() -> std::io::Result<Self> {
        let mut builder = RuntimeBuilder::new_multi_thread();
        builder.worker_threads(1).thread_name("scrubjay-client").enable_all();
        Ok(Self(Some(builder.build()?)))
    }

    /// Waits in this thread for what the other one does.
    pub(crate) fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.0.as_ref().expect("invariant: it is there until it is dropped").block_on(future)
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // The last handle may be dropped anywhere, where waiting is not allowed too.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
