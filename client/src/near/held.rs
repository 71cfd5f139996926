//! What the cache in this process holds of a key, and what it is worth now.

use std::sync::Arc;

use crate::wire::{Life, Reason};

/// A moment that never comes.
pub(super) const NEVER: u64 = u64::MAX;

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
    pub(super) fn value(&self) -> Option<&V> {
        match self {
            Self::Value(value) => Some(value),
            Self::Unset | Self::Nowhere => None,
        }
    }

    pub(super) fn into_value(self) -> Option<V> {
        match self {
            Self::Value(value) => Some(value),
            Self::Unset | Self::Nowhere => None,
        }
    }
}

/// Something that was read, with what its worth depends on. Moments are microseconds of a clock that never
/// goes back.
#[derive(Debug, Clone)]
pub(super) struct Held<V> {
    pub(super) known: Known<V>,
    /// The life it was read in. None: nobody will tell of a change, so it is not kept.
    pub(super) life: Option<Arc<Life>>,
    /// From when on it is to be read anew, while it is still served.
    pub(super) refresh_at: u64,
    /// Until when it is good.
    pub(super) fresh_until: u64,
    /// Whether the loader brought it.
    pub(super) is_loaders: bool,
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
    /// What it is worth `now`; something expired or unheard of stands by for `stale_micros`.
    pub(super) fn worth(&self, now: u64, stale_micros: u64) -> Worth {
        let Some(life) = &self.life else { return Worth::Dead };
        let unsure_since = match life.end() {
            None if now < self.refresh_at.min(self.fresh_until) => return Worth::Fresh,
            None if now < self.fresh_until => return Worth::Due,
            None => self.fresh_until,
            Some(end) if end.reason == Reason::Lost => self.fresh_until.min(end.at_micros),
            // It was said that it has changed, or that this would not be said any more.
            Some(_) => return Worth::Dead,
        };
        if now.saturating_sub(unsure_since) < stale_micros { Worth::Standby } else { Worth::Dead }
    }

    /// Whether it is [`Worth::Fresh`], if `is_ahead` says whether a moment is yet to come. That is asked only
    /// if it matters.
    #[inline]
    pub(super) fn is_fresh(&self, is_ahead: impl FnOnce(u64) -> bool) -> bool {
        let end = self.refresh_at.min(self.fresh_until);
        self.life.as_ref().is_some_and(|life| life.is_going_on()) && (end == NEVER || is_ahead(end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Node;

    fn held(life: &Arc<Life>) -> Held<u8> {
        let life = Some(Arc::clone(life));
        Held { known: Known::Value(1), life, refresh_at: 10, fresh_until: 20, is_loaders: false }
    }

    fn life() -> Arc<Life> {
        Arc::new(Life::new(Node::new("n"), 1, true))
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
