//! **Read-through.** Readers know the cache and nothing else: it has the loader, and asks the database
//! itself.
//!
//! # Guarantee
//!
//! That of [`cache_aside`](super::cache_aside). Besides, since all keys are loaded by one loader, no two
//! callers can disagree on what a key means.
//!
//! # Failure modes
//!
//! Those of [`cache_aside`](super::cache_aside).
//!
//! # Example
//!
//! ```
//! use scrubjay_client::{backend::Embedded, codec::Raw};
//! use scrubjay_client::pattern::{Setting, read_through::ReadThrough};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let squares = ReadThrough::new(Embedded::default(), Raw, Setting::new(), async |key: String| {
//!     Ok::<_, std::num::ParseIntError>(Some((key.parse::<u32>()?.pow(2)).to_string()))
//! });
//! assert_eq!(squares.get("12").await?.as_deref(), Some("144"));
//! let error = squares.get("a dozen").await.expect_err("no number");
//! assert!(error.as_load().is_some());
//! # Ok(()) }
//! ```

use std::future::Future;
use std::sync::Arc;

use super::fetch::{Fetch, Load, Rules, handle, load_of};
use super::{Error, Setting};
use crate::backend::Backend;
use crate::codec::Codec;

/// A loader that is made for one key after the other.
pub(super) type Loader<V, E> = Arc<dyn Fn(String) -> Load<V, E> + Send + Sync>;

/// A loader as callers write it.
pub(super) fn loader_of<V, E, L, F>(load: L) -> Loader<V, E>
where
    V: Send + 'static,
    E: Send + 'static,
    L: Fn(String) -> F + Send + Sync + 'static,
    F: Future<Output = Result<Option<V>, E>> + Send + 'static,
{
    let load = Arc::new(load);
    Arc::new(move |key| {
        let load = Arc::clone(&load);
        load_of(move || load(key))
    })
}

/// A cache that loads what it does not have: see the [module](self). A handle: clones are the same.
pub struct ReadThrough<V, E, B, C> {
    fetch: Arc<Fetch<V, B, C>>,
    loader: Loader<V, E>,
}

impl<V, E, B, C> ReadThrough<V, E, B, C>
where
    V: Clone + Send + Sync + 'static,
    E: Send + Sync + 'static,
    B: Backend,
    C: Codec<V>,
{
    /// The pattern over this backend. `load` is given a key without its prefix, and runs in a task of its
    /// own.
    pub fn new<L, F>(backend: B, codec: C, setting: Setting, load: L) -> Self
    where
        L: Fn(String) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Option<V>, E>> + Send + 'static,
    {
        Self { fetch: Fetch::new("read_through", backend, codec, setting), loader: loader_of(load) }
    }

    /// The value of a key; none if it has none.
    ///
    /// # Errors
    /// The loader failed, or took longer than it may, and there is nothing stale.
    ///
    /// # Panics
    /// When the loader does.
    pub async fn get(&self, key: &str) -> Result<Option<V>, Error<E>> {
        self.fetch.get(key, Rules::default(), (self.loader)(key.to_owned())).await
    }
}

handle! { ReadThrough<V, E, B, C> { fetch, loader } }
