//! Both forms against a sorted vector.

use std::ops::{Bound, RangeBounds};

use proptest::prelude::*;
use proptest::test_runner::RngAlgorithm;

use super::*;
use crate::raw::heap::HeapBytes;

/// Members as bytes, with their scores, in order.
#[derive(Debug, Default, Clone)]
struct Model(Vec<(Vec<u8>, f64)>);

impl Model {
    fn sort(&mut self) {
        self.0.sort_by(|a, b| a.1.partial_cmp(&b.1).unwrap().then_with(|| a.0.cmp(&b.0)));
    }

    fn find(&self, member: &[u8]) -> Option<usize> {
        self.0.iter().position(|pair| pair.0 == member)
    }

    fn add(&mut self, member: &[u8], score: f64, options: AddOptions) -> Result<Added, NotANumber> {
        let Some(at) = self.find(member) else {
            if options.only == Only::Existing {
                return Ok(Added::Refused);
            }
            self.0.push((member.to_vec(), score));
            self.sort();
            return Ok(Added::New(score));
        };
        let old = self.0[at].1;
        let new = if options.increment { old + score } else { score };
        if options.only == Only::New {
            return Ok(Added::Refused);
        }
        if new.is_nan() {
            return Err(NotANumber);
        }
        if options.toward == Toward::Greater && new <= old || options.toward == Toward::Less && new >= old {
            return Ok(Added::Refused);
        }
        if new == old {
            return Ok(Added::Same(new));
        }
        self.0[at].1 = new;
        self.sort();
        Ok(Added::Changed(new))
    }
}

fn limits(entries: usize, value: usize) -> Limits {
    Limits { zset_max_listpack_entries: entries, zset_max_listpack_value: value, ..Limits::default() }
}

fn owned<'a>(pairs: impl Iterator<Item = Pair<'a>>) -> Vec<(Vec<u8>, f64)> {
    pairs.map(|pair| (pair.member.to_vec(), pair.score)).collect()
}

#[derive(Debug, Clone)]
enum Op {
    Add(Vec<u8>, f64, AddOptions),
    Remove(Vec<u8>),
    RemoveRanks(usize, usize),
    Pop(End, usize),
    Copy,
    Rebuild,
}

/// Few, so that they meet again; numbers and texts.
fn member() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        (0..60_u32).prop_map(|n| n.to_string().into_bytes()),
        (0..60_u32).prop_map(|n| format!("m{}", n * 77).into_bytes()),
        Just(Vec::new()),
        Just(vec![b'x'; 20]),
    ]
}

fn score() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => (-4..5_i32).prop_map(f64::from),
        2 => (-4..5_i32).prop_map(|n| f64::from(n) / 3.0),
        1 => prop_oneof![Just(f64::INFINITY), Just(f64::NEG_INFINITY), Just(-0.0), Just(1e300)],
    ]
}

fn options() -> impl Strategy<Value = AddOptions> {
    let only = prop_oneof![3 => Just(Only::Any), 1 => Just(Only::New), 1 => Just(Only::Existing)];
    let toward = prop_oneof![3 => Just(Toward::Any), 1 => Just(Toward::Greater), 1 => Just(Toward::Less)];
    (only, toward, prop::bool::weighted(0.3)).prop_map(|(only, toward, increment)| AddOptions {
        only,
        toward,
        increment,
    })
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        12 => (member(), score(), options())
            .prop_map(|(member, score, options)| Op::Add(member, score, options)),
        5 => member().prop_map(Op::Remove),
        1 => (0..100_usize, 0..20_usize).prop_map(|(from, count)| Op::RemoveRanks(from, from + count)),
        1 => (prop_oneof![Just(End::Min), Just(End::Max)], 0..4_usize)
            .prop_map(|(end, count)| Op::Pop(end, count)),
        1 => Just(Op::Copy),
        1 => Just(Op::Rebuild),
    ]
}

fn apply(set: &mut SortedSet, model: &mut Model, op: Op, limits: &Limits, random: &mut Random) {
    match op {
        Op::Add(member, score, options) => {
            let added = set.add(&member, score, options, limits, 4);
            assert_eq!(added, model.add(&member, score, options));
        }
        Op::Remove(member) => {
            let at = model.find(&member);
            assert_eq!(set.remove(&member), at.is_some());
            at.map(|at| model.0.remove(at));
        }
        Op::RemoveRanks(from, to) => {
            let mut taken = Vec::new();
            set.remove_ranks(from..to, |pair| taken.push((pair.member.to_vec(), pair.score)));
            let len = model.0.len();
            assert_eq!(taken, model.0.drain(from.min(len)..to.min(len)).collect::<Vec<_>>());
        }
        Op::Pop(end, count) => {
            let mut taken = Vec::new();
            let popped = set.pop(end, count, |pair| taken.push((pair.member.to_vec(), pair.score)));
            let count = count.min(model.0.len());
            let expected: Vec<_> = match end {
                End::Min => model.0.drain(..count).collect(),
                End::Max => model.0.drain(model.0.len() - count..).rev().collect(),
            };
            assert_eq!((popped, taken), (count, expected));
        }
        Op::Copy => {
            let (encoding, object) = std::mem::replace(set, SortedSet::new()).into_parts();
            let copy = object.duplicate();
            assert!(copy.heap_bytes() <= object.heap_bytes().max(copy.heap_bytes()));
            drop(object);
            *set = SortedSet::from_parts(encoding, copy);
        }
        Op::Rebuild => {
            let mut builder = Builder::new(random.next_u64());
            for (member, score) in model.0.iter().rev() {
                assert!(builder.add(member, *score) && !builder.add(member, 7.0));
            }
            *set = builder.finish(limits);
            let longest = model.0.iter().map(|pair| pair.0.len()).max().unwrap_or(0);
            let fits = model.0.len() <= limits.zset_max_listpack_entries
                && longest <= limits.zset_max_listpack_value;
            assert_eq!(matches!(set, SortedSet::Packed(_)), fits);
        }
    }
}

fn compare(set: &SortedSet, model: &Model, probe: &[u8], low: f64, high: f64) {
    let set = set.as_ref();
    if let SortedSetRef::Large(large) = set {
        large.check();
    }
    let all = &model.0;
    assert_eq!((set.len(), set.is_empty()), (all.len(), all.is_empty()));
    assert_eq!(&owned(set.iter()), all);
    assert!(owned(set.iter().rev()).iter().eq(all.iter().rev()));
    let at = model.find(probe);
    assert_eq!(set.score(probe), at.map(|at| all[at].1));
    assert_eq!(set.rank(probe), at.map(|at| (at, all[at].1)));

    let (from, to) = (all.len() / 3, all.len() * 2 / 3);
    let mut range = set.range(from..to);
    assert_eq!(range.len(), to - from);
    let (mut front, mut back) = (Vec::new(), Vec::new());
    while let Some(pair) = range.next() {
        front.push(pair);
        back.extend(range.next_back());
    }
    assert_eq!(owned(front.into_iter().chain(back.into_iter().rev())), all[from..to]);

    for range in [
        ScoreRange::of(low..=high),
        ScoreRange::of(low..high),
        ScoreRange { min: Bound::Excluded(low), max: Bound::Unbounded },
        ScoreRange { min: Bound::Unbounded, max: Bound::Excluded(low) },
        ScoreRange::ALL,
    ] {
        let expected: Vec<_> =
            all.iter().filter(|pair| (range.min, range.max).contains(&pair.1)).cloned().collect();
        assert_eq!(owned(set.range_by_score(&range)), expected, "{range:?}");
    }

    let (mut cursor, mut seen) = (0, Vec::new());
    loop {
        cursor = set.scan(cursor, |pair| seen.push((pair.member.to_vec(), pair.score)));
        if cursor == 0 {
            break;
        }
    }
    let mut seen = Model(seen);
    seen.sort();
    assert_eq!(&seen.0, all);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 2 } else { 48 },
        failure_persistence: None,
        rng_algorithm: RngAlgorithm::XorShift,
        ..ProptestConfig::default()
    })]

    #[test]
    fn behaves_like_a_sorted_vector(
        entries in prop_oneof![Just(0_usize), Just(10), Just(1000)],
        ops in prop::collection::vec(
            (op(), member(), score(), score()),
            0..if cfg!(miri) { 30 } else { 200 },
        ),
    ) {
        let (limits, mut random) = (limits(entries, 16), Random::seeded(4));
        let (mut set, mut model) = (SortedSet::new(), Model::default());
        for (op, probe, low, high) in ops {
            apply(&mut set, &mut model, op, &limits, &mut random);
            compare(&set, &model, &probe, low, high);
        }
    }

    /// In both forms, from both sides, where all scores are equal.
    #[test]
    fn finds_members_by_their_bytes(
        members in prop::collection::btree_set(member(), 0..40),
        (min, max) in (member(), member()),
    ) {
        for entries in [0, 1000] {
            let limits = limits(entries, 64);
            let mut set = SortedSet::new();
            for member in &members {
                set.add(member, 1.0, AddOptions::default(), &limits, 4).unwrap();
            }
            for (low, high) in [
                (LexBound::Least, LexBound::Greatest),
                (LexBound::Greatest, LexBound::Least),
                (LexBound::Included(&min), LexBound::Excluded(&max)),
                (LexBound::Excluded(&min), LexBound::Included(&max)),
                (LexBound::Least, LexBound::Included(&max)),
                (LexBound::Excluded(&min), LexBound::Greatest),
            ] {
                let is_in = |member: &&Vec<u8>| {
                    let low = match low {
                        LexBound::Least => true,
                        LexBound::Greatest => false,
                        LexBound::Included(min) => member.as_slice() >= min,
                        LexBound::Excluded(min) => member.as_slice() > min,
                    };
                    let high = match high {
                        LexBound::Least => false,
                        LexBound::Greatest => true,
                        LexBound::Included(max) => member.as_slice() <= max,
                        LexBound::Excluded(max) => member.as_slice() < max,
                    };
                    low && high
                };
                let expected: Vec<_> = members.iter().filter(is_in).collect();
                for backward in [false, true] {
                    let ranks = set.as_ref().lex_ranks(&LexRange { min: low, max: high }, backward);
                    let found = owned(set.as_ref().range(ranks));
                    prop_assert!(found.iter().map(|pair| &pair.0).eq(expected.iter().copied()));
                }
            }
        }
    }

    /// Against the definitions, on sets of few members.
    #[test]
    fn combines(
        inputs in prop::collection::vec(
            (prop::collection::btree_map(0..12_u8, score(), 0..10), -2..3_i8, any::<bool>()),
            1..4,
        ),
        aggregate in prop_oneof![Just(Aggregate::Sum), Just(Aggregate::Min), Just(Aggregate::Max)],
    ) {
        let mut random = Random::seeded(5);
        let sets: Vec<SortedSet> = inputs
            .iter()
            .map(|(members, _, large)| {
                let mut builder = Builder::new(1);
                for (member, score) in members {
                    builder.add(&[*member], *score);
                }
                if *large { builder.finish_large() } else { builder.finish(&Limits::default()) }
            })
            .collect();
        let mut weighted: Vec<Weighted<'_>> = sets
            .iter()
            .zip(&inputs)
            .map(|(set, input)| {
                Weighted { source: Source::SortedSet(set.as_ref()), weight: f64::from(input.1) }
            })
            .collect();
        let sources: Vec<Source<'_>> = weighted.iter().map(|weighted| weighted.source).collect();
        let all = || 0..12_u8;
        let has = |at: usize, member: u8| inputs[at].0.contains_key(&member);
        let check = |builder: Builder, members: Vec<u8>| {
            let set = builder.finish_large();
            let mut found: Vec<u8> = owned(set.as_ref().iter()).into_iter().map(|pair| pair.0[0]).collect();
            found.sort_unstable();
            assert_eq!(found, members);
        };
        let in_all: Vec<u8> = all().filter(|&m| (0..inputs.len()).all(|at| has(at, m))).collect();
        let in_any = all().filter(|&m| (0..inputs.len()).any(|at| has(at, m))).collect();
        check(union(&weighted, aggregate, random.next_u64()), in_any);
        check(intersection(&weighted, aggregate, 3), in_all.clone());
        let in_first = all().filter(|&m| has(0, m) && !(1..inputs.len()).any(|at| has(at, m))).collect();
        check(difference(&sources, 3), in_first);
        for limit in [1, 3, usize::MAX] {
            prop_assert_eq!(intersection_count(&sources, limit), in_all.len().min(limit));
        }
        // With what is not there, an intersection is empty and a union the same.
        weighted.push(Weighted { source: Source::Nothing, weight: 1.0 });
        prop_assert!(intersection(&weighted, aggregate, 3).is_empty());
    }
}

#[test]
fn scores_are_aggregated_as_valkey_does() {
    let (inf, sum) = (f64::INFINITY, Aggregate::Sum);
    assert_eq!((sum.of(inf, -inf), sum.of(1.0, 2.0)), (0.0, 3.0));
    assert_eq!((Aggregate::Min.of(1.0, 2.0), Aggregate::Max.of(1.0, 2.0)), (1.0, 2.0));
    assert_eq!(Weighted { source: Source::Nothing, weight: 0.0 }.weigh(inf), 0.0);
}

#[test]
fn a_small_one_keeps_no_sign_of_nought() {
    let mut set = SortedSet::new();
    let add = |set: &mut SortedSet, limits: &Limits| {
        set.add(b"m", -0.0, AddOptions::default(), limits, 4).unwrap();
        set.as_ref().score(b"m").unwrap().to_bits()
    };
    assert_eq!(add(&mut set, &Limits::default()), 0.0_f64.to_bits());
    assert_eq!(add(&mut SortedSet::new(), &limits(0, 0)), (-0.0_f64).to_bits());
}

#[test]
fn removals_give_memory_back() {
    let limits = limits(0, 0);
    let mut set = SortedSet::new();
    let count = if cfg!(miri) { 300 } else { 6000 };
    let member = |n: usize| format!("member:{n:07}").into_bytes();
    for n in 0..count {
        // Few scores, so that members decide.
        set.add(&member(n), (n % 3) as f64, AddOptions::default(), &limits, 4).unwrap();
    }
    let SortedSet::Large(large) = &mut set else { panic!("it is small") };
    let full = large.heap_bytes();
    for n in 0..count {
        if n % 16 != 0 {
            assert!(large.remove(&member(n)));
        }
        if n % 500 == 0 {
            large.check();
        }
    }
    large.check();
    assert!(large.heap_bytes() < full / 4, "{} of {full}", large.heap_bytes());
    assert_eq!(large.rank(&member(16)).map(|found| found.1), Some(1.0));
    large.remove_ranks(0..usize::MAX, |_| {});
    assert_eq!(large.len(), 0);
}

#[test]
fn a_member_is_as_likely_as_another() {
    let (mut random, mut seen) = (Random::seeded(3), [0; 5]);
    let mut set = SortedSet::new();
    assert!(set.as_ref().random(&mut random).is_none());
    for n in 0..5_u8 {
        set.add(&[b'0' + n], 1.0, AddOptions::default(), &Limits::default(), 4).unwrap();
    }
    for _ in 0..5000 {
        let pair = set.as_ref().random(&mut random).unwrap();
        seen[pair.score as usize - 1 + usize::from(pair.member.to_vec()[0] - b'0')] += 1;
    }
    assert!(seen.iter().all(|n| (900..1100).contains(n)), "{seen:?}");
}

/// Whatever becomes of the set between two steps: members come and go, and it is built anew as a small one.
#[test]
fn a_walk_comes_by_all_that_stays() {
    let limits = limits(0, 0);
    let count = if cfg!(miri) { 100 } else { 2000 };
    let member = |n: usize| format!("member:{n}").into_bytes();
    for ends_small in [false, true] {
        let mut set = SortedSet::new();
        for n in 0..count {
            set.add(&member(n), n as f64, AddOptions::default(), &limits, 4).unwrap();
        }
        let (mut cursor, mut seen, mut step) = (0, std::collections::HashSet::new(), 0);
        loop {
            cursor = set.as_ref().scan(cursor, |pair| seen.extend([pair.member.to_vec()]));
            if cursor == 0 {
                break;
            }
            step += 1;
            // Those of even number stay.
            set.remove(&member((2 * step + 1) % count));
            set.add(&member(count + step), 1.0, AddOptions::default(), &limits, 4).unwrap();
            if ends_small && step == 20 {
                let mut builder = Builder::new(9);
                for pair in set.as_ref().iter() {
                    assert!(builder.add(&pair.member.to_vec(), pair.score));
                }
                set = builder.finish(&Limits { zset_max_listpack_entries: usize::MAX, ..Limits::default() });
                assert!(matches!(set, SortedSet::Packed(_)));
            }
        }
        assert!((0..count).step_by(2).all(|n| seen.contains(&member(n))));
    }
}
