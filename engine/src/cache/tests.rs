//! What a cache promises, at its face; and a model of it under random operations.

#![cfg(not(shuttle))]

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Barrier, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::RngAlgorithm;

use super::*;
use crate::time::ManualClock;

const SECOND: Duration = Duration::from_secs(1);

fn check<K: Hash + Eq, V, S: BuildHasher>(cache: &Cache<K, V, S>) {
    let mut granted = 0;
    for shard in &cache.0.shards {
        granted += shard.lock().check();
    }
    let Some(max) = cache.0.budget.max() else { return };
    assert!(granted <= max, "{granted} of {max}");
}

/// A cache with a clock of its own, and what its listener heard.
struct Bench {
    cache: Cache<u32, u32>,
    hands: ManualClock,
    heard: Arc<Mutex<Vec<(u32, u32, Cause)>>>,
}

fn bench(set: impl FnOnce(Builder<u32, u32>) -> Builder<u32, u32>) -> Bench {
    let hands = ManualClock::new(1_000_000);
    let heard = Arc::<Mutex<Vec<_>>>::default();
    let hear = {
        let heard = Arc::clone(&heard);
        move |removal: Removal<u32, u32>| {
            heard.lock().expect("no panic").push((removal.key, removal.value, removal.cause));
        }
    };
    let cache = set(Cache::builder().clock(hands.clone()).seed(1).listener(hear)).build();
    Bench { cache, hands, heard }
}

impl Bench {
    fn heard(&self) -> Vec<(u32, u32, Cause)> {
        std::mem::take(&mut *self.heard.lock().expect("no panic"))
    }
}

#[test]
fn values_come_back_until_they_go() {
    let Bench { cache, heard, .. } = bench(|builder| builder);
    assert_eq!((cache.get(&1), cache.remove(&1), cache.is_empty()), (None, None, true));
    cache.insert(1, 10);
    cache.insert(2, 20);
    cache.insert(1, 11);
    assert_eq!((cache.get(&1), cache.get_with(&2, |value| value + 1), cache.len()), (Some(11), Some(21), 2));
    assert!(cache.contains_key(&1) && !cache.contains_key(&3));
    assert_eq!(
        (cache.remove(&1), cache.remove(&1), cache.invalidate(&2), cache.invalidate(&2)),
        (Some(11), None, true, false)
    );
    let heard = heard.lock().expect("no panic").clone();
    assert_eq!(heard, [(1, 10, Cause::Replaced), (1, 11, Cause::Invalidated), (2, 20, Cause::Invalidated)]);
    let stats = cache.stats();
    assert_eq!(
        (stats.hits, stats.misses, stats.inserts, stats.invalidations, stats.entries),
        (2, 1, 3, 2, 0)
    );
    check(&cache);
}

#[test]
fn keys_are_looked_up_by_what_they_borrow_as_and_hashed_by_any_hasher() {
    /// The worst that is still a hasher: all keys in one place.
    #[derive(Default)]
    struct Same;
    impl std::hash::Hasher for Same {
        fn finish(&self) -> u64 {
            7
        }
        fn write(&mut self, _: &[u8]) {}
    }
    let cache =
        Cache::builder().max_entries(100).hasher(std::hash::BuildHasherDefault::<Same>::default()).build();
    for number in 0..100 {
        cache.insert(number.to_string(), number);
    }
    assert!((0..100).all(|number| cache.get(number.to_string().as_str()) == Some(number)));
    assert_eq!(cache.get_or_insert_with("100", || 100), 100);
    assert_eq!(cache.len(), 100);
    check(&cache);
}

#[test]
fn time_to_live_is_exact_and_memory_comes_back() {
    let Bench { cache, hands, heard } = bench(|builder| builder.ttl(SECOND));
    cache.insert(1, 1);
    cache.insert_as(2, 2, &Terms::new().ttl(SECOND * 2));
    cache.insert_as(3, 3, &Terms::new().no_ttl());
    hands.advance(Duration::from_millis(999));
    assert!(matches!(cache.read(&1), Outcome::Fresh { value: 1, left: Some(left) } if left.as_millis() == 1));
    hands.advance(Duration::from_millis(1));
    assert!(matches!(cache.peek(&1), Outcome::Miss));
    assert!(matches!(cache.read(&3), Outcome::Fresh { value: 3, left: None }));
    hands.advance(SECOND);
    assert_eq!(cache.len(), 2);
    cache.maintain();
    assert_eq!((cache.len(), cache.stats().expiries), (1, 2));
    assert_eq!(*heard.lock().expect("no panic"), [(1, 1, Cause::Expired), (2, 2, Cause::Expired)]);
    // Without anybody calling for it, too.
    for key in 10..2000 {
        cache.insert(key, 0);
    }
    hands.advance(SECOND);
    // So many that each shard gets some.
    for key in 3000..12_000 {
        cache.insert(key, 0);
    }
    assert_eq!(cache.len(), 9001);
    check(&cache);
}

#[test]
fn time_to_idle_begins_anew_with_every_read() {
    let Bench { cache, hands, .. } = bench(|builder| builder.time_to_idle(SECOND));
    cache.insert(1, 1);
    cache.insert(2, 2);
    cache.insert_as(3, 3, &Terms::new().time_to_idle(SECOND * 10).ttl(SECOND * 3));
    for _ in 0..5 {
        hands.advance(SECOND / 2);
        assert_eq!(cache.get(&1), Some(1));
        cache.maintain();
    }
    assert_eq!((cache.get(&2), cache.get(&3), cache.len()), (None, Some(3), 2));
    hands.advance(SECOND);
    cache.maintain();
    assert_eq!((cache.get(&1), cache.get(&3), cache.len()), (None, None, 0));
    check(&cache);
}

#[test]
fn the_bound_holds_and_everything_lighter_than_it_fits() {
    for policy in [Policy::S3Fifo, Policy::Lru, Policy::Lfu, Policy::Fifo] {
        let cache = Cache::builder()
            .max_weight(10_000, |_: &u32, &value: &u32| value)
            .shards(16)
            .policy(policy)
            .build();
        for key in 0..5_000 {
            cache.insert(key, 1 + key % 7);
            assert!(cache.weight() <= 10_000);
        }
        assert!(cache.weight() > 9_000, "{policy:?}: {}", cache.weight());
        // Heavier than a shard's share, and than all but everything.
        for weight in [700, 5_000, 10_000] {
            cache.insert(1_000_000 + weight, weight);
            assert_eq!(cache.get(&(1_000_000 + weight)), Some(weight), "{policy:?}");
            assert!(cache.weight() <= 10_000);
        }
        assert_eq!(cache.len(), 1);
        // What can never fit takes the old value with it.
        cache.insert(1_010_000, 10_001);
        assert_eq!((cache.get(&1_010_000), cache.weight()), (None, 0));
        cache.compute(5, |_| Compute::Put(9_000));
        assert_eq!(cache.get(&5), Some(9_000));
        check(&cache);
    }
}

#[test]
fn a_bound_of_entries_is_used_in_full() {
    for (max, shards) in [(1, 1), (7, 1), (100, 4), (100_000, 64)] {
        let cache = Cache::builder().max_entries(max).shards(shards).build();
        for key in 0..max * 3 {
            cache.insert(key, ());
            assert!(cache.len() as u64 <= max || max > 100);
        }
        let len = cache.len() as u64;
        assert!(len <= max && len >= max - max / 50, "{len} of {max}");
        cache.resize(max / 2);
        assert!(cache.len() as u64 <= max / 2);
        cache.resize(max * 2);
        for key in 0..max * 4 {
            cache.insert(key, ());
        }
        assert!(cache.len() as u64 > max && cache.len() as u64 <= max * 2);
        check(&cache);
    }
}

#[test]
fn bytes_are_bounded_with_what_entries_take_in_the_cache() {
    let cache =
        Cache::builder().max_bytes(1 << 20, |_: &u64, value: &Vec<u8>| value.capacity() as u32).build();
    for key in 0..100_000 {
        cache.insert(key, vec![0; 100]);
    }
    let stats = cache.stats();
    let owned = stats.entries * 100;
    assert!(stats.bytes + owned < (1 << 20) * 11 / 10, "{} + {owned}", stats.bytes);
    assert!(stats.bytes + owned > (1 << 20) * 8 / 10, "{} + {owned}", stats.bytes);
}

#[test]
fn lru_and_fifo_are_exact() {
    let order = |policy| {
        let cache = Cache::builder().max_entries(4).policy(policy).build();
        for key in 0..4 {
            cache.insert(key, ());
        }
        cache.get(&0);
        cache.peek(&1);
        cache.insert(2, ());
        let mut gone = Vec::new();
        for key in 10..14 {
            let before: BTreeSet<i32> = cache.iter().map(|(key, ())| key).collect();
            cache.insert(key, ());
            gone.extend(before.into_iter().filter(|key| !cache.contains_key(key)));
        }
        check(&cache);
        gone
    };
    assert_eq!(order(Policy::Lru), [1, 3, 0, 2]);
    assert_eq!(order(Policy::Fifo), [0, 1, 2, 3]);
}

#[test]
fn lfu_keeps_what_is_used_often_until_it_is_not() {
    let cache = Cache::builder().max_entries(100).policy(Policy::Lfu).seed(1).build();
    for key in 0..100 {
        cache.insert(key, ());
    }
    for _ in 0..50 {
        assert!((0..50).all(|key| cache.get(&key).is_some()));
    }
    for key in 1000..1200 {
        cache.insert(key, ());
    }
    assert!((0..50).all(|key| cache.contains_key(&key)));
    // An age later nothing is left of that.
    for key in 10_000..60_000 {
        cache.insert(key, ());
        cache.get(&key);
    }
    assert!((0..50).filter(|key| cache.contains_key(key)).count() < 10);
    check(&cache);
}

#[test]
fn s3fifo_is_not_swept_by_a_scan_and_holds_a_loop() {
    let cache = Cache::builder().max_entries(1000).shards(1).build();
    for key in 0..500 {
        cache.insert(key, ());
        cache.get(&key);
        cache.get(&key);
    }
    for key in 10_000..30_000 {
        cache.insert(key, ());
    }
    assert!((0..500).filter(|key| cache.contains_key(key)).count() > 450);
    let cache = Cache::builder().max_entries(1000).shards(1).build();
    for round in 0..10 {
        let hits = (0..1200).filter(|key| cache.get_or_insert_with(key, || *key) == *key).count();
        assert_eq!(hits, 1200, "{round}");
    }
    assert!(cache.stats().hit_ratio() > 0.55, "{}", cache.stats().hit_ratio());
    assert_eq!(cache.setting().small_queue, 0.1);
    cache.set_small_queue(0.5);
    assert_eq!(cache.setting().small_queue, 0.5);
    check(&cache);
}

#[test]
fn a_stale_value_is_served_while_one_caller_loads_it_anew() {
    let Bench { cache, hands, .. } = bench(|builder| builder.ttl(SECOND * 10).soft_ttl(SECOND));
    cache.insert(1, 1);
    assert!(matches!(cache.read(&1), Outcome::Fresh { value: 1, left: Some(left) } if left == SECOND));
    hands.advance(SECOND);
    assert!(matches!(cache.read(&1), Outcome::Stale { value: 1, left: Some(left) } if left == SECOND * 9));
    assert_eq!(cache.get(&1), Some(1));
    let Claim::Refresh(1, ticket) = cache.claim(&1) else { panic!("a duty to refresh") };
    assert!(matches!(cache.claim(&1), Claim::Held(Outcome::Stale { value: 1, .. })));
    assert_eq!(cache.get_or_insert_with(&1, || panic!("somebody else is at it")), 1);
    assert!(ticket.publish(2));
    assert!(matches!(cache.read(&1), Outcome::Fresh { value: 2, .. }));
    // A refresh that fails leaves it as it was, and is not tried again at once.
    hands.advance(SECOND);
    assert_eq!(cache.try_get_or_insert_with(&1, || Err::<u32, _>("down")), Ok(2));
    assert_eq!(cache.get_or_insert_with(&1, || panic!("too early")), 2);
    assert!(matches!(cache.read(&1), Outcome::Stale { value: 2, .. }));
    hands.advance(SECOND);
    assert_eq!(cache.get_or_insert_with(&1, || 3), 3);
    assert_eq!((cache.stats().stand_ins, cache.stats().load_failures, cache.stats().loads), (1, 1, 2));
    check(&cache);
}

#[test]
fn a_value_that_is_over_stands_in_for_one_that_cannot_be_had() {
    let Bench { cache, hands, heard } = bench(|builder| builder.ttl(SECOND).stale_on_error(SECOND * 60));
    cache.insert_as(1, 1, &Terms::new().tag("t"));
    hands.advance(SECOND);
    assert!(matches!(cache.read(&1), Outcome::Miss) && cache.get(&1).is_none() && !cache.contains_key(&1));
    assert_eq!((cache.iter().count(), cache.remove(&9)), (0, None));
    assert_eq!(cache.try_get_or_insert_with(&1, || Err::<u32, _>("down")), Ok(1));
    assert!(matches!(cache.read(&1), Outcome::Stale { value: 1, .. }));
    hands.advance(SECOND);
    assert!(matches!(cache.read(&1), Outcome::Miss));
    // Not what was invalidated, by tag or by key.
    cache.invalidate_tag("t");
    assert_eq!(cache.try_get_or_insert_with(&1, || Err::<u32, _>("down")), Err(Arc::new("down")));
    cache.insert(1, 2);
    hands.advance(SECOND);
    assert!(!cache.invalidate(&1));
    assert_eq!(cache.try_get_or_insert_with(&1, || Err::<u32, _>("down")), Err(Arc::new("down")));
    // Nor for ever.
    cache.insert(1, 3);
    hands.advance(SECOND * 61);
    assert_eq!(cache.try_get_or_insert_with(&1, || Err::<u32, _>("down")), Err(Arc::new("down")));
    assert_eq!(cache.len(), 0);
    assert_eq!(heard.lock().expect("no panic").len(), 3);
    check(&cache);
}

#[test]
fn what_is_absent_and_what_fails_is_remembered_for_as_long_as_was_asked() {
    let Bench { cache, hands, .. } = bench(|builder| builder.absent_ttl(SECOND).failed_ttl(SECOND / 2));
    let loads = Cell::new(0);
    let load = |result: Result<Option<u32>, &'static str>| {
        cache.get_or_load(&1, || {
            loads.set(loads.get() + 1);
            result
        })
    };
    assert_eq!((load(Ok(None)), load(Ok(Some(1))), loads.get()), (Ok(None), Ok(None), 1));
    assert!(matches!(cache.read(&1), Outcome::Absent { left: Some(left) } if left == SECOND));
    assert_eq!(cache.get(&1), None);
    hands.advance(SECOND);
    assert_eq!(load(Err("down")), Err(Arc::new("down")));
    assert_eq!(load(Ok(Some(1))), Err(Arc::new("down")));
    let Outcome::Failed { failure, .. } = cache.read(&1) else { panic!("a failure") };
    assert_eq!((failure.downcast::<&str>(), failure.downcast::<u32>()), (Some(Arc::new("down")), None));
    // A loader with another type of error does not take it for its own.
    assert_eq!(cache.try_get_or_insert_with(&1, || Err::<u32, u8>(3)), Err(Arc::new(3)));
    hands.advance(SECOND / 2);
    assert_eq!((load(Ok(Some(1))), load(Ok(None)), loads.get()), (Ok(Some(1)), Ok(Some(1)), 3));
    cache.insert_absent(1);
    assert_eq!(
        (load(Ok(Some(2))), cache.get_or_insert_with(&1, || 5), cache.get(&1)),
        (Ok(None), 5, Some(5))
    );
    assert!(cache.stats().negative_hits >= 4);
    // A cache that was not asked to does not remember, and what was there is outdated.
    let cache: Cache<u32, u32> = Cache::builder().clock(hands.clone()).soft_ttl(SECOND).build();
    assert_eq!(cache.get_or_load(&1, || Err::<_, ()>(())), Err(Arc::new(())));
    assert_eq!(cache.get_or_load(&1, || Ok::<_, ()>(Some(1))), Ok(Some(1)));
    hands.advance(SECOND);
    assert_eq!(cache.get_or_load(&1, || Ok::<_, ()>(None)), Ok(None));
    assert_eq!(cache.len(), 0);
    check(&cache);
}

#[test]
fn one_loads_and_the_others_wait() {
    let cache: Cache<u32, u32> = Cache::default();
    let (loads, barrier) = (AtomicUsize::new(0), Barrier::new(8));
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                barrier.wait();
                let value = cache.get_or_insert_with(&1, || {
                    // Long enough for the others to come, usually; right in any case.
                    (0..1000).for_each(|_| thread::yield_now());
                    loads.fetch_add(1, Relaxed) as u32
                });
                assert_eq!(value, 0);
            });
        }
    });
    assert_eq!(loads.into_inner(), 1);
    check(&cache);
}

#[test]
fn who_waits_is_not_left_behind_by_a_panic_or_a_cancelled_loader() {
    let cache: Cache<u32, u32> = Cache::default();
    let panicked = catch_unwind(AssertUnwindSafe(|| cache.get_or_insert_with(&1, || panic!("no"))));
    assert!(panicked.is_err());
    assert_eq!(cache.get_or_insert_with(&1, || 1), 1);

    let mut context = Context::from_waker(Waker::noop());
    let mut first = Box::pin(cache.get_or_insert_with_async(&2, std::future::pending));
    assert!(first.as_mut().poll(&mut context).is_pending());
    let mut second = pin!(cache.get_or_insert_with_async(&2, || std::future::ready(2)));
    assert!(second.as_mut().poll(&mut context).is_pending());
    drop(first);
    assert_eq!(second.as_mut().poll(&mut context), Poll::Ready(2));
    assert_eq!(cache.stats().load_failures, 2);
    // A loader that asks for its own key does not wait for itself.
    assert_eq!(cache.get_or_insert_with(&3, || cache.get_or_insert_with(&3, || 3) + 1), 4);
    check(&cache);
}

#[test]
fn a_failure_is_shared_by_all_who_wait_for_it() {
    let cache: Cache<u32, u32> = Cache::default();
    let Claim::Load(ticket) = cache.claim(&1) else { panic!("a duty") };
    let waiting: Vec<_> = (0..3)
        .map(|_| match cache.claim(&1) {
            Claim::Wait(pending) => pending,
            _ => panic!("somebody is loading"),
        })
        .collect();
    assert_eq!(ticket.fail(Failure::new("down")), None);
    for pending in waiting {
        let Some(Loaded::Failed(failure)) = pending.wait() else { panic!("a failure") };
        assert!(failure.is::<&str>());
    }
    assert!(matches!(cache.claim(&1), Claim::Load(_)));
}

#[test]
fn a_load_never_undoes_what_came_after_it_began() {
    type Change = fn(&Cache<u32, u32>);
    let changes: [(Change, Option<u32>); 6] = [
        (|cache| cache.insert(1, 7), Some(7)),
        (|cache| _ = cache.remove(&1), None),
        (|cache| _ = cache.invalidate_if(|_, _| false), None),
        (Cache::clear, None),
        (|cache| cache.compute(1, |_| Compute::Remove), None),
        (|cache| cache.invalidate_tag("t"), None),
    ];
    for (number, (change, then)) in changes.into_iter().enumerate() {
        let cache: Cache<u32, u32> = Cache::default();
        let Claim::Load(ticket) = cache.claim(&1) else { panic!("a duty") };
        let Claim::Wait(pending) = cache.claim(&1) else { panic!("somebody is loading") };
        change(&cache);
        let by_tag = number == 5;
        assert_eq!(ticket.is_live(), by_tag);
        ticket.publish_as(1, &Terms::new().tag("t"));
        // Who had asked before may be told what was true then.
        assert!(matches!(pending.wait(), Some(Loaded::Found(1))));
        assert_eq!(cache.get(&1), then, "{number}");
        assert_eq!(cache.stats().discarded_loads, u64::from(!by_tag));
        check(&cache);
    }
}

#[test]
fn a_tag_takes_all_that_carry_it() {
    let Bench { cache, heard, .. } = bench(|builder| builder);
    for key in 0..100 {
        let tag = if key % 2 == 0 { "even" } else { "odd" };
        cache.insert_as(key, key, &Terms::new().tag(tag).tag("all"));
    }
    cache.invalidate_tag("even");
    cache.invalidate_tag("nobody's");
    assert_eq!(cache.iter().count(), 50);
    assert!((0..100).all(|key| cache.get(&key).is_some() == (key % 2 == 1)));
    assert_eq!((cache.len(), heard.lock().expect("no panic").len()), (50, 50));
    cache.insert_as(0, 0, &Terms::new().tag("even"));
    assert_eq!(cache.get(&0), Some(0));
    cache.invalidate_tag("all");
    assert_eq!(cache.iter().collect::<Vec<_>>(), [(0, 0)]);
    check(&cache);
}

#[test]
fn predicates_iteration_and_clearing() {
    let bench = bench(|builder| builder.max_entries(10_000));
    let cache = &bench.cache;
    for key in 0..5_000 {
        cache.insert(key, key * 2);
    }
    let seen: BTreeMap<u32, u32> = cache.into_iter().collect();
    assert!(seen.len() == 5_000 && seen.iter().all(|(key, value)| key * 2 == *value));
    let mut sum = 0;
    cache.for_each(|key, _| sum += key);
    assert_eq!(sum, (0..5_000).sum());
    assert_eq!(cache.invalidate_if(|key, _| key % 3 == 0), 1667);
    assert_eq!((cache.len(), bench.heard().len()), (3333, 1667));
    check(cache);
    cache.clear();
    assert_eq!((cache.len(), cache.weight(), bench.heard().len()), (0, 0, 3333));
    cache.insert(1, 1);
    assert_eq!(cache.get(&1), Some(1));
    check(cache);
}

#[test]
fn computing_is_one_step() {
    let cache: Cache<&str, u64> = Cache::default();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..1000 {
                    cache.compute("n", |n| Compute::Put(n.map_or(1, |n| n + 1)));
                }
            });
        }
    });
    assert_eq!(cache.get("n"), Some(4000));
    cache.compute("n", |_| Compute::Keep);
    cache.compute("n", |_| Compute::Remove);
    assert_eq!(cache.get("n"), None);
    assert_eq!(cache.entry("n").and_modify(|n| *n += 1).or_skip(), None);
    assert_eq!(cache.entry("n").and_modify(|n| *n += 1).or_insert(5), 5);
    assert_eq!(cache.entry("n").and_modify(|n| *n += 1).and_modify(|n| *n *= 2).or_insert(9), 12);
    assert_eq!((cache.entry("n").or_insert(1), cache.entry("n").or_skip()), (12, Some(12)));
    check(&cache);
}

#[test]
fn whatever_of_the_callers_panics_the_cache_stays_whole() {
    /// Panics as it is told: when cloned, compared, dropped.
    #[derive(Debug, PartialEq, Eq, Hash, Clone)]
    struct Key(u32);
    struct Value(u32);
    impl Clone for Value {
        fn clone(&self) -> Self {
            assert_ne!(self.0, 13, "bad luck");
            Self(self.0)
        }
    }
    impl Drop for Value {
        fn drop(&mut self) {
            assert!(self.0 != 666 || thread::panicking(), "an evil end");
        }
    }
    let cache = Cache::builder()
        .max_weight(100, |_: &Key, value: &Value| {
            assert_ne!(value.0, 99, "no idea");
            1
        })
        .listener(|removal: Removal<Key, Value>| assert_ne!(removal.value.0, 42, "not that"))
        .build();
    let panics = |act: &dyn Fn()| assert!(catch_unwind(AssertUnwindSafe(act)).is_err());
    cache.insert(Key(1), Value(13));
    panics(&|| drop(cache.get(&Key(1))));
    panics(&|| _ = cache.get_with(&Key(1), |_| panic!("mine")));
    panics(&|| cache.insert(Key(2), Value(99)));
    panics(&|| cache.compute(Key(1), |_| panic!("mine")));
    panics(&|| cache.compute(Key(1), |_| Compute::Put(Value(99))));
    panics(&|| _ = cache.invalidate_if(|_, _| panic!("mine")));
    cache.insert(Key(3), Value(42));
    panics(&|| _ = cache.invalidate(&Key(3)));
    cache.insert(Key(4), Value(666));
    panics(&|| cache.insert(Key(4), Value(1)));
    assert_eq!(cache.get_with(&Key(4), |value| value.0), Some(1));
    assert_eq!(cache.len(), 2);
    cache.insert(Key(5), Value(5));
    assert_eq!(cache.get(&Key(5)).map(|value| value.0), Some(5));
    check(&cache);
}

#[test]
fn a_snapshot_brings_everything_back_but_what_has_expired() {
    let Bench { cache, hands, .. } = bench(|builder| builder);
    for key in 0..5_000 {
        cache.insert(key, key + 1);
    }
    cache.insert_as(1, 1, &Terms::new().ttl(SECOND * 5).soft_ttl(SECOND * 3).tag("a").tag("b"));
    cache.insert_as(2, 2, &Terms::new().ttl(SECOND));
    cache.insert_as(3, 3, &Terms::new().time_to_idle(SECOND * 2));
    cache.insert_absent(4);
    let encode = |key: &u32, value: &u32, bytes: &mut Vec<u8>| {
        bytes.extend_from_slice(&key.to_le_bytes());
        bytes.extend_from_slice(&value.to_le_bytes());
    };
    let decode = |bytes: &[u8]| {
        let (key, value) = bytes.split_at_checked(4)?;
        Some((u32::from_le_bytes(key.try_into().ok()?), u32::from_le_bytes(value.try_into().ok()?)))
    };
    let mut file = Vec::new();
    assert_eq!(cache.save(&mut file, encode).expect("a vector"), 4_999);
    hands.advance(SECOND);

    let warm: Cache<u32, u32> = Cache::builder().clock(hands.clone()).build();
    assert_eq!(warm.load(&file[..], decode).expect("whole"), 4_998);
    assert!((5..5_000).all(|key| warm.get(&key) == Some(key + 1)));
    assert!(matches!(warm.read(&1), Outcome::Fresh { value: 1, left: Some(left) } if left == SECOND * 2));
    assert!(matches!(warm.read(&3), Outcome::Fresh { value: 3, left: Some(left) } if left == SECOND * 2));
    assert_eq!((warm.get(&2), warm.get(&4)), (None, None));
    warm.invalidate_tag("b");
    assert_eq!(warm.get(&1), None);

    // A bad byte anywhere is noticed, and nothing of its block is put in.
    let cold = || Cache::<u32, u32>::builder().clock(hands.clone()).build();
    for at in (0..file.len()).step_by(1997) {
        let mut bad = file.clone();
        bad[at] ^= 0x10;
        let cache = cold();
        let loaded = cache.load(&bad[..], decode);
        assert!(loaded.is_err() || (9..17).contains(&at), "{at}");
        let beyond = |(key, value): (u32, u32)| value != key + 1 && key > 3;
        assert!(!cache.iter().any(beyond));
        assert!(cold().load(&file[..at], decode).is_err(), "{at}");
    }
    assert!(matches!(cold().load(&b"SCRUBJAY\x02"[..], decode), Err(SnapshotError::NotASnapshot)));
    assert!(matches!(cold().load(&b""[..], decode), Err(SnapshotError::NotASnapshot)));
    assert!(matches!(cold().load(&file[..file.len() - 1], decode), Err(SnapshotError::Truncated)));
}

#[test]
fn values_are_dropped_where_no_lock_is_held() {
    /// Looks into its own cache when it is dropped.
    struct Nosy(Cache<u32, Option<Arc<Self>>>, u32);
    impl Drop for Nosy {
        fn drop(&mut self) {
            self.0.get_with(&self.1, |_| ());
        }
    }
    let cache: Cache<u32, Option<Arc<Nosy>>> = Cache::with_entries(10);
    let nosy = |key| Some(Arc::new(Nosy(cache.clone(), key)));
    for key in 0..30 {
        cache.insert(key, nosy(key));
        cache.insert(key, nosy(key));
    }
    for key in 0..30 {
        cache.remove(&key);
    }
    cache.insert(1, nosy(1));
    cache.invalidate_if(|_, _| true);
    cache.insert(1, nosy(1));
    cache.clear();
    assert!(cache.is_empty());
}

/// One thing to do to a cache and to its model.
#[derive(Debug, Clone)]
enum Op {
    Insert(u8, u8),
    InsertFor(u8, u8, u16),
    InsertIdle(u8, u8, u16),
    Absent(u8),
    Get(u8),
    Remove(u8),
    Pass(u16),
    Tag(bool),
    Predicate(u8),
    Maintain,
    Clear,
    Resize(u8),
}

fn op() -> impl Strategy<Value = Op> {
    let key = || 0..40_u8;
    prop_oneof![
        8 => (key(), any::<u8>()).prop_map(|(key, value)| Op::Insert(key, value)),
        6 => (key(), any::<u8>(), 1..2000_u16).prop_map(|(key, value, ttl)| Op::InsertFor(key, value, ttl)),
        3 => (key(), any::<u8>(), 1..2000_u16).prop_map(|(key, value, idle)| {
            Op::InsertIdle(key, value, idle)
        }),
        2 => key().prop_map(Op::Absent),
        10 => key().prop_map(Op::Get),
        4 => key().prop_map(Op::Remove),
        4 => (0..1500_u16).prop_map(Op::Pass),
        1 => any::<bool>().prop_map(Op::Tag),
        1 => any::<u8>().prop_map(Op::Predicate),
        2 => Just(Op::Maintain),
        1 => Just(Op::Clear),
        1 => (1..60_u8).prop_map(Op::Resize),
    ]
}

/// What the model knows of an entry.
#[derive(Debug, Clone, Copy)]
struct Known {
    value: Option<u32>,
    deadline: u64,
    idle: Option<u64>,
    tag: Option<bool>,
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 4 } else { 256 },
        failure_persistence: None,
        rng_algorithm: RngAlgorithm::XorShift,
        ..ProptestConfig::default()
    })]

    /// Every value the cache has is the model's; what it does not have was evicted, and told of.
    #[test]
    fn behaves_like_a_map_that_forgets(
        ops in prop::collection::vec(op(), 0..if cfg!(miri) { 80 } else { 400 }),
        policy in prop_oneof![Just(Policy::S3Fifo), Just(Policy::Lru), Just(Policy::Lfu), Just(Policy::Fifo)],
        max in 1..50_u64,
        shards in 1..5_usize,
    ) {
        let bench = bench(|builder| {
            builder.policy(policy).max_entries(max).shards(shards).absent_ttl(Duration::from_millis(700))
        });
        let (cache, mut model, mut now, mut max) = (&bench.cache, BTreeMap::<u32, Known>::new(), 0_u64, max);
        for op in ops {
            match op {
                Op::Insert(key, value) => {
                    let (key, value) = (u32::from(key), u32::from(value));
                    let tag = (value % 3 != 0).then_some(value % 3 == 1);
                    let terms = tag.map_or(Terms::new(), |tag| Terms::new().tag(tag.to_string()));
                    cache.insert_as(key, value, &terms);
                    model.insert(key, Known { value: Some(value), deadline: u64::MAX, idle: None, tag });
                }
                Op::InsertFor(key, value, ttl) => {
                    let (key, value, ttl) = (u32::from(key), u32::from(value), u64::from(ttl));
                    cache.insert_as(key, value, &Terms::new().ttl(Duration::from_millis(ttl)));
                    let deadline = now + ttl;
                    model.insert(key, Known { value: Some(value), deadline, idle: None, tag: None });
                }
                Op::InsertIdle(key, value, idle) => {
                    let (key, value, idle) = (u32::from(key), u32::from(value), u64::from(idle));
                    cache.insert_as(key, value, &Terms::new().time_to_idle(Duration::from_millis(idle)));
                    let deadline = now + idle;
                    model.insert(key, Known { value: Some(value), deadline, idle: Some(idle), tag: None });
                }
                Op::Absent(key) => {
                    cache.insert_absent(u32::from(key));
                    let known = Known { value: None, deadline: now + 700, idle: None, tag: None };
                    model.insert(u32::from(key), known);
                }
                Op::Get(key) => {
                    let key = u32::from(key);
                    let live = model.get_mut(&key).filter(|known| known.deadline > now);
                    match cache.read(&key) {
                        Outcome::Fresh { value, .. } => {
                            let known = live.expect("a value that is not over");
                            prop_assert_eq!(Some(value), known.value);
                            if let Some(idle) = known.idle {
                                known.deadline = now + idle;
                            }
                        }
                        Outcome::Absent { .. } => {
                            prop_assert_eq!(live.expect("known to be absent").value, None);
                        }
                        _ => {
                            // Evicted, if the model has it.
                            model.remove(&key);
                        }
                    }
                }
                Op::Remove(key) => {
                    let key = u32::from(key);
                    let known = model.remove(&key).filter(|known| known.deadline > now);
                    if let Some(value) = cache.remove(&key) {
                        prop_assert_eq!(Some(value), known.expect("a value that is not over").value);
                    }
                }
                Op::Pass(millis) => {
                    now += u64::from(millis);
                    bench.hands.advance(Duration::from_millis(u64::from(millis)));
                }
                Op::Tag(tag) => {
                    cache.invalidate_tag(&tag.to_string());
                    model.retain(|_, known| known.tag != Some(tag));
                }
                Op::Predicate(part) => {
                    cache.invalidate_if(|_, value| *value < u32::from(part));
                    model.retain(|_, known| known.value.is_none_or(|value| value >= u32::from(part)));
                }
                Op::Maintain => {
                    cache.maintain();
                    let live = model.values().filter(|known| known.deadline > now).count();
                    let gone = model.values().filter(|known| known.tag.is_some()).count();
                    prop_assert!(cache.len() <= live.max(gone) + 40);
                    let due = cache.0.shards.iter().any(|shard| shard.lock().deadlines.is_due(now));
                    prop_assert!(!due || now == 0);
                }
                Op::Clear => {
                    cache.clear();
                    model.clear();
                }
                Op::Resize(entries) => {
                    max = u64::from(entries);
                    cache.resize(max);
                }
            }
            prop_assert!(cache.len() as u64 <= max);
            check(cache);
        }
        let mut seen = BTreeMap::new();
        cache.for_each(|key, value| _ = seen.insert(*key, *value));
        for (key, value) in seen {
            let known = model.get(&key).filter(|known| known.deadline > now);
            prop_assert_eq!(known.and_then(|known| known.value), Some(value));
        }
        // Each value was told of once, or is still there.
        let inserted = cache.stats().inserts;
        let told = bench.heard().len() as u64;
        let mut there = 0;
        for shard in &cache.0.shards {
            let shard = shard.lock();
            there += shard.map.iter().filter(|(_, entry)| entry.content.found().is_some()).count() as u64;
        }
        prop_assert_eq!(inserted, told + there);
    }
}
