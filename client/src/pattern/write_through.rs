//! **Write-through.** A write stores in the database and then puts what it stored into the cache, so that
//! readers find it there. Values have *versions*, which the database gives out, and the cache takes only what
//! is newer than what it has.
//!
//! # Guarantee
//!
//! Of two writers, whoever comes first at the cache, the newer version stays: each put is a comparison and a
//! write in one step. A read that missed, and loads while somebody writes, keeps nothing. Once
//! [`write`](WriteThrough::write) has returned without an error, no read that begins later returns an older
//! version, as long as the entry is there; when it has expired or was evicted, the loader is asked.
//!
//! The versions of a key must go up with the database's order of its writes: a column that is counted up in
//! the same transaction, or the log position of the commit. A clock is not good enough.
//!
//! # Failure modes
//!
//! - **The store fails**: [`Error::Load`]; the cache is not touched.
//! - **The put fails** after the store has succeeded: [`Error::Backend`]. The database has the new value; the
//!   cache may have the older one until its TTL is over. [Put](WriteThrough::put) it again with its version.
//! - **The process dies in between**: as before, with nobody to put it again.
//! - **The newer entry has gone** (expired, evicted, removed) when an older put arrives at last: that is
//!   kept, until the TTL is over. A put so late is one whose process stood still for about the TTL.
//!   [`delete`](WriteThrough::delete) leaves a mark with the version, so that a deletion is not undone so.
//!
//! # Example
//!
//! ```
//! use scrubjay_client::{backend::Embedded, codec::Raw};
//! use scrubjay_client::pattern::{Setting, write_through::WriteThrough};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let users: WriteThrough<String, _, _> =
//!     WriteThrough::new(Embedded::default(), Raw, Setting::new().prefix("user:"));
//!
//! // `UPDATE users SET name = 'Ada', version = version + 1 WHERE id = 1 RETURNING version`
//! let stored = users.write("1", "Ada".to_owned(), async || Ok::<_, std::io::Error>(2)).await?;
//! assert!(stored);
//! // A writer that was slower on its way from the database to the cache.
//! assert!(!users.put("1", Some(&"Augusta".to_owned()), 1).await?);
//!
//! let load = || async { Ok::<_, std::io::Error>(None) };
//! assert_eq!(users.get("1", load).await?.as_deref(), Some("Ada"));
//! # Ok(()) }
//! ```

use std::future::Future;
use std::sync::Arc;

use super::fetch::{Brought, Fetch, Rules, handle};
use super::stats::count;
use super::{Error, Setting, Stats};
use crate::backend::{self, Backend};
use crate::codec::Codec;

/// A cache that writes go through: see the [module](self). A handle: clones are the same.
pub struct WriteThrough<V, B, C>(Arc<Fetch<V, B, C>>);

impl<V, B, C> WriteThrough<V, B, C>
where
    V: Clone + Send + Sync + 'static,
    B: Backend,
    C: Codec<V>,
{
    /// The pattern over this backend.
    pub fn new(backend: B, codec: C, setting: Setting) -> Self {
        Self(Fetch::new("write_through", backend, codec, setting))
    }

    /// The value of a key, which `load` looks up, with its version, if it is not cached; none if it finds
    /// none. `load` runs in a task of its own, to its end, whatever becomes of this call.
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
        F: Future<Output = Result<Option<(V, u64)>, E>> + Send + 'static,
        E: Send + Sync + 'static,
    {
        let load = Box::new(move || {
            let loading = load();
            let loading = async move {
                Ok(match loading.await? {
                    Some((value, version)) => Brought { value: Some(value), version: Some(version) },
                    None => Brought::unversioned(None),
                })
            };
            Box::pin(loading) as _
        });
        self.0.get(key, Rules::default(), load).await
    }

    /// Has `store` write to the database and say which version that gave, and puts the value into the cache;
    /// whether that was still the newest there. To be awaited to its end: if it is cancelled, the database
    /// may have the value and the cache not.
    ///
    /// # Errors
    /// See the [failure modes](self#failure-modes). [`Error::Unencodable`] comes before anything is stored.
    pub async fn write<E>(
        &self,
        key: &str,
        value: V,
        store: impl AsyncFnOnce() -> Result<u64, E>,
    ) -> Result<bool, Error<E>> {
        self.0.codec.encode(&value).map_err(|error| Error::Unencodable(Arc::new(error)))?;
        let version = store().await.map_err(|error| Error::Load(Arc::new(error)))?;
        self.0.forget_loads(&self.0.key(key));
        self.put(key, Some(&value), version).await.map_err(in_type)
    }

    /// Has `delete` delete from the database and say which version that gave, one above the last, and has the
    /// cache remember for a TTL that there is nothing; whether that was still the newest there.
    ///
    /// # Errors
    /// See the [failure modes](self#failure-modes).
    pub async fn delete<E>(
        &self,
        key: &str,
        delete: impl AsyncFnOnce() -> Result<u64, E>,
    ) -> Result<bool, Error<E>> {
        let version = delete().await.map_err(|error| Error::Load(Arc::new(error)))?;
        self.put(key, None, version).await.map_err(in_type)
    }

    /// Puts what the database has into the cache, if it is newer than what is there; whether it was.
    ///
    /// # Errors
    /// [`Error::Backend`], [`Error::Unencodable`].
    pub async fn put(
        &self,
        key: &str,
        value: Option<&V>,
        version: u64,
    ) -> Result<bool, Error<std::convert::Infallible>> {
        let fetch = &self.0;
        let key = fetch.key(key);
        fetch.forget_loads(&key);
        let brought = Brought { value: value.cloned(), version: Some(version) };
        let (record, ttl) = fetch
            .record(&brought, Vec::new(), fetch.setting.ttl)
            .map_err(|error| Error::Unencodable(Arc::new(error)))?;
        count(&fetch.counters.writes);
        let put = fetch.backend.put_if_newer(key.as_bytes(), version, &record, ttl).await;
        let newest = fetch.step(put)?;
        if !newest {
            count(&fetch.counters.writes_outdone);
        }
        Ok(newest)
    }

    /// Removes what is cached of a key; whether there was anything. Its version is forgotten with it: after a
    /// write there is no need for this.
    ///
    /// # Errors
    /// The backend's: what was cached may still be.
    pub async fn remove(&self, key: &str) -> Result<bool, backend::Error> {
        self.0.remove(key).await
    }

    /// What was counted so far.
    pub fn stats(&self) -> Stats {
        self.0.stats()
    }
}

handle!(WriteThrough);

/// An error that no loader can have caused, among those of one that can.
fn in_type<E>(error: Error<std::convert::Infallible>) -> Error<E> {
    match error {
        Error::Load(never) => match *never {},
        Error::TimedOut(timeout) => Error::TimedOut(timeout),
        Error::Backend(error) => Error::Backend(error),
        Error::Unencodable(error) => Error::Unencodable(error),
        Error::Abandoned => Error::Abandoned,
    }
}
