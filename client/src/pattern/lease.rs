//! **Lease.** Of all processes that miss a key at once, one loads it, under a lease; the others wait for what
//! it brings. For keys that many ask for and that are dear to load: an expiry makes one load, not a stampede.
//!
//! # Guarantee
//!
//! While the holder of a lease lives, nobody else loads the key, but for those who have waited for longer
//! than [`lease_wait`](super::Setting::lease_wait). The value is kept only under the token of a lease that is
//! still held: a holder who has lost it (since he stood still, or the key was removed) keeps nothing.
//!
//! # Failure modes
//!
//! - **The holder dies**: his lease ends [`lease_ttl`](super::Setting::lease_ttl) after he last had it
//!   extended, and one of those who wait takes over.
//! - **The loader is slow**: its holder extends the lease, for as long as it takes. Those who wait longer
//!   than `lease_wait` load by themselves, and keep nothing. A [hard
//!   timeout](super::Setting::hard_timeout) limits the load.
//! - **The lease is lost** while its holder loads: he answers with what he has loaded, and does not keep it.
//!   What others load since then is not touched.
//! - **The loader fails**: the lease is given back, and the next of those who wait tries.
//! - **The backend is away**: everybody loads, once a process.
//! - With a [grace](super::Setting::stale_for) nobody waits who can have a stale value.
//!
//! # Example
//!
//! ```
//! use scrubjay_client::{backend::Embedded, codec::Raw};
//! use scrubjay_client::pattern::{Setting, lease::Leased};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let backend = Embedded::default();
//! // Two processes, as it were.
//! let [one, other] = [(); 2].map(|()| Leased::new(backend.clone(), Raw, Setting::new()));
//! let load = |by: &'static str| move || async move {
//!     tokio::task::yield_now().await;
//!     Ok::<_, std::io::Error>(Some(by.to_owned()))
//! };
//! let (first, second) = tokio::join!(one.get("hot", load("one")), other.get("hot", load("other")));
//! assert_eq!(first?, second?);
//! assert_eq!(one.stats().loads + other.stats().loads, 1);
//! # Ok(()) }
//! ```

use std::future::Future;
use std::sync::Arc;

use super::fetch::{Fetch, Rules, handle, load_of};
use super::{Error, Setting};
use crate::backend::Backend;
use crate::codec::Codec;

/// A cache whose keys are loaded by one process at a time: see the [module](self). A handle: clones are the
/// same.
pub struct Leased<V, B, C>(Arc<Fetch<V, B, C>>);

impl<V, B, C> Leased<V, B, C>
where
    V: Clone + Send + Sync + 'static,
    B: Backend,
    C: Codec<V>,
{
    /// The pattern over this backend.
    pub fn new(backend: B, codec: C, setting: Setting) -> Self {
        Self(Fetch::new("lease", backend, codec, setting))
    }

    /// The value of a key, which `load` looks up if it is not cached and nobody else is doing so; none if it
    /// finds none. `load` runs in a task of its own, to its end, whatever becomes of this call.
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
        self.0.get(key, Rules { waits: true, ..Rules::default() }, load_of(load)).await
    }
}

handle! { Leased<V, B, C> { 0 }, "The lease on it ends too, and is something that was there." }
