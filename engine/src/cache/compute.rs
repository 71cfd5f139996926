//! Reading and writing a key in one step that nobody comes between.

use std::hash::{BuildHasher, Hash};

use super::entry::Content;
use super::shard::Trash;
use super::terms::{Sort, Terms};
use super::{Cache, Cause, Others, Put};

/// What is to become of an entry.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Compute<V> {
    /// It stays as it is, or absent.
    Keep,
    /// This is its value from now on, on the cache's terms.
    Put(V),
    /// This is its value from now on, on terms of its own.
    PutAs(V, Terms),
    /// It goes.
    Remove,
}

impl<K: Hash + Eq, V, S: BuildHasher> Cache<K, V, S> {
    /// Has `decide` see the value of a key, fresh or stale, and say what is to become of it. Nobody reads or
    /// writes the key in between; see the [rules](super#rules). If it panics, nothing has changed.
    ///
    /// ```
    /// use scrubjay::cache::{Cache, Compute};
    ///
    /// let cache: Cache<&str, u32> = Cache::default();
    /// for _ in 0..3 {
    ///     cache.compute("visits", |visits| Compute::Put(visits.copied().unwrap_or(0) + 1));
    /// }
    /// assert_eq!(cache.get("visits"), Some(3));
    /// ```
    pub fn compute(&self, key: K, decide: impl FnOnce(Option<&V>) -> Compute<V>) {
        let hash = self.hash(&key);
        let born = self.0.tags.now();
        let mut trash = Trash::new();
        let mut shard = self.lock(hash);
        let now = self.now();
        let found = shard.find_live(hash, &key, now, &mut trash);
        let seen = found.filter(|&found| shard.extra(found).is_none_or(|extra| now < extra.hard));
        let decided = decide(seen.and_then(|found| shard.entry(found).content.found()));
        let (value, terms) = match decided {
            Compute::Keep => {
                drop(shard);
                return self.throw_away(trash);
            }
            Compute::Remove => {
                shard.flights.invalidate(hash, &key);
                if let Some(found) = found {
                    shard.remove(found, Cause::Invalidated, &mut trash);
                }
                shard.settle(&self.0.budget);
                drop(shard);
                return self.throw_away(trash);
            }
            Compute::Put(value) => (value, Terms::new()),
            Compute::PutAs(value, terms) => (value, terms),
        };
        let content = Content::Found(value);
        let weight = self.weigh(&key, &content);
        let granted = self.room_for_bulk(weight, Others::PassBy, &mut trash);
        shard.endow(granted);
        let put = Put { hash, key, content, failure: None, sort: Sort::Found, weight, born };
        self.put_locked(shard, put, &terms, None, trash);
    }

    /// The entry of a key, to be changed or made in one step: nothing happens, and nothing is locked, before
    /// the last of the calls.
    ///
    /// ```
    /// let cache: scrubjay::Cache<&str, Vec<u32>> = scrubjay::Cache::default();
    /// cache.entry("list").or_insert(vec![1]);
    /// let list = cache.entry("list").and_modify(|list| list.push(2)).or_insert(vec![]);
    /// assert_eq!(list, [1, 2]);
    /// ```
    pub fn entry(&self, key: K) -> Entry<'_, K, V, S> {
        Entry { cache: self, key, modify: None }
    }
}

/// An entry to be changed or made: see [`Cache::entry`].
#[must_use = "nothing happens before `or_insert`, `or_insert_with` or `or_skip`"]
pub struct Entry<'a, K: Hash + Eq, V, S: BuildHasher> {
    cache: &'a Cache<K, V, S>,
    key: K,
    modify: Option<Modify<'a, V>>,
}

type Modify<'a, V> = Box<dyn FnOnce(&mut V) + 'a>;

impl<'a, K: Hash + Eq, V: Clone, S: BuildHasher> Entry<'a, K, V, S> {
    /// Changes the value if there is one.
    pub fn and_modify(mut self, modify: impl FnOnce(&mut V) + 'a) -> Self {
        self.modify = Some(match self.modify {
            None => Box::new(modify),
            Some(first) => Box::new(move |value| {
                first(value);
                modify(value);
            }),
        });
        self
    }

    /// Puts this value in if there is none. What there is now.
    pub fn or_insert(self, value: V) -> V {
        self.or_insert_with(|| value)
    }

    /// Puts a value in if there is none, under the lock: for a loader that takes its time there is
    /// [`Cache::get_or_insert_with`]. What there is now.
    pub fn or_insert_with(self, make: impl FnOnce() -> V) -> V {
        self.finish(|| Some(make())).expect("invariant: there was a value, or there is now")
    }

    /// Leaves it absent if it is. What there is now.
    pub fn or_skip(self) -> Option<V> {
        self.finish(|| None)
    }

    fn finish(self, make: impl FnOnce() -> Option<V>) -> Option<V> {
        let Self { cache, key, modify } = self;
        let mut now_there = None;
        cache.compute(key, |there| {
            let changed = match (there, modify) {
                (Some(value), None) => {
                    now_there = Some(value.clone());
                    return Compute::Keep;
                }
                (Some(value), Some(modify)) => {
                    let mut value = value.clone();
                    modify(&mut value);
                    Some(value)
                }
                (None, _) => make(),
            };
            now_there.clone_from(&changed);
            changed.map_or(Compute::Keep, Compute::Put)
        });
        now_there
    }
}
