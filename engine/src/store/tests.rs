//! The store against a naive map of what should be in it, under a clock that jumps.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::RngAlgorithm;

use super::*;
use crate::shard::change::{Change, Event, Log};
use crate::sync::Arc;
use crate::time::ManualClock;
use crate::{Policy, Tuning};

const DATABASES: u16 = 3;
/// Late enough that tests can go back for years.
const START: Millis = 1_800_000_000_000;

#[derive(Default)]
struct Heard(Mutex<Vec<(u16, Vec<u8>, Event)>>);

impl Observer for Heard {
    fn changed(&self, changes: &Log) {
        for change in changes.iter() {
            if let Change::Key { db, key, event } = change {
                self.0.lock().push((db, key.to_vec(), event));
            }
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Set(u8, usize, Option<i64>),
    Fill(u16, u16, Option<i64>),
    Append(u8, usize),
    SetRange(u8, usize, usize),
    Get(u8),
    Remove(u8),
    Deadline(u8, Option<i64>),
    Transfer(u8, u8),
    Copy(u8, u8),
    Flush(Option<u16>),
    Swap(u16, u16),
    Pass(u64),
    Jump(i64),
    Maintain,
    Evict(usize),
    Policy(usize),
    Active(bool),
}

/// Distances of every size up to two years, either way but mostly ahead.
fn distance() -> impl Strategy<Value = i64> {
    (0..36_u32, 0..8_u8)
        .prop_flat_map(|(bits, way)| (0..(2_i64 << bits)).prop_map(move |ms| if way == 0 { -ms } else { ms }))
}

fn size() -> impl Strategy<Value = usize> {
    prop_oneof![6 => 0..200_usize, 3 => 0..5_000_usize, 1 => 0..200_000_usize]
}

fn step() -> impl Strategy<Value = Step> {
    let deadline = || prop::option::of(distance());
    prop_oneof![
        8 => (any::<u8>(), size(), deadline())
            .prop_map(|(key, size, deadline)| Step::Set(key, size, deadline)),
        2 => (any::<u16>(), 1..400_u16, deadline()).prop_map(|(key, count, at)| Step::Fill(key, count, at)),
        3 => (any::<u8>(), size()).prop_map(|(key, size)| Step::Append(key, size)),
        3 => (any::<u8>(), 0..6_000_usize, size()).prop_map(|(key, at, size)| Step::SetRange(key, at, size)),
        3 => any::<u8>().prop_map(Step::Get),
        4 => any::<u8>().prop_map(Step::Remove),
        4 => (any::<u8>(), deadline()).prop_map(|(key, deadline)| Step::Deadline(key, deadline)),
        3 => (any::<u8>(), any::<u8>()).prop_map(|(from, to)| Step::Transfer(from, to)),
        3 => (any::<u8>(), any::<u8>()).prop_map(|(from, to)| Step::Copy(from, to)),
        1 => prop::option::of(0..DATABASES).prop_map(Step::Flush),
        1 => (0..DATABASES, 0..DATABASES).prop_map(|(a, b)| Step::Swap(a, b)),
        4 => (0..30_u32).prop_flat_map(|bits| 0..(2_u64 << bits)).prop_map(Step::Pass),
        2 => distance().prop_map(Step::Jump),
        4 => Just(Step::Maintain),
        3 => (0..60_usize).prop_map(Step::Evict),
        2 => (0..Policy::ALL.len()).prop_map(Step::Policy),
        1 => any::<bool>().prop_map(Step::Active),
    ]
}

type Entry = (Vec<u8>, Option<Millis>);

struct Model {
    store: Store,
    clock: ManualClock,
    heard: Arc<Heard>,
    entries: BTreeMap<(u16, Vec<u8>), Entry>,
    active: bool,
}

impl Model {
    fn new(shards: usize, seed: u64) -> Self {
        let clock = ManualClock::new(START);
        let store =
            Store::builder().shards(shards).databases(DATABASES).clock(clock.clone()).seed(seed).build();
        let heard = Arc::new(Heard::default());
        store.observe(heard.clone());
        Self { store, clock, heard, entries: BTreeMap::new(), active: true }
    }

    fn now(&self) -> Millis {
        self.store.clock().now()
    }

    fn at(&self, ahead: Option<i64>) -> Option<Millis> {
        ahead.map(|ahead| self.now().saturating_add_signed(ahead))
    }

    /// Which of a few keys, and in which database.
    fn name(number: u8) -> (u16, Vec<u8>) {
        let long =
            if number.is_multiple_of(16) { "x".repeat(usize::from(number) * 2) } else { String::new() };
        (u16::from(number) % DATABASES, format!("key:{}{long}", number / 5).into_bytes())
    }

    /// What happened by itself since this was last asked: it must be about entries that are there, and in
    /// order.
    fn hear(&mut self) {
        let now = self.now();
        let policy = self.store.policy().0;
        for (db, key, event) in std::mem::take(&mut *self.heard.0.lock()) {
            if !matches!(event, Event::Expired | Event::Evicted) {
                continue;
            }
            let (_, deadline) =
                self.entries.remove(&(db, key)).expect("an entry goes once, and only if it was there");
            match event {
                Event::Expired => assert!(deadline.expect("it has a deadline") <= now),
                _ => assert!(!policy.is_volatile() || deadline.is_some(), "it may go"),
            }
        }
    }

    fn live(&self, name: &(u16, Vec<u8>)) -> Option<Entry> {
        let now = self.now();
        self.entries.get(name).filter(|(_, at)| at.is_none_or(|at| at > now)).cloned()
    }

    /// Runs one operation on these keys, and hears of what happened meanwhile.
    fn view<R>(&mut self, names: &[&(u16, Vec<u8>)], act: impl FnOnce(&mut View<'_>, &[Key<'_>]) -> R) -> R {
        let keys: Vec<_> = names.iter().map(|(db, key)| self.store.key(*db, key)).collect();
        let mut view = self.store.view(Scope::Keys(&keys), self.now());
        let result = act(&mut view, &keys);
        drop(view);
        self.hear();
        result
    }

    fn set(&mut self, name: (u16, Vec<u8>), value: Vec<u8>, deadline: Option<Millis>) {
        let until = deadline.map_or(Deadline::Clear, Deadline::At);
        self.view(&[&name], |view, keys| view.set(keys[0], &value, until, Event::Set));
        self.entries.insert(name, (value, deadline));
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Set(number, size, ahead) => {
                self.set(Self::name(number), vec![number; size], self.at(ahead));
            }
            Step::Fill(first, count, ahead) => {
                for number in first..first.saturating_add(count) {
                    let name = (number % DATABASES, format!("many:{}", number % 2_000).into_bytes());
                    self.set(name, vec![b'm'; usize::from(number % 90)], self.at(ahead));
                }
            }
            Step::Append(number, size) => {
                let name = Self::name(number);
                let tail = vec![b'+'; size];
                let len = self.view(&[&name], |view, keys| view.append(keys[0], &tail, usize::MAX));
                let (mut value, at) = self.live(&name).unwrap_or_default();
                value.extend_from_slice(&tail);
                assert_eq!(len, Ok(value.len()));
                self.entries.insert(name, (value, at));
            }
            Step::SetRange(number, offset, size) => {
                let name = Self::name(number);
                let part = vec![b'r'; size];
                let len =
                    self.view(&[&name], |view, keys| view.set_range(keys[0], offset, &part, usize::MAX));
                let old = self.live(&name);
                let expected = if part.is_empty() {
                    old.map_or(0, |(value, _)| value.len())
                } else {
                    let (mut value, at) = old.unwrap_or_default();
                    value.resize(value.len().max(offset + size), 0);
                    value[offset..offset + size].copy_from_slice(&part);
                    let len = value.len();
                    self.entries.insert(name, (value, at));
                    len
                };
                assert_eq!(len, Ok(expected));
            }
            Step::Get(number) => {
                let name = Self::name(number);
                let got = self.view(&[&name], |view, keys| {
                    let text = view.string(keys[0], Lookup::Read).expect("a string");
                    text.map(|text| (text.to_vec(), text.deadline))
                });
                assert_eq!(got, self.live(&name));
            }
            Step::Remove(number) => {
                let name = Self::name(number);
                let removed = self.view(&[&name], |view, keys| view.remove(keys[0], Event::Del));
                assert_eq!(removed, self.live(&name).is_some());
                self.entries.remove(&name);
            }
            Step::Deadline(number, ahead) => {
                let (name, at) = (Self::name(number), self.at(ahead));
                let set = self.view(&[&name], |view, keys| view.set_deadline(keys[0], at, Event::Expire));
                assert_eq!(set, self.live(&name).is_some());
                if set && let Some(entry) = self.entries.get_mut(&name) {
                    entry.1 = at;
                }
            }
            Step::Transfer(from, to) => {
                let (from, to) = (Self::name(from), Self::name(to));
                let events = (Event::RenameFrom, Event::RenameTo);
                let done = self.view(&[&from, &to], |view, keys| view.transfer(keys[0], keys[1], events));
                let moved = self.live(&from);
                assert_eq!(done, moved.is_some());
                if let Some(moved) = moved {
                    self.entries.remove(&from);
                    self.entries.insert(to, moved);
                }
            }
            Step::Copy(from, to) => {
                let (from, to) = (Self::name(from), Self::name(to));
                let done = self.view(&[&from, &to], |view, keys| view.copy(keys[0], keys[1]));
                let copied = self.live(&from);
                assert_eq!(done, copied.is_some());
                if let Some(copied) = copied {
                    self.entries.insert(to, copied);
                }
            }
            Step::Flush(db) => {
                let mut view = self.store.view(Scope::All, self.now());
                let how = if db == Some(0) { Flush::Async } else { Flush::Sync };
                let count = view.flush(db, how);
                drop(view);
                self.hear();
                let before = self.entries.len();
                self.entries.retain(|(other, _), _| db.is_some_and(|db| db != *other));
                assert_eq!(count, before - self.entries.len());
            }
            Step::Swap(a, b) => {
                let mut view = self.store.view(Scope::All, self.now());
                view.swap(a, b);
                drop(view);
                // What expired on the way was told of under the number that the database had then.
                self.hear();
                let swap = |db: u16| {
                    if db == a {
                        b
                    } else if db == b {
                        a
                    } else {
                        db
                    }
                };
                let entries = std::mem::take(&mut self.entries).into_iter();
                self.entries = entries.map(|((db, key), entry)| ((swap(db), key), entry)).collect();
            }
            Step::Pass(ms) => self.clock.advance(Duration::from_millis(ms)),
            Step::Jump(by) => self.clock.set(self.now().saturating_add_signed(by)),
            Step::Maintain => self.maintain(),
            Step::Evict(share) => self.evict(share),
            Step::Policy(number) => {
                let (policy, _) = Policy::ALL[number];
                self.store.set_policy(policy, Tuning::default());
            }
            Step::Active(active) => {
                self.store.set_active_expiry(active);
                self.active = active;
            }
        }
        self.check();
    }

    fn maintain(&mut self) {
        let now = self.now();
        let next = self.store.maintain(now).next;
        self.hear();
        if self.active {
            let first = self.entries.values().filter_map(|(_, at)| *at).min();
            assert!(first.is_none_or(|first| first > now), "all that is due has gone");
            // It may be woken early, for a record that is dead or beyond the wheel's round, but not late.
            assert!(first.is_none_or(|first| next.is_some_and(|next| next <= first)), "{first:?} {next:?}");
        } else {
            assert_eq!(next, None);
        }
    }

    /// Makes room for a part of what there is.
    fn evict(&mut self, share: usize) {
        let now = self.now();
        let used = self.store.used_bytes();
        self.store.set_max_memory((used * (100 - share) / 100).max(1));
        let made = self.store.make_room(0, now);
        let is_above = self.store.accounted_bytes() > self.store.max_memory();
        self.store.set_max_memory(0);
        self.hear();
        let policy = self.store.policy().0;
        if made.is_err() {
            let is_candidate = |(_, at): &Entry| !policy.is_volatile() || at.is_some();
            let none_left = !self.entries.values().any(is_candidate);
            assert!(policy == Policy::NoEviction || none_left, "{policy:?} had something to evict");
        } else if policy == Policy::NoEviction {
            assert!(!is_above);
        }
    }

    /// Everything agrees, and every account is right.
    fn check(&mut self) {
        let now = self.now();
        let mut view = self.store.view(Scope::Walk, now);
        for db in 0..DATABASES {
            let mine = || self.entries.iter().filter(|((other, _), _)| *other == db);
            let volatile = mine().filter(|(_, (_, at))| at.is_some()).count();
            assert_eq!(view.len(db), (mine().count(), volatile), "database {db}");
            let mut shown = BTreeMap::new();
            view.for_each_key(db, |key, meta| {
                assert!(shown.insert(key.to_vec(), meta.deadline).is_none());
                ControlFlow::Continue(())
            });
            let live = mine().filter(|(_, (_, at))| at.is_none_or(|at| at > now));
            let live: BTreeMap<_, _> = live.map(|((_, key), (_, at))| (key.clone(), *at)).collect();
            assert_eq!(shown, live, "database {db}");
        }
        drop(view);
        let mut accounted = 0;
        for shard in &self.store.shards {
            let locked = shard.lock();
            assert_eq!(locked.shard.bytes(), locked.shard.bytes_counted_anew());
            for db in 0..DATABASES {
                assert_eq!(locked.shard.inconsistencies(db), 0);
            }
            accounted += locked.accounted_bytes as isize;
        }
        assert_eq!(self.store.room.shards_bytes(), accounted);
        for ((db, key), (_, at)) in &self.entries {
            let shard = self.store.key(*db, key).shard();
            let due = self.store.shards[shard].lock().due;
            assert!(at.is_none_or(|at| due <= at), "{at:?} is not seen to before {due}");
        }
    }

    /// All values are as they should be.
    fn check_values(&mut self) {
        let names: Vec<_> = self.entries.keys().cloned().collect();
        for name in names {
            let got = self.view(&[&name], |view, keys| {
                let text = view.string(keys[0], Lookup::Peek).expect("a string");
                text.map(|text| (text.to_vec(), text.deadline))
            });
            assert_eq!(got, self.live(&name));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 2 } else { 192 },
        failure_persistence: None,
        rng_algorithm: RngAlgorithm::XorShift,
        ..ProptestConfig::default()
    })]

    #[test]
    fn agrees_with_a_map(
        shards in prop::sample::select(vec![1, 3, 64]),
        policy in 0..Policy::ALL.len(),
        seed in any::<u64>(),
        steps in prop::collection::vec(step(), 1..if cfg!(miri) { 12 } else { 120 }),
    ) {
        let mut model = Model::new(shards, seed);
        model.step(Step::Policy(policy));
        for step in steps {
            model.step(step);
        }
        model.check_values();
        model.step(Step::Active(true));
        model.step(Step::Maintain);
        model.step(Step::Flush(None));
        assert!(model.entries.is_empty());
    }
}

/// Two keys of one bucket with one tag and one deadline, of which one expires before the bucket splits and
/// one after.
#[test]
fn a_record_is_not_spent_on_a_neighbour() {
    let mut model = Model::new(3, 2_154_751_456_604_933_510);
    model.step(Step::Fill(6314, 246, Some(1)));
    model.step(Step::Pass(1));
    model.step(Step::Append(0, 0));
    model.step(Step::Set(0, 0, None));
    model.step(Step::Append(0, 0));
    model.step(Step::Append(0, 0));
    model.step(Step::Jump(-1));
    model.step(Step::Maintain);
    model.step(Step::Fill(2276, 150, None));
    model.step(Step::Pass(1));
    model.step(Step::Maintain);
}

/// What was removed is out of the account at once, and large values are dropped by whoever tends the store:
/// not by the operation, and not under a lock. A small one is dropped on the spot.
#[test]
fn large_values_are_dropped_elsewhere() {
    let clock = ManualClock::new(START);
    let store = Store::builder().clock(clock.clone()).shards(1).build();
    // Not `used_bytes`, of which the holes between the values of all stores are a part.
    let held_bytes = || store.shards[0].lock().shard.bytes();
    let before = held_bytes();
    let removals: [fn(&Store, &ManualClock); 4] = [
        |store, _| assert!(store.remove("large")),
        |store, _| store.set("large", "small now").expect("no limit"),
        |store, clock| {
            store.expire("large", Duration::from_millis(1));
            clock.advance(Duration::from_millis(1));
            assert!(!store.contains("large"));
        },
        |store, _| {
            store.set_max_memory(1);
            store.set_policy(Policy::AllKeysRandom, Tuning::default());
            assert!(store.make_room(0, START).is_err(), "all is evicted, and it is still too much");
            store.set_max_memory(0);
        },
    ];
    store.on_due(Arc::new(|| {}));
    for remove in removals {
        store.set_of("large").add((0..50_000).map(|n| format!("member:{n}"))).expect("no limit");
        store.set_of("small").add(["a", "b"]).expect("no limit");
        assert!(held_bytes() > before + 1_000_000);
        remove(&store, &clock);
        assert!(held_bytes() < before + 100_000);
        assert_eq!(store.trash.lock().objects(), 1);
        store.remove("small");
        assert_eq!(store.trash.lock().objects(), 1);
        store.drop_removed();
        assert_eq!(store.trash.lock().objects(), 0);
        store.clear();
    }
}

/// Renaming a large value hands over what it owns, and copies nothing.
#[test]
fn large_values_are_renamed_by_handing_them_over() {
    let store = Store::builder().shards(4).build();
    store
        .sorted_set("from")
        .add_many((0..10_000).map(|n| (format!("member:{n}"), f64::from(n))))
        .expect("no limit");
    let (from, to) = (store.key(0, b"from"), store.key(3, b"to"));
    let address = |view: &View<'_>, key| match view
        .peek::<crate::types::sorted_set::SortedSet>(key)
        .expect("a sorted set")
        .expect("it is there")
    {
        crate::types::sorted_set::SortedSetRef::Large(large) => std::ptr::from_ref(large),
        crate::types::sorted_set::SortedSetRef::Packed(_) => unreachable!("it is large"),
    };
    let mut view = store.view(Scope::Keys(&[from, to]), START);
    let before = address(&view, from);
    assert!(view.transfer(from, to, (Event::MoveFrom, Event::MoveTo)));
    assert_eq!(address(&view, to), before);
}
