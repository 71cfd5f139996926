//! **Lock.** One holder of a name at a time, over all processes, with a *fence*: a number that is larger for
//! each holder than for all before him.
//!
//! # Guarantee
//!
//! While a holder's time runs, nobody else is given the lock; only he ends or extends it, by a token that no
//! other has. When his time is over the lock is free, whatever has become of him.
//!
//! No such lock keeps a holder who stood still from going on after his time, with another already at work.
//! The *fence* does: hand it to what the lock protects, and have that refuse a fence smaller than the largest
//! it has seen (`UPDATE ... WHERE fence <= $1`). Without such a check the lock saves work, and no more.
//!
//! # Failure modes
//!
//! - **The holder dies**: the lock is free when his time is over.
//! - **The holder is slow**: [`Guard::run`] extends the lock while it works, and stops the work when the lock
//!   is lost.
//! - **The lock's key is lost** (evicted, or a server that lost its last second): a second holder may be
//!   given it early; his fence is larger. Fences follow the backend's clock, so one that was lost is not
//!   given again unless the clock went back too.
//! - **The backend is away**: nobody is given a lock; who has one may lose it unawares, until its time is
//!   over.
//!
//! # Example
//!
//! ```
//! use std::time::Duration;
//! use scrubjay_client::{backend::Embedded, pattern::{Setting, lock::Lock}};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let lock = Lock::new(Embedded::default(), Setting::new().prefix("job:"));
//! let guard = lock.try_acquire("nightly").await?.expect("nobody has it");
//! assert!(lock.try_acquire("nightly").await?.is_none());
//! let fence = guard.fence();
//! assert!(guard.release().await?);
//!
//! let next = lock.acquire("nightly", Duration::from_secs(5)).await?;
//! assert!(next.fence() > fence);
//! # Ok(()) }
//! ```

use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::sleep;
use tracing::debug;

use super::Setting;
use crate::backend::record::Token;
use crate::backend::{self, Backend, Locked};

/// The first pause of who waits, and the longest.
const POLL: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(100));

/// Locks by name: see the [module](self). A handle: clones are the same.
#[derive(Debug)]
pub struct Lock<B>(Arc<Inner<B>>);

impl<B> Clone for Lock<B> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

#[derive(Debug)]
struct Inner<B> {
    backend: B,
    setting: Setting,
}

/// Why there is no lock.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum LockError {
    /// Another had it all the time.
    Taken,
    /// It was lost while the work went on: its time was over, or its key has gone.
    Lost,
    /// The backend's.
    Backend(backend::Error),
}

impl fmt::Display for LockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Taken => f.write_str("another has the lock"),
            Self::Lost => f.write_str("the lock was lost"),
            Self::Backend(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for LockError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Backend(error) => Some(error),
            Self::Taken | Self::Lost => None,
        }
    }
}

impl From<backend::Error> for LockError {
    fn from(error: backend::Error) -> Self {
        Self::Backend(error)
    }
}

impl<B: Backend> Lock<B> {
    /// Locks whose names have the setting's prefix, and whose time is its
    /// [`lease_ttl`](super::Setting::lease_ttl).
    pub fn new(backend: B, setting: Setting) -> Self {
        Self(Arc::new(Inner { backend, setting }))
    }

    /// The lock, unless another has it.
    ///
    /// # Errors
    /// The backend's: if the lock was taken all the same, it is free when its time is over.
    pub async fn try_acquire(&self, name: &str) -> Result<Option<Guard<B>>, backend::Error> {
        Ok(self.attempt(name).await?.ok())
    }

    /// The lock, for which others are waited for, for so long. They are not served in any order.
    ///
    /// # Errors
    /// [`LockError::Taken`], [`LockError::Backend`].
    pub async fn acquire(&self, name: &str, wait: Duration) -> Result<Guard<B>, LockError> {
        let (mut pause, mut waited) = (POLL.0, Duration::ZERO);
        loop {
            let left = match self.attempt(name).await? {
                Ok(guard) => return Ok(guard),
                Err(left) => left,
            };
            if waited >= wait {
                return Err(LockError::Taken);
            }
            let chance = &self.0.setting.chance;
            let now = chance.shorten(pause, 0.5).min(left).min(wait - waited).max(Duration::from_millis(1));
            sleep(now).await;
            waited += now;
            pause = (pause * 2).min(POLL.1);
        }
    }

    /// The lock, or how long another will have it yet.
    async fn attempt(&self, name: &str) -> Result<Result<Guard<B>, Duration>, backend::Error> {
        let Inner { backend, setting } = &*self.0;
        let name = format!("{}{name}", setting.prefix);
        let token = setting.chance.token();
        match backend.lock(name.as_bytes(), token, setting.lease_ttl).await? {
            Locked::Granted { fence } => {
                debug!(name, fence, "locked");
                Ok(Ok(Guard { lock: self.clone(), name, token, fence, ended: false }))
            }
            Locked::Taken { left } => Ok(Err(left)),
        }
    }
}

/// A lock that is held. Dropped, it is given back in the background, if there is a runtime to do so; or else
/// when its time is over.
#[must_use = "a guard that is dropped gives the lock back"]
pub struct Guard<B: Backend> {
    lock: Lock<B>,
    name: String,
    token: Token,
    fence: u64,
    ended: bool,
}

impl<B: Backend> Guard<B> {
    /// The number that is larger than that of every holder before.
    pub fn fence(&self) -> u64 {
        self.fence
    }

    /// Has the lock end `ttl` from now; whether it was still held.
    ///
    /// # Errors
    /// The backend's: whether it was extended is not known.
    pub async fn extend(&self, ttl: Duration) -> Result<bool, backend::Error> {
        self.lock.0.backend.extend_lock(self.name.as_bytes(), self.token, ttl).await
    }

    /// Gives the lock back; whether it was still held.
    ///
    /// # Errors
    /// The backend's: the lock may be held until its time is over.
    pub async fn release(mut self) -> Result<bool, backend::Error> {
        self.ended = true;
        self.lock.0.backend.unlock(self.name.as_bytes(), self.token).await
    }

    /// Does some work while the lock is extended whenever a third of its time is over, and gives it back
    /// then. If the lock is lost the work is dropped, wherever it stands. (Work that blocks its thread keeps
    /// the lock from being extended.)
    ///
    /// # Errors
    /// [`LockError::Lost`].
    pub async fn run<T>(self, work: impl Future<Output = T>) -> Result<T, LockError> {
        let Setting { lease_ttl, clock, .. } = &self.lock.0.setting;
        let mut work = pin!(work);
        let mut sure_at = clock.monotonic_micros();
        loop {
            tokio::select! {
                biased;
                done = &mut work => {
                    // The work is done; if the lock cannot be given back, it ends by itself.
                    if let Err(error) = self.release().await {
                        debug!(%error, "the lock ends by its time");
                    }
                    return Ok(done);
                }
                () = sleep(*lease_ttl / 3) => {
                    let asked_at = clock.monotonic_micros();
                    match self.extend(*lease_ttl).await {
                        Ok(true) => sure_at = asked_at,
                        Ok(false) => return Err(LockError::Lost),
                        Err(error) => {
                            debug!(%error, "the lock could not be extended");
                            let unsure = Duration::from_micros(asked_at.saturating_sub(sure_at));
                            if unsure >= *lease_ttl {
                                return Err(LockError::Lost);
                            }
                        }
                    }
                }
            }
        }
    }
}

impl<B: Backend> Drop for Guard<B> {
    fn drop(&mut self) {
        if !self.ended
            && let Ok(runtime) = Handle::try_current()
        {
            let (lock, name, token) = (self.lock.clone(), std::mem::take(&mut self.name), self.token);
            drop(runtime.spawn(async move { lock.0.backend.unlock(name.as_bytes(), token).await }));
        }
    }
}

impl<B: Backend> fmt::Debug for Guard<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("name", &self.name).field("fence", &self.fence).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use scrubjay::{Store, time::ManualClock};

    use super::*;
    use crate::backend::Embedded;
    use crate::pattern::Chance;

    fn lock() -> (ManualClock, Lock<Embedded>) {
        let clock = ManualClock::new(1_000_000);
        let store = Arc::new(Store::builder().clock(clock.clone()).build());
        let setting = Setting::new().chance(Chance::seeded(1)).clock(clock.clone());
        (clock, Lock::new(Embedded::new(store), setting.lease_ttl(Duration::from_secs(3))))
    }

    #[tokio::test]
    async fn a_dead_holders_lock_ends_and_his_late_release_does_nothing() {
        let (clock, lock) = lock();
        let dead = lock.try_acquire("n").await.expect("no bound").expect("free");
        clock.advance(Duration::from_secs(2));
        assert!(lock.try_acquire("n").await.expect("no bound").is_none());
        clock.advance(Duration::from_secs(1));
        let next = lock.try_acquire("n").await.expect("no bound").expect("free again");
        assert!(next.fence() > dead.fence());
        assert!(!dead.extend(Duration::from_secs(9)).await.expect("no bound"));
        assert!(!dead.release().await.expect("no bound"));
        assert!(lock.try_acquire("n").await.expect("no bound").is_none(), "it is still the next one's");
        assert!(next.release().await.expect("no bound"));
    }

    #[tokio::test(start_paused = true)]
    async fn work_keeps_its_lock_and_stops_without_it() {
        let (clock, lock) = lock();
        let guard = lock.try_acquire("n").await.expect("no bound").expect("free");
        let work = async {
            for _ in 0..10 {
                sleep(Duration::from_secs(1)).await;
                clock.advance(Duration::from_secs(1));
                assert!(lock.try_acquire("n").await.expect("no bound").is_none());
            }
            7
        };
        assert_eq!(guard.run(work).await.ok(), Some(7));
        let guard = lock.try_acquire("n").await.expect("no bound").expect("given back");

        let lost = guard.run(async {
            assert!(lock.0.backend.store().remove("lock:{n}"));
            std::future::pending::<()>().await;
        });
        assert!(matches!(lost.await, Err(LockError::Lost)));
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_is_served_or_told() {
        let (_, lock) = lock();
        let guard = lock.try_acquire("n").await.expect("no bound").expect("free");
        let waited = lock.acquire("n", Duration::from_millis(200)).await;
        assert!(matches!(waited, Err(LockError::Taken)));
        let waits = lock.acquire("n", Duration::from_secs(60));
        let gives = async {
            sleep(Duration::from_millis(50)).await;
            drop(guard);
        };
        assert!(tokio::join!(waits, gives).0.is_ok());
    }
}
