//! A thread of an embedding program that waits for an element of a list, in line with the clients that do.

use std::thread::{self, Thread};
use std::time::Duration;

use super::ListHandle;
use crate::WrongType;
use crate::collections::deque::End;
use crate::store::{Key, Offer, View, Waiter, Wanted};
use crate::sync::{Arc, Mutex};
use crate::types::Kind;

impl ListHandle<'_, '_> {
    /// Takes one element off one end, waiting for one while there is none: no longer than `timeout`, or with
    /// `None` for as long as it takes. Whoever has waited longest, thread or client, gets the first that
    /// comes.
    ///
    /// ```
    /// use std::{sync::Arc, thread, time::Duration};
    /// use scrubjay::{End, Store};
    ///
    /// let store = Arc::new(Store::default());
    /// let worker = {
    ///     let store = Arc::clone(&store);
    ///     thread::spawn(move || store.list("jobs").pop_waiting(End::Left, None))
    /// };
    /// store.list("jobs").push_right(["wash"])?;
    /// assert_eq!(worker.join().expect("it does not panic")?.as_deref(), Some(&b"wash"[..]));
    ///
    /// let soon = Some(Duration::from_millis(5));
    /// assert_eq!(store.list("jobs").pop_waiting(End::Left, soon)?, None);
    /// # Ok::<_, scrubjay::CollectionError>(())
    /// ```
    ///
    /// # Errors
    /// [`WrongType`] when the key holds something other than a list as the waiting begins.
    pub fn pop_waiting(&self, end: End, timeout: Option<Duration>) -> Result<Option<Vec<u8>>, WrongType> {
        let (store, key) = (self.store, self.key);
        let deadline_micros = timeout.map(|timeout| {
            let micros = u64::try_from(timeout.as_micros()).unwrap_or(u64::MAX);
            store.clock().monotonic_micros().saturating_add(micros)
        });
        let sleeper = Arc::new(Sleeper {
            wanted: Wanted::new(&[key], Kind::List),
            end,
            state: Mutex::new(State::Waiting),
            thread: thread::current(),
        });
        let registration = {
            let mut view = self.view();
            if let Some(element) = pop_one(&mut view, key, end)? {
                return Ok(Some(element));
            }
            view.wait(Arc::clone(&sleeper) as Arc<dyn Waiter>)
        };
        // Somebody else may unpark this thread, so each time it is looked at what has happened.
        while sleeper.waits() {
            match deadline_micros.map(|deadline| deadline.saturating_sub(store.clock().monotonic_micros())) {
                None => thread::park(),
                Some(0) => break,
                Some(left) => thread::park_timeout(Duration::from_micros(left)),
            }
        }
        let element = sleeper.finish();
        store.forget(registration);
        Ok(element)
    }
}

fn pop_one(view: &mut View<'_>, key: Key<'_>, end: End) -> Result<Option<Vec<u8>>, WrongType> {
    view.list_pop(key, end, 1, |popped| {
        let mut taken = Vec::new();
        popped.for_each(|element| taken = element.to_vec());
        taken
    })
}

struct Sleeper {
    wanted: Wanted,
    end: End,
    state: Mutex<State>,
    thread: Thread,
}

enum State {
    Waiting,
    Served(Vec<u8>),
    Over,
}

impl Sleeper {
    fn waits(&self) -> bool {
        matches!(*self.state.lock(), State::Waiting)
    }

    /// Waits no more; what it got.
    fn finish(&self) -> Option<Vec<u8>> {
        match std::mem::replace(&mut *self.state.lock(), State::Over) {
            State::Served(element) => Some(element),
            State::Waiting | State::Over => None,
        }
    }
}

impl Waiter for Sleeper {
    fn wanted(&self) -> &Wanted {
        &self.wanted
    }

    fn offer(&self, view: &mut View<'_>, key: Key<'_>) -> Offer {
        let mut state = self.state.lock();
        if !matches!(*state, State::Waiting) {
            return Offer::Gone;
        }
        match pop_one(view, key, self.end) {
            Ok(Some(element)) => {
                *state = State::Served(element);
                Offer::Served
            }
            Ok(None) | Err(WrongType) => Offer::NotYet,
        }
    }

    fn wake(&self) {
        self.thread.unpark();
    }
}
