//! How long an entry is good for, and which tags it carries.

use std::time::Duration;

use super::entry::{Extra, NEVER};
use crate::random::Random;
use crate::time::Millis;

/// What is to hold for one entry in place of what holds for all.
///
/// ```
/// use std::time::Duration;
/// use scrubjay::cache::Terms;
///
/// let terms = Terms::new().ttl(Duration::from_secs(60)).soft_ttl(Duration::from_secs(45)).tag("user:7");
/// ```
#[derive(Debug, Clone, Default)]
pub struct Terms {
    ttl: Option<Option<Duration>>,
    soft_ttl: Option<Duration>,
    time_to_idle: Option<Duration>,
    pub(super) tags: Vec<Box<str>>,
}

impl Terms {
    /// What holds for all.
    pub fn new() -> Self {
        Self::default()
    }

    /// It is gone after so long (the *hard* TTL).
    #[must_use]
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(Some(ttl));
        self
    }

    /// It does not expire, whatever the cache's TTL is.
    #[must_use]
    pub fn no_ttl(mut self) -> Self {
        self.ttl = Some(None);
        self
    }

    /// It is stale after so long: still served, and due to be loaded anew.
    #[must_use]
    pub fn soft_ttl(mut self, soft_ttl: Duration) -> Self {
        self.soft_ttl = Some(soft_ttl);
        self
    }

    /// It is gone when it was not read for so long.
    #[must_use]
    pub fn time_to_idle(mut self, time_to_idle: Duration) -> Self {
        self.time_to_idle = Some(time_to_idle);
        self
    }

    /// It goes when this tag is invalidated. May be called several times.
    #[must_use]
    pub fn tag(mut self, tag: impl Into<Box<str>>) -> Self {
        self.tags.push(tag.into());
        self
    }
}

/// What holds for all entries of a cache.
#[derive(Debug, Clone, Default)]
pub(super) struct Defaults {
    pub(super) ttl: Option<Duration>,
    pub(super) soft_ttl: Option<Duration>,
    pub(super) time_to_idle: Option<Duration>,
    pub(super) absent_ttl: Option<Duration>,
    pub(super) failed_ttl: Option<Duration>,
    /// How long after its hard TTL a value may stand in for one that cannot be had.
    pub(super) stand_in: Option<Duration>,
    /// The share of a TTL that chance may take off it, 0 to 1.
    pub(super) jitter: f64,
    /// How long after a failed load a value that stands in is not asked for anew.
    pub(super) retry_after: Duration,
}

/// Which of the TTLs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    Found,
    Absent,
    Failed,
}

impl Defaults {
    /// Whether an entry on these terms needs to know what time it is.
    pub(super) fn is_timed(&self, terms: &Terms, sort: Sort) -> bool {
        sort != Sort::Found
            || self.ttl.is_some() && terms.ttl.is_none()
            || matches!(terms.ttl, Some(Some(_)))
            || self.soft_ttl.or(terms.soft_ttl).is_some()
            || self.time_to_idle.or(terms.time_to_idle).is_some()
    }

    /// The deadline of an entry that comes now, and what it needs besides: what there is already of that, and
    /// its soft TTL and the like.
    pub(super) fn resolve(
        &self,
        terms: &Terms,
        sort: Sort,
        now: Millis,
        mut extra: Extra,
        random: &mut Random,
    ) -> (Millis, Option<Box<Extra>>) {
        let ttl = match sort {
            Sort::Found => terms.ttl.unwrap_or(self.ttl),
            Sort::Absent => terms.ttl.unwrap_or(self.absent_ttl.or(self.ttl)),
            Sort::Failed => terms.ttl.unwrap_or(self.failed_ttl.or(self.ttl)),
        };
        // One draw for both, so that the soft TTL keeps its distance.
        let part = if self.jitter > 0.0 { 1.0 - self.jitter * random.f64() } else { 1.0 };
        let after =
            |ttl: Option<Duration>| ttl.map_or(NEVER, |ttl| now.saturating_add(millis(ttl, part)).min(NEVER));
        extra.used = now;
        let mut deadline = after(ttl);
        if sort == Sort::Found {
            extra.soft = after(terms.soft_ttl.or(self.soft_ttl));
            extra.idle = terms.time_to_idle.or(self.time_to_idle).map_or(NEVER, |idle| millis(idle, 1.0));
            if let Some(stand_in) = self.stand_in.filter(|_| deadline < NEVER) {
                extra.hard = deadline;
                deadline = deadline.saturating_add(millis(stand_in, 1.0)).min(NEVER);
            }
        }
        (deadline, (!extra.is_default()).then(|| Box::new(extra)))
    }
}

/// A part of a duration in milliseconds, a started one counting as whole: never is anything over too early.
pub(super) fn millis(duration: Duration, part: f64) -> Millis {
    let duration = if part < 1.0 { duration.mul_f64(part) } else { duration };
    Millis::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(NEVER).min(NEVER)
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use super::*;

    fn resolved(defaults: &Defaults, terms: &Terms, sort: Sort) -> (Millis, Extra) {
        let (deadline, extra) =
            defaults.resolve(terms, sort, 1_000, Extra::default(), &mut Random::seeded(1));
        (deadline, extra.map_or_else(Extra::default, |extra| *extra))
    }

    #[test]
    fn an_entrys_terms_go_before_the_caches() {
        let second = Duration::from_secs(1);
        let defaults = Defaults { ttl: Some(second), absent_ttl: Some(second / 10), ..Defaults::default() };
        assert_eq!(resolved(&defaults, &Terms::new(), Sort::Found).0, 2_000);
        assert_eq!(resolved(&defaults, &Terms::new(), Sort::Absent).0, 1_100);
        assert_eq!(resolved(&defaults, &Terms::new(), Sort::Failed).0, 2_000);
        assert_eq!(resolved(&defaults, &Terms::new().no_ttl(), Sort::Found).0, NEVER);
        let (deadline, extra) =
            resolved(&defaults, &Terms::new().ttl(second * 3).soft_ttl(second * 2), Sort::Found);
        assert_eq!((deadline, extra.soft, extra.hard, extra.idle), (4_000, 3_000, NEVER, NEVER));
        assert_eq!(resolved(&defaults, &Terms::new().ttl(Duration::MAX), Sort::Found).0, NEVER);
        assert!(!Defaults::default().is_timed(&Terms::new(), Sort::Found));
        assert!(!defaults.is_timed(&Terms::new().no_ttl(), Sort::Found));
        assert!(defaults.is_timed(&Terms::new(), Sort::Found));
    }

    #[test]
    fn what_may_stand_in_is_kept_for_longer() {
        let second = Duration::from_secs(1);
        let defaults = Defaults { ttl: Some(second), stand_in: Some(second * 9), ..Defaults::default() };
        let (deadline, extra) = resolved(&defaults, &Terms::new(), Sort::Found);
        assert_eq!((deadline, extra.hard), (11_000, 2_000));
        let (deadline, extra) = resolved(&defaults, &Terms::new().no_ttl(), Sort::Found);
        assert_eq!((deadline, extra.hard), (NEVER, NEVER));
    }

    #[test]
    fn jitter_takes_off_at_most_its_share() {
        let defaults = Defaults { jitter: 0.5, ..Defaults::default() };
        let terms = Terms::new().ttl(Duration::from_secs(10)).soft_ttl(Duration::from_secs(5));
        let mut random = Random::seeded(3);
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..1000 {
            let (deadline, extra) = defaults.resolve(&terms, Sort::Found, 0, Extra::default(), &mut random);
            let extra = extra.expect("a soft TTL");
            assert!((5_000..=10_000).contains(&deadline) && deadline.abs_diff(extra.soft * 2) <= 2);
            seen.insert(deadline);
        }
        assert!(seen.len() > 700);
    }
}
