//! A circuit breaker: a node that fails again and again is left in peace for a while, and so are its callers.
//!
//! ```text
//!            failures in a row                 pause over
//! closed ──────────────────────> open ──────────────────────> half-open: one request is let through
//!    ^                            ^                               │
//!    └──── it succeeded ──────────┼───────────────────────────────┤
//!                                 └──── it failed ────────────────┘
//! ```
//!
//! Pure data: the time is an argument, in microseconds of a clock that never goes back.

use std::time::Duration;

/// Where a breaker stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerState {
    /// Requests go out.
    Closed,
    /// None does.
    Open,
    /// One does, to see whether the node is back.
    HalfOpen,
}

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Breaker {
    /// So many failures in a row open it; 0 for a breaker that never opens.
    failures_max: u32,
    pause_micros: u64,
    failures: u32,
    /// When it opened, or half-opened: whoever should report may have been cancelled, so another may try
    /// after one more pause.
    since: Option<u64>,
    state: BreakerState,
}

impl Breaker {
    pub(crate) fn new(failures_max: u32, pause: Duration) -> Self {
        let pause_micros = u64::try_from(pause.as_micros()).unwrap_or(u64::MAX);
        Self { failures_max, pause_micros, failures: 0, since: None, state: BreakerState::Closed }
    }

    /// Whether a request may go out now. The clock is read only if that matters.
    pub(crate) fn admits(&mut self, now: impl FnOnce() -> u64) -> bool {
        if self.state == BreakerState::Closed {
            return true;
        }
        let now = now();
        let over = self.since.is_none_or(|since| now >= since.saturating_add(self.pause_micros));
        if over {
            self.state = BreakerState::HalfOpen;
            self.since = Some(now);
        }
        over
    }

    /// A request was answered.
    pub(crate) fn succeeded(&mut self) {
        self.failures = 0;
        self.since = None;
        self.state = BreakerState::Closed;
    }

    /// A request was not answered.
    pub(crate) fn failed(&mut self, now: u64) {
        self.failures = self.failures.saturating_add(1);
        if self.failures_max > 0 && (self.failures >= self.failures_max || self.since.is_some()) {
            self.state = BreakerState::Open;
            self.since = Some(now);
        }
    }

    pub(crate) fn state(&self) -> BreakerState {
        self.state
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_opens_lets_one_through_and_closes() {
        let mut breaker = Breaker::new(3, Duration::from_micros(100));
        for now in 0..2 {
            breaker.failed(now);
            assert!(breaker.admits(|| now));
        }
        breaker.succeeded();
        for now in 0..2 {
            breaker.failed(now);
        }
        assert_eq!(breaker.state(), BreakerState::Closed, "a success between them counts");
        breaker.failed(10);
        assert_eq!(breaker.state(), BreakerState::Open);
        assert!(!breaker.admits(|| 109));
        assert!(breaker.admits(|| 110));
        assert_eq!(breaker.state(), BreakerState::HalfOpen);
        assert!(!breaker.admits(|| 111), "one at a time");
        breaker.failed(120);
        assert!(!breaker.admits(|| 219) && breaker.admits(|| 220));
        // The one that was let through never reports.
        assert!(!breaker.admits(|| 319) && breaker.admits(|| 320));
        breaker.succeeded();
        assert!(breaker.admits(|| 321) && breaker.admits(|| 321));
        assert_eq!(breaker.state(), BreakerState::Closed);
    }

    #[test]
    fn one_of_no_failures_never_opens() {
        let mut breaker = Breaker::new(0, Duration::from_micros(100));
        for now in 0..1000 {
            breaker.failed(now);
            assert!(breaker.admits(|| now));
        }
    }
}
