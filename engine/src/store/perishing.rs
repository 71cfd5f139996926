//! Fields that perish, from the store's side: what readers see, what is told, and what is given back.

use std::time::Duration;

use crate::shard::change::Event;
use crate::store::Store;
use crate::store::heard::Heard;
use crate::sync::Arc;
use crate::time::ManualClock;
use crate::types::hash::FieldDeadline;
use crate::{Deadline, FieldCondition, FieldPresence, Key, Lookup, Scope, View};

fn fixture() -> (Store, ManualClock, Arc<Heard>) {
    let clock = ManualClock::new(1_000);
    let store = Store::builder().clock(clock.clone()).shards(1).build();
    let heard = Heard::of(&store);
    (store, clock, heard)
}

fn set(store: &Store, key: Key<'_>, fields: std::ops::Range<u32>, deadline: FieldDeadline) {
    let names: Vec<Vec<u8>> = fields.map(|field| field.to_string().into_bytes()).collect();
    let pairs = names.iter().map(|name| (&name[..], &b"v"[..]));
    let mut view = store.view(Scope::Key(&key), store.clock().now());
    assert_eq!(view.hash_set_expiring(key, pairs, deadline, FieldPresence::Any), Ok(true));
}

fn advance(clock: &ManualClock, ms: u64) {
    clock.advance(Duration::from_millis(ms));
}

fn len(store: &Store, key: Key<'_>) -> Option<usize> {
    let now = store.clock().now();
    store.view(Scope::Key(&key), now).hash(key).expect("a hash").map(|hash| hash.len(now))
}

fn counts(store: &Store) -> (usize, usize, u64) {
    let mut view = store.view(Scope::All, store.clock().now());
    let counts = (view.len(0).0, view.perishing(0));
    drop(view);
    (counts.0, counts.1, store.counters().expired_parts)
}

#[test]
fn maintenance_gives_back_what_is_due_and_tells() {
    let (store, clock, heard) = fixture();
    let key = store.key(0, b"h");
    set(&store, key, 0..10, FieldDeadline::At(1_010));
    set(&store, key, 10..20, FieldDeadline::At(1_020));
    assert_eq!(counts(&store), (1, 1, 0));
    assert_eq!(store.maintain(1_000).next, Some(1_010));
    heard.take();

    advance(&clock, 10);
    store.maintain(store.clock().now());
    let told = heard.take();
    assert!(!told.is_empty() && told.iter().all(|event| *event == Event::HExpired), "{told:?}");
    assert_eq!((len(&store, key), counts(&store)), (Some(10), (1, 1, 10)));

    advance(&clock, 10);
    assert_eq!(store.maintain(store.clock().now()).next, None);
    assert_eq!(heard.take(), [Event::HExpired, Event::Del]);
    assert_eq!((len(&store, key), counts(&store)), (None, (0, 0, 20)));
}

#[test]
fn what_is_kept_is_not_seen_and_told_of_later() {
    let (store, clock, heard) = fixture();
    let [all, some, plain] = [&b"all"[..], b"some", b"plain"].map(|name| store.key(0, name));
    set(&store, all, 0..10, FieldDeadline::At(1_010));
    set(&store, some, 0..10, FieldDeadline::At(1_010));
    set(&store, some, 10..20, FieldDeadline::Clear);
    let keys = [all, some, plain];
    let look = |expected: [bool; 3]| {
        let now = store.clock().now();
        let mut view = store.view(Scope::Keys(&keys), now);
        assert_eq!(keys.map(|key| view.exists(key, Lookup::Read)), expected);
        view.settle();
    };
    store.view(Scope::Key(&plain), 1_000).set(plain, b"v", Deadline::At(1_010), Event::Set);
    heard.take();
    advance(&clock, 10);
    store.keep_expired(true);
    store.maintain(store.clock().now());
    look([false, true, false]);
    assert!(!heard.take().iter().any(|event| [Event::Expired, Event::HExpired, Event::Del].contains(event)));
    assert_eq!((store.len(), len(&store, some)), (3, Some(10)));
    let random = |scope| store.view(scope, store.clock().now()).random_key(0);
    assert_eq!(random(Scope::Walk).as_deref(), Some(&b"some"[..]));

    // Whoever writes does so to a new key.
    let mut view = store.view(Scope::Key(&plain), store.clock().now());
    view.set(plain, b"new", Deadline::Clear, Event::Set);
    drop(view);
    assert!(heard.take().contains(&Event::Expired));
    look([false, true, true]);

    store.keep_expired(false);
    store.maintain(store.clock().now());
    assert!(heard.take().contains(&Event::HExpired));
    assert_eq!(store.len(), 2);
}

#[test]
fn nobody_sees_what_has_perished_before_it_is_given_back() {
    let (store, clock, heard) = fixture();
    let key = store.key(0, b"h");
    store.set_active_expiry(false);
    set(&store, key, 0..1_000, FieldDeadline::At(1_010));
    set(&store, key, 1_000..1_003, FieldDeadline::Clear);
    heard.take();
    advance(&clock, 10);
    // More than a look-up gives back.
    assert_eq!(len(&store, key), Some(3));
    let (_, _, expired) = counts(&store);
    assert!((1..1_000).contains(&expired));
    let now = store.clock().now();
    let mut view = store.view(Scope::Key(&key), now);
    let mut fields = Vec::new();
    view.hash(key).unwrap().expect("it is there").for_each(now, |field, _| fields.push(field.to_vec()));
    fields.sort();
    assert_eq!(fields, [b"1000", b"1001", b"1002"]);
    drop(view);

    // All that is left perishes: as good as gone, however much is there.
    clock.set(1_000);
    set(&store, key, 1_000..1_003, FieldDeadline::At(1_011));
    clock.set(1_011);
    let mut view = store.view(Scope::All, store.clock().now());
    let mut cursor = view.scan(0, 0, |_, _| panic!("it has perished"));
    while cursor != 0 {
        cursor = view.scan(0, cursor, |_, _| panic!("it has perished"));
    }
    assert_eq!(view.random_key(0), None);
    assert!(!view.exists(key, Lookup::Peek));
    drop(view);
    assert_eq!(counts(&store).0, 0);
}

#[test]
fn what_is_written_moved_and_removed_is_filed_right() {
    let (store, clock, _) = fixture();
    let (key, other) = (store.key(0, b"h"), store.key(3, b"other"));
    set(&store, key, 0..1, FieldDeadline::At(1_500));
    set(&store, key, 0..1, FieldDeadline::At(2_500));
    set(&store, key, 0..1, FieldDeadline::At(2_000));
    let mut view = store.view(Scope::All, 1_000);
    assert!(view.transfer(key, other, (Event::MoveFrom, Event::MoveTo)));
    assert!(view.copy(other, key));
    assert_eq!((view.perishing(0), view.perishing(3)), (1, 1));
    view.hash_persist(key, [&b"0"[..]].into_iter(), |_| {}).unwrap();
    assert_eq!((view.perishing(0), view.perishing(3)), (0, 1));
    view.swap(0, 3);
    assert_eq!((view.perishing(0), view.perishing(3)), (1, 0));
    drop(view);
    advance(&clock, 999);
    store.maintain(store.clock().now());
    assert_eq!(store.counters().expired_parts, 0);
    advance(&clock, 1);
    store.maintain(store.clock().now());
    assert_eq!(store.counters().expired_parts, 1);
    let mut view = store.view(Scope::All, store.clock().now());
    assert_eq!((view.len(0).0, view.len(3).0), (0, 1));
    assert!(view.remove(store.key(3, b"h"), Event::Del));
    assert_eq!(view.perishing(3), 0);
}

/// A million fields, or fewer in a slow build, that perish together hold nobody up.
#[test]
fn many_that_perish_together_go_in_small_steps() {
    const COUNT: u32 = 20_000;
    let (store, clock, _) = fixture();
    let key = store.key(0, b"h");
    set(&store, key, 0..COUNT, FieldDeadline::At(1_010));
    set(&store, key, COUNT..COUNT + 1, FieldDeadline::Clear);
    advance(&clock, 10);
    let mut round = store.begin_round(store.clock().now());
    let mut before = store.counters().expired_parts;
    while round.step() != crate::Step::Over {
        let after = store.counters().expired_parts;
        assert!(after - before <= 1_024, "{} in one step", after - before);
        before = after;
    }
    assert_eq!(before, u64::from(COUNT));
    assert_eq!(len(&store, key), Some(1));
}

#[test]
fn memory_is_counted_to_the_byte() {
    let (store, clock, _) = fixture();
    let key = store.key(0, b"h");
    let agrees = || {
        let locked = store.shards[0].lock();
        assert_eq!(locked.shard.bytes(), locked.shard.bytes_counted_anew());
    };
    for start in 0..20 {
        set(&store, key, start * 50..start * 50 + 60, FieldDeadline::At(1_000 + u64::from(start)));
        store.maintain(store.clock().now());
        agrees();
    }
    advance(&clock, 10);
    store.maintain(store.clock().now());
    agrees();
}

/// As Valkey 9.1.2 notifies with `notify-keyspace-events KEA`, and as it counts changes.
#[test]
fn tells_of_operations_on_hashes_as_valkey_does() {
    use Event::{Del, HDel, HExpire, HExpired, HIncrBy, HIncrByFloat, HPersist, HSet};
    let (store, _clock, heard) = fixture();
    let key = store.key(0, b"h");
    let fields = |names: &'static [&'static str]| names.iter().map(|name| name.as_bytes());
    let pairs = |names: &'static [&'static str]| names.iter().map(|name| (name.as_bytes(), &b"1"[..]));
    let check = |act: &dyn Fn(&mut View<'_>), events: &[Event], dirty: u64| {
        heard.take();
        let mut view = store.view(Scope::Key(&key), 1_000);
        act(&mut view);
        assert_eq!(view.dirty(), dirty, "{events:?}");
        drop(view);
        assert_eq!(heard.take(), events);
    };
    let (past, later) = (FieldDeadline::At(1), FieldDeadline::At(9_000));
    let any = FieldPresence::Any;
    let set_expiring = |names, deadline| {
        move |view: &mut View<'_>| {
            assert_eq!(view.hash_set_expiring(key, pairs(names), deadline, any), Ok(true));
        }
    };
    let expire = |names, at| {
        move |view: &mut View<'_>| {
            view.hash_expire(key, fields(names), at, FieldCondition::default(), |_| {}).unwrap();
        }
    };
    let remove = |names| {
        move |view: &mut View<'_>| {
            view.hash_remove(key, fields(names)).unwrap();
        }
    };

    // Fields that are gone at once, of a key that never was.
    check(&set_expiring(&["a", "b"], past), &[HSet, HExpire, HExpired, Del], 0);
    check(&|view| _ = view.hash_set(key, pairs(&["a", "b", "a"])).unwrap(), &[HSet], 3);
    check(&set_expiring(&["a"], later), &[HSet, HExpire], 1);
    check(&set_expiring(&["a", "c"], FieldDeadline::Keep), &[HSet], 2);
    check(&|view| _ = view.hash_increment(key, b"a", 5).unwrap(), &[HIncrBy], 1);
    check(&|view| _ = view.hash_increment_float(key, b"a", 2.into()).unwrap(), &[HIncrByFloat], 1);
    check(&|view| view.hash_persist(key, fields(&["a", "a", "b"]), |_| {}).unwrap(), &[HPersist], 1);
    check(&|view| view.hash_persist(key, fields(&["a", "none"]), |_| {}).unwrap(), &[], 0);
    check(&expire(&["a", "b", "none", "a"], 9_000), &[HExpire], 3);
    check(
        &|view| view.hash_read_expiring(key, fields(&["a", "b"]), FieldDeadline::Clear, |_| {}).unwrap(),
        &[HPersist],
        2,
    );
    check(&expire(&["a", "a"], 1_000), &[HExpired], 1);
    check(&set_expiring(&["b", "none"], past), &[HSet, HExpire, HExpired], 1);
    check(&remove(&["a", "b", "none"]), &[], 0);
    check(&remove(&["c", "c"]), &[HDel, Del], 1);
    check(&|view| _ = view.hash_set_if_absent(key, b"a", b"1").unwrap(), &[HSet], 1);
    check(&|view| _ = view.hash_set_if_absent(key, b"a", b"1").unwrap(), &[], 0);
    check(&expire(&["a"], 0), &[HExpired, Del], 1);
}
