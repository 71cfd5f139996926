//! Who waits for keys: blocked clients, and whoever else wants what is not there yet.
//!
//! A [`Waiter`] is a record outside of whoever waits. It is registered under the locks of all its keys at
//! once, in the same view that has found nothing there, so nothing can come in between. From then on every
//! view that changes one of these keys, by whatever operation, *offers* the key to its waiters before its
//! locks go: to those that wait for a value of the type that is there now, the longest waiting first, key
//! after key in the order of the changes. The waiter takes what it wants through that very view, and what it
//! changes is offered in turn; so nobody else can take what came, and nothing is ever half done.
//!
//! Who wins is the waiter's own decision: it must serve itself at most once, and not at all after it has
//! given up, which it tells by answering [`Offer::Gone`]. A record that has given up is taken off the lines
//! by [`Store::forget`]; one that was served, from the lines in shards that are locked just then at once, and
//! from the others likewise.
//!
//! **A second key** is one that is written when another has come (`BLMOVE`). A shard knows in which shards
//! the second keys of its waiters lie; a view that locks the one locks the others too
//! ([`Held::with_seconds`](super::lock::Held::with_seconds)).
//!
//! A shard in which nobody waits has no record of it but a null pointer.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use super::maintain::Leaving;
use super::view::View;
use super::{Key, Locked, OwnedKey, Store};
use crate::shard::change::{Event, Position, What};
use crate::sync::Arc;
use crate::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use crate::types::Kind;

/// Somebody who waits for keys; see [`View::wait`].
pub trait Waiter: Send + Sync {
    /// What it waits for: always the same.
    fn wanted(&self) -> &Wanted;

    /// One of its keys has changed and may be what it waits for: whoever has not given up takes what it
    /// wants, through `view`.
    ///
    /// Of its other keys it may touch those that the [view holds](View::holds); the others have not changed.
    /// It is called under locks, so it must be quick, and must not use the store otherwise.
    fn offer(&self, view: &mut View<'_>, key: Key<'_>) -> Offer;

    /// It was served, and the locks are gone: wakes whoever waits.
    fn wake(&self);
}

/// What a waiter made of an [offer](Waiter::offer).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offer {
    /// It has what it waited for, or an error instead of it.
    Served,
    /// This was not it: it goes on waiting.
    NotYet,
    /// It waits no more: it was served elsewhere, or has given up.
    Gone,
}

/// What a [`Waiter`] waits for.
#[derive(Debug)]
pub struct Wanted {
    keys: Box<[Place]>,
    kind: Kind,
    second: Option<OwnedKey>,
    when_gone: bool,
    /// On how many lines it stands; changed under the locks of these.
    lines: AtomicUsize,
}

/// One of the keys that somebody waits for.
#[derive(Debug)]
struct Place {
    key: OwnedKey,
    /// Whether another type lives there than the one that is waited for; written under the key's lock.
    foreign: AtomicBool,
}

impl Wanted {
    /// Values of type `kind` at any of `keys`.
    pub fn new(keys: &[Key<'_>], kind: Kind) -> Self {
        let place = |key: &Key<'_>| Place { key: key.to_owned_key(), foreign: AtomicBool::new(false) };
        let keys = keys.iter().map(place).collect();
        Self { keys, kind, second: None, when_gone: false, lines: AtomicUsize::new(0) }
    }

    /// And `key` is written when one has come: a view that makes an offer holds it.
    #[must_use]
    pub fn with_second(mut self, key: Key<'_>) -> Self {
        self.second = Some(key.to_owned_key());
        self
    }

    /// And it wants to hear as well when a key is removed, or holds another type.
    #[must_use]
    pub fn when_gone(mut self) -> Self {
        self.when_gone = true;
        self
    }

    /// The keys, in the order in which they were named.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = Key<'_>> {
        self.keys.iter().map(|place| place.key.as_key())
    }

    /// Whether the key at `index` is known to hold another type. It tells of a key whose shard the view has
    /// not locked what a look at it would: that it is either there, and so, or that there is nothing.
    pub fn is_foreign(&self, index: usize) -> bool {
        self.keys.get(index).is_some_and(|place| place.foreign.load(Relaxed))
    }

    fn note(&self, key: Key<'_>, kind: Option<Kind>) {
        let foreign = kind.is_some_and(|kind| kind != self.kind);
        for place in self.keys.iter().filter(|place| place.key.as_key() == key) {
            place.foreign.store(foreign, Relaxed);
        }
    }

    /// The key that is written when one has come.
    pub fn second(&self) -> Option<Key<'_>> {
        self.second.as_ref().map(OwnedKey::as_key)
    }

    /// What it holds in memory, about, with its places on the lines.
    pub fn memory_bytes(&self) -> usize {
        /// A queue of one, and its place in a shard's map.
        const LINE_BYTES: usize = 320;
        let bytes = |key: &OwnedKey| 2 * key.as_key().bytes().len() + size_of::<OwnedKey>() + LINE_BYTES;
        self.keys.iter().map(|place| &place.key).chain(&self.second).map(bytes).sum()
    }

    #[cfg(test)]
    pub(super) fn hears_when_gone(&self) -> bool {
        self.when_gone
    }

    fn fits(&self, kind: Option<Kind>) -> bool {
        self.when_gone || kind == Some(self.kind)
    }

    /// The shard of the second key, for a waiter on a line of shard `index`, if it is another one.
    fn second_shard(&self, index: u16) -> Option<u16> {
        self.second().map(|key| key.routed.shard).filter(|shard| *shard != index)
    }
}

/// A waiter's place on its lines. To be given to [`Store::forget`] when the waiting is over.
#[must_use = "the waiter stands on its lines until the registration is given to `Store::forget`"]
pub struct Registration {
    ticket: u64,
    waiter: Arc<dyn Waiter>,
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registration").field("ticket", &self.ticket).finish_non_exhaustive()
    }
}

/// Those who wait for one key, by ticket: who came first has the lowest.
#[derive(Default)]
struct Line {
    by_ticket: BTreeMap<u64, Arc<dyn Waiter>>,
    /// How many of them want to hear when the key is gone.
    when_gone: usize,
    /// The type that was there after the last change, as all of them have been told.
    kind: Option<Kind>,
}

impl Line {
    fn last(&self) -> u64 {
        self.by_ticket.last_key_value().map_or(0, |(ticket, _)| *ticket)
    }

    /// The first after `ticket`, and not after `last`, whom the key suits as it is now.
    fn next(&self, ticket: u64, last: u64, kind: Option<Kind>) -> Option<(u64, Arc<dyn Waiter>)> {
        if ticket >= last || (kind.is_none() && self.when_gone == 0) {
            return None;
        }
        let mut rest = self.by_ticket.range(ticket + 1..=last);
        let (ticket, waiter) = rest.find(|(_, waiter)| waiter.wanted().fits(kind))?;
        Some((*ticket, Arc::clone(waiter)))
    }
}

/// Those who wait for keys of one shard. There is one only while somebody does.
pub(super) struct Waiters {
    lines: BTreeMap<u16, HashMap<Box<[u8]>, Line, ahash::RandomState>>,
    /// Keys that have changed together with their whole database, and are to be offered.
    ready: Vec<OwnedKey>,
    /// Shards in which second keys lie, each with the number of waiters.
    seconds: BTreeMap<u16, usize>,
}

impl Waiters {
    fn line(&self, db: u16, key: &[u8]) -> Option<&Line> {
        self.lines.get(&db)?.get(key)
    }
}

impl Locked {
    /// Puts a waiter at the end of a key's line; whether it did not stand there already.
    fn enlist(&mut self, store: &Store, key: Key<'_>, ticket: u64, waiter: &Arc<dyn Waiter>) -> bool {
        let waiters = self.waiters.get_or_insert_with(|| {
            Box::new(Waiters { lines: BTreeMap::new(), ready: Vec::new(), seconds: BTreeMap::new() })
        });
        let hasher = || HashMap::with_hasher(store.route.other_hasher());
        let lines = waiters.lines.entry(key.db).or_insert_with(hasher);
        let line = match lines.get_mut(key.bytes) {
            Some(line) => line,
            None => lines.entry(key.bytes.into()).or_default(),
        };
        if line.by_ticket.insert(ticket, Arc::clone(waiter)).is_some() {
            return false;
        }
        let wanted = waiter.wanted();
        line.when_gone += usize::from(wanted.when_gone);
        if let Some(second) = wanted.second_shard(self.index) {
            *waiters.seconds.entry(second).or_default() += 1;
        }
        true
    }

    /// Takes a waiter off a key's line; whether it stood there.
    fn strike(&mut self, key: Key<'_>, ticket: u64) -> bool {
        let Some(waiters) = &mut self.waiters else { return false };
        let Some(lines) = waiters.lines.get_mut(&key.db) else { return false };
        let Some(line) = lines.get_mut(key.bytes) else { return false };
        let Some(waiter) = line.by_ticket.remove(&ticket) else { return false };
        let wanted = waiter.wanted();
        line.when_gone -= usize::from(wanted.when_gone);
        if let Some(second) = wanted.second_shard(self.index)
            && let Some(count) = waiters.seconds.get_mut(&second)
        {
            *count -= 1;
            if *count == 0 {
                waiters.seconds.remove(&second);
            }
        }
        if line.by_ticket.is_empty() {
            lines.remove(key.bytes);
            if lines.is_empty() {
                waiters.lines.remove(&key.db);
            }
            if waiters.lines.is_empty() {
                self.waiters = None;
            }
        }
        true
    }

    /// Has every key of a database offered to those who wait for it.
    pub(super) fn offer_database(&mut self, store: &Store, db: u16) {
        if let Some(waiters) = &mut self.waiters
            && let Some(lines) = waiters.lines.get(&db)
        {
            waiters.ready.extend(lines.keys().map(|bytes| store.key(db, bytes).to_owned_key()));
        }
    }

    /// The shards in which second keys of its waiters lie.
    pub(super) fn second_shards(&self) -> impl Iterator<Item = usize> {
        self.waiters.iter().flat_map(|waiters| waiters.seconds.keys().map(|shard| usize::from(*shard)))
    }
}

impl View<'_> {
    /// Registers somebody who waits for keys of this view, all of which it has locked, with the second key.
    /// The caller has found nothing there for the waiter, in this same view.
    ///
    /// # Panics
    /// When the view's [`Scope`](super::Scope) did not name all of the keys.
    pub fn wait(&mut self, waiter: Arc<dyn Waiter>) -> Registration {
        let wanted = waiter.wanted();
        assert!(wanted.second().is_none_or(|key| self.holds(key)), "a second key is one of the view's");
        // Taken under all the locks: so the lines of all keys agree who came first.
        let ticket = self.store().tickets.fetch_add(1, Relaxed);
        for key in wanted.keys() {
            let store = self.store();
            if self.locked(key).enlist(store, key, ticket, &waiter) {
                wanted.lines.fetch_add(1, Relaxed);
            }
        }
        self.hear_waiters();
        Registration { ticket, waiter }
    }

    /// See [`Store::waited_keys`].
    pub fn waited_keys(&mut self) -> (usize, usize) {
        let mut sum = (0, 0);
        self.each_shard(|locked| {
            let lines = locked.waiters.iter().flat_map(|waiters| waiters.lines.values());
            for line in lines.flat_map(HashMap::values) {
                sum.0 += 1;
                sum.1 += usize::from(line.when_gone > 0);
            }
        });
        sum
    }

    /// Offers every key to those who wait for it: some of them could not take what came. The view holds
    /// everything.
    pub fn offer_again(&mut self) {
        let store = self.store();
        self.held_and_log().0.for_each(|locked| {
            let databases: Vec<u16> =
                locked.waiters.iter().flat_map(|waiters| waiters.lines.keys()).copied().collect();
            databases.into_iter().for_each(|db| locked.offer_database(store, db));
        });
        self.settle_anyway();
    }

    /// Offers what has changed to those who wait for it, and what they change in turn.
    #[cold]
    pub(super) fn serve(&mut self) {
        let mut read = Position::default();
        loop {
            while let Some((key, event)) = self.next_waited_for(&mut read) {
                if event.may_serve() {
                    self.offer(key.as_key());
                }
                self.note_kind(key.as_key());
            }
            let mut ready = Vec::new();
            self.held_and_log().0.for_each(|locked| {
                ready.extend(locked.waiters.iter_mut().flat_map(|waiters| waiters.ready.drain(..)));
            });
            if ready.is_empty() {
                return;
            }
            for key in &ready {
                self.offer(key.as_key());
                self.note_kind(key.as_key());
            }
        }
    }

    /// The next change of a key that somebody waits for.
    fn next_waited_for(&mut self, read: &mut Position) -> Option<(OwnedKey, Event)> {
        let store = self.store();
        let (held, log) = self.held_and_log();
        while let Some((db, key, what)) = log.next_key(read) {
            let (What::Changed(event) | What::Told(event)) = what else { continue };
            let key = store.key(db, key);
            let waiters = held.get(key.shard()).and_then(|locked| locked.waiters.as_ref());
            if waiters.is_some_and(|waiters| waiters.line(db, key.bytes).is_some()) {
                return Some((key.to_owned_key(), event));
            }
        }
        None
    }

    fn line(&mut self, key: Key<'_>) -> Option<&Line> {
        self.held_shard(key)?.waiters.as_ref()?.line(key.db, key.bytes)
    }

    /// Offers a key to those who wait for it now, one after the other.
    fn offer(&mut self, key: Key<'_>) {
        let Some(last) = self.line(key).map(Line::last) else { return };
        let mut ticket = 0;
        loop {
            let kind = self.kind(key);
            let next = self.line(key).and_then(|line| line.next(ticket, last, kind));
            let Some((next, waiter)) = next else { return };
            ticket = next;
            let offer = waiter.offer(self, key);
            if offer == Offer::NotYet {
                continue;
            }
            let wanted = waiter.wanted();
            for other in wanted.keys() {
                if let Some(locked) = self.held_shard(other)
                    && locked.strike(other, ticket)
                {
                    wanted.lines.fetch_sub(1, Relaxed);
                }
            }
            if offer == Offer::Served {
                self.wake_later(waiter);
            }
        }
    }

    /// Tells those who wait for a key what type is there, if that has changed: those who wait for other keys
    /// as well have to know when one of those comes.
    fn note_kind(&mut self, key: Key<'_>) {
        let kind = self.kind(key);
        let waiters = self.held_shard(key).and_then(|locked| locked.waiters.as_mut());
        if let Some(line) = waiters.and_then(|waiters| waiters.lines.get_mut(&key.db)?.get_mut(key.bytes))
            && line.kind != kind
        {
            line.kind = kind;
            line.by_ticket.values().for_each(|waiter| waiter.wanted().note(key, kind));
        }
    }
}

impl Store {
    /// Takes a waiter off its lines: it was served, or has given up. Not to be called while a [`View`] is
    /// open.
    pub fn forget(&self, registration: Registration) {
        let wanted = registration.waiter.wanted();
        let strike = |key: Key<'_>| {
            if wanted.lines.load(Relaxed) == 0 {
                return true;
            }
            let Some(mut locked) = self.lock_to_strike(key.shard()) else { return false };
            if locked.strike(key, registration.ticket) {
                wanted.lines.fetch_sub(1, Relaxed);
            }
            true
        };
        if !wanted.keys().all(strike) {
            self.strike_later(Leaving::Waiter(registration));
        }
    }

    /// How many keys somebody waits for, and how many of them somebody who wants to hear when they are gone.
    pub fn waited_keys(&self) -> (usize, usize) {
        self.walk().waited_keys()
    }
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use super::super::heard::Heard;
    use super::super::taker::Taker;
    use super::super::{Deadline, Flush, Scope};
    use super::*;
    use crate::time::ManualClock;

    fn store() -> Store {
        Store::builder().clock(ManualClock::new(1_000).clock()).shards(4).databases(3).seed(7).build()
    }

    fn took(key: &str, value: &str) -> Option<(String, Option<String>)> {
        Some((key.to_owned(), Some(value.to_owned())))
    }

    fn nobody_is_left(store: &Store) {
        assert!(store.shards.iter().all(|shard| shard.lock().waiters.is_none()), "somebody stands on a line");
    }

    #[test]
    fn who_came_first_is_served_first() {
        let store = store();
        let takers = [(); 3].map(|()| Taker::of(&store, &["k"]));
        let registrations = takers.each_ref().map(|taker| taker.begin(&store).expect("nothing is there"));
        assert_eq!(store.waited_keys(), (1, 0));
        store.set("k", "1").expect("no limit");
        assert!(!store.contains("k"));
        assert!(takers[1].give_up());
        store.set("k", "2").expect("no limit");
        store.set("k", "3").expect("no limit");
        assert_eq!(
            (takers[0].took(), takers[1].took(), takers[2].took()),
            (took("k", "1"), None, took("k", "2"))
        );
        assert_eq!(takers.map(|taker| taker.woken()), [1, 0, 1]);
        assert_eq!(&*store.get("k").expect("a string").expect("nobody is left to take it"), b"3");
        registrations.into_iter().for_each(|registration| store.forget(registration));
        nobody_is_left(&store);
    }

    #[test]
    fn who_waits_for_several_keys_is_served_once_and_stands_nowhere_after() {
        let store = store();
        // Keys of different shards, one of them named twice.
        let names: Vec<_> = (0..8).map(|n| format!("key {n}")).collect();
        let mut keys: Vec<_> = names.iter().map(String::as_str).collect();
        keys.push("key 3");
        let taker = Taker::of(&store, &keys);
        let registration = taker.begin(&store).expect("nothing is there");
        assert_eq!(store.waited_keys().0, 8);
        store.set("key 5", "5").expect("no limit");
        store.set("key 3", "3").expect("no limit");
        assert_eq!(taker.took(), took("key 5", "5"));
        assert!(store.contains("key 3"));
        store.forget(registration);
        nobody_is_left(&store);
    }

    #[test]
    fn a_million_who_give_up_leave_nothing() {
        let store = store();
        for n in 0..if cfg!(debug_assertions) { 10_000 } else { 1_000_000 } {
            let taker = Taker::of(&store, &["k", ["a", "b", "c"][n % 3]]);
            let registration = taker.begin(&store).expect("nothing is there");
            assert!(taker.give_up());
            store.forget(registration);
        }
        nobody_is_left(&store);
    }

    #[test]
    fn of_several_keys_that_come_at_once_the_first_named_is_taken() {
        let store = store();
        let taker = Taker::of(&store, &["a", "b"]);
        let registration = taker.begin(&store).expect("nothing is there");
        store.set_many(&[("b", "2"), ("a", "1")]).expect("no limit");
        assert_eq!(taker.took(), took("a", "1"));
        store.forget(registration);
    }

    #[test]
    fn a_chain_of_movers_runs_to_its_end_before_the_locks_go() {
        let store = store();
        let heard = Heard::of(&store);
        let movers = [("a", "b"), ("b", "c"), ("c", "d"), ("d", "a")];
        let movers = movers.map(|(from, to)| Taker::mover(&store, from, to));
        let registrations = movers.each_ref().map(|mover| mover.begin(&store).expect("nothing is there"));
        store.set("b", "v").expect("no limit");
        // Around once, and past the one that was served first.
        assert!(movers.iter().all(|mover| mover.woken() == 1));
        assert_eq!(&*store.get("b").expect("a string").expect("the last to hold it"), b"v");
        let mut expected = vec![("b".to_owned(), Event::Set)];
        for (from, to) in [("b", "c"), ("c", "d"), ("d", "a"), ("a", "b")] {
            expected.push((from.to_owned(), Event::Del));
            expected.push((to.to_owned(), Event::Set));
        }
        assert_eq!(heard.take_with_keys(), expected);
        registrations.into_iter().for_each(|registration| store.forget(registration));
        nobody_is_left(&store);
    }

    /// Every operation that makes a key records it, and that is all it takes.
    #[test]
    fn every_way_a_key_comes_serves() {
        type Make = fn(&Store);
        let ways: [(&str, Make); 7] = [
            ("set", |store| store.set("k", "v").expect("no limit")),
            ("set_if_absent", |store| assert!(store.set_if_absent("k", "v", None).expect("no limit"))),
            ("append", |store| {
                let key = store.key(0, b"k");
                store.view(Scope::Key(&key), 1_000).append(key, b"v", 10).expect("it fits");
            }),
            ("transfer", |store| {
                store.set("from", "v").expect("no limit");
                let keys = [store.key(0, b"from"), store.key(0, b"k")];
                let mut view = store.view(Scope::Keys(&keys), 1_000);
                assert!(view.transfer(keys[0], keys[1], (Event::RenameFrom, Event::RenameTo)));
            }),
            ("from another database", |store| {
                let key = store.key(0, b"k");
                let mut view = store.view(Scope::Key(&key), 1_000);
                view.set(key.in_db(1), b"v", Deadline::Clear, Event::Set);
                assert!(view.transfer(key.in_db(1), key, (Event::MoveFrom, Event::MoveTo)));
            }),
            ("copy", |store| {
                store.set("from", "v").expect("no limit");
                let keys = [store.key(0, b"from"), store.key(0, b"k")];
                assert!(store.view(Scope::Keys(&keys), 1_000).copy(keys[0], keys[1]));
            }),
            ("swap", |store| {
                let key = store.key(2, b"k");
                store.view(Scope::Key(&key), 1_000).set(key, b"v", Deadline::Clear, Event::Set);
                store.view(Scope::All, 1_000).swap(2, 0);
            }),
        ];
        for (way, make) in ways {
            let store = store();
            let taker = Taker::of(&store, &["k"]);
            let registration = taker.begin(&store).expect("nothing is there");
            make(&store);
            assert_eq!(taker.took(), took("k", "v"), "{way}");
            assert!(!store.contains("k"), "{way}");
            store.forget(registration);
        }
    }

    /// Also by itself, and one shard after the other.
    #[test]
    fn who_wants_to_know_hears_that_a_key_has_gone() {
        type Lose = fn(&Store);
        let ways: [(&str, Lose); 6] = [
            ("removed", |store| {
                let key = store.key(0, b"k");
                store.view(Scope::Key(&key), 1_001).remove(key, Event::Del);
            }),
            ("flushed in passing", |store| {
                store.view(Scope::Walk, 1_001).flush(Some(0), Flush::Async);
            }),
            ("flushed at once", |store| {
                store.view(Scope::All, 1_001).flush(None, Flush::Sync);
            }),
            ("swapped away", |store| store.view(Scope::All, 1_001).swap(0, 1)),
            ("expired", |store| {
                store.maintain(5_000);
            }),
            ("met when it had expired", |store| {
                let key = store.key(0, b"k");
                assert!(!store.view(Scope::Key(&key), 5_000).exists(key, crate::Lookup::Peek));
            }),
        ];
        for (way, lose) in ways {
            let store = store();
            let [key, other] = ["k", "other"].map(|key| store.key(0, key.as_bytes()));
            // It wants another kind than there is; that there is none but strings does not matter here.
            let taker = Taker::new(Wanted::new(&[other, key], Kind::String).when_gone());
            let deaf = Taker::of(&store, &["k"]);
            let registrations = [&taker, &deaf].map(|taker| taker.begin(&store).expect("nothing is there"));
            {
                // Put there behind the waiters' backs, so that there is something to lose.
                let mut view = store.view(Scope::Key(&key), 1_000);
                view.set_waited(false);
                view.set(key, b"v", Deadline::At(4_000), Event::Set);
            }
            assert_eq!((taker.took(), store.waited_keys()), (None, (2, 2)));
            lose(&store);
            assert_eq!(taker.took().map(|(_, value)| value), Some(None), "{way}");
            assert_eq!((taker.woken(), deaf.took()), (1, None), "{way}");
            assert!(deaf.give_up());
            registrations.into_iter().for_each(|registration| store.forget(registration));
            nobody_is_left(&store);
        }
    }

    /// In the order in which they came, whatever they could not take before.
    #[test]
    fn every_key_can_be_offered_again() {
        let store = store();
        let takers =
            [Taker::of(&store, &["k", "other"]), Taker::of(&store, &["k"]), Taker::mover(&store, "a", "b")];
        let registrations = takers.each_ref().map(|taker| taker.begin(&store).expect("nothing is there"));
        for key in ["k", "a"] {
            let key = store.key(0, key.as_bytes());
            let mut view = store.view(Scope::Key(&key), 1_000);
            view.set_waited(false);
            view.set(key, b"v", Deadline::Clear, Event::Set);
        }
        store.view(Scope::All, 1_000).offer_again();
        let took = takers.each_ref().map(|taker| taker.took().map(|(key, _)| key));
        assert_eq!(took, [Some("k".into()), None, Some("a".into())]);
        assert!(store.contains("b") && takers[1].give_up());
        registrations.into_iter().for_each(|registration| store.forget(registration));
        nobody_is_left(&store);
    }
}
