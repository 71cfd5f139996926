//! Tags: names that entries carry, by which all of them can be invalidated at once.
//!
//! A clock counts invalidations. An entry remembers how far it stood when its value was asked for, a tag how
//! far it stands since it was last invalidated; an entry that is older than one of its tags is gone. So an
//! invalidation is one number, however many entries carry the tag, and a value that was already being loaded
//! then is never seen. The entries themselves are collected when they are met, expire or are evicted.

use std::collections::HashMap;

use crate::sync::atomic::{AtomicU64, Ordering::SeqCst};
use crate::sync::{Arc, Mutex};

/// So many names are remembered before it is looked which are in use.
const SWEPT_AT_MIN: usize = 1024;

/// A name that entries share.
#[derive(Debug)]
struct Tag {
    name: Box<str>,
    invalidated: AtomicU64,
}

/// What an entry keeps of its tags.
#[derive(Debug, Clone)]
pub(super) struct Stamp {
    tags: Box<[Arc<Tag>]>,
    born: u64,
}

impl Stamp {
    /// Whether none of the tags was invalidated since.
    pub(super) fn is_valid(&self) -> bool {
        self.tags.iter().all(|tag| tag.invalidated.load(SeqCst) <= self.born)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.tags.iter().map(|tag| &*tag.name)
    }
}

#[derive(Debug, Default)]
pub(super) struct Tags {
    clock: AtomicU64,
    names: Mutex<Names>,
}

#[derive(Debug, Default)]
struct Names {
    tags: HashMap<Box<str>, Arc<Tag>>,
    /// Names that were forgotten count as invalidated then.
    floor: u64,
    sweep_at: usize,
}

impl Tags {
    /// How often anything was invalidated so far.
    pub(super) fn now(&self) -> u64 {
        self.clock.load(SeqCst)
    }

    /// What an entry keeps whose value was asked for at `born`.
    pub(super) fn stamp(&self, names: &[Box<str>], born: u64) -> Option<Box<Stamp>> {
        if names.is_empty() {
            return None;
        }
        let mut known = self.names.lock();
        let tags = names.iter().map(|name| known.tag(name, self.now())).collect();
        Some(Box::new(Stamp { tags, born }))
    }

    pub(super) fn invalidate(&self, name: &str) {
        let mut known = self.names.lock();
        let tag = known.tag(name, self.now());
        let now = self.clock.fetch_add(1, SeqCst) + 1;
        tag.invalidated.store(now, SeqCst);
    }

    #[cfg(test)]
    fn known(&self) -> usize {
        self.names.lock().tags.len()
    }
}

impl Names {
    fn tag(&mut self, name: &str, now: u64) -> Arc<Tag> {
        if let Some(tag) = self.tags.get(name) {
            return Arc::clone(tag);
        }
        if self.tags.len() >= self.sweep_at.max(SWEPT_AT_MIN) {
            self.tags.retain(|_, tag| Arc::strong_count(tag) > 1);
            self.sweep_at = self.tags.len() * 2;
            self.floor = now;
        }
        let tag = Arc::new(Tag { name: name.into(), invalidated: AtomicU64::new(self.floor) });
        self.tags.insert(name.into(), Arc::clone(&tag));
        tag
    }
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<Box<str>> {
        names.iter().map(|&name| name.into()).collect()
    }

    #[test]
    fn an_invalidation_reaches_what_was_asked_for_before_it() {
        let tags = Tags::default();
        assert!(tags.stamp(&[], 0).is_none());
        let early = tags.now();
        let both = tags.stamp(&names(&["a", "b"]), early).expect("tags");
        let other = tags.stamp(&names(&["c"]), early).expect("tags");
        tags.invalidate("b");
        assert!(!both.is_valid() && other.is_valid());
        // Asked for before, named afterwards: just as stale.
        assert!(!tags.stamp(&names(&["b"]), early).expect("tags").is_valid());
        assert!(tags.stamp(&names(&["b"]), tags.now()).expect("tags").is_valid());
    }

    #[test]
    fn names_out_of_use_are_forgotten_and_their_invalidations_are_not() {
        let tags = Tags::default();
        let early = tags.now();
        let kept = tags.stamp(&names(&["kept"]), early).expect("tags");
        for number in 0..10_000 {
            tags.invalidate(&number.to_string());
        }
        assert!(tags.known() <= SWEPT_AT_MIN + 1 && kept.is_valid());
        assert!(!tags.stamp(&names(&["1"]), early).expect("tags").is_valid());
        tags.invalidate("kept");
        assert!(!kept.is_valid());
    }
}
