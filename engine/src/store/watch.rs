//! Who wants to know whether keys have changed since it looked at them: optimistic transactions.
//!
//! A [`Watch`] stands in the shards of its keys from the moment of the look. Whoever changes one of these
//! keys, by whatever operation, marks it before the locks go. Whoever watches asks, in a view that holds all
//! of these keys, whether it [still holds](View::holds_still), and if so does in that same view what depends
//! on them: so nothing can come between the question and the deed.
//!
//! A key that is there and expires has changed, whether anybody has met it or not. One that has expired
//! before the watch began was not there.
//!
//! A shard in which nothing is watched has no record of it but a null pointer.

use std::collections::{BTreeMap, HashMap};

use super::maintain::Leaving;
use super::view::View;
use super::{Key, Locked, Lookup, OwnedKey, Scope, Store};
use crate::shard::change::{Position, What};
use crate::sync::atomic::{AtomicBool, Ordering::Relaxed};
use crate::sync::{Arc, Mutex};

/// Keys, and whether one of them has changed since they were looked at. See [`Store::watch`].
///
/// ```
/// use scrubjay::{Deadline, Event, Lookup, Scope, Store, Watch};
///
/// /// Doubles a number, unless somebody else changes it meanwhile.
/// fn double(store: &Store, name: &str) -> Result<bool, Box<dyn std::error::Error>> {
///     let key = store.key(0, name.as_bytes());
///     let watch = Watch::new();
///     store.watch(&watch, &[key]);
///     let number: i64 = match store.get(name)? {
///         Some(text) => std::str::from_utf8(&text)?.parse()?,
///         None => 0,
///     };
///     // Whatever takes long goes here: no lock is held.
///     let doubled = (number * 2).to_string();
///     let mut view = store.view(Scope::Key(&key), store.clock().now());
///     let unchanged = view.holds_still(&watch);
///     if unchanged {
///         view.set(key, doubled.as_bytes(), Deadline::Keep, Event::Set);
///     }
///     drop(view);
///     store.unwatch(&watch);
///     Ok(unchanged)
/// }
///
/// let store = Store::default();
/// store.set("n", "21")?;
/// assert!(double(&store, "n")?);
/// assert_eq!(store.get("n")?.as_deref(), Some(&b"42"[..]));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct Watch {
    touched: AtomicBool,
    keys: Mutex<Vec<Watched>>,
}

/// A key that is watched.
#[derive(Debug)]
struct Watched {
    key: OwnedKey,
    /// Whether it was there when the watch began.
    existed: bool,
}

impl Watch {
    /// Nothing yet.
    pub fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    /// Whether a key is known to have changed. One that has expired, and that nobody has met since, is not;
    /// [`View::holds_still`] is exact.
    pub fn is_touched(&self) -> bool {
        self.touched.load(Relaxed)
    }

    /// The keys, in the order in which they were named.
    pub fn keys(&self) -> Vec<OwnedKey> {
        self.keys.lock().iter().map(|watched| watched.key.clone()).collect()
    }

    /// How many keys are watched.
    pub fn len(&self) -> usize {
        self.keys.lock().len()
    }

    /// Whether nothing is watched.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn touch(&self) {
        self.touched.store(true, Relaxed);
    }
}

/// Who watches each key of a database.
type Keys = HashMap<Box<[u8]>, Vec<Arc<Watch>>, ahash::RandomState>;

/// What is watched in one shard. There is one only while something is.
#[derive(Default)]
pub(super) struct Watches {
    by_key: BTreeMap<u16, Keys>,
}

impl Watches {
    fn of(&self, db: u16, key: &[u8]) -> &[Arc<Watch>] {
        self.by_key.get(&db).and_then(|keys| keys.get(key)).map_or(&[], Vec::as_slice)
    }

    fn touch(&self, db: u16, key: &[u8]) {
        self.of(db, key).iter().for_each(|watch| watch.touch());
    }
}

impl Locked {
    fn add_watch(&mut self, store: &Store, key: Key<'_>, watch: &Arc<Watch>) {
        let keys = self.watches.get_or_insert_default().by_key.entry(key.db);
        let keys = keys.or_insert_with(|| HashMap::with_hasher(store.route.other_hasher()));
        keys.entry(key.bytes.into()).or_default().push(Arc::clone(watch));
    }

    fn remove_watch(&mut self, key: Key<'_>, watch: &Arc<Watch>) {
        let Some(watches) = &mut self.watches else { return };
        let Some(keys) = watches.by_key.get_mut(&key.db) else { return };
        if let Some(list) = keys.get_mut(key.bytes) {
            list.retain(|other| !Arc::ptr_eq(other, watch));
            if list.is_empty() {
                keys.remove(key.bytes);
            }
        }
        if keys.is_empty() {
            watches.by_key.remove(&key.db);
        }
        if watches.by_key.is_empty() {
            self.watches = None;
        }
    }

    /// Marks whoever watches a key that is in one of `databases`, for it is about to lose it, and whoever
    /// watches the same key in another of them, for it is about to get it.
    pub(super) fn touch_databases(&self, store: &Store, databases: &[u16], now: crate::time::Millis) {
        let Some(watches) = &self.watches else { return };
        for keys in databases.iter().filter_map(|db| watches.by_key.get(db)) {
            for (bytes, list) in keys {
                let is_there = |db: &u16| {
                    let key = store.key(*db, bytes);
                    self.shard.peek(key.place(), bytes, now).is_some()
                };
                if databases.iter().any(is_there) {
                    list.iter().for_each(|watch| watch.touch());
                }
            }
        }
    }
}

impl View<'_> {
    /// Watches another key, whose shard the view holds.
    ///
    /// # Panics
    /// When the view's [`Scope`] did not name the key.
    pub fn watch(&mut self, watch: &Arc<Watch>, key: Key<'_>) {
        let existed = self.exists(key, Lookup::Peek);
        // What has happened in this view so far came before the look.
        self.settle();
        let mut keys = watch.keys.lock();
        if keys.iter().any(|watched| watched.key.as_key() == key) {
            return;
        }
        keys.push(Watched { key: key.to_owned_key(), existed });
        drop(keys);
        let store = self.store();
        self.locked(key).add_watch(store, key, watch);
        self.hear_watches();
    }

    /// Whether no key of `watch` has changed since it was looked at. The view holds all of them.
    ///
    /// # Panics
    /// When the view's [`Scope`] did not name the keys.
    pub fn holds_still(&mut self, watch: &Watch) -> bool {
        let keys = watch.keys.lock();
        for Watched { key, existed } in keys.iter() {
            if *existed && !self.exists(key.as_key(), Lookup::Peek) {
                watch.touch();
            }
        }
        drop(keys);
        self.settle();
        !watch.is_touched()
    }

    /// Watches nothing any more. The view holds all of the keys.
    ///
    /// # Panics
    /// When the view's [`Scope`] did not name the keys.
    pub fn unwatch(&mut self, watch: &Arc<Watch>) {
        for Watched { key, .. } in std::mem::take(&mut *watch.keys.lock()) {
            let key = key.as_key();
            self.locked(key).remove_watch(key, watch);
        }
    }

    /// See [`Store::watched_keys`].
    pub fn watched_keys(&mut self) -> usize {
        let mut sum = 0;
        self.each_shard(|locked| {
            let keys = locked.watches.iter().flat_map(|watches| watches.by_key.values());
            sum += keys.map(HashMap::len).sum::<usize>();
        });
        sum
    }

    /// Marks who watches what has changed.
    #[cold]
    pub(super) fn touch_watches(&mut self) {
        let mut read = Position::default();
        let store = self.store();
        let (held, log) = self.held_and_log();
        while let Some((db, key, what)) = log.next_key(&mut read) {
            if let What::Told(_) = what {
                continue;
            }
            let key = store.key(db, key);
            if let Some(watches) = held.get(key.shard()).and_then(|locked| locked.watches.as_ref()) {
                watches.touch(db, key.bytes);
            }
        }
    }
}

impl Store {
    /// Watches these keys as they are now, all at once. To be given back by [`unwatch`](Self::unwatch). Not
    /// to be called while a [`View`] is open.
    pub fn watch(&self, watch: &Arc<Watch>, keys: &[Key<'_>]) {
        let mut view = self.view(Scope::Keys(keys), self.clock.now());
        keys.iter().for_each(|key| view.watch(watch, *key));
    }

    /// Watches nothing any more. Not to be called while a [`View`] is open.
    pub fn unwatch(&self, watch: &Arc<Watch>) {
        // Shards come before the keys of a watch, so these are not kept locked.
        let last = || watch.keys.lock().last().map(|watched| watched.key.clone());
        while let Some(key) = last() {
            let key = key.as_key();
            let Some(mut locked) = self.lock_to_strike(key.shard()) else {
                self.strike_later(Leaving::Watch(Arc::clone(watch)));
                return;
            };
            locked.remove_watch(key, watch);
            watch.keys.lock().pop();
        }
    }

    /// How many keys somebody watches.
    pub fn watched_keys(&self) -> usize {
        self.walk().watched_keys()
    }
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use std::time::Duration;

    use super::super::{Deadline, Flush};
    use super::*;
    use crate::shard::change::Event;
    use crate::time::ManualClock;

    struct Watcher {
        store: Store,
        clock: ManualClock,
    }

    impl Watcher {
        fn new() -> Self {
            let clock = ManualClock::new(1_000);
            let store = Store::builder().clock(clock.clock()).shards(4).databases(3).seed(7).build();
            Self { store, clock }
        }

        /// Whether nothing has changed for somebody who watches `k` and `other` of database 0 meanwhile.
        fn holds(&self, meanwhile: impl FnOnce(&Store)) -> bool {
            let keys = ["k", "other"].map(|name| self.store.key(0, name.as_bytes()));
            let watch = Watch::new();
            self.store.watch(&watch, &keys);
            assert_eq!((self.store.watched_keys(), watch.len()), (2, 2));
            meanwhile(&self.store);
            let mut view = self.store.view(Scope::Keys(&keys), self.store.clock.now());
            let holds = view.holds_still(&watch);
            view.unwatch(&watch);
            drop(view);
            assert!(self.store.shards.iter().all(|shard| shard.lock().watches.is_none()));
            holds
        }
    }

    #[test]
    fn whatever_changes_a_key_is_seen() {
        let watcher = Watcher::new();
        let all = Scope::All;
        watcher.store.set("k", "1").expect("no limit");
        assert!(watcher.holds(|store| {
            store.get("k").expect("a string");
            store.set("another", "1").expect("no limit");
            store.view(all, 1_000).set(store.key(1, b"k"), b"2", Deadline::Clear, Event::Set);
        }));
        assert!(!watcher.holds(|store| store.set("k", "1").expect("no limit")));
        assert!(!watcher.holds(|store| store.set("other", "1").expect("no limit")));
        assert!(!watcher.holds(|store| assert!(store.remove("k"))));
        assert!(watcher.holds(|store| assert!(!store.remove("k"))));
        // A flush takes what is there; `other` is.
        assert!(watcher.holds(|store| {
            store.view(all, 1_000).flush(Some(2), Flush::Sync);
        }));
        assert!(!watcher.holds(|store| {
            store.view(all, 1_000).flush(Some(0), Flush::Sync);
        }));
        assert!(watcher.holds(|store| {
            store.view(all, 1_000).flush(None, Flush::Sync);
        }));
        // An exchange changes what either database has.
        assert!(watcher.holds(|store| store.view(all, 1_000).swap(0, 1)));
        watcher.store.view(all, 1_000).set(watcher.store.key(2, b"k"), b"1", Deadline::Clear, Event::Set);
        assert!(watcher.holds(|store| store.view(all, 1_000).swap(0, 1)));
        assert!(!watcher.holds(|store| store.view(all, 1_000).swap(0, 2)));
        assert!(!watcher.holds(|store| store.view(all, 1_000).swap(0, 2)));
    }

    #[test]
    fn a_key_that_expires_has_changed_whether_somebody_met_it_or_not() {
        let watcher = Watcher::new();
        for meet in [false, true] {
            let until = |store: &Store, at| {
                let key = store.key(0, b"k");
                store.view(Scope::Key(&key), store.clock.now()).set(key, b"1", Deadline::At(at), Event::Set);
            };
            let now = watcher.clock.clock().now();
            until(&watcher.store, now + 10);
            assert!(!watcher.holds(|store| {
                watcher.clock.advance(Duration::from_millis(20));
                if meet {
                    store.maintain(now + 20);
                }
            }));
            // One that had expired before was not there.
            until(&watcher.store, now + 30);
            watcher.clock.advance(Duration::from_millis(20));
            assert!(watcher.holds(|store| {
                if meet {
                    store.maintain(now + 40);
                    store.get("k").expect("nothing is there");
                }
            }));
        }
    }
}
