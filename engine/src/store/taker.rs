//! A waiter for tests: it waits for a string at one of its keys, takes it away, and may write it to a second
//! key, as `BLMOVE` does with an element.

use super::{Deadline, Key, Lookup, Offer, Registration, Scope, Store, View, Waiter, Wanted};
use crate::shard::change::Event;
use crate::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use crate::sync::{Arc, Mutex};
use crate::types::Kind;

pub(super) struct Taker {
    wanted: Wanted,
    state: Mutex<State>,
    woken: AtomicUsize,
}

enum State {
    Waiting,
    /// The key and the value that it took; no value when the key had gone.
    Served(Vec<u8>, Option<Vec<u8>>),
    GaveUp,
}

impl Taker {
    pub(super) fn new(wanted: Wanted) -> Arc<Self> {
        Arc::new(Self { wanted, state: Mutex::new(State::Waiting), woken: AtomicUsize::new(0) })
    }

    /// Waits for a string at one of these keys of database 0.
    pub(super) fn of(store: &Store, keys: &[&str]) -> Arc<Self> {
        let keys: Vec<_> = keys.iter().map(|key| store.key(0, key.as_bytes())).collect();
        Self::new(Wanted::new(&keys, Kind::String))
    }

    /// Waits for a string at `from`, to write it to `to`.
    pub(super) fn mover(store: &Store, from: &str, to: &str) -> Arc<Self> {
        let [from, to] = [from, to].map(|key| store.key(0, key.as_bytes()));
        Self::new(Wanted::new(&[from], Kind::String).with_second(to))
    }

    /// Takes what is there, or stands on the lines from now on.
    pub(super) fn begin(self: &Arc<Self>, store: &Store) -> Option<Registration> {
        let keys: Vec<_> = self.wanted.keys().chain(self.wanted.second()).collect();
        let mut view = store.view(Scope::Keys(&keys), 1_000);
        match self.offer(&mut view, keys[0]) {
            Offer::NotYet => Some(view.wait(Arc::clone(self) as Arc<dyn Waiter>)),
            _ => None,
        }
    }

    /// Waits no more; whether it had not been served.
    pub(super) fn give_up(&self) -> bool {
        let mut state = self.state.lock();
        let waiting = matches!(*state, State::Waiting);
        if waiting {
            *state = State::GaveUp;
        }
        waiting
    }

    /// What it took, and from where.
    pub(super) fn took(&self) -> Option<(String, Option<String>)> {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("tests use text");
        match &*self.state.lock() {
            State::Served(key, value) => Some((text(key), value.as_deref().map(text))),
            State::Waiting | State::GaveUp => None,
        }
    }

    pub(super) fn woken(&self) -> usize {
        self.woken.load(SeqCst)
    }
}

impl Waiter for Taker {
    fn wanted(&self) -> &Wanted {
        &self.wanted
    }

    fn offer(&self, view: &mut View<'_>, offered: Key<'_>) -> Offer {
        let mut state = self.state.lock();
        if !matches!(*state, State::Waiting) {
            return Offer::Gone;
        }
        for key in self.wanted.keys() {
            if !view.holds(key) {
                continue;
            }
            let text = view.string(key, Lookup::Write).expect("tests use strings");
            let Some(value) = text.map(|text| text.to_vec()) else { continue };
            view.remove(key, Event::Del);
            if let Some(second) = self.wanted.second() {
                view.set(second, &value, Deadline::Clear, Event::Set);
            }
            *state = State::Served(key.bytes().to_vec(), Some(value));
            return Offer::Served;
        }
        if self.wanted.hears_when_gone() && view.now() > 1_000 {
            *state = State::Served(offered.bytes().to_vec(), None);
            return Offer::Served;
        }
        Offer::NotYet
    }

    fn wake(&self) {
        self.woken.fetch_add(1, SeqCst);
    }
}
