//! **Negative caching.** That a key has no value is cached too, with a TTL of its own; and that it could not
//! be had, if wanted. Or every request for what is not there would reach the database.
//!
//! # Guarantee
//!
//! That of [`cache_aside`](super::cache_aside), for absences as for values. A key that was found absent is
//! not looked up again, by any process, for [`absent_ttl`](super::Setting::absent_ttl) (by default a tenth
//! of the TTL), unless it is removed: whoever creates the row removes the key. *Absent* and *failed* are
//! kept apart: a load that fails is remembered by this process alone, for
//! [`failed_ttl`](super::Setting::failed_ttl), with its error, and only if that is set.
//!
//! # Failure modes
//!
//! - A row that is created without a removal of its key is not seen before the absence is over.
//! - Whoever asks for many keys that do not exist fills the cache with absences: they are small, expire soon,
//!   and are evicted like everything else.
//! - All those of [`cache_aside`](super::cache_aside).
//!
//! # Example
//!
//! ```
//! use scrubjay_client::{backend::Embedded, codec::Raw};
//! use scrubjay_client::pattern::{Setting, negative::Negative};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let users: Negative<String, _, _> = Negative::new(Embedded::default(), Raw, Setting::new());
//! let nobody = || async { Ok::<_, std::io::Error>(None) };
//! let ada = || async { Ok::<_, std::io::Error>(Some("Ada".to_owned())) };
//! assert_eq!(users.get("1", nobody).await?, None);
//! assert_eq!(users.get("1", ada).await?, None, "the database is not asked");
//! users.remove("1").await?; // Ada has signed up.
//! assert_eq!(users.get("1", ada).await?.as_deref(), Some("Ada"));
//! # Ok(()) }
//! ```

use std::future::Future;
use std::sync::Arc;

use super::fetch::{Fetch, Rules, handle, load_of};
use super::{Error, Setting};
use crate::backend::Backend;
use crate::codec::Codec;

/// A cache that knows what is not there: see the [module](self). A handle: clones are the same.
pub struct Negative<V, B, C>(Arc<Fetch<V, B, C>>);

impl<V, B, C> Negative<V, B, C>
where
    V: Clone + Send + Sync + 'static,
    B: Backend,
    C: Codec<V>,
{
    /// The pattern over this backend.
    pub fn new(backend: B, codec: C, mut setting: Setting) -> Self {
        setting.absent_ttl.get_or_insert(setting.ttl / 10);
        Self(Fetch::new("negative", backend, codec, setting))
    }

    /// The value of a key, which `load` looks up if nothing is known about it; none if there is none. `load`
    /// runs in a task of its own, to its end, whatever becomes of this call.
    ///
    /// # Errors
    /// `load` failed, or took longer than it may, now or a while ago, and there is nothing stale.
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

handle! { Negative<V, B, C> { 0 } }
