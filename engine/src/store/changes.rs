//! A stream of changes for an embedding program: what an [`Observer`] hears, in a queue.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::task::{Context, Poll, Waker};
use std::thread::{self, Thread};

use super::observe::List;
use super::{Observer, Store};
use crate::shard::change::{Change, Event, Log};
use crate::sync::{Arc, Mutex};

/// One change, to keep. See [`Store::changes`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum OwnedChange {
    /// Something happened to one key.
    Key {
        /// The key's database.
        db: u16,
        /// The key.
        key: Box<[u8]>,
        /// What happened to it.
        event: Event,
    },
    /// Something happened about a key that has not changed it for whoever watches it: see [`Change::Told`].
    Told {
        /// The key's database.
        db: u16,
        /// The key.
        key: Box<[u8]>,
        /// What happened.
        event: Event,
    },
    /// What is kept at a key has changed, and it means the same.
    Touched {
        /// The key's database.
        db: u16,
        /// The key.
        key: Box<[u8]>,
    },
    /// A database was emptied, or with `None` all of them.
    Flushed(Option<u16>),
    /// Two databases were exchanged.
    Swapped(u16, u16),
    /// So many changes were lost here, since the stream was full. Whoever keeps something up to date by it
    /// has to begin anew.
    Lost(u64),
}

impl From<Change<'_>> for OwnedChange {
    fn from(change: Change<'_>) -> Self {
        match change {
            Change::Key { db, key, event } => Self::Key { db, key: key.into(), event },
            Change::Told { db, key, event } => Self::Told { db, key: key.into(), event },
            Change::Touched { db, key } => Self::Touched { db, key: key.into() },
            Change::Flushed(db) => Self::Flushed(db),
            Change::Swapped(a, b) => Self::Swapped(a, b),
        }
    }
}

/// The changes of a store from some moment on, whoever makes them. See [`Store::changes`].
///
/// It outlives the store, and then nothing more comes.
pub struct Changes {
    queue: Arc<Queue>,
    observer: Arc<dyn Observer>,
    observers: List,
}

/// What has happened and was not read yet.
struct Queue {
    capacity: usize,
    state: Mutex<State>,
}

/// Who sleeps until there is a change.
enum Reader {
    Task(Waker),
    Thread(Thread),
}

#[derive(Default)]
struct State {
    changes: VecDeque<OwnedChange>,
    /// Changes that found no room behind these.
    lost: u64,
    reader: Option<Reader>,
}

impl Observer for Queue {
    fn changed(&self, changes: &Log) {
        let mut state = self.state.lock();
        for change in changes.iter() {
            // What only others have asked for.
            if let Change::Told { event, .. } = change
                && event.is_aside()
            {
                continue;
            }
            // Once something is lost, all is until somebody reads: what is missing is one stretch.
            if state.lost > 0 || state.changes.len() >= self.capacity {
                state.lost += 1;
            } else {
                state.changes.push_back(change.into());
            }
        }
        let reader = state.reader.take();
        drop(state);
        match reader {
            Some(Reader::Task(task)) => task.wake(),
            Some(Reader::Thread(thread)) => thread.unpark(),
            None => {}
        }
    }
}

impl State {
    fn next(&mut self) -> Option<OwnedChange> {
        self.changes.pop_front().or_else(|| match std::mem::take(&mut self.lost) {
            0 => None,
            lost => Some(OwnedChange::Lost(lost)),
        })
    }
}

impl Store {
    /// The changes from now on: of clients and of the program, of expiry and of eviction, those of one key in
    /// the order in which they happened. Up to `capacity` of them wait to be read; what comes when there is
    /// no room is [lost](OwnedChange::Lost), and nobody waits.
    ///
    /// ```
    /// use scrubjay::{Event, OwnedChange, Store};
    ///
    /// let store = Store::default();
    /// let mut changes = store.changes(1_000);
    /// store.set("user:1", "Ada")?;
    /// let change = changes.wait(); // in async code: `changes.next().await`
    /// assert_eq!(change, OwnedChange::Key { db: 0, key: b"user:1"[..].into(), event: Event::Set });
    /// assert_eq!(changes.try_next(), None);
    /// # Ok::<_, scrubjay::OutOfMemory>(())
    /// ```
    ///
    /// Not to be called while a [`View`](super::View) is open.
    pub fn changes(&self, capacity: usize) -> Changes {
        let queue = Arc::new(Queue { capacity, state: Mutex::new(State::default()) });
        let observer = Arc::clone(&queue) as Arc<dyn Observer>;
        self.observe(Arc::clone(&observer));
        Changes { queue, observer, observers: self.observers.list() }
    }
}

impl Changes {
    /// The next change, if there is one already.
    pub fn try_next(&mut self) -> Option<OwnedChange> {
        self.queue.state.lock().next()
    }

    /// The next change, when there is one: for async code, on any runtime. Nothing is lost when the future is
    /// dropped.
    pub async fn next(&mut self) -> OwnedChange {
        poll_fn(|context: &mut Context<'_>| {
            let change = self.next_or(|| Reader::Task(context.waker().clone()));
            change.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }

    /// The next change; the thread sleeps until there is one.
    pub fn wait(&mut self) -> OwnedChange {
        // Somebody else may unpark this thread, so each time it is looked.
        loop {
            match self.next_or(|| Reader::Thread(thread::current())) {
                Some(change) => return change,
                None => thread::park(),
            }
        }
    }

    /// The next change, or else the one who is to be woken when there is one.
    fn next_or(&mut self, reader: impl FnOnce() -> Reader) -> Option<OwnedChange> {
        let mut state = self.queue.state.lock();
        let change = state.next();
        state.reader = change.is_none().then(reader);
        change
    }
}

impl Drop for Changes {
    fn drop(&mut self) {
        self.observers.lock().retain(|other| !Arc::ptr_eq(other, &self.observer));
    }
}

impl fmt::Debug for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waiting = self.queue.state.lock().changes.len();
        f.debug_struct("Changes").field("waiting", &waiting).finish_non_exhaustive()
    }
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use super::*;

    fn set(key: &str) -> OwnedChange {
        OwnedChange::Key { db: 0, key: key.as_bytes().into(), event: Event::Set }
    }

    #[test]
    fn what_finds_no_room_is_counted_and_the_stream_goes_on() {
        let store = Store::default();
        let mut changes = store.changes(2);
        for key in ["a", "b", "c", "d"] {
            store.set(key, "1").expect("no limit");
        }
        assert_eq!(changes.try_next(), Some(set("a")));
        store.set("e", "1").expect("no limit");
        assert_eq!(changes.try_next(), Some(set("b")));
        assert_eq!(changes.try_next(), Some(OwnedChange::Lost(3)));
        assert_eq!(changes.try_next(), None);
        store.set("f", "1").expect("no limit");
        assert_eq!(changes.try_next(), Some(set("f")));
        drop(changes);
        store.set("g", "1").expect("no limit");
        assert!(!store.observers.any());
    }

    #[test]
    fn who_waits_is_woken_by_another_thread() {
        let store = Arc::new(Store::default());
        let writer = {
            let store = Arc::clone(&store);
            move || store.set("k", "1").expect("no limit")
        };
        let mut changes = store.changes(10);
        let writer = thread::spawn(writer);
        assert_eq!(changes.wait(), set("k"));
        writer.join().expect("it does not panic");
    }
}
