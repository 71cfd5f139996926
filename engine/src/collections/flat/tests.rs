//! The table against a model, with hashes that spread and hashes that do not.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::random::Random;
use crate::raw::head::USE_MAX;

/// An entry that is told apart by a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Numbered {
    hash: u64,
    number: u64,
}

impl Hashed for Numbered {
    fn hash(&self) -> u64 {
        self.hash
    }
}

/// Where each entry is, as far as one hears.
#[derive(Default)]
struct Heard(BTreeMap<u64, At>);

impl Follow<Numbered> for Heard {
    fn moved(&mut self, entry: &Numbered, from: At, to: At) {
        assert_eq!(self.0.insert(entry.number, to), Some(from));
    }

    fn rehomed(&mut self, entry: &Numbered, at: At, note: u64) -> u64 {
        assert_eq!(self.0[&entry.number], at);
        note.min(entry.number)
    }

    fn noted(&mut self, _: u64, was: u64, is: u64) {
        assert!(is < was);
    }

    fn deserted(&mut self) {}

    fn left(&mut self, side: usize) {
        assert!(self.0.values().all(|at| at.side() != side));
    }

    fn emptied(&mut self) {
        assert!(self.0.is_empty());
    }
}

/// A table, and what should be in it.
struct Bench {
    flat: Flat<Numbered>,
    heard: Heard,
    hashes: BTreeMap<u64, u64>,
    next: u64,
}

impl Bench {
    fn new() -> Self {
        Self { flat: Flat::new(), heard: Heard::default(), hashes: BTreeMap::new(), next: 0 }
    }

    fn insert(&mut self, hash: u64, expected: usize) {
        let number = self.next;
        self.next += 1;
        let at = self.flat.insert(Numbered { hash, number }, expected, &mut self.heard);
        assert!(self.heard.0.insert(number, at).is_none());
        self.hashes.insert(number, hash);
        let home = self.flat.home(hash);
        self.flat.set_note(home, self.flat.note(home).min(number));
    }

    fn remove(&mut self, number: u64) {
        let at = self.heard.0.remove(&number).expect("it is there");
        let hash = self.hashes.remove(&number).expect("it is there");
        assert_eq!(self.flat.remove(at), Numbered { hash, number });
    }

    fn condense(&mut self) {
        self.flat.condense(&mut self.heard);
    }

    fn check(&mut self) {
        assert_eq!(self.flat.len(), self.hashes.len());
        for (&number, &hash) in &self.hashes {
            let at = self.heard.0[&number];
            assert_eq!(*self.flat.get(at), Numbered { hash, number });
            assert_eq!(self.flat.find(hash, |entry| entry.number == number), Some(at));
            if let Some(hit) = self.flat.find_at_home(hash, |entry| entry.number == number) {
                let spot = hit.spot;
                assert_eq!(self.flat.at(hash, spot), at);
            }
            let home = self.flat.home(hash);
            let end = self.flat.end(home);
            assert!(self.flat.note(home) <= number && end >= hash);
            assert!(self.flat.homes_with_end(end & !0xffff..=end).any(|other| other == home));
        }
        assert_eq!(self.flat.iter().count(), self.hashes.len());
        assert_eq!(self.flat.find(7, |_| false), None);
    }

    /// Of each entry, how often a walk has met it; `between` is done after each step.
    fn walk(&mut self, mut between: impl FnMut(&mut Self)) -> BTreeMap<u64, usize> {
        let mut met = BTreeMap::new();
        let mut next = Some(0);
        while let Some(from) = next {
            next = self.flat.scan(from, |at, entry| {
                assert_eq!(self.heard.0[&entry.number], at);
                *met.entry(entry.number).or_default() += 1;
            });
            assert!(next.is_none_or(|next| next > from));
            between(self);
        }
        met
    }
}

/// Under Miri a few must do.
const fn scaled(count: u64) -> u64 {
    if cfg!(miri) { count / 16 } else { count }
}

const MANY: u64 = if cfg!(miri) { 60 } else { 5_000 };

#[test]
fn grows_and_shrinks_and_never_holds_much_more_than_it_needs() {
    let mut bench = Bench::new();
    let mut random = Random::seeded(1);
    assert_eq!(bench.flat.memory_bytes(), 0);
    for n in 0..MANY {
        bench.insert(random.next_u64(), 0);
        if n % (MANY / 20) == 0 {
            bench.check();
        }
        // Five entries for six places, a sixth of a place beside each, and some chunks that are half empty.
        let places = bench.flat.memory_bytes() / size_of::<Numbered>();
        assert!(places as u64 <= 250 + (n + 1) * 3 / 2, "{places} for {n}");
    }
    while !bench.hashes.is_empty() {
        let number = *bench.hashes.keys().next().expect("not empty");
        bench.remove(number);
        bench.condense();
        if (bench.hashes.len() as u64).is_multiple_of(MANY / 20) {
            bench.check();
        }
    }
    assert_eq!(bench.flat.memory_bytes(), 0);
}

#[test]
fn who_knows_how_many_will_come_gets_a_table_that_fits() {
    let (mut bench, mut random) = (Bench::new(), Random::seeded(2));
    for _ in 0..MANY {
        bench.insert(random.next_u64(), MANY as usize);
    }
    // A table of a few homes has no use for exactness.
    assert!(cfg!(miri) || bench.flat.parts[BEFORE].is_empty());
    let (fitting, held) = (MANY as usize * (size_of::<Numbered>() + 2) * 9 / 8, bench.flat.memory_bytes());
    // Some of what is allocated together stands empty, which is much to a small table.
    let few = fitting / 20 + if cfg!(miri) { 200 } else { 60 } * size_of::<Numbered>();
    assert!(held.abs_diff(fitting) < few, "{held} for {fitting}");
}

#[test]
fn a_walk_meets_what_is_there_whatever_moves_meanwhile() {
    let (mut bench, mut random) = (Bench::new(), Random::seeded(4));
    (0..scaled(800)).for_each(|_| bench.insert(random.next_u64(), 0));
    let once = bench.walk(|_| {});
    assert!(once.len() as u64 == scaled(800) && once.values().all(|&times| times == 1));

    let there: Vec<u64> = bench.hashes.keys().copied().collect();
    let met = bench.walk(|bench| (0..9).for_each(|_| bench.insert(random.next_u64(), 0)));
    assert!(there.iter().all(|number| met.contains_key(number)));

    let mut kept: Vec<u64> = bench.hashes.keys().copied().collect();
    let gone = kept.split_off(scaled(160) as usize);
    let mut gone = gone.into_iter();
    let met = bench.walk(|bench| {
        gone.by_ref().take(30).for_each(|number| bench.remove(number));
        bench.condense();
    });
    assert!(kept.iter().all(|number| met.contains_key(number)));
}

#[test]
fn a_hash_that_does_not_spread_costs_time_and_not_memory() {
    let mut bench = Bench::new();
    let count = scaled(800);
    for n in 0..count {
        bench.insert(if n % 2 == 0 { 0 } else { u64::MAX - n % 3 }, 0);
    }
    bench.check();
    // Some of what is allocated together stands empty, which is much to a small table.
    assert!(bench.flat.memory_bytes() < (count as usize * 3 + 400) * size_of::<Numbered>());
    for number in (0..count).filter(|n| n % 5 != 0) {
        bench.remove(number);
        bench.condense();
    }
    bench.check();
}

#[test]
fn the_clock_takes_who_is_not_in_use_and_comes_to_all() {
    let (mut bench, mut random) = (Bench::new(), Random::seeded(5));
    assert_eq!(bench.flat.clock_victim(), None);
    (0..scaled(800)).for_each(|_| bench.insert(random.next_u64(), 0));
    for (&number, &at) in &bench.heard.0 {
        bench.flat.set_use_count(at, (number % 4) as u8);
    }
    let mut order = Vec::new();
    while let Some(at) = bench.flat.clock_victim() {
        let number = bench.flat.get(at).number;
        order.push(number % 4);
        bench.remove(number);
    }
    assert!(order.len() as u64 == scaled(800) && order.is_sorted(), "{order:?}");
}

#[test]
fn use_counts_move_along() {
    let (mut bench, mut random) = (Bench::new(), Random::seeded(6));
    for number in 0..scaled(1_600) {
        bench.insert(random.next_u64(), 0);
        let at = bench.heard.0[&number];
        (0..number % 5).for_each(|_| bench.flat.count_use(at));
    }
    for (&number, &at) in &bench.heard.0 {
        assert_eq!(bench.flat.use_count(at), ((number % 5) as u8).min(USE_MAX));
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 2 } else { 64 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Each number adds an entry with one of few hashes or, if it is none, removes the entry at this place.
    #[test]
    fn behaves_like_a_map(
        spread in any::<bool>(),
        expected in prop::sample::select(vec![0, 50, 200]),
        ops in prop::collection::vec(
            prop::option::weighted(0.65, any::<u16>()),
            0..if cfg!(miri) { 80 } else { 500 },
        ),
    ) {
        let mut bench = Bench::new();
        for (nth, op) in ops.into_iter().enumerate() {
            if let Some(n) = op {
                let n = u64::from(n);
                let hash = if spread { n.wrapping_mul(0x9e37_79b9_7f4a_7c15) } else { (n % 7) << 60 };
                bench.insert(hash, expected);
            } else if let Some(&number) = bench.hashes.keys().nth(nth * 7 % bench.hashes.len().max(1)) {
                bench.remove(number);
                if nth % 3 == 0 {
                    bench.condense();
                }
            }
            if nth % 16 == 0 {
                bench.check();
            }
        }
        bench.check();
    }
}
