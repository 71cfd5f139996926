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
use super::{Error, Setting};
use crate::backend::Backend;
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
            .record(&brought, Vec::new(), Some(fetch.setting.ttl))
            .map_err(|error| Error::Unencodable(Arc::new(error)))?;
        count(&fetch.counters.writes);
        let put = fetch.backend.put_if_newer(key.as_bytes(), version, &record, ttl).await;
        let newest = fetch.step(put)?;
        if !newest {
            count(&fetch.counters.writes_outdone);
        }
        Ok(newest)
    }
}

handle! {
    WriteThrough<V, B, C> { 0 },
    "Its version is forgotten with it: after a [write](Self::write) there is no need for this."
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Backend;
    use crate::backend::away::Away;
    use crate::codec::Raw;
    use crate::pattern::Chance;

    type Through = WriteThrough<String, Away, Raw>;

    fn through() -> (Through, Away) {
        let backend = Away::default();
        (WriteThrough::new(backend.clone(), Raw, Setting::new().chance(Chance::seeded(1))), backend)
    }

    async fn read(through: &Through) -> Option<String> {
        through.get("k", async || Ok::<_, String>(None)).await.expect("the loader does not fail")
    }

    #[tokio::test]
    async fn whoever_comes_first_the_newer_version_stays() {
        for order in [[1, 2], [2, 1]] {
            let (through, _) = through();
            for version in order {
                let newest = through.write("k", version.to_string(), async || Ok::<_, String>(version)).await;
                assert_eq!(newest.ok(), Some(version == 2 || order[0] == 1));
            }
            assert_eq!(read(&through).await.as_deref(), Some("2"));
            assert_eq!(through.stats().writes_outdone, u64::from(order[0] == 2));
        }
    }

    #[tokio::test]
    async fn a_deletion_is_not_undone_by_a_late_writer() {
        let (through, _) = through();
        through.put("k", Some(&"1".to_owned()), 1).await.expect("there");
        assert!(through.delete("k", async || Ok::<_, String>(3)).await.expect("there"));
        assert!(!through.put("k", Some(&"2".to_owned()), 2).await.expect("there"));
        assert_eq!(read(&through).await, None);
        assert!(through.put("k", Some(&"4".to_owned()), 4).await.expect("there"));
        assert_eq!(read(&through).await.as_deref(), Some("4"));
    }

    #[tokio::test]
    async fn a_read_that_began_before_a_write_keeps_nothing() {
        let (through, _) = through();
        let (enter, entered) = tokio::sync::oneshot::channel::<()>();
        let (began, begins) = tokio::sync::oneshot::channel::<()>();
        let reader = tokio::spawn({
            let through = through.clone();
            async move {
                let load = || async move {
                    began.send(()).expect("the test waits");
                    entered.await.expect("the test goes on");
                    Ok::<_, String>(Some(("1".to_owned(), 1)))
                };
                through.get("k", load).await
            }
        });
        begins.await.expect("the load begins");
        through.write("k", "2".to_owned(), async || Ok::<_, String>(2)).await.expect("there");
        enter.send(()).expect("the load waits");
        assert_eq!(reader.await.expect("no panic").ok(), Some(Some("1".to_owned())));
        assert_eq!(read(&through).await.as_deref(), Some("2"));
    }

    #[tokio::test]
    async fn each_failure_is_told_by_its_own_name() {
        let (through, backend) = through();
        let refused = through.write("k", "1".to_owned(), async || Err::<u64, _>("refused")).await;
        assert_eq!(refused.expect_err("it is").as_load(), Some(&"refused"));
        assert_eq!(backend.get(b"k").await.expect("there"), None, "the cache is not touched");
        backend.set(true);
        let away = through.write("k", "1".to_owned(), async || Ok::<_, String>(1)).await;
        assert!(matches!(away, Err(Error::Backend(_))));
        backend.set(false);
        assert!(through.put("k", Some(&"1".to_owned()), 1).await.expect("there"), "once more");
        assert_eq!(read(&through).await.as_deref(), Some("1"));
    }
}
