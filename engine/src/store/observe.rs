//! Who is told of changes: watchers, notifications, caches elsewhere.

use super::{Store, View};
use crate::shard::change::Log;
use crate::sync::atomic::{AtomicBool, Ordering::Relaxed};
use crate::sync::{Arc, Mutex};

/// Somebody who is told of every change, whoever makes it: a client, the embedding program, expiry, eviction.
///
/// It is called under the locks of the shards that have changed, so that what it hears of one key is in the
/// order in which it happened. It must be quick, and must not use the store: the locks are held. Put what has
/// to be done into a queue.
///
/// A closure that takes `&Log` is an observer, and so is whatever implements this.
///
/// ```
/// use std::sync::{Arc, mpsc};
/// use scrubjay::{Change, Event, Log, Store};
///
/// let store = Store::default();
/// let (tell, told) = mpsc::channel();
/// store.observe(Arc::new(move |changes: &Log| {
///     for change in changes.iter() {
///         if let Change::Key { key, event, .. } = change {
///             let _ = tell.send((key.to_vec(), event)); // nobody may be left to hear it
///         }
///     }
/// }));
///
/// store.set("user:1", "Ada")?;
/// store.remove("user:1");
/// assert_eq!(told.try_recv()?, (b"user:1".to_vec(), Event::Set));
/// assert_eq!(told.try_recv()?, (b"user:1".to_vec(), Event::Del));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub trait Observer: Send + Sync {
    /// The changes of one operation, oldest first.
    fn changed(&self, changes: &Log);

    /// The operation whose changes it was told of is over, and its locks are gone: what was put into a queue
    /// may wake whoever reads it.
    fn unlocked(&self) {}

    /// Whether [`Event::New`](crate::Event::New) and [`Event::KeyMiss`](crate::Event::KeyMiss) are to be told
    /// as well. Asked when it begins to observe.
    fn asks_for_asides(&self) -> bool {
        false
    }
}

impl<F: Fn(&Log) + Send + Sync> Observer for F {
    fn changed(&self, changes: &Log) {
        self(changes);
    }
}

/// The observers of a store, in a list that some of them share, to leave it.
pub(super) type List = Arc<Mutex<Vec<Arc<dyn Observer>>>>;

#[derive(Default)]
pub(super) struct Observers {
    /// Whether there are any, or were until lately.
    any: AtomicBool,
    /// Whether one of them asks for misses and new keys.
    asides: AtomicBool,
    list: List,
}

impl Observers {
    /// Whether anybody listens, and changes have to be kept.
    #[inline]
    pub(super) fn any(&self) -> bool {
        self.any.load(Relaxed)
    }

    /// Whether misses and new keys have to be kept as well.
    #[inline]
    pub(super) fn asides(&self) -> bool {
        self.asides.load(Relaxed)
    }

    /// A log for an operation that begins, of which somebody else may want to hear too.
    #[inline]
    pub(super) fn log(&self, others: bool) -> Log {
        let any = self.any();
        let mut log = Log::new(others || any);
        if any {
            log.keep_asides(self.asides());
        }
        log
    }

    fn exchange(&self, old: Option<&Arc<dyn Observer>>, new: Option<Arc<dyn Observer>>) {
        let mut list = self.list.lock();
        list.retain(|other| old.is_none_or(|old| !Arc::ptr_eq(other, old)));
        list.extend(new);
        self.asides.store(list.iter().any(|observer| observer.asks_for_asides()), Relaxed);
        self.any.store(!list.is_empty(), Relaxed);
    }

    /// Whether there was anybody to be told.
    #[cold]
    pub(super) fn tell(&self, changes: &Log) -> bool {
        let list = self.list.lock();
        for observer in list.iter() {
            observer.changed(changes);
        }
        if list.is_empty() {
            self.any.store(false, Relaxed);
        }
        !list.is_empty()
    }

    #[cold]
    pub(super) fn unlocked(&self) {
        for observer in self.list.lock().iter() {
            observer.unlocked();
        }
    }

    pub(super) fn list(&self) -> List {
        Arc::clone(&self.list)
    }
}

impl Store {
    /// Tells `observer` of every change from now on. Not to be called while a [`View`] is open,
    /// which [has one of its own](View::observe).
    pub fn observe(&self, observer: Arc<dyn Observer>) {
        self.walk().observe(observer);
    }

    /// Tells `observer` no more: the same [`Arc`] as was given to [`observe`](Self::observe),
    /// or a clone of it.
    pub fn unobserve(&self, observer: &Arc<dyn Observer>) {
        self.observers.exchange(Some(observer), None);
    }
}

impl View<'_> {
    /// See [`Store::observe`]; the changes of this view are among those it is told of.
    pub fn observe(&mut self, observer: Arc<dyn Observer>) {
        self.observe_instead(None, Some(observer));
    }

    /// Tells `new` of every change from now on, and `old` no more: each change one of them.
    pub fn observe_instead(&mut self, old: Option<&Arc<dyn Observer>>, new: Option<Arc<dyn Observer>>) {
        self.store().observers.exchange(old, new);
        self.listen();
        // Operations that began before do not know of it yet.
        self.each_shard(|_| {});
    }
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::shard::change::Change;
    use crate::{Deadline, Event, Lookup, OwnedChange, Scope};

    /// Hears of everything, and tries the lock when it is said to be gone.
    struct Curious {
        store: Arc<Store>,
        heard: Mutex<Vec<Event>>,
        unlocked: AtomicBool,
    }

    impl Observer for Curious {
        fn changed(&self, changes: &Log) {
            assert!(self.store.shards[0].try_lock().is_none(), "what is told is told under the lock");
            for change in changes.iter() {
                if let Change::Key { event, .. } | Change::Told { event, .. } = change {
                    self.heard.lock().push(event);
                }
            }
        }

        fn unlocked(&self) {
            self.unlocked.store(self.store.shards[0].try_lock().is_some(), Relaxed);
        }

        fn asks_for_asides(&self) -> bool {
            true
        }
    }

    #[test]
    fn a_change_is_told_once_and_with_its_author() {
        let store = Store::builder().shards(1).build();
        let heard = Arc::new(Mutex::<Vec<(u64, Event)>>::default());
        let hears = Arc::clone(&heard);
        store.observe(Arc::new(move |changes: &Log| {
            let events = changes.iter_with_authors().filter_map(|(author, change)| match change {
                Change::Key { event, .. } => Some((author, event)),
                _ => None,
            });
            hears.lock().extend(events);
        }));
        let (key, other) = (store.key(0, b"k"), store.key(0, b"other"));
        let mut view = store.view(Scope::All, 1_000);
        assert_eq!(view.set_author(7), 0);
        view.set(key, b"1", Deadline::At(2_000), Event::Set);
        view.tell();
        let mut expected = vec![(7, Event::Set), (7, Event::Expire)];
        assert_eq!(*heard.lock(), expected);
        view.tell();
        assert_eq!(view.set_author(8), 7);
        view.set(other, b"1", Deadline::Clear, Event::Append);
        drop(view);
        let mut view = store.view(Scope::All, 3_000);
        view.set_author(9);
        // What goes by itself is nobody's doing.
        assert!(!view.exists(key, Lookup::Ask));
        drop(view);
        expected.extend([(8, Event::Append), (0, Event::Expired)]);
        assert_eq!(*heard.lock(), expected);
    }

    #[test]
    fn misses_and_new_keys_are_told_to_who_asks() {
        let store = Arc::new(Store::builder().shards(1).build());
        let curious = Arc::new(Curious {
            store: Arc::clone(&store),
            heard: Mutex::default(),
            unlocked: AtomicBool::new(false),
        });
        let (mut changes, observer) = (store.changes(10), Arc::clone(&curious) as Arc<dyn Observer>);
        store.observe(Arc::clone(&observer));
        let key = store.key(0, b"k");
        let mut view = store.view(Scope::Key(&key), 1000);
        assert!(!view.exists(key, Lookup::Read));
        assert!(!view.exists(key, Lookup::Inspect));
        view.set(key, b"1", Deadline::Clear, Event::Set);
        view.set(key, b"2", Deadline::Clear, Event::Set);
        drop(view);
        assert_eq!(*curious.heard.lock(), [Event::KeyMiss, Event::New, Event::Set, Event::Set]);
        assert!(curious.unlocked.load(Relaxed));

        store.unobserve(&observer);
        store.remove("k");
        assert_eq!(curious.heard.lock().len(), 4);
        // The stream of changes has none of what it did not ask for.
        let told = std::iter::from_fn(|| changes.try_next()).map(|change| match change {
            OwnedChange::Key { event, .. } => event,
            other => panic!("{other:?}"),
        });
        assert_eq!(told.collect::<Vec<_>>(), [Event::Set, Event::Set, Event::Del]);
    }
}
