//! **Refresh-ahead.** A value that is read shortly before its TTL is over is loaded anew in the background,
//! so that no reader of a hot key ever waits for the database.
//!
//! # Guarantee
//!
//! Reads in the last [`ahead`](super::Setting::ahead) of the TTL (a fifth of it by default) are answered at
//! once with what there is, and begin one load, in one process, under a lease on the key; the others go on.
//! A removal ends that load too: see [`cache_aside`](super::cache_aside) for what it guarantees.
//!
//! # Failure modes
//!
//! - A key that nobody reads in that time expires, and its next reader waits.
//! - A refresh that fails is tried again by a read after [`retry_after`](super::Setting::retry_after); when
//!   the TTL is over, a [stale](super::Setting::stale_for) value is served, if it is kept.
//! - Values are loaded more often than they expire: up to once in TTL minus `ahead`.
//! - All those of [`cache_aside`](super::cache_aside).
//!
//! # Example
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//! use scrubjay::{Store, time::ManualClock};
//! use scrubjay_client::{backend::Embedded, codec::Raw};
//! use scrubjay_client::pattern::{Setting, refresh_ahead::RefreshAhead};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let clock = ManualClock::new(0);
//! let store = Arc::new(Store::builder().clock(clock.clone()).build());
//! let setting = Setting::new().ttl(Duration::from_secs(10)).jitter(0.0).ahead(Duration::from_secs(3));
//! let now = clock.clock();
//! let times = RefreshAhead::new(Embedded::new(store), Raw, setting, move |_key| {
//!     let now = now.now();
//!     async move { Ok::<_, std::io::Error>(Some(now.to_string())) }
//! });
//!
//! assert_eq!(times.get("now").await?.as_deref(), Some("0"));
//! clock.advance(Duration::from_secs(8));
//! assert_eq!(times.get("now").await?.as_deref(), Some("0"), "at once, and a refresh begins");
//! while times.get("now").await?.as_deref() != Some("8000") {
//!     tokio::task::yield_now().await;
//! }
//! assert_eq!(times.stats().misses, 1, "nobody but the first has waited");
//! # Ok(()) }
//! ```

use std::future::Future;
use std::sync::Arc;

use super::fetch::{Fetch, Rules, handle};
use super::read_through::{Loader, loader_of};
use super::{Error, Setting};
use crate::backend::Backend;
use crate::codec::Codec;

/// A cache that loads before it has to: see the [module](self). A handle: clones are the same.
pub struct RefreshAhead<V, E, B, C> {
    fetch: Arc<Fetch<V, B, C>>,
    loader: Loader<V, E>,
}

impl<V, E, B, C> RefreshAhead<V, E, B, C>
where
    V: Clone + Send + Sync + 'static,
    E: Send + Sync + 'static,
    B: Backend,
    C: Codec<V>,
{
    /// The pattern over this backend. `load` is given a key without its prefix, and runs in a task of its
    /// own.
    pub fn new<L, F>(backend: B, codec: C, mut setting: Setting, load: L) -> Self
    where
        L: Fn(String) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Option<V>, E>> + Send + 'static,
    {
        if setting.ahead.is_zero() {
            setting.ahead = setting.ttl / 5;
        }
        Self { fetch: Fetch::new("refresh_ahead", backend, codec, setting), loader: loader_of(load) }
    }

    /// The value of a key; none if it has none.
    ///
    /// # Errors
    /// The loader failed, or took longer than it may, and there is nothing stale.
    ///
    /// # Panics
    /// When the loader does, unless nobody waits for it.
    pub async fn get(&self, key: &str) -> Result<Option<V>, Error<E>> {
        let rules = Rules { ahead: self.fetch.setting.ahead, ..Rules::default() };
        self.fetch.get(key, rules, (self.loader)(key.to_owned())).await
    }
}

handle! { RefreshAhead<V, E, B, C> { fetch, loader } }
