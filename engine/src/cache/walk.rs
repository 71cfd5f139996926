//! Visiting all entries, in steps, while others go on using the cache.

use std::fmt;
use std::hash::{BuildHasher, Hash};

use super::shard::{Shard, Trash};
use super::{Cache, Cause};
use crate::collections::flat::At;
use crate::time::Millis;

/// Entries that one step visits, and some: it goes to the end of a group.
const STEP: usize = 32;

impl<K: Hash + Eq, V, S: BuildHasher> Cache<K, V, S> {
    /// Lends every entry to `see`, stale ones too; see the [rules](super#rules). What is there all the time
    /// is seen at least once, and nearly always just once; what comes or goes meanwhile may be seen or not.
    /// Does not count as a use.
    pub fn for_each(&self, mut see: impl FnMut(&K, &V)) {
        let now = self.now();
        for shard in &self.0.shards {
            let mut at = Some(0);
            while let Some(from) = at {
                at = shard.lock().visit(from, now, |shard, at| {
                    let entry = shard.entry(at);
                    if let Some(value) = entry.content.found() {
                        see(&entry.key, value);
                    }
                });
            }
        }
    }

    /// Removes every entry that `is_meant`, which sees each as [`for_each`](Self::for_each) has it, and kills
    /// all loads under way: what they will bring cannot be asked yet. How many were removed.
    pub fn invalidate_if(&self, mut is_meant: impl FnMut(&K, &V) -> bool) -> usize {
        let now = self.now();
        let mut removed = 0;
        for shard in &self.0.shards {
            shard.lock().flights.invalidate_all();
            let mut at = Some(0);
            while let Some(from) = at {
                let mut trash = Trash::new();
                let mut meant = Vec::new();
                let mut shard = shard.lock();
                at = shard.visit(from, now, |shard, at| {
                    let entry = shard.entry(at);
                    if entry.content.found().is_some_and(|value| is_meant(&entry.key, value)) {
                        meant.push(at);
                    }
                });
                removed += meant.len();
                for at in meant {
                    shard.remove(at, Cause::Invalidated, &mut trash);
                }
                shard.settle(&self.0.budget);
                drop(shard);
                self.throw_away(trash);
            }
        }
        removed
    }

    /// Clones of all entries, with the promise of [`for_each`](Self::for_each). No lock is held between the
    /// items.
    pub fn iter(&self) -> Iter<'_, K, V, S>
    where
        K: Clone,
        V: Clone,
    {
        Iter { cache: self, shard: 0, at: Some(0), batch: Vec::new() }
    }
}

impl<K, V> Shard<K, V> {
    /// Hands out some entries that are not over, and says where to go on.
    pub(super) fn visit(&self, from: u64, now: Millis, mut see: impl FnMut(&Self, At)) -> Option<u64> {
        let mut next = Some(from);
        let mut seen = 0;
        while let Some(position) = next.filter(|_| seen < STEP) {
            next = self.map.scan(position, |at, _| {
                seen += 1;
                if self.over(at, now).is_none() && self.extra(at).is_none_or(|extra| now < extra.hard) {
                    see(self, at);
                }
            });
        }
        next
    }
}

/// Clones of all entries: see [`Cache::iter`].
pub struct Iter<'a, K: Hash + Eq, V, S: BuildHasher = ahash::RandomState> {
    cache: &'a Cache<K, V, S>,
    shard: usize,
    at: Option<u64>,
    batch: Vec<(K, V)>,
}

impl<K: Hash + Eq + Clone, V: Clone, S: BuildHasher> Iterator for Iter<'_, K, V, S> {
    type Item = (K, V);

    fn next(&mut self) -> Option<(K, V)> {
        loop {
            if let Some(item) = self.batch.pop() {
                return Some(item);
            }
            let shard = self.cache.0.shards.get(self.shard)?;
            match self.at {
                Some(from) => {
                    let now = self.cache.now();
                    let batch = &mut self.batch;
                    self.at = shard.lock().visit(from, now, |shard, at| {
                        let entry = shard.entry(at);
                        if let Some(value) = entry.content.found() {
                            batch.push((entry.key.clone(), value.clone()));
                        }
                    });
                }
                None => {
                    self.shard += 1;
                    self.at = Some(0);
                }
            }
        }
    }
}

impl<'a, K: Hash + Eq + Clone, V: Clone, S: BuildHasher> IntoIterator for &'a Cache<K, V, S> {
    type Item = (K, V);
    type IntoIter = Iter<'a, K, V, S>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<K: Hash + Eq, V, S: BuildHasher> fmt::Debug for Iter<'_, K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Iter").field("shard", &self.shard).finish_non_exhaustive()
    }
}
