//! Where the patterns keep values, in terms of what they mean.
//!
//! A [`Backend`] is what the patterns ask for and nothing more: a record read with what is left of its life,
//! put, put if it is newer, removed; a lease to load a key; the generations of tags; permits of a rate; a
//! lock. Each is one atomic step. There are two of them:
//!
//! - [`Embedded`]: a [`scrubjay::Store`] in this process;
//! - [`Remote`]: Scrubjay, Redis, Valkey or a Valkey Cluster, by scripts that run on each of them.
//!
//! Both keep the same bytes under the same keys ([`record`]), so processes may share what is cached whichever
//! way they reach it: a store that one process embeds and serves, others reach by the wire.
//!
//! What is absent: codecs, loaders, single flight, chance. A backend neither draws a token nor waits.

#[cfg(test)]
pub(crate) mod away;
mod embedded;
mod join;
pub mod record;
mod remote;
mod scripts;

use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

pub use self::embedded::Embedded;
use self::record::Token;
pub use self::remote::Remote;

/// A place where values are kept. Every method is one atomic step, and the values of a key are the bytes of a
/// [`record::Record`].
///
/// A TTL is rounded up to whole milliseconds. All methods fail alike, with an [`Error`]; whether a step that
/// failed as [`ErrorKind::Unavailable`] was taken is not known.
pub trait Backend: Send + Sync + 'static {
    /// What is kept under a key, and for how long yet.
    fn get(&self, key: &[u8]) -> impl Future<Output = Result<Option<Kept>, Error>> + Send;

    /// Keeps a record, whatever was there; a lease of the key is lost.
    fn put(&self, key: &[u8], record: &[u8], ttl: Duration)
    -> impl Future<Output = Result<(), Error>> + Send;

    /// Keeps a record unless there is one whose version is not older; whether it was kept. A lease of the key
    /// is lost if it was.
    fn put_if_newer(
        &self,
        key: &[u8],
        version: u64,
        record: &[u8],
        ttl: Duration,
    ) -> impl Future<Output = Result<bool, Error>> + Send;

    /// Removes what is kept under a key, its lease included; whether there was anything.
    fn remove(&self, key: &[u8]) -> impl Future<Output = Result<bool, Error>> + Send;

    /// The same, if it is just this.
    fn remove_if_equal(&self, key: &[u8], record: &[u8]) -> impl Future<Output = Result<bool, Error>> + Send;

    /// What is kept under a key, if it is good for longer than `ahead`; or else the right to load it, which
    /// one at a time has, for as long as `ttl`. Bytes that are no record's are as good as nothing.
    fn lease(
        &self,
        key: &[u8],
        token: Token,
        ttl: Duration,
        ahead: Duration,
    ) -> impl Future<Output = Result<Lease, Error>> + Send;

    /// Has a lease end `ttl` from now; whether it is still this holder's. One that is lost is not granted
    /// anew by this: what is being loaded may be older than what has ended it.
    fn extend_lease(
        &self,
        key: &[u8],
        token: Token,
        ttl: Duration,
    ) -> impl Future<Output = Result<bool, Error>> + Send;

    /// Keeps what the holder of a lease has loaded, and ends the lease; whether it was kept. It was not if
    /// the lease is over, or the key was written or removed since.
    fn fill(
        &self,
        key: &[u8],
        token: Token,
        record: &[u8],
        ttl: Duration,
    ) -> impl Future<Output = Result<bool, Error>> + Send;

    /// Ends a lease for nothing; whether it was held. A stale record stays.
    fn release(&self, key: &[u8], token: Token) -> impl Future<Output = Result<bool, Error>> + Send;

    /// The generations of tags, in their order. One that has none is given `fresh`, a number drawn by the
    /// caller: so a generation that was lost never comes again.
    fn generations(
        &self,
        tags: &[Vec<u8>],
        fresh: u64,
    ) -> impl Future<Output = Result<Vec<u64>, Error>> + Send;

    /// Gives a tag the generation `fresh`: whatever carries an older one is outdated from now on.
    fn renew_generation(&self, tag: &[u8], fresh: u64) -> impl Future<Output = Result<(), Error>> + Send;

    /// Takes permits of a rate, all of them or none.
    fn take(&self, key: &[u8], permits: u32, rate: Rate)
    -> impl Future<Output = Result<Taken, Error>> + Send;

    /// Locks a name for as long as `ttl`.
    fn lock(
        &self,
        name: &[u8],
        token: Token,
        ttl: Duration,
    ) -> impl Future<Output = Result<Locked, Error>> + Send;

    /// Has a lock end `ttl` from now; whether it is still this holder's.
    fn extend_lock(
        &self,
        name: &[u8],
        token: Token,
        ttl: Duration,
    ) -> impl Future<Output = Result<bool, Error>> + Send;

    /// Ends a lock; whether it was still this holder's.
    fn unlock(&self, name: &[u8], token: Token) -> impl Future<Output = Result<bool, Error>> + Send;
}

/// What is kept under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Kept {
    /// A record's bytes, unless somebody else has written there.
    pub bytes: Vec<u8>,
    /// How long it will be kept yet; `None`: its life has no end.
    pub left: Option<Duration>,
}

/// What a request for a [lease](Backend::lease) was answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lease {
    /// There is no need: this is good.
    Fresh(Kept),
    /// It is the caller's.
    Granted {
        /// What there is until then, if anything: a stale record.
        stale: Option<Kept>,
    },
    /// It is another's.
    Taken {
        /// What there is until then, if anything: a stale record.
        stale: Option<Kept>,
    },
}

/// What a request for a [lock](Backend::lock) was answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Locked {
    /// It is the caller's.
    Granted {
        /// Larger than that of every holder before: see [`Lock`](crate::pattern::lock::Lock).
        fence: u64,
    },
    /// It is another's.
    Taken {
        /// For so long yet, unless he ends it before or has it extended.
        left: Duration,
    },
}

/// How fast permits come, and how many may be saved up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// The time between two permits, in microseconds.
    pub interval_micros: u64,
    /// How many may be taken at once after a long rest.
    pub burst: u32,
}

/// What became of a request for [permits](Backend::take).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Taken {
    /// Whether they were given.
    pub allowed: bool,
    /// How many could be taken at once now.
    pub remaining: u32,
    /// After how long the same request can be met; zero if it was.
    pub retry_after: Duration,
}

impl Rate {
    /// The rate as a conveyor belt: the moment up to which permits are given out, in microseconds since the
    /// epoch, as it was (`None`: long ago) and as it is then.
    fn take(self, until: Option<u64>, now: u64, permits: u32) -> (u64, Taken) {
        let Self { interval_micros, burst } = self;
        let tolerance = interval_micros.saturating_mul(u64::from(burst));
        let horizon = now.saturating_add(tolerance);
        // One that is beyond what the burst allows was written before the clock went back.
        let until = until.unwrap_or(0).clamp(now, horizon);
        let wanted = until.saturating_add(interval_micros.saturating_mul(u64::from(permits)));
        let allowed = wanted <= horizon;
        let then = if allowed { wanted } else { until };
        let remaining = u32::try_from((horizon - then) / interval_micros.max(1)).unwrap_or(u32::MAX);
        let retry_after = Duration::from_micros(wanted.saturating_sub(horizon));
        let retry_after = if allowed { Duration::ZERO } else { retry_after };
        (then, Taken { allowed, remaining, retry_after })
    }
}

/// The keys of a lock: who has it, and its last fence. The name is in braces, so that a cluster keeps both in
/// one slot, and what would end the braces early is written otherwise.
fn lock_keys(name: &[u8]) -> [Vec<u8>; 2] {
    let mut braced = vec![b'{'];
    for &byte in name {
        match byte {
            b'{' | b'}' | b'%' => braced.extend_from_slice(format!("%{byte:02x}").as_bytes()),
            _ => braced.push(byte),
        }
    }
    if name.is_empty() {
        braced.push(b'%');
    }
    braced.push(b'}');
    [b"lock:".as_slice(), b"fence:"].map(|kind| [kind, &braced].concat())
}

/// In whole milliseconds, a part of one counting in full: nothing is gone before its time.
fn up_to_millis(ttl: Duration) -> Duration {
    Duration::from_millis(u64::try_from(ttl.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX))
}

/// How long a generation is kept after it was last asked for, and a fence after it was last given: longer
/// than anything that was made under it is of interest.
const MONTH: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Why a backend could not do what it was asked to. Cheap to clone, since many may wait for one step.
#[derive(Debug, Clone)]
pub struct Error {
    kind: ErrorKind,
    source: Arc<dyn StdError + Send + Sync>,
}

/// What kind of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The backend is not reached, or does not answer in time.
    Unavailable,
    /// It is full, and nothing can be evicted.
    OutOfMemory,
    /// The key holds something that is no string.
    WrongType,
    /// It answered with an error, or with something nobody expects.
    Refused,
}

impl Error {
    /// An error of this kind.
    pub fn new(kind: ErrorKind, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { kind, source: source.into().into() }
    }

    /// What kind of failure it is.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            ErrorKind::Unavailable => "the cache is not reached",
            ErrorKind::OutOfMemory => "the cache is full",
            ErrorKind::WrongType => "the key holds no string",
            ErrorKind::Refused => "the cache refuses",
        };
        write!(f, "{what}: {}", self.source)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_gives_a_burst_and_then_one_by_one() {
        let rate = Rate { interval_micros: 100, burst: 3 };
        let (until, taken) = rate.take(None, 1_000, 2);
        assert_eq!((until, taken.allowed, taken.remaining), (1_200, true, 1));
        let (until, taken) = rate.take(Some(until), 1_000, 2);
        assert_eq!((until, taken.allowed, taken.remaining), (1_200, false, 1));
        assert_eq!(taken.retry_after, Duration::from_micros(100));
        let (until, taken) = rate.take(Some(until), 1_100, 2);
        assert_eq!((until, taken.allowed, taken.remaining), (1_400, true, 0));
        // However long the rest, no more than the burst is saved up.
        assert_eq!(rate.take(Some(until), 1_000_000, 4).1.remaining, 3);
        // The clock went back: as full as it can be, and no fuller.
        assert_eq!(rate.take(Some(9_000_000), 1_000, 1).1.retry_after, Duration::from_micros(100));
    }

    #[test]
    fn the_keys_of_a_lock_are_in_one_slot_and_its_own() {
        let text = |name: &str| lock_keys(name.as_bytes()).map(|key| String::from_utf8(key).expect("text"));
        assert_eq!(text("a"), ["lock:{a}", "fence:{a}"]);
        assert_eq!(text("}x{y}%"), ["lock:{%7dx%7by%7d%25}", "fence:{%7dx%7by%7d%25}"]);
        assert_eq!(text(""), ["lock:{%}", "fence:{%}"]);
        assert_ne!(text(""), text("%"));
    }
}
