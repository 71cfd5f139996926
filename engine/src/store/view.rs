//! What one operation sees: the keys whose shards it has locked, at one moment. It records each mutation
//! itself.

mod bitmaps;
mod collection;
mod dump;
mod geo;
mod hashes;
mod hyperloglogs;
mod keys;
mod lists;
mod sets;
mod sorted_sets;
mod streams;
mod strings;

pub use self::collection::{Missing, Tools};
pub use self::dump::Usage;
pub use self::hashes::{FieldCondition, FieldExpiry, FieldPersist, FieldPresence};
pub use self::keys::Meta;
pub(super) use self::keys::meta_of;
pub use self::lists::Popped;
pub use self::sets::SetOperation;
pub use self::sorted_sets::{AddCounts, Combination, Span, ranks_between};
pub use self::streams::GroupStart;
pub use self::strings::Text;

use std::time::Duration;

use super::lock::{BRIEFLY, Gate, Held};
use super::maintain::Settling;
use super::waiters::Waiter;
use super::walk::Flush;
use super::{Key, Locked, Store, StoreShard};
use crate::raw::slab::NewValue;
use crate::shard::change::{Event, Log};
use crate::shard::{self, Found};
use crate::sync::Arc;
use crate::time::Millis;
use crate::types::{Encoding, Kind, Object};

/// Which shards a view locks.
#[derive(Debug, Clone, Copy)]
pub enum Scope<'k> {
    /// None: the operation has no keys.
    None,
    /// The shard of one key.
    Key(&'k Key<'k>),
    /// The shards of these keys.
    Keys(&'k [Key<'k>]),
    /// The shards of these keys to begin with, and others as the view [reaches](View::reach) for them: for
    /// scripts, which come to their keys one by one. One such view is open at a time.
    Growing(&'k [Key<'k>]),
    /// Every shard.
    All,
    /// None to begin with; operations on whole databases lock one shard after another as they come to it.
    Walk,
}

/// What a look-up does besides looking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lookup {
    /// Somebody reads the value: counts a hit or a miss, and the entry counts as used.
    Read,
    /// Somebody asks about the entry, not for its value (`TTL`, `TYPE`, `EXISTS`): counts a hit or
    /// a miss, and is no use of the entry.
    Ask,
    /// The same, and nobody is told of a miss (`OBJECT`).
    Inspect,
    /// Somebody is about to write: the entry counts as used, nothing is counted.
    Write,
    /// Nothing.
    Peek,
}

/// What becomes of a deadline when a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deadline {
    /// The entry keeps the deadline it has.
    Keep,
    /// The entry has none.
    Clear,
    /// The entry expires at this moment, in milliseconds since the epoch.
    At(Millis),
}

impl Deadline {
    fn over(self, old: Option<Millis>) -> Option<Millis> {
        match self {
            Self::Keep => old,
            Self::Clear => None,
            Self::At(at) => Some(at),
        }
    }
}

/// The keyspace as one operation sees it, at one moment: see [`Store::view`]. Its locks last as long as it
/// does.
///
/// It records each mutation itself, and tells observers when it closes; nobody needs to think of side
/// effects.
///
/// # Panics
/// Its methods do, when they are given a key that the view's [`Scope`] did not name.
pub struct View<'s> {
    store: &'s Store,
    held: Held<'s>,
    gate: Gate<'s>,
    now: Millis,
    log: Log,
    settling: Settling,
    touches: bool,
    /// Whether text that is set and looks like an integer becomes one.
    integers: bool,
    /// Whether a reader leaves what has expired where it is.
    pub(super) keeps_expired: bool,
    /// Whether somebody may wait for keys in a shard that is held.
    waited: bool,
    /// Whether somebody may watch keys in one.
    watched: bool,
}

impl Store {
    /// Locks what `scope` names, in ascending order, for one operation at the moment `now`.
    ///
    /// Whoever holds a view must not open another one, nor use the store otherwise, in the same thread: it
    /// would wait for itself.
    ///
    /// ```
    /// use scrubjay::{Event, Scope, Store};
    ///
    /// /// Counts a user's requests in the minute that begins with the first of them.
    /// fn count(store: &Store, user: &str) -> Result<i64, Box<dyn std::error::Error>> {
    ///     let now = store.clock().now();
    ///     store.make_room(64, now)?; // Before any lock: this may have to evict.
    ///     let name = format!("requests:{user}");
    ///     let key = store.key(0, name.as_bytes());
    ///     let mut view = store.view(Scope::Key(&key), now);
    ///     let requests = view.increment(key, 1)?;
    ///     if requests == 1 {
    ///         view.set_deadline(key, Some(now + 60_000), Event::Expire);
    ///     }
    ///     Ok(requests)
    /// }
    ///
    /// let store = Store::default();
    /// assert_eq!((count(&store, "alice")?, count(&store, "alice")?), (1, 2));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn view(&self, scope: Scope<'_>, now: Millis) -> View<'_> {
        View::open(self, scope, now, None).expect("invariant: patience without end does not run out")
    }

    /// A view of one key, if its shard is free and nobody waits for or watches keys there: what is open to
    /// nearly every operation, and costs the least.
    #[inline]
    pub fn view_at_once(&self, key: &Key<'_>, now: Millis) -> Option<View<'_>> {
        let index = key.shard();
        let locked = self.shards[index].try_lock()?;
        if locked.waiters.is_some() || locked.watches.is_some() || locked.due <= now {
            return None;
        }
        Some(View::of(self, Held::One(index, locked), Gate::Open, now, (false, false)))
    }

    /// Like [`view`](Self::view), but waits no longer than `patience` for each lock: while a script holds
    /// them for long, whoever gives up can say so.
    pub fn view_within(&self, scope: Scope<'_>, now: Millis, patience: Duration) -> Option<View<'_>> {
        View::open(self, scope, now, Some(patience))
    }
}

impl<'s> View<'s> {
    #[inline]
    fn open(store: &'s Store, scope: Scope<'_>, now: Millis, patience: Option<Duration>) -> Option<Self> {
        let shards = &store.shards;
        let gate = match scope {
            Scope::All | Scope::Growing(_) => Gate::close(&store.gate, patience)?,
            Scope::Walk => Gate::walk(&store.gate, patience)?,
            Scope::None | Scope::Key(_) | Scope::Keys(_) => Gate::Open,
        };
        let mut held = match scope {
            Scope::Key(key) => Held::one(shards, key.shard(), patience)?,
            Scope::Keys(keys) | Scope::Growing(keys) => {
                Held::many(shards, keys.iter().map(Key::shard), patience)?
            }
            Scope::All => Held::all(shards, patience)?,
            Scope::None | Scope::Walk => Held::None,
        };
        let mut waited = false;
        held.for_each(|locked| waited |= locked.waiters.is_some());
        if waited {
            held = held.with_seconds(shards, patience)?;
        }
        let mut watched = false;
        held.for_each(|locked| watched |= locked.watches.is_some());
        let mut view = Self::of(store, held, gate, now, (waited, watched));
        let Self { held, log, .. } = &mut view;
        held.for_each(|locked| locked.expire_in_passing(store, now, log));
        Some(view)
    }

    /// A view of what is held, in which somebody may wait for keys, or watch some.
    #[inline]
    fn of(
        store: &'s Store,
        held: Held<'s>,
        gate: Gate<'s>,
        now: Millis,
        (waited, watched): (bool, bool),
    ) -> Self {
        let (log, settling) = (store.observers.log(waited || watched), Settling::default());
        let keeps_expired = store.keeps_expired();
        let (touches, integers) = (true, true);
        Self { store, held, gate, now, log, settling, touches, integers, keeps_expired, waited, watched }
    }

    /// Has the memory of these keys fetched before they are asked for, so that the fetches overlap.
    pub fn prefetch(&self, keys: &[Key<'_>]) {
        let shard = |key: &Key<'_>| self.held.peek(key.shard()).map(|locked| &locked.shard);
        for key in keys {
            shard(key).into_iter().for_each(|shard| shard.prefetch_bucket(key.place()));
        }
        for key in keys {
            shard(key).into_iter().for_each(|shard| shard.prefetch_entry(key.place()));
        }
    }

    /// Locks the shards of these keys as well. Whoever holds one of them is waited for.
    ///
    /// # Panics
    /// When they are not held, and the view's scope is not [`Scope::Growing`].
    pub fn reach(&mut self, keys: &[Key<'_>]) {
        keys.iter().for_each(|key| self.reach_shard(key.shard()));
    }

    /// Locks every shard, see [`reach`](Self::reach).
    pub fn reach_all(&mut self) {
        (0..self.shards()).for_each(|index| self.reach_shard(index));
    }

    #[inline]
    fn reach_shard(&mut self, index: usize) {
        if self.held.get(index).is_none() {
            self.join(index);
        }
    }

    #[cold]
    fn join(&mut self, index: usize) {
        assert!(matches!(self.gate, Gate::Closed { .. }), "who holds shards takes no others");
        // With it, those in which second keys of its waiters lie.
        let mut coming = vec![index];
        while let Some(index) = coming.pop() {
            if self.held.get(index).is_some() {
                continue;
            }
            let Self { store, held, log, now, .. } = self;
            held.join(&store.shards, index);
            let locked = held.get(index).expect("invariant: it is held now");
            locked.expire_in_passing(store, *now, log);
            coming.extend(locked.second_shards());
            let (waited, watched) = (locked.waiters.is_some(), locked.watches.is_some());
            if waited {
                self.hear_waiters();
            }
            if watched {
                self.hear_watches();
            }
        }
    }

    /// One shard, for what is done in between. It comes without the shards of second keys: nothing may be
    /// done but removing.
    /// None where somebody else holds it for longer than a step takes.
    pub(super) fn of_shard(store: &'s Store, index: usize, now: Millis) -> Option<Self> {
        let locked = store.shards[index].try_lock_for(BRIEFLY)?;
        let others = (locked.waiters.is_some(), locked.watches.is_some());
        Some(Self::of(store, Held::One(index, locked), Gate::Open, now, others))
    }

    /// The moment this view stands for, in milliseconds since the epoch.
    pub fn now(&self) -> Millis {
        self.now
    }

    /// How many changes were recorded.
    pub fn dirty(&self) -> u64 {
        self.log.dirty()
    }

    /// Says who makes the changes from now on: a number of the caller's, 0 for nobody. Observers are told it
    /// ([`Log::iter_with_authors`]). Who it was before.
    #[inline]
    pub fn set_author(&mut self, author: u64) -> u64 {
        self.log.set_author(author)
    }

    /// Whether look-ups count as uses of a key from now on: `CLIENT NO-TOUCH`. What held before.
    pub fn set_touches(&mut self, touches: bool) -> bool {
        std::mem::replace(&mut self.touches, touches)
    }

    /// Whether a string that is set from now on and looks like an integer is one to whoever asks for its
    /// encoding; so it is at first. Valkey does not look at what a script sets.
    pub fn set_integers(&mut self, integers: bool) {
        self.integers = integers;
    }

    /// Whether the memory limit is passed and nothing is ever evicted, so that nothing may be added.
    pub fn is_full(&self) -> bool {
        self.store.is_full()
    }

    /// Serves those who wait for what has changed, marks who watches it, tells observers of what was
    /// recorded, and brings accounts up to date, still under the locks. A view does it itself when it closes.
    pub fn settle(&mut self) {
        if self.log.take_recorded() {
            self.settle_anyway();
        }
    }

    /// The same, also when nothing was recorded.
    pub(super) fn settle_anyway(&mut self) {
        if self.waited {
            self.serve();
            self.log.take_recorded();
        }
        if self.watched {
            self.touch_watches();
        }
        let Self { store, held, log, settling, .. } = self;
        held.for_each(|locked| settling.settle(store, locked));
        if !log.is_empty() {
            if log.is_news() && store.observers.tell(log) {
                settling.observers_told();
            }
            log.clear();
        }
    }

    /// Tells observers of what was recorded so far. A view does it itself when it closes; it matters to one
    /// who reads a key, in a view that has changed it, and whose own interest in the key must not be taken
    /// for older than the change.
    #[inline]
    pub fn tell(&mut self) {
        let Self { store, log, settling, .. } = self;
        if log.is_news() {
            if store.observers.tell(log) {
                settling.observers_told();
            }
            log.heard();
        }
    }

    /// Whether the shard of `key` is locked, so that the view may be asked about it.
    pub fn holds(&mut self, key: Key<'_>) -> bool {
        self.held_shard(key).is_some()
    }

    /// The live entry of `key`, and nothing besides.
    #[inline(always)]
    fn find(&mut self, key: Key<'_>) -> Option<Found> {
        let now = self.now;
        let locked = held_shard(&mut self.held, key);
        locked.shard.find(key.place(), key.bytes, now, &mut self.log)
    }

    #[inline(always)]
    fn look_up(&mut self, key: Key<'_>, lookup: Lookup) -> Option<Found> {
        self.look_up_in(key, lookup).1
    }

    /// The same, and the shard: which of those that are held it is, is asked once.
    #[inline(always)]
    fn look_up_in(&mut self, key: Key<'_>, lookup: Lookup) -> (&mut StoreShard, Option<Found>) {
        let Self { held, log, now, touches, keeps_expired, .. } = self;
        let shard = &mut held_shard(held, key).shard;
        let found = match *keeps_expired && lookup != Lookup::Write {
            true => shard.peek(key.place(), key.bytes, *now),
            false => shard.find(key.place(), key.bytes, *now, log),
        };
        note(shard, log, key, found, lookup, *now, *touches);
        (shard, found)
    }

    fn note(&mut self, key: Key<'_>, found: Option<Found>, lookup: Lookup) {
        let Self { held, log, now, touches, .. } = self;
        note(&mut held_shard(held, key).shard, log, key, found, lookup, *now, *touches);
    }

    #[inline]
    fn shard(&mut self, key: Key<'_>) -> &mut StoreShard {
        &mut held_shard(&mut self.held, key).shard
    }

    /// Writes a value in place of what was found, or anew.
    fn write(
        &mut self,
        key: Key<'_>,
        found: Option<Found>,
        (kind, encoding): (Kind, Encoding),
        deadline: Option<Millis>,
        value: NewValue<'_, Object>,
    ) -> Found {
        let meta = shard::Meta { kind: kind.bits(), encoding: encoding.bits(), clock: 0, deadline };
        let now = self.now;
        let shard = self.shard(key);
        match found {
            Some(found) => shard.replace(key.place(), found, meta, value, now),
            None => {
                let made = shard.insert(key.place(), key.bytes, meta, value, now);
                self.log.aside(key.db, key.bytes, Event::New);
                made
            }
        }
    }

    /// The type of what lives at `key`, and nothing besides.
    pub(super) fn kind(&mut self, key: Key<'_>) -> Option<Kind> {
        let found = self.find(key)?;
        Some(Kind::from_bits(self.shard(key).entry(found).kind()))
    }

    pub(super) fn store(&self) -> &'s Store {
        self.store
    }

    pub(super) fn held_and_log(&mut self) -> (&mut Held<'s>, &Log) {
        (&mut self.held, &self.log)
    }

    pub(super) fn locked(&mut self, key: Key<'_>) -> &mut Locked {
        held_shard(&mut self.held, key)
    }

    /// The shard of a view [of one](Self::of_shard).
    pub(super) fn only_shard(&mut self) -> (&mut Locked, &mut Log) {
        match &mut self.held {
            Held::One(_, locked) => (locked, &mut self.log),
            _ => unreachable!("invariant: it holds one"),
        }
    }

    pub(super) fn held_shard(&mut self, key: Key<'_>) -> Option<&mut Locked> {
        self.held.get(key.shard())
    }

    /// Keeps changes from now on, as somebody waits for keys.
    pub(super) fn hear_waiters(&mut self) {
        self.waited = true;
        self.log.listen();
    }

    /// Keeps changes from now on, as somebody watches keys.
    pub(super) fn hear_watches(&mut self) {
        self.watched = true;
        self.log.listen();
    }

    #[cfg(test)]
    pub(super) fn set_waited(&mut self, waited: bool) {
        self.waited = waited;
    }

    /// Wakes somebody who was served, once the locks are gone.
    pub(super) fn wake_later(&mut self, waiter: Arc<dyn Waiter>) {
        self.settling.wake_later(waiter);
    }

    /// Keeps changes from now on, as somebody is to be told of them.
    pub(super) fn listen(&mut self) {
        self.log.listen();
        self.log.keep_asides(self.store.observers.asides());
    }

    pub(super) fn shards(&self) -> usize {
        self.store.shards.len()
    }

    pub(super) fn databases(&self) -> u16 {
        self.store.databases
    }

    pub(super) fn random_below(&self, bound: u64) -> u64 {
        self.store.random.lock().below(bound)
    }

    /// Lends one shard: one that is held, or one that is locked just for this.
    pub(super) fn with_shard<R>(&mut self, index: usize, act: impl FnOnce(&mut Locked, &mut Log) -> R) -> R {
        if matches!(self.gate, Gate::Closed { .. }) {
            self.reach_shard(index);
        }
        if let Some(locked) = self.held.get(index) {
            return act(locked, &mut self.log);
        }
        assert!(matches!(self.held, Held::None), "who holds shards takes no others");
        let mut locked = self.store.shards[index].lock();
        if locked.waiters.is_some() {
            self.hear_waiters();
        }
        if locked.watches.is_some() {
            self.hear_watches();
        }
        let result = act(&mut locked, &mut self.log);
        self.held = Held::One(index, locked);
        self.settle_anyway();
        self.held = Held::None;
        result
    }

    /// Lends every shard in turn.
    pub(super) fn each_shard(&mut self, mut act: impl FnMut(&mut Locked)) {
        for index in 0..self.shards() {
            self.with_shard(index, |locked, _| act(locked));
        }
    }

    pub(super) fn flushed(&mut self, db: Option<u16>, count: usize, how: Flush) {
        self.log.flushed(db, count);
        // Accounts alone: who waits is served, and who listens told, when the whole operation is done.
        let Self { store, held, settling, .. } = self;
        held.for_each(|locked| settling.settle(store, locked));
        if how == Flush::Async {
            self.store.trash.lock().slabs.extend(self.settling.take_remains());
            self.store.wake_maintenance();
        }
    }

    /// Does something after which all is as it was: nobody is told of it, and it counts for no change.
    pub fn untold<R>(&mut self, work: impl FnOnce(&mut Self) -> R) -> R {
        let told = std::mem::take(&mut self.log);
        let done = work(self);
        self.log = told;
        // Accounts may have changed all the same.
        self.log.count(0);
        done
    }

    pub(super) fn swapped(&mut self, a: u16, b: u16) {
        self.log.swapped(a, b);
    }
}

/// The kind and the encoding that an entry says it has.
fn what(meta: shard::Meta) -> (Kind, Encoding) {
    (Kind::from_bits(meta.kind), Encoding::from_bits(meta.encoding))
}

#[inline(always)]
fn held_shard<'a>(held: &'a mut Held<'_>, key: Key<'_>) -> &'a mut Locked {
    held.get(key.shard()).expect("invariant: an operation touches only keys it has named")
}

/// Counts a look-up, and the use of what it found.
#[inline(always)]
fn note(
    shard: &mut StoreShard,
    log: &mut Log,
    key: Key<'_>,
    found: Option<Found>,
    lookup: Lookup,
    now: Millis,
    touches: bool,
) {
    if matches!(lookup, Lookup::Read | Lookup::Ask | Lookup::Inspect) {
        match found {
            Some(_) => shard.counters.hits += 1,
            None => {
                shard.counters.misses += 1;
                if lookup != Lookup::Inspect {
                    log.aside(key.db, key.bytes, Event::KeyMiss);
                }
                return;
            }
        }
    }
    if let Some(found) = found
        && touches
        && matches!(lookup, Lookup::Read | Lookup::Write)
    {
        shard.touch(key.db, found, now);
    }
}

impl Drop for View<'_> {
    #[inline]
    fn drop(&mut self) {
        self.settle();
        // The locks first, then what was removed.
        match std::mem::replace(&mut self.held, Held::None) {
            // Nearly always: told apart here, it is unlocked here.
            Held::One(_, locked) => drop(locked),
            others => drop(others),
        }
        self.gate = Gate::Open;
        if !self.settling.is_over() {
            std::mem::take(&mut self.settling).finish(self.store);
        }
    }
}
