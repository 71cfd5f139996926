//! The near cache: values of a server kept in this process, and dropped when the server says that they have
//! changed.
//!
//! ```no_run
//! # async fn demo() -> Result<(), scrubjay_client::near::Error> {
//! use std::time::Duration;
//! use scrubjay_client::codec::Raw;
//! use scrubjay_client::near::NearCache;
//! use scrubjay_client::wire::Connector;
//!
//! let cache: NearCache<String> = NearCache::builder(Raw)
//!     .max_entries(100_000)
//!     .ttl(Duration::from_secs(300))
//!     .connect(Connector::server("redis://127.0.0.1:6379"))
//!     .await?;
//!
//! cache.set("greeting", "hello".to_owned(), None).await?;
//! assert_eq!(cache.get("greeting").await?.as_deref(), Some("hello"));
//! # Ok(()) }
//! ```
//!
//! # The guarantee
//!
//! **Once the notice of a change has been read from the connection, no later read returns what was there
//! before the change.** Between the change and its notice a read may: that is the time the notice travels.
//! It is kept by construction, and tried by a model test (`model`) over all interleavings:
//!
//! - a *ticket* is taken before a request goes out; a notice for the key kills it, in the task that reads the
//!   connection; only a live ticket keeps what it brings;
//! - each value is kept with the [`Life`](crate::wire::Life) of the connection it was read over. A connection
//!   that is lost, a slot that moves, a FLUSHALL end that life, and with it all that was read in it;
//! - what this client writes it is not told of (NOLOOP): a write takes the ticket itself, and whatever else
//!   was being read at that time is not kept;
//! - a value is fresh for no longer than the server's own TTL of it, counted from before the request went
//!   out. `GET` and `PTTL` go in one batch without a transaction: a change between the two is told of, and
//!   the ticket is dead before it is spent. Absence is kept, and told of, like any value.
//!
//! # Failing safe
//!
//! What is *expired*, or was read over a connection that is *lost*, may be served for a while when nothing
//! better can be had: see [`Builder::stale_on_error`]. What was *invalidated*, by a notice, a write or a
//! flush, never is.
//!
//! # Servers without tracking
//!
//! If a server refuses CLIENT TRACKING, values are kept for a [short time](Builder::untracked_ttl), and
//! clients of this crate tell each other of their writes by PUBLISH; writes of others are seen when that time
//! is over. [`Stats::mode`] says so.
//!
//! # The map of the source
//!
//! - `local`: the cache in this process and who may put what into it, without any I/O. `held`: what it holds.
//! - `hit`: a read that finds here what it wants. `read`, `write`: the requests around it. `requests`: what
//!   they look like on the wire.
//! - `recovery`: what could not be written, and is made good. `stats`, `error`, `builder`: as they say.

mod builder;
mod error;
mod held;
mod hit;
mod local;
#[cfg(test)]
mod model;
mod read;
mod recovery;
mod requests;
mod stats;
mod write;

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::task::AbortHandle;

use self::local::Local;
use self::recovery::Debts;
use self::requests::Requests;
use crate::codec::{Codec, Raw};
use crate::wire::Client;

pub use self::builder::{Builder, Tracking};
pub use self::error::Error;
pub use self::read::{Lookup, Source};
pub use self::stats::{Mode, Stats};
pub use self::write::Condition;

/// A cache in front of a server; see the [module](self). A handle: clones of it are the same cache.
pub struct NearCache<V, C = Raw>(Arc<Core<V, C>>);

struct Core<V, C> {
    codec: C,
    client: Client,
    /// Apart, so that the connections can reach it without keeping themselves alive.
    local: Arc<Local<V>>,
    requests: Requests,
    soft_timeout: Option<Duration>,
    hard_timeout: Option<Duration>,
    /// What the server itself may keep of values that were loaded.
    server_ttl: Option<Duration>,
    debts: Arc<Debts>,
    /// What goes on in the background, for as long as this is there.
    tasks: OnceLock<[AbortHandle; 2]>,
}

impl<V: Clone + Send + Sync + 'static> NearCache<V> {
    /// A cache's parameters, with the codec that makes bytes of its values.
    pub fn builder<C: Codec<V>>(codec: C) -> Builder<V, C> {
        Builder::new(codec)
    }
}

impl<V: Clone + Send + Sync + 'static, C: Codec<V>> NearCache<V, C> {
    /// Forgets what is kept of a key in this process. The next read asks the server.
    pub fn invalidate(&self, key: impl AsRef<[u8]>) {
        self.0.local.forget(key.as_ref());
    }

    /// Forgets everything that is kept in this process.
    pub fn clear(&self) {
        self.0.client.renew_all();
        self.0.local.clear();
    }

    /// What the cache has counted, and how it stands.
    pub fn stats(&self) -> Stats {
        self.0.local.stats(self.0.client.nodes(), self.0.debts.counts())
    }

    /// The connections below, for other commands. Writes by them are not told of either.
    pub fn client(&self) -> &Client {
        &self.0.client
    }
}

impl<V, C> Clone for NearCache<V, C> {
    /// Another handle to the same cache.
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<V, C> fmt::Debug for NearCache<V, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NearCache").field("client", &self.0.client).finish_non_exhaustive()
    }
}

impl<V, C> Drop for Core<V, C> {
    fn drop(&mut self) {
        self.tasks.get().into_iter().flatten().for_each(AbortHandle::abort);
    }
}
