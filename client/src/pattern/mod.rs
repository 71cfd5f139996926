//! Caching patterns, each a file that begins with what it guarantees and how it can fail.
//!
//! | pattern | for | |
//! |---|---|---|
//! | [`cache_aside`] | reads with a loader of their own; writes that remove | the usual one |
//! | [`read_through`] | the same with one loader for all keys | |
//! | [`write_through`] | writes that leave what they wrote | two writers cannot leave the older value |
//! | [`write_behind`] | writes that the database gets later, in batches | bounded, nothing lost silently |
//! | [`negative`] | keys that often have no value | its own TTL for that |
//! | [`refresh_ahead`] | hot keys: nobody waits for their reload | one refresher |
//! | [`lease`] | hot keys that are dear to load | one load, however many processes |
//! | [`tags`] | groups of keys that go together | one number a group |
//! | [`rate_limit`] | so many a minute, over all processes | |
//! | [`lock`] | one at a time, over all processes | fencing tokens |
//!
//! All of them work on any [`Backend`](crate::backend::Backend), and have in common:
//!
//! - **No fill after an invalidation.** Before a value is loaded a lease on its key is taken; whatever writes
//!   or removes the key ends the lease, and a value whose lease has ended is returned to who asked for it,
//!   and not kept. So a reader that was slow, or stood still, never puts an old value back, on no machine.
//! - **Single flight.** In one process one task loads a key and the others wait for it, whoever of them is
//!   cancelled; the load goes on. Nobody takes the answer of a load that may be older than a removal which
//!   had returned, in whatever process, before he began to read.
//! - **The cache may fail.** A read that the backend cannot answer is answered by the loader, and counted in
//!   [`Stats::backend_failures`]. A write or a removal that it cannot do is an error: see [`Error::Backend`].
//! - **Fail-safe**, if [asked for](Setting::stale_for): what is stale is served when the loader fails or is
//!   slow; what was removed or outdated by a tag never is.
//! - **TTLs with jitter**, by the backend's clock. What cannot be decoded counts as a miss, and is removed.
//!
//! They run in a tokio runtime: loads are tasks of their own. For programs without one there is [`blocking`].

pub mod blocking;
pub mod cache_aside;
mod chance;
mod fetch;
pub mod lease;
pub mod lock;
pub mod negative;
pub mod rate_limit;
pub mod read_through;
pub mod refresh_ahead;
mod setting;
mod stats;
pub mod tags;
pub mod write_behind;
pub mod write_through;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use self::chance::Chance;
pub use self::setting::Setting;
pub use self::stats::Stats;
use crate::backend;

/// Why there is no answer. `E` is what loaders (and who stores) fail with. Many may have waited for one load,
/// so its error is shared.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error<E> {
    /// The loader failed, or who stores did, and there was nothing stale to answer with.
    Load(Arc<E>),
    /// The loader took longer than the hard timeout, which was this, and there was nothing stale.
    TimedOut(Duration),
    /// The backend could not do what had to be done: whatever was cached before may still be.
    Backend(backend::Error),
    /// The value has no encoded form, so that it cannot be cached.
    Unencodable(Arc<crate::codec::CodecError>),
    /// The runtime ended before the load did.
    Abandoned,
}

impl<E> Error<E> {
    /// The loader's error, if it is one.
    pub fn as_load(&self) -> Option<&E> {
        match self {
            Self::Load(error) => Some(error),
            _ => None,
        }
    }
}

// Not derived: that would ask the same of E.
impl<E> Clone for Error<E> {
    fn clone(&self) -> Self {
        match self {
            Self::Load(error) => Self::Load(Arc::clone(error)),
            Self::TimedOut(timeout) => Self::TimedOut(*timeout),
            Self::Backend(error) => Self::Backend(error.clone()),
            Self::Unencodable(error) => Self::Unencodable(Arc::clone(error)),
            Self::Abandoned => Self::Abandoned,
        }
    }
}

impl<E: fmt::Display> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Load(error) => write!(f, "the load failed: {error}"),
            Self::TimedOut(timeout) => write!(f, "the load took longer than {timeout:?}"),
            Self::Backend(error) => error.fmt(f),
            Self::Unencodable(error) => error.fmt(f),
            Self::Abandoned => f.write_str("the runtime ended before the load did"),
        }
    }
}

impl<E: std::error::Error + 'static> std::error::Error for Error<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Load(error) => Some(&**error),
            Self::Backend(error) => Some(error),
            Self::Unencodable(error) => Some(&**error),
            Self::TimedOut(_) | Self::Abandoned => None,
        }
    }
}

impl<E> From<backend::Error> for Error<E> {
    fn from(error: backend::Error) -> Self {
        Self::Backend(error)
    }
}
