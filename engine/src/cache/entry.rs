//! What a cache keeps of an entry, and for which of them it keeps more.
//!
//! ```text
//! | hash 8 | deadline 5 | kind 1 | content | key |
//! ```
//!
//! The fields are laid out without padding: 14 bytes beside the key and the value, and one more for values in
//! which every bit pattern means something. What few entries need lies apart, in an [`Extra`].

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::tags::Stamp;
use crate::collections::flat::Hashed;
use crate::time::{COARSE_LAG_MS, Clock, Millis};

/// Milliseconds that stand for "never": 34 years after the clock began. Every other deadline is before it.
pub(super) const NEVER: Millis = (1 << 40) - 1;

/// An entry as it lies in the table.
pub(super) struct Entry<K, V> {
    hash: [u32; 2],
    deadline: [u8; 5],
    kind: Kind,
    pub(super) content: Content<V>,
    pub(super) key: K,
}

/// What there is to know about an entry beside key and content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Nothing: it never expires.
    Plain,
    /// Its deadline.
    Mortal,
    /// What stands in an [`Extra`], and its deadline.
    WithExtra,
}

impl<K, V> Entry<K, V> {
    pub(super) fn new(hash: u64, key: K, content: Content<V>, deadline: Millis) -> Self {
        let hash = [hash as u32, (hash >> 32) as u32];
        let mut entry = Self { hash, deadline: [0; 5], kind: Kind::Plain, content, key };
        entry.set_deadline(deadline);
        entry
    }

    /// When it goes for good; [`NEVER`] if it need not.
    #[inline]
    pub(super) fn deadline(&self) -> Millis {
        let [a, b, c, d, e] = self.deadline;
        u64::from_le_bytes([a, b, c, d, e, 0, 0, 0])
    }

    pub(super) fn set_deadline(&mut self, deadline: Millis) {
        let [a, b, c, d, e, ..] = deadline.min(NEVER).to_le_bytes();
        self.deadline = [a, b, c, d, e];
        self.set_has_extra(self.has_extra());
    }

    /// Whether there is more to know about it than stands here.
    #[inline]
    pub(super) fn has_extra(&self) -> bool {
        self.kind == Kind::WithExtra
    }

    pub(super) fn set_has_extra(&mut self, has: bool) {
        self.kind = match self.deadline() {
            _ if has => Kind::WithExtra,
            NEVER => Kind::Plain,
            _ => Kind::Mortal,
        };
    }

    /// Whether a read need not look any further than here: it never expires and is nothing but a value.
    #[inline]
    pub(super) fn is_plain(&self) -> bool {
        self.kind == Kind::Plain
    }
}

impl<K, V> Hashed for Entry<K, V> {
    #[inline]
    fn hash(&self) -> u64 {
        u64::from(self.hash[0]) | u64::from(self.hash[1]) << 32
    }
}

impl<K, V> Entry<K, V> {
    /// Whether nothing limits it but, perhaps, a deadline some way off.
    pub(super) fn lasts(&self, clock: &Clock) -> bool {
        match self.kind {
            Kind::Plain => true,
            Kind::Mortal => self.deadline() > clock.coarse_millis() + COARSE_LAG_MS,
            Kind::WithExtra => false,
        }
    }
}

/// What was found when the key was last looked up at its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content<V> {
    Found(V),
    /// It has no value; or it could not be had, if there is a failure in the [`Extra`].
    Nothing,
}

impl<V> Content<V> {
    #[inline]
    pub(super) fn found(&self) -> Option<&V> {
        match self {
            Self::Found(value) => Some(value),
            Self::Nothing => None,
        }
    }
}

/// What only some entries have.
#[derive(Debug, Clone)]
pub(super) struct Extra {
    /// From this moment on the value is stale.
    pub(super) soft: Millis,
    /// From this moment on it is not seen any more, and only kept, until its deadline, to stand in for a
    /// value that cannot be had.
    pub(super) hard: Millis,
    /// Until this moment nobody tries to load a stale value anew.
    pub(super) retry: Millis,
    /// How long it may lie unread; [`NEVER`] if that does not matter.
    pub(super) idle: Millis,
    /// When it was last read or written, if that matters.
    pub(super) used: Millis,
    pub(super) stamp: Option<Box<Stamp>>,
    pub(super) failure: Option<Failure>,
}

impl Default for Extra {
    fn default() -> Self {
        Self { soft: NEVER, hard: NEVER, retry: 0, idle: NEVER, used: 0, stamp: None, failure: None }
    }
}

impl Extra {
    /// Whether there is no need for it.
    pub(super) fn is_default(&self) -> bool {
        [self.soft, self.hard, self.idle] == [NEVER; 3] && self.stamp.is_none() && self.failure.is_none()
    }

    /// When it goes if nobody reads it again.
    pub(super) fn idle_deadline(&self) -> Millis {
        if self.idle == NEVER { NEVER } else { self.used.saturating_add(self.idle) }
    }
}

/// Why a value could not be had: the error of a loader, shared by all who waited for it.
#[derive(Clone)]
pub struct Failure(Arc<dyn Any + Send + Sync>);

impl Failure {
    /// An error of any type.
    pub fn new<E: Send + Sync + 'static>(error: E) -> Self {
        Self::from(Arc::new(error))
    }

    /// Whether the error is of this type.
    pub fn is<E: 'static>(&self) -> bool {
        self.0.is::<E>()
    }

    /// The error, if it is of this type.
    pub fn downcast<E: Send + Sync + 'static>(&self) -> Option<Arc<E>> {
        Arc::clone(&self.0).downcast().ok()
    }
}

impl<E: Send + Sync + 'static> From<Arc<E>> for Failure {
    fn from(error: Arc<E>) -> Self {
        Self(error)
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Failure(..)")
    }
}

/// What a read has found.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Outcome<V> {
    /// A value that is good for so long yet; for as long as there is room if that is not limited.
    Fresh {
        /// The value.
        value: V,
        /// Until it is stale, or expires.
        left: Option<Duration>,
    },
    /// A value past its soft TTL: still served, and due to be loaded anew.
    Stale {
        /// The value.
        value: V,
        /// Until it expires for good.
        left: Option<Duration>,
    },
    /// It is known that there is no value.
    Absent {
        /// How long this will be taken for granted.
        left: Option<Duration>,
    },
    /// It is known that the value cannot be had.
    Failed {
        /// Why.
        failure: Failure,
        /// How long nobody will try again.
        left: Option<Duration>,
    },
    /// Nothing is known.
    Miss,
}

impl<V> Outcome<V> {
    /// The value, fresh or stale.
    pub fn into_value(self) -> Option<V> {
        match self {
            Self::Fresh { value, .. } | Self::Stale { value, .. } => Some(value),
            Self::Absent { .. } | Self::Failed { .. } | Self::Miss => None,
        }
    }

    /// The same of what `change` makes of the value.
    pub fn map<U>(self, change: impl FnOnce(V) -> U) -> Outcome<U> {
        match self {
            Self::Fresh { value, left } => Outcome::Fresh { value: change(value), left },
            Self::Stale { value, left } => Outcome::Stale { value: change(value), left },
            Self::Absent { left } => Outcome::Absent { left },
            Self::Failed { failure, left } => Outcome::Failed { failure, left },
            Self::Miss => Outcome::Miss,
        }
    }
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn there_is_no_padding() {
        assert_eq!(size_of::<Entry<[u8; 16], [u8; 64]>>(), 96);
        assert_eq!(size_of::<Entry<[u8; 16], Arc<str>>>(), 48);
        assert_eq!(size_of::<Entry<String, String>>(), 64);
    }

    #[test]
    fn a_deadline_and_its_neighbours_keep_apart() {
        let mut entry = Entry::new(u64::MAX - 7, (), Content::Found(()), NEVER);
        assert!(entry.is_plain() && !entry.has_extra());
        entry.set_has_extra(true);
        assert!(!entry.is_plain());
        for deadline in [0, 1, 0xffff, 0x1_0000, 0x12_3456_789a, NEVER - 1, NEVER] {
            entry.set_deadline(deadline);
            assert_eq!((entry.deadline(), entry.has_extra(), entry.hash()), (deadline, true, u64::MAX - 7));
        }
        entry.set_has_extra(false);
        assert_eq!((entry.deadline(), entry.is_plain()), (NEVER, true));
        entry.set_deadline(u64::MAX);
        assert_eq!(entry.deadline(), NEVER);
    }
}
