//! What the cache in this process holds of a key, and what it is worth now.

use std::sync::Arc;

use crate::wire::{Life, Reason};

/// A moment that never comes: in two thousand years, which is the last that fits into seven bytes.
pub(super) const NEVER: u64 = (1 << 56) - 1;

/// What is known of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Known<V> {
    /// Its value.
    Value(V),
    /// The server has none.
    Unset,
    /// Neither has the loader.
    Nowhere,
}

impl<V> Known<V> {
    pub(super) fn into_value(self) -> Option<V> {
        match self {
            Self::Value(value) => Some(value),
            Self::Unset | Self::Nowhere => None,
        }
    }
}

/// Something that was read, with what its worth depends on.
///
/// Small, since an entry of the cache that lies in fewer lines of memory is there sooner: 40 bytes with an
/// `Arc<str>`, 56 if [`Known`] and the moments were kept as they are, which is a twentieth of a hit among
/// 100,000 entries.
#[derive(Debug, Clone)]
pub(super) struct Held<V> {
    value: Option<V>,
    /// The life it was read in. None: nobody will tell of a change, so it is not kept.
    pub(super) life: Option<Arc<Life>>,
    /// From when on it is to be read anew, while it is still served; not after `fresh_until`.
    refresh_at: Moment,
    /// Until when it is good.
    pub(super) fresh_until: Moment,
    /// If there is no value: whether the loader has none either.
    is_nowhere: bool,
    /// Whether the loader brought it.
    pub(super) is_loaders: bool,
}

/// For how long something is good. Moments are microseconds of a clock that never goes back.
#[derive(Debug, Clone, Copy)]
pub(super) struct Good {
    /// From when on it is to be read anew, while it is still served.
    pub(super) refresh_at: u64,
    pub(super) fresh_until: u64,
}

/// A moment in seven bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment([u8; 7]);

impl Moment {
    fn new(micros: u64) -> Self {
        let [bytes @ .., _] = micros.min(NEVER).to_le_bytes();
        Self(bytes)
    }

    #[inline]
    pub(super) fn micros(self) -> u64 {
        let [a, b, c, d, e, f, g] = self.0;
        u64::from_le_bytes([a, b, c, d, e, f, g, 0])
    }
}

/// What something held is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Worth {
    /// It is so, as far as can be known here.
    Fresh,
    /// The same, and it is time to read it anew.
    Due,
    /// It was so not long ago, and nobody has said otherwise: good when nothing better can be had.
    Standby,
    /// Nothing.
    Dead,
}

impl<V> Held<V> {
    pub(super) fn new(known: Known<V>, life: Option<Arc<Life>>, good: Good, is_loaders: bool) -> Self {
        let is_nowhere = matches!(known, Known::Nowhere);
        let fresh_until = Moment::new(good.fresh_until);
        let refresh_at = Moment::new(good.refresh_at.min(good.fresh_until));
        Self { value: known.into_value(), life, refresh_at, fresh_until, is_nowhere, is_loaders }
    }

    #[inline]
    pub(super) fn known(&self) -> Known<&V> {
        match &self.value {
            Some(value) => Known::Value(value),
            None if self.is_nowhere => Known::Nowhere,
            None => Known::Unset,
        }
    }

    pub(super) fn into_value(self) -> Option<V> {
        self.value
    }

    /// What it is worth `now`; something expired or unheard of stands by for `stale_micros`.
    pub(super) fn worth(&self, now: u64, stale_micros: u64) -> Worth {
        let Some(life) = &self.life else { return Worth::Dead };
        let [refresh_at, fresh_until] = [self.refresh_at, self.fresh_until].map(Moment::micros);
        let unsure_since = match life.end() {
            None if now < refresh_at => return Worth::Fresh,
            None if now < fresh_until => return Worth::Due,
            None => fresh_until,
            Some(end) if end.reason == Reason::Lost => fresh_until.min(end.at_micros),
            // It was said that it has changed, or that this would not be said any more.
            Some(_) => return Worth::Dead,
        };
        if now.saturating_sub(unsure_since) < stale_micros { Worth::Standby } else { Worth::Dead }
    }

    /// Whether it is [`Worth::Fresh`], if `is_ahead` says whether a moment is yet to come. That is asked only
    /// if it matters.
    #[inline]
    pub(super) fn is_fresh(&self, is_ahead: impl FnOnce(u64) -> bool) -> bool {
        let end = self.refresh_at.micros();
        self.life.as_ref().is_some_and(|life| life.is_going_on()) && (end == NEVER || is_ahead(end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Node;

    fn held(life: &Arc<Life>) -> Held<u8> {
        let good = Good { refresh_at: 10, fresh_until: 20 };
        Held::new(Known::Value(1), Some(Arc::clone(life)), good, false)
    }

    fn life() -> Arc<Life> {
        Arc::new(Life::new(Node::new("n"), 1, true))
    }

    #[test]
    fn it_is_small_and_nothing_is_lost_by_that() {
        assert_eq!(size_of::<Held<Arc<str>>>(), 40);
        for (known, same) in [
            (Known::Value(7), Known::Value(&7)),
            (Known::Unset, Known::Unset),
            (Known::Nowhere, Known::Nowhere),
        ] {
            let held = Held::new(known, None, Good { refresh_at: NEVER, fresh_until: 1 }, true);
            assert_eq!((held.known(), held.is_loaders), (same, true));
        }
        for moment in [0, 1, 0x12_3456_789a_bcde, NEVER - 1, NEVER] {
            assert_eq!(Moment::new(moment).micros(), moment);
        }
        assert_eq!(Moment::new(u64::MAX).micros(), NEVER);
    }

    #[test]
    fn it_is_fresh_then_due_then_stands_by_then_dead() {
        let held = held(&life());
        for (now, worth) in [
            (0, Worth::Fresh),
            (9, Worth::Fresh),
            (10, Worth::Due),
            (19, Worth::Due),
            (20, Worth::Standby),
            (24, Worth::Standby),
            (25, Worth::Dead),
        ] {
            assert_eq!(held.worth(now, 5), worth, "{now}");
            assert_eq!(held.is_fresh(|end| now < end), worth == Worth::Fresh, "{now}");
        }
        assert_eq!(held.worth(20, 0), Worth::Dead, "nothing stands by unless that is asked for");
        let late = Good { refresh_at: 30, fresh_until: 20 };
        let late = Held::new(Known::Value(1), held.life.clone(), late, false);
        assert_eq!((late.worth(19, 5), late.worth(20, 5)), (Worth::Fresh, Worth::Standby));
        assert!(late.is_fresh(|end| 19 < end) && !late.is_fresh(|end| 20 < end));
    }

    #[test]
    fn what_was_read_over_a_lost_connection_stands_by_and_what_was_flushed_does_not() {
        let lost = life();
        let kept = held(&lost);
        lost.finish(Reason::Lost, 3);
        assert_eq!(kept.worth(4, 5), Worth::Standby);
        assert_eq!(kept.worth(8, 5), Worth::Dead, "the time counts from the loss");
        assert!(!kept.is_fresh(|end| 4 < end));
        for reason in [Reason::Flushed, Reason::Moved, Reason::Asked] {
            let over = life();
            let kept = held(&over);
            over.finish(reason, 3);
            assert_eq!(kept.worth(4, 5), Worth::Dead, "{reason:?}");
        }
        let unwatched = Held { life: None, ..held(&life()) };
        assert_eq!(unwatched.worth(0, 5), Worth::Dead);
    }
}
