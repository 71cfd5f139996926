//! What holds for all keys of a pattern.

use std::time::Duration;

use scrubjay::time::Clock;

use super::chance::Chance;

/// A pattern's parameters. Each has a default; the methods are named as the fields.
///
/// ```
/// use std::time::Duration;
/// use scrubjay_client::pattern::Setting;
///
/// let setting = Setting::new()
///     .prefix("user:")
///     .ttl(Duration::from_secs(300))
///     .stale_for(Duration::from_secs(3600))
///     .soft_timeout(Duration::from_millis(100));
/// ```
#[derive(Debug, Clone)]
pub struct Setting {
    pub(super) prefix: String,
    pub(super) ttl: Duration,
    pub(super) jitter: f64,
    pub(super) stale_for: Duration,
    pub(super) absent_ttl: Option<Duration>,
    pub(super) failed_ttl: Option<Duration>,
    pub(super) retry_after: Duration,
    pub(super) ahead: Duration,
    pub(super) soft_timeout: Option<Duration>,
    pub(super) hard_timeout: Option<Duration>,
    pub(super) lease_ttl: Duration,
    pub(super) lease_wait: Duration,
    pub(super) clock: Clock,
    pub(super) chance: Chance,
}

impl Setting {
    /// The defaults.
    pub fn new() -> Self {
        Self {
            prefix: String::new(),
            ttl: Duration::from_secs(60),
            jitter: 0.1,
            stale_for: Duration::ZERO,
            absent_ttl: None,
            failed_ttl: None,
            retry_after: Duration::from_secs(1),
            ahead: Duration::ZERO,
            soft_timeout: None,
            hard_timeout: None,
            lease_ttl: Duration::from_secs(5),
            lease_wait: Duration::from_secs(10),
            clock: Clock::system(),
            chance: Chance::from_os(),
        }
    }

    /// What stands in front of each key. Default: nothing. Patterns that share a prefix share their keys.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// How long a value is good for. Default 60 s.
    #[must_use]
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }

    /// Each TTL is shortened by up to this share, by chance, so that what came together does not go together.
    /// Default 0.1.
    ///
    /// # Panics
    /// Unless it is 0 to 1.
    #[must_use]
    pub fn jitter(mut self, share: f64) -> Self {
        assert!((0.0..=1.0).contains(&share), "a share is 0 to 1, not {share}");
        self.jitter = share;
        self
    }

    /// How long after its TTL a value is kept, to be served while a new one cannot be had: when the loader
    /// fails, or is slower than its soft timeout, or somebody else is loading it. Never one that was removed.
    /// Default: it is not kept.
    #[must_use]
    pub fn stale_for(mut self, grace: Duration) -> Self {
        self.stale_for = grace;
        self
    }

    /// How long it is remembered that a key has no value. Default: it is not, but by
    /// [`Negative`](super::negative::Negative), for a tenth of the TTL.
    #[must_use]
    pub fn absent_ttl(mut self, ttl: Duration) -> Self {
        self.absent_ttl = Some(ttl);
        self
    }

    /// How long this process remembers that a load failed, and answers with the same error. Default: it does
    /// not.
    #[must_use]
    pub fn failed_ttl(mut self, ttl: Duration) -> Self {
        self.failed_ttl = Some(ttl);
        self
    }

    /// How long after a load that failed a stale value is served before the next try. Default 1 s.
    #[must_use]
    pub fn retry_after(mut self, pause: Duration) -> Self {
        self.retry_after = pause;
        self
    }

    /// How long before the end of its TTL [`RefreshAhead`](super::refresh_ahead::RefreshAhead) loads a value
    /// anew. Default: a fifth of the TTL.
    #[must_use]
    pub fn ahead(mut self, ahead: Duration) -> Self {
        self.ahead = ahead;
        self
    }

    /// After so long a stale value is served, if there is one, while the load goes on. Default: it is waited
    /// for.
    #[must_use]
    pub fn soft_timeout(mut self, timeout: Duration) -> Self {
        self.soft_timeout = Some(timeout);
        self
    }

    /// After so long a load is given up, as if it had failed. Default: it is waited for.
    #[must_use]
    pub fn hard_timeout(mut self, timeout: Duration) -> Self {
        self.hard_timeout = Some(timeout);
        self
    }

    /// How long after the death of a process another one takes over what it was loading. Default 5 s. A load
    /// may take longer: who lives has its lease extended.
    ///
    /// # Panics
    /// If it is less than a millisecond.
    #[must_use]
    pub fn lease_ttl(mut self, ttl: Duration) -> Self {
        assert!(ttl >= Duration::from_millis(1), "a lease lasts for a millisecond at least, not {ttl:?}");
        self.lease_ttl = ttl;
        self
    }

    /// How long the load of another process is waited for before this one loads by itself. Default 10 s.
    #[must_use]
    pub fn lease_wait(mut self, wait: Duration) -> Self {
        self.lease_wait = wait;
        self
    }

    /// Where the time is read that loads take, and for which failures are remembered. (The life of what is
    /// kept is measured by the backend.) Default: the system's clocks.
    #[must_use]
    pub fn clock(mut self, clock: impl Into<Clock>) -> Self {
        self.clock = clock.into();
        self
    }

    /// Where jitter, tokens and generations come from. Default: seeded by the operating system.
    #[must_use]
    pub fn chance(mut self, chance: Chance) -> Self {
        self.chance = chance;
        self
    }
}

impl Default for Setting {
    fn default() -> Self {
        Self::new()
    }
}
