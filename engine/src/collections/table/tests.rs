//! The table against a naive model, over two entry stores and under hashes that spread well, badly and not at
//! all. After every operation the table's own invariants are checked too.

use std::collections::{BTreeSet, HashMap, HashSet};

use proptest::prelude::*;

use super::*;
use crate::raw::Handle;
use crate::raw::heap::HeapBytes;
use crate::raw::slab::{ByteSlab, Meta, NewValue};

/// Any fixed function that spreads; the table itself knows nothing of hashing.
fn mix(key: u64) -> u64 {
    let mut z = key.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// How keys get their positions.
#[derive(Clone, Copy, Debug)]
enum Spread {
    Even,
    /// All in one place.
    Same,
    /// At one of three places, two of them the ends of hash space.
    Three,
    /// Alike in the top 30 bits.
    SameTop,
    /// Twenty times as dense at one end as at the other.
    Lopsided,
}

impl Spread {
    fn position(self, key: u64) -> u64 {
        let hash = mix(key);
        match self {
            Self::Even => hash,
            Self::Same => 0x1234_5678_9abc_def0,
            Self::Three => [0, 0x7654_3210_0000_0000, u64::MAX][key as usize % 3],
            Self::SameTop => 0xabcd_ef01_0000_0000 | (hash >> 30),
            Self::Lopsided => {
                if hash.is_multiple_of(20) {
                    hash
                } else {
                    hash >> 7
                }
            }
        }
    }

    /// Few tags, so that many entries share one.
    fn tag(self, key: u64) -> u8 {
        (mix(key) & 7) as u8
    }
}

/// A store of entries under test: `add` puts a key in and says its handle.
trait Store: Entries {
    fn new(spread: Spread) -> Self;
    fn add(&mut self, key: u64) -> u32;
    fn release(&mut self, handle: u32);
    fn key(&self, handle: u32) -> u64;
}

fn named(handle: u32) -> Handle {
    Handle::from_bits(handle).expect("the table hands out what it was given")
}

/// Keeps the position beside the key, and uses small handles again.
struct Stored {
    spread: Spread,
    entries: Vec<(u64, u64)>,
    free: Vec<u32>,
}

impl Entries for Stored {
    fn position(&self, handle: u32) -> u64 {
        self.entries[handle as usize].1
    }
}

impl Store for Stored {
    fn new(spread: Spread) -> Self {
        Self { spread, entries: Vec::new(), free: Vec::new() }
    }

    fn add(&mut self, key: u64) -> u32 {
        let entry = (key, self.spread.position(key));
        match self.free.pop() {
            Some(handle) => {
                self.entries[handle as usize] = entry;
                handle
            }
            None => {
                self.entries.push(entry);
                self.entries.len() as u32 - 1
            }
        }
    }

    fn release(&mut self, handle: u32) {
        self.free.push(handle);
    }

    fn key(&self, handle: u32) -> u64 {
        self.entries[handle as usize].0
    }
}

/// The byte slab: keeps nothing but bytes, and hashes them again. Handles are large and sparse.
struct Bytes {
    spread: Spread,
    entries: ByteSlab<NoObject>,
}

/// What no entry here owns.
struct NoObject;

impl HeapBytes for NoObject {
    fn heap_bytes(&self) -> usize {
        0
    }
}

impl Entries for Bytes {
    fn position(&self, handle: u32) -> u64 {
        self.spread.position(self.key(handle))
    }
}

impl Store for Bytes {
    fn new(spread: Spread) -> Self {
        Self { spread, entries: ByteSlab::new() }
    }

    fn add(&mut self, key: u64) -> u32 {
        let value = NewValue::Inline(b"value");
        self.entries.insert(key.to_string().as_bytes(), Meta::default(), value).to_bits()
    }

    fn release(&mut self, handle: u32) {
        self.entries.remove(named(handle));
    }

    fn key(&self, handle: u32) -> u64 {
        let key = self.entries.get(named(handle)).key();
        std::str::from_utf8(key).expect("digits").parse().expect("a number")
    }
}

impl Table {
    /// Every invariant stated in this folder.
    fn check(&self, entries: &impl Entries) {
        assert_eq!(self.len, self.segments.iter().map(Segment::len).sum::<usize>());
        assert_eq!(self.capacity as usize, self.segments.iter().map(Segment::capacity).sum::<usize>());
        if self.segments.is_empty() {
            assert!(self.directory.is_empty());
            return;
        }
        assert_eq!(self.directory.len(), 1 << self.depth);
        assert_eq!(self.segments.iter().map(|s| s.depth()).max(), Some(u32::from(self.depth)));
        assert!(self.bits == BITS_MAX || self.segments.len() == 1);
        for (prefix, &index) in self.directory.iter().enumerate() {
            assert!(self.range(self.segments[index as usize].node).contains(&prefix));
        }
        let nodes: HashSet<_> = self.segments.iter().map(|s| s.node).collect();
        assert_eq!(nodes.len(), self.segments.len());
        for (index, segment) in self.segments.iter().enumerate() {
            self.check_segment(index, segment, entries);
        }
    }

    fn check_segment(&self, index: usize, segment: &Segment, entries: &impl Entries) {
        let homes = 1 << self.bits;
        let mut chained = vec![false; segment.buckets().len()];
        let mut len = 0;
        for home in 0..homes {
            for (nth, bucket) in segment.chain(home).enumerate() {
                assert!(!std::mem::replace(&mut chained[bucket], true), "a bucket is in one chain");
                assert_eq!(bucket < homes, nth == 0);
                let bucket = segment.bucket(bucket);
                match nth {
                    0 => assert!(bucket.link().is_none() || !bucket.has_room()),
                    1 => assert!(!bucket.is_empty()),
                    _ => assert!(!bucket.has_room()),
                }
                len += bucket.len();
                for &handle in bucket.handles() {
                    assert_eq!(self.locate(entries.position(handle)), Some((index, home)));
                }
            }
        }
        assert_eq!(len, segment.len());
        assert!(chained.iter().all(|&is| is), "every overflow bucket is in a chain");
    }
}

#[derive(Clone, Debug)]
enum Op {
    Insert {
        count: usize,
    },
    /// Removes entries, oldest or newest keys first.
    Remove {
        count: usize,
        newest: bool,
    },
    /// Removes all entries below a position, as a hand does, so that whole segments empty.
    RemoveBelow {
        position: u64,
    },
    /// Gives entries new handles.
    Move {
        count: usize,
    },
    Use {
        count: usize,
        by: u8,
    },
    StartScan,
    Scan {
        steps: usize,
    },
    TurnHand {
        steps: usize,
    },
    Clear {
        drained: usize,
    },
}

fn op() -> impl Strategy<Value = Op> {
    let most: usize = if cfg!(miri) { 100 } else { 3000 };
    prop_oneof![
        5 => (1..most).prop_map(|count| Op::Insert { count }),
        4 => (1..most, any::<bool>()).prop_map(|(count, newest)| Op::Remove { count, newest }),
        1 => any::<u64>().prop_map(|position| Op::RemoveBelow { position }),
        1 => (1..100usize).prop_map(|count| Op::Move { count }),
        1 => (1..100usize, 0..=3u8).prop_map(|(count, by)| Op::Use { count, by }),
        2 => Just(Op::StartScan),
        6 => (1..80usize).prop_map(|steps| Op::Scan { steps }),
        1 => (1..80usize).prop_map(|steps| Op::TurnHand { steps }),
        1 => (0..200usize).prop_map(|drained| Op::Clear { drained }),
    ]
}

fn spread() -> impl Strategy<Value = Spread> {
    prop_oneof![
        6 => Just(Spread::Even),
        1 => Just(Spread::Same),
        1 => Just(Spread::Three),
        2 => Just(Spread::SameTop),
        2 => Just(Spread::Lopsided),
    ]
}

/// A SCAN under way: what it owes, and what it has handed out.
struct Walk {
    cursor: u64,
    owed: HashSet<u64>,
}

struct Model<S> {
    spread: Spread,
    store: S,
    table: Table,
    /// Of each live key, its handle and use count.
    live: HashMap<u64, (u32, u8)>,
    order: BTreeSet<u64>,
    next_key: u64,
    walks: Vec<Walk>,
    hand: u64,
}

impl<S: Store> Model<S> {
    fn new(spread: Spread) -> Self {
        Self {
            spread,
            store: S::new(spread),
            table: Table::new(),
            live: HashMap::new(),
            order: BTreeSet::new(),
            next_key: 0,
            walks: Vec::new(),
            hand: 0,
        }
    }

    fn slot(&self, key: u64) -> Option<Slot> {
        let (position, tag) = (self.spread.position(key), self.spread.tag(key));
        self.table.find(position, tag, |handle| self.store.key(handle) == key)
    }

    fn insert(&mut self) {
        let key = self.next_key;
        self.next_key += 1;
        assert_eq!(self.slot(key), None);
        let handle = self.store.add(key);
        let (position, tag) = (self.spread.position(key), self.spread.tag(key));
        let slot = self.table.insert(position, tag, handle, &self.store);
        assert_eq!((self.table.handle(slot), self.table.use_count(slot)), (handle, 0));
        self.live.insert(key, (handle, 0));
        self.order.insert(key);
    }

    fn remove(&mut self, key: u64) {
        let slot = self.slot(key).expect("a live key is found");
        let handle = self.table.remove(slot);
        assert_eq!(self.live.remove(&key).map(|(handle, _)| handle), Some(handle));
        self.store.release(handle);
        self.forget(key);
    }

    fn forget(&mut self, key: u64) {
        self.order.remove(&key);
        for walk in &mut self.walks {
            walk.owed.remove(&key);
        }
    }

    fn apply(&mut self, op: &Op) {
        match *op {
            Op::Insert { count } => {
                // Long chains are searched entry by entry; there is no need for them to be very long.
                let count =
                    if matches!(self.spread, Spread::Same | Spread::Three) { count / 8 } else { count };
                (0..count).for_each(|_| self.insert());
            }
            Op::Remove { count, newest } => {
                for _ in 0..count {
                    let key = if newest { self.order.last() } else { self.order.first() };
                    let Some(&key) = key else { break };
                    self.remove(key);
                }
            }
            Op::RemoveBelow { position } => {
                let below: Vec<_> =
                    self.order.iter().copied().filter(|&key| self.spread.position(key) < position).collect();
                below.into_iter().for_each(|key| self.remove(key));
            }
            Op::Move { count } => {
                for key in self.order.iter().copied().take(count).collect::<Vec<_>>() {
                    let (position, tag) = (self.spread.position(key), self.spread.tag(key));
                    let before = self.live[&key].0;
                    let after = self.store.add(key);
                    let slot = self.table.find_handle(position, tag, before).expect("a live handle is found");
                    self.table.set_handle(slot, after);
                    self.store.release(before);
                    assert_eq!(self.table.find_handle(position, tag, after), Some(slot));
                    self.live.get_mut(&key).unwrap().0 = after;
                }
            }
            Op::Use { count, by } => {
                for key in self.order.iter().copied().take(count).collect::<Vec<_>>() {
                    let slot = self.slot(key).expect("a live key is found");
                    self.table.set_use_count(slot, by);
                    self.live.get_mut(&key).unwrap().1 = by;
                }
            }
            Op::StartScan => self.walks.push(Walk { cursor: 0, owed: self.order.iter().copied().collect() }),
            Op::Scan { steps } => self.scan(steps),
            Op::TurnHand { steps } => self.turn_hand(steps),
            Op::Clear { drained } => self.clear(drained),
        }
        self.check();
    }

    /// Takes every walk some steps forward, its cursor cut to the bits that a caller keeps.
    fn scan(&mut self, steps: usize) {
        let mut walks = std::mem::take(&mut self.walks);
        walks.retain_mut(|walk| {
            for _ in 0..steps {
                let next = self.table.scan_bucket(walk.cursor, |slot, handle| {
                    assert_eq!(self.table.handle(slot), handle);
                    walk.owed.remove(&self.store.key(handle));
                });
                let Some(next) = next else {
                    assert!(walk.owed.is_empty(), "present throughout, never handed out: {:?}", walk.owed);
                    return false;
                };
                let cut = next >> (64 - RESOLUTION) << (64 - RESOLUTION);
                assert!(cut > walk.cursor, "the walk makes progress");
                walk.cursor = cut;
            }
            true
        });
        self.walks = walks;
    }

    fn turn_hand(&mut self, steps: usize) {
        for _ in 0..steps {
            let (store, live) = (&self.store, &mut self.live);
            let next = self.table.turn_hand(self.hand, |_, handle, use_count| {
                let (expected, model) = live.get_mut(&store.key(handle)).expect("the hand sees live entries");
                assert_eq!((*expected, *model), (handle, use_count));
                *model = use_count.saturating_sub(1);
                *model
            });
            self.hand = next.unwrap_or(0);
        }
    }

    fn clear(&mut self, drained: usize) {
        let bytes = self.table.memory_bytes();
        let mut drain = self.table.clear();
        assert_eq!((self.table.len(), self.table.memory_bytes()), (0, 0));
        assert_eq!((drain.len(), drain.memory_bytes()), (self.live.len(), bytes));
        for handle in drain.by_ref().take(drained) {
            let key = self.store.key(handle);
            assert_eq!(self.live.remove(&key).map(|(handle, _)| handle), Some(handle));
            self.store.release(handle);
            self.forget(key);
        }
        assert_eq!(drain.len(), self.live.len());
        // The rest goes back in: a table filled from handles in segment order.
        for handle in drain.by_ref() {
            let key = self.store.key(handle);
            self.table.insert(self.spread.position(key), self.spread.tag(key), handle, &self.store);
            self.live.get_mut(&key).unwrap().1 = 0;
        }
        assert_eq!(drain.memory_bytes(), 0);
    }

    fn check(&self) {
        self.table.check(&self.store);
        assert_eq!(self.table.len(), self.live.len());
        let mut seen: Vec<_> = self.table.iter().collect();
        let mut expected: Vec<_> = self.live.values().map(|&(handle, _)| handle).collect();
        seen.sort_unstable();
        expected.sort_unstable();
        assert_eq!(seen, expected);
        let step = 1 + self.live.len() / if cfg!(miri) { 8 } else { 200 };
        for (&key, &(handle, use_count)) in self.live.iter().step_by(step) {
            let slot = self.slot(key).expect("a live key is found");
            assert_eq!((self.table.handle(slot), self.table.use_count(slot)), (handle, use_count));
            self.table.prefetch(self.spread.position(key));
        }
        for key in self.next_key..self.next_key + 10 {
            assert_eq!(self.slot(key), None);
        }
        for &key in self.order.iter().step_by(self.order.len() / 4 + 1) {
            self.check_candidates(self.spread.position(key), self.spread.tag(key));
        }
    }

    fn check_candidates(&self, position: u64, tag: u8) {
        let mut seen = HashSet::new();
        self.table.candidates((position >> 40) as u32, tag, |slot, handle| {
            assert_eq!(self.table.handle(slot), handle);
            assert_eq!(self.spread.tag(self.store.key(handle)), tag);
            assert!(seen.insert(handle), "each candidate comes once");
        });
        for (&key, &(handle, _)) in &self.live {
            if self.spread.position(key) >> 40 == position >> 40 && self.spread.tag(key) == tag {
                assert!(seen.contains(&handle));
            }
        }
    }

    fn run(spread: Spread, ops: &[Op]) {
        let mut model = Self::new(spread);
        for op in ops {
            model.apply(op);
        }
        model.scan(usize::MAX);
        model.apply(&Op::Remove { count: usize::MAX, newest: true });
        assert!(model.table.is_empty());
        assert!(
            model.table.memory_bytes() <= 1024,
            "an emptied table is small: {}",
            model.table.memory_bytes()
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 1 } else { 128 },
        failure_persistence: None,
        max_shrink_iters: if cfg!(miri) { 0 } else { 4096 },
        ..ProptestConfig::default()
    })]

    #[test]
    fn agrees_with_a_model_over_stored_positions(
        spread in spread(),
        ops in prop::collection::vec(op(), 1..if cfg!(miri) { 6 } else { 60 }),
    ) {
        Model::<Stored>::run(spread, &ops);
    }

    #[test]
    fn agrees_with_a_model_over_bytes(
        spread in spread(),
        ops in prop::collection::vec(op(), 1..if cfg!(miri) { 6 } else { 60 }),
    ) {
        Model::<Bytes>::run(spread, &ops);
    }
}

/// Grown and shrunk once through every shape, with a scan running beside it all the time.
#[test]
fn a_scan_beside_growth_and_decay_misses_nothing() {
    let (most, rounds) = if cfg!(miri) { (240, 3) } else { (20_000, 25) };
    for spread in [Spread::Even, Spread::Lopsided, Spread::SameTop] {
        if cfg!(miri) && !matches!(spread, Spread::Even) {
            continue;
        }
        let mut model = Model::<Stored>::new(spread);
        for op in [Op::Insert { count: most }, Op::Remove { count: most, newest: false }] {
            let (count, step) = (most / rounds, if cfg!(miri) { 7 } else { 3 });
            for _ in 0..rounds {
                model.apply(&Op::StartScan);
                model.apply(&match op {
                    Op::Insert { .. } => Op::Insert { count },
                    _ => Op::Remove { count, newest: false },
                });
                model.apply(&Op::Scan { steps: step });
            }
        }
        model.scan(usize::MAX);
        assert!(model.walks.is_empty());
    }
}

#[test]
fn an_empty_table_answers_everything_and_holds_nothing() {
    let mut table = Table::new();
    assert_eq!((table.len(), table.memory_bytes()), (0, 0));
    assert_eq!(table.find(u64::MAX, 0, |_| true), None);
    assert_eq!(table.scan_bucket(0, |_, _| panic!("nothing to hand out")), None);
    assert_eq!(table.turn_hand(7, |_, _, _| panic!("nothing to hand out")), None);
    table.candidates(0xff_ffff, 0, |_, _| panic!("nothing to hand out"));
    table.prefetch(1);
    assert_eq!(table.iter().next(), None);
    assert_eq!(table.clear().next(), None);
}

/// A big hash or set begins as a table of a few entries.
#[test]
fn a_small_table_is_small() {
    let mut model = Model::<Stored>::new(Spread::Even);
    model.insert();
    assert_eq!(model.table.memory_bytes(), 4 * 64 + 32 + 4);
    model.apply(&Op::Insert { count: 40 });
    assert!(model.table.memory_bytes() <= 8 * 64 + 32 + 4, "{}", model.table.memory_bytes());
}

#[test]
fn a_hash_that_does_not_spread_costs_no_memory() {
    for spread in [Spread::Same, Spread::SameTop] {
        let mut model = Model::<Stored>::new(spread);
        let count = if cfg!(miri) { 100 } else { 10_000 };
        for _ in 0..count {
            // Without looking for it first: that is quadratic here.
            let handle = model.store.add(model.next_key);
            let (position, tag) = (spread.position(model.next_key), spread.tag(model.next_key));
            model.table.insert(position, tag, handle, &model.store);
            model.next_key += 1;
        }
        model.table.check(&model.store);
        assert!(
            model.table.memory_bytes() < 12 * 4160 + count as usize * 7,
            "{}",
            model.table.memory_bytes()
        );
        assert!(model.table.directory.len() <= 128);
    }
}

/// In a table so deep that a bucket is finer than the 24 bits that `candidates` is given.
#[test]
fn candidates_are_found_in_several_buckets() {
    struct Positions(Vec<u64>);
    impl Entries for Positions {
        fn position(&self, handle: u32) -> u64 {
            self.0[handle as usize]
        }
    }
    let count = if cfg!(miri) { 100 } else { 3_000 };
    let entries = Positions((0..count).map(|key| 0xabcde << 44 | mix(key) >> 20).collect());
    let mut table = Table::new();
    for (handle, &position) in entries.0.iter().enumerate() {
        table.insert(position, handle as u8 & 3, handle as u32, &entries);
    }
    // Such a table has some billion entries; here the directory is deepened by hand instead.
    let all: Vec<_> = table.clear().collect();
    table.insert(entries.0[0], 0, 0, &entries);
    while table.bits < BITS_MAX {
        table.double_segment(&entries);
    }
    let depth = if cfg!(miri) { 4 } else { 20 };
    while table.depth < depth {
        let (index, _) = table.locate(entries.0[0]).unwrap();
        table.directory = table.directory.iter().flat_map(|&index| [index; 2]).collect();
        table.depth += 1;
        table.split(index, &entries);
    }
    for handle in all.into_iter().filter(|&handle| handle != 0) {
        table.insert(entries.position(handle), handle as u8 & 3, handle, &entries);
    }
    table.check(&entries);
    for top_bits in 0xabcde0..=0xabcdef_u32 {
        let mut found = Vec::new();
        table.candidates(top_bits, 2, |_, handle| found.push(handle));
        found.sort_unstable();
        let is_one = |handle: &u32| handle & 3 == 2 && entries.position(*handle) >> 40 == u64::from(top_bits);
        let expected: Vec<_> = (0..count as u32).filter(is_one).collect();
        if cfg!(miri) {
            assert!(expected.iter().all(|handle| found.contains(handle)));
        } else {
            assert_eq!(found, expected, "and no others, since the buckets are finer than the bits");
        }
    }
}
