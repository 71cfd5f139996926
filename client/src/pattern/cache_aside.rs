//! **Cache-aside.** A read looks into the cache and, on a miss, asks its loader and leaves the answer in the
//! cache. Whoever changes the database removes the key afterwards; the next reader loads the new value.
//!
//! # Guarantee
//!
//! After [`remove`](CacheAside::remove) has returned, no read that begins later, in any process, returns what
//! was there before, provided that the database was changed before the call and loaders read what was
//! committed. That holds for loads under way too: what they bring is not kept, and nobody who asks later
//! joins them.
//!
//! # Failure modes
//!
//! - What changes the database without a removal is seen when the TTL is over.
//! - A removal that fails is an [`Error::Backend`]: the old value may be served until its TTL is over. Remove
//!   again.
//! - A process that dies between its write and the removal leaves the old value until the TTL is over.
//! - A loader that reads a replica may bring what was there before the write, and have it kept.
//! - Several processes that miss one key at once each load it, and one of them keeps it. Where that is too
//!   dear, see [`lease`](super::lease). Within a process there is one load.
//!
//! # Example
//!
//! ```
//! use scrubjay_client::{backend::Embedded, codec::Raw};
//! use scrubjay_client::pattern::{Setting, cache_aside::CacheAside};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let users: CacheAside<String, _, _> =
//!     CacheAside::new(Embedded::default(), Raw, Setting::new().prefix("user:"));
//!
//! let load = || async { Ok::<_, std::io::Error>(Some("Ada".to_owned())) };
//! assert_eq!(users.get("1", load).await?.as_deref(), Some("Ada"));
//! // From here on it is cached ...
//! let unused = || async { Err(std::io::Error::other("the database is away")) };
//! assert_eq!(users.get("1", unused).await?.as_deref(), Some("Ada"));
//! // ... until it is removed.
//! users.remove("1").await?;
//! assert!(users.get("1", unused).await.is_err());
//! # Ok(()) }
//! ```

use std::future::Future;
use std::sync::Arc;

use super::fetch::{Fetch, Rules, handle, load_of};
use super::{Error, Setting};
use crate::backend::Backend;
use crate::codec::Codec;

/// A cache beside a database: see the [module](self). A handle: clones are the same.
pub struct CacheAside<V, B, C>(Arc<Fetch<V, B, C>>);

impl<V, B, C> CacheAside<V, B, C>
where
    V: Clone + Send + Sync + 'static,
    B: Backend,
    C: Codec<V>,
{
    /// The pattern over this backend.
    pub fn new(backend: B, codec: C, setting: Setting) -> Self {
        Self(Fetch::new("cache_aside", backend, codec, setting))
    }

    /// The value of a key, which `load` looks up if it is not cached; none if it finds none. `load` runs in a
    /// task of its own, to its end, whatever becomes of this call.
    ///
    /// # Errors
    /// `load` failed, or took longer than it may, and there is nothing stale.
    ///
    /// # Panics
    /// When `load` does.
    pub async fn get<E, F>(
        &self,
        key: &str,
        load: impl FnOnce() -> F + Send + 'static,
    ) -> Result<Option<V>, Error<E>>
    where
        F: Future<Output = Result<Option<V>, E>> + Send + 'static,
        E: Send + Sync + 'static,
    {
        self.0.get(key, Rules::default(), load_of(load)).await
    }
}

handle! { CacheAside<V, B, C> { 0 } }
