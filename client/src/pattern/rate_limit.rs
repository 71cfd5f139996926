//! **Rate limit.** So many permits a minute for each key, counted over all processes.
//!
//! # Guarantee
//!
//! In any stretch of time, however it lies, at most `burst` permits are given out plus as many as come in
//! that time at the rate. Permits come one by one, not all at the turn of a minute, so there is no moment
//! at which twice the rate passes. Several permits at once are given all or none. Time is the backend's: no
//! two processes need to agree on it, and if it goes back nobody waits for longer than a burst takes to come.
//!
//! # Failure modes
//!
//! - A count that is lost (evicted, or with its server) begins anew, with a full burst.
//! - When the backend is away [`take`](RateLimit::take) is an error, and whether to go on is the caller's to
//!   say: a limit that protects something should hold, one that is a courtesy should not.
//!
//! # Example
//!
//! ```
//! use std::time::Duration;
//! use scrubjay_client::{backend::Embedded, pattern::rate_limit::{Quota, RateLimit}};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let quota = Quota::per(60, Duration::from_secs(60)).burst(2);
//! let limit = RateLimit::new(Embedded::default(), "login:", quota);
//! assert!(limit.take("ada").await?.allowed);
//! assert!(limit.take("ada").await?.allowed);
//! let third = limit.take("ada").await?;
//! assert!(!third.allowed && third.retry_after <= Duration::from_secs(1));
//! assert!(limit.take("charles").await?.allowed, "others have permits of their own");
//! # Ok(()) }
//! ```

use std::sync::Arc;
use std::time::Duration;

use crate::backend::{Backend, Error, Rate, Taken};

/// How many permits there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota(Rate);

impl Quota {
    /// So many permits in such a time, and as many at once.
    ///
    /// # Panics
    /// Without permits, or if more than one comes each microsecond.
    pub fn per(permits: u32, time: Duration) -> Self {
        assert!(permits > 0, "a quota has permits");
        let interval_micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX) / u64::from(permits);
        assert!(interval_micros > 0, "{permits} permits in {time:?} are more than one a microsecond");
        // A thousand years; all sums of times stay exact, in a script too.
        let interval_micros = interval_micros.min(1_000_000_000_000_000 / u64::from(permits));
        Self(Rate { interval_micros, burst: permits })
    }

    /// So many at once after a rest, at most. By default as many as come in the time of the quota.
    ///
    /// # Panics
    /// For none, and for more than come in that time.
    #[must_use]
    pub fn burst(mut self, burst: u32) -> Self {
        assert!((1..=self.0.burst).contains(&burst), "a burst is 1 to {}, not {burst}", self.0.burst);
        self.0.burst = burst;
        self
    }
}

/// Permits by key: see the [module](self). A handle: clones count together.
#[derive(Debug)]
pub struct RateLimit<B>(Arc<Inner<B>>);

impl<B> Clone for RateLimit<B> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

#[derive(Debug)]
struct Inner<B> {
    backend: B,
    prefix: String,
    quota: Quota,
}

impl<B: Backend> RateLimit<B> {
    /// The same quota for each of the keys that have this prefix.
    pub fn new(backend: B, prefix: impl Into<String>, quota: Quota) -> Self {
        Self(Arc::new(Inner { backend, prefix: prefix.into(), quota }))
    }

    /// Takes a permit.
    ///
    /// # Errors
    /// The backend's: whether a permit was taken is not known.
    pub async fn take(&self, key: &str) -> Result<Taken, Error> {
        self.take_many(key, 1).await
    }

    /// Takes several permits, or none.
    ///
    /// # Errors
    /// The backend's: whether permits were taken is not known.
    ///
    /// # Panics
    /// For more than a burst: they would never be given.
    pub async fn take_many(&self, key: &str, permits: u32) -> Result<Taken, Error> {
        let Inner { backend, prefix, quota: Quota(rate) } = &*self.0;
        assert!(permits <= rate.burst, "{permits} permits are more than a burst of {}", rate.burst);
        let taken = backend.take(format!("rate:{prefix}{key}").as_bytes(), permits, *rate).await;
        tracing::debug!(key, permits, ?taken, "permits");
        taken
    }
}

#[cfg(test)]
mod tests {
    use scrubjay::{Store, time::ManualClock};

    use super::*;
    use crate::backend::Embedded;

    #[tokio::test]
    async fn no_stretch_of_time_has_more_than_its_share() {
        let clock = ManualClock::new(1_000_000);
        let store = Store::builder().clock(clock.clone()).build();
        let quota = Quota::per(10, Duration::from_secs(1)).burst(4);
        let limit = RateLimit::new(Embedded::new(Arc::new(store)), "", quota);
        let mut given = Vec::new();
        for step in 0..500 {
            if limit.take("k").await.expect("no bound").allowed {
                given.push(step * 7);
            }
            clock.advance(Duration::from_millis(7));
        }
        assert_eq!(given[..4], [0, 7, 14, 21], "a burst");
        for (at, &from) in given.iter().enumerate() {
            for (more, &until) in given[at..].iter().enumerate() {
                assert!(more <= 4 + (until - from) / 100, "{more} permits after {from} until {until}");
            }
        }
        assert!(given.len() >= 4 + 3_400 / 100, "and none is withheld: {}", given.len());
        assert!(!limit.take_many("k", 4).await.expect("no bound").allowed);
        clock.advance(Duration::from_secs(1));
        assert!(limit.take_many("k", 4).await.expect("no bound").allowed);
    }

    #[test]
    #[should_panic(expected = "a burst is 1 to 10, not 11")]
    fn a_burst_does_not_exceed_the_quota() {
        let _ = Quota::per(10, Duration::from_secs(1)).burst(11);
    }
}
