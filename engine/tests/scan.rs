//! The promise of [`View::scan`]: every key that is there from a walk's first step to its last is shown,
//! whatever is added and removed and however the tables grow and shrink in between; nothing is shown that was
//! never there; cursors stay below 2^53, so that a JavaScript number holds them.

use std::collections::HashSet;

use proptest::prelude::*;
use scrubjay::shard::change::Event;
use scrubjay::time::ManualClock;
use scrubjay::{Deadline, Scope, Store};

const DB: u16 = 3;
const CURSOR_END: u64 = 1 << 53;
const START_MS: u64 = 1_000_000;

/// What happens between two steps of a walk. Keys are numbers, and none that is divisible by [`KEPT`] is ever
/// touched.
#[derive(Debug, Clone)]
enum Between {
    Insert {
        first: u32,
        count: u32,
    },
    Remove {
        first: u32,
        count: u32,
    },
    /// All but the kept, so that tables shrink as far as they can.
    RemoveAll,
    /// Given a deadline, and no more to be seen after the next [`Pass`](Self::Pass).
    Expire {
        first: u32,
        count: u32,
    },
    Pass,
    /// Another database of the same shards: none of this walk's business.
    Elsewhere {
        first: u32,
        count: u32,
    },
    Steps(u8),
}

const KEPT: u32 = 7;
const KEYS_MAX: u32 = 6000;

fn between() -> impl Strategy<Value = Between> {
    let range = || (0..KEYS_MAX, prop_oneof![1..20u32, 500..3000u32]);
    prop_oneof![
        4 => range().prop_map(|(first, count)| Between::Insert { first, count }),
        4 => range().prop_map(|(first, count)| Between::Remove { first, count }),
        1 => Just(Between::RemoveAll),
        1 => range().prop_map(|(first, count)| Between::Expire { first, count }),
        1 => Just(Between::Pass),
        1 => range().prop_map(|(first, count)| Between::Elsewhere { first, count }),
        6 => any::<u8>().prop_map(Between::Steps),
    ]
}

fn changing(first: u32, count: u32) -> impl Iterator<Item = u32> {
    (first..(first + count).min(KEYS_MAX)).filter(|key| !key.is_multiple_of(KEPT))
}

/// A store in which time stands still until told to pass.
struct World {
    store: Store,
    now: u64,
    /// Keys that may be shown: added, and not yet expired when the walk began.
    added: HashSet<u32>,
}

impl World {
    fn new(shards: usize, seed: u64) -> Self {
        let clock = ManualClock::new(START_MS);
        let store = Store::builder().clock(clock).shards(shards).seed(seed).build();
        Self { store, now: START_MS, added: HashSet::new() }
    }

    fn set(&mut self, db: u16, key: u32, deadline: Deadline) {
        let bytes = key.to_be_bytes();
        let key = self.store.key(db, &bytes);
        self.store.view(Scope::Key(&key), self.now).set(key, b"value", deadline, Event::Set);
    }

    fn insert(&mut self, key: u32) {
        self.set(DB, key, Deadline::Clear);
        self.added.insert(key);
    }

    fn remove(&mut self, key: u32) {
        let bytes = key.to_be_bytes();
        let key = self.store.key(DB, &bytes);
        self.store.view(Scope::Key(&key), self.now).remove(key, Event::Del);
    }

    fn change(&mut self, between: &Between) {
        match *between {
            Between::Insert { first, count } => changing(first, count).for_each(|key| self.insert(key)),
            Between::Remove { first, count } => changing(first, count).for_each(|key| self.remove(key)),
            Between::RemoveAll => changing(0, KEYS_MAX).for_each(|key| self.remove(key)),
            Between::Expire { first, count } => {
                for key in changing(first, count) {
                    self.set(DB, key, Deadline::At(self.now + 1));
                    self.added.insert(key);
                }
            }
            Between::Pass => self.now += 1,
            Between::Elsewhere { first, count } => {
                for key in first..first + count {
                    self.set(DB + 1, key + KEYS_MAX, Deadline::Clear);
                }
            }
            Between::Steps(_) => {}
        }
    }

    /// One step, with what it shows.
    fn step(&self, cursor: u64, show: impl FnMut(u32)) -> u64 {
        let mut show = show;
        let next = self.store.view(Scope::Walk, self.now).scan(DB, cursor, |key, meta| {
            assert!(meta.deadline.is_none_or(|deadline| deadline > self.now), "an expired key is shown");
            show(u32::from_be_bytes(key.try_into().expect("keys of this test are four bytes")));
        });
        assert!(next < CURSOR_END, "cursor {next}");
        next
    }
}

fn walk(shards: usize, seed: u64, filled: u32, script: &[Between]) -> Result<(), TestCaseError> {
    let mut world = World::new(shards, seed);
    let kept: Vec<u32> = (0..KEYS_MAX).step_by(KEPT as usize).take(filled as usize).collect();
    kept.iter().for_each(|key| world.insert(*key));

    let mut seen = HashSet::new();
    let mut cursor = 0;
    let mut script = script.iter();
    let mut steps = 0;
    loop {
        let now = script.next();
        if let Some(change) = now {
            world.change(change);
        }
        // Once the script is over, to the end.
        let mut left = match now {
            Some(Between::Steps(count)) => u64::from(*count),
            Some(_) => 1,
            None => u64::MAX,
        };
        while left > 0 {
            cursor = world.step(cursor, |key| {
                seen.insert(key);
            });
            left -= 1;
            steps += 1;
            // Every step moves on, so that there is an end.
            prop_assert!(steps < 1_000_000);
            if cursor == 0 {
                let missing: Vec<_> = kept.iter().filter(|key| !seen.contains(*key)).collect();
                prop_assert!(missing.is_empty(), "not shown: {missing:?}");
                let strange: Vec<_> = seen.difference(&world.added).collect();
                prop_assert!(strange.is_empty(), "never there: {strange:?}");
                return Ok(());
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn shows_what_is_there_throughout(
        shards in prop_oneof![Just(1usize), Just(64), 2..10usize],
        seed: u64,
        filled in 0..KEYS_MAX / KEPT,
        script in prop::collection::vec(between(), 0..40),
    ) {
        walk(shards, seed, filled, &script)?;
    }
}

#[test]
fn an_empty_database_is_walked_in_one_step() {
    for shards in [1, 64, 1024] {
        let world = World::new(shards, 1);
        assert_eq!(world.step(0, |_| panic!("there is nothing")), 0);
    }
}

#[test]
fn a_few_keys_do_not_take_a_step_for_each_shard() {
    let mut world = World::new(1024, 1);
    (0..3).for_each(|key| world.insert(key));
    let (mut cursor, mut steps, mut seen) = (0, 0, HashSet::new());
    loop {
        cursor = world.step(cursor, |key| {
            seen.insert(key);
        });
        steps += 1;
        if cursor == 0 {
            break;
        }
    }
    assert_eq!(seen.len(), 3);
    assert!(steps < 64, "{steps} steps");
}

#[test]
fn any_number_is_a_cursor() {
    for shards in [1, 64] {
        let mut world = World::new(shards, 1);
        (0..1000).for_each(|key| world.insert(key));
        let mut cursor = 1u64;
        for _ in 0..1000 {
            cursor = cursor.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(7);
            for at in [cursor, cursor >> 11, cursor >> 16, u64::MAX, CURSOR_END - 1, CURSOR_END] {
                world.step(at, |_| {});
            }
        }
    }
}
