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

    pub(super) fn add(&self, observer: Arc<dyn Observer>) {
        let mut list = self.list.lock();
        list.push(observer);
        self.count(&list);
    }

    pub(super) fn remove(&self, observer: &Arc<dyn Observer>) {
        let mut list = self.list.lock();
        list.retain(|other| !Arc::ptr_eq(other, observer));
        self.count(&list);
    }

    fn count(&self, list: &[Arc<dyn Observer>]) {
        self.asides.store(list.iter().any(|observer| observer.asks_for_asides()), Relaxed);
        self.any.store(!list.is_empty(), Relaxed);
    }

    #[cold]
    pub(super) fn tell(&self, changes: &Log) {
        let list = self.list.lock();
        for observer in list.iter() {
            observer.changed(changes);
        }
        if list.is_empty() {
            self.any.store(false, Relaxed);
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
        self.observers.remove(observer);
    }
}

impl View<'_> {
    /// See [`Store::observe`]; the changes of this view are among those it is told of.
    pub fn observe(&mut self, observer: Arc<dyn Observer>) {
        self.store().observers.add(observer);
        self.listen();
        // Operations that began before do not know of it yet.
        self.each_shard(|_| {});
    }

    /// See [`Store::unobserve`].
    pub fn unobserve(&mut self, observer: &Arc<dyn Observer>) {
        self.store().observers.remove(observer);
    }
}
