//! Sets against models: what is in them, in which form, and how evenly chance picks.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::algebra::{Sets, difference, difference_set, intersection, intersection_set, union, union_set};
use super::*;
use crate::random::Random;

/// Small bounds, so that short sequences meet all of them.
fn limits() -> Limits {
    Limits {
        set_max_intset_entries: 6,
        set_max_listpack_entries: 4,
        set_max_listpack_value: 5,
        ..Limits::default()
    }
}

fn bounds(limits: &Limits) -> Bounds<'_> {
    Bounds { limits, seed: 7 }
}

fn members(set: &Set) -> BTreeSet<Vec<u8>> {
    let mut members = BTreeSet::new();
    set.as_ref().for_each(|member| assert!(members.insert(member.to_vec()), "twice: {member:?}"));
    members
}

fn set_of(members: &BTreeSet<Vec<u8>>, limits: &Limits) -> Set {
    let mut set = Set::new();
    for member in members {
        if set.is_empty() {
            set = Set::fit_for(member, 1, bounds(limits));
        }
        set.insert(member, bounds(limits));
    }
    set
}

fn member() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => (-4i64..8).prop_map(|number| number.to_string().into_bytes()),
        1 => prop::sample::select(vec![i64::MIN, i64::MAX, 40_000, -70_000])
            .prop_map(|number| number.to_string().into_bytes()),
        4 => prop::sample::select(vec!["", "a", "b", "c", "01", "-0", "+1", "exactly", "five5", "six666"])
            .prop_map(|text| text.as_bytes().to_vec()),
    ]
}

fn group() -> impl Strategy<Value = BTreeSet<Vec<u8>>> {
    prop_oneof![
        prop::collection::btree_set(member(), 0..14),
        prop::collection::btree_set((0i64..14).prop_map(|number| number.to_string().into_bytes()), 0..14),
    ]
}

#[derive(Debug, Clone)]
enum Step {
    Insert(Vec<u8>),
    Remove(Vec<u8>),
    Pop,
    PopMany(usize),
    Expect(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => member().prop_map(Step::Insert),
        3 => member().prop_map(Step::Remove),
        1 => Just(Step::Pop),
        1 => (0usize..12).prop_map(Step::PopMany),
        1 => (0usize..9).prop_map(Step::Expect),
    ]
}

/// What is handed members.
type Taker<'a> = &'a mut dyn FnMut(Element<'_>);

proptest! {
    #[test]
    fn is_a_set(steps in prop::collection::vec(step(), 0..60), chance: u64) {
        let limits = limits();
        let bounds = bounds(&limits);
        let mut random = Random::seeded(chance);
        let mut set = Set::new();
        let mut model = BTreeSet::new();
        for step in steps {
            match step {
                Step::Insert(member) => prop_assert_eq!(set.insert(&member, bounds), model.insert(member)),
                Step::Remove(member) => prop_assert_eq!(set.remove(&member), model.remove(&member)),
                Step::Pop => {
                    let popped = set.pop(&mut random, |member| member.to_vec());
                    prop_assert_eq!(popped.is_none(), model.is_empty());
                    prop_assert!(popped.is_none_or(|member| model.remove(&member)));
                }
                Step::PopMany(count) => {
                    let expected = model.len().saturating_sub(count);
                    set.pop_many(count, bounds, &mut random, |member| {
                        assert!(model.remove(&member.to_vec()), "popped what is not there: {member:?}");
                    });
                    prop_assert_eq!(model.len(), expected);
                }
                Step::Expect(count) => {
                    set.expect(count, bounds);
                }
            }
            prop_assert_eq!(members(&set), model.clone());
            prop_assert_eq!((set.len(), set.is_empty()), (model.len(), model.is_empty()));
            match &set {
                Set::Integers(integers) => prop_assert!(integers.as_intset().len() <= 6),
                Set::Packed(packed) => prop_assert!(packed.len() <= 4),
                Set::Table(_) => {}
            }
            // Out of its entry and in again.
            let (encoding, object) = set.into_parts();
            set = Set::from_parts(encoding, object.duplicate());
            for member in &model {
                prop_assert!(set.as_ref().contains(member));
            }
            prop_assert!(!set.as_ref().contains(b"none") && !set.as_ref().contains(b"77"));
        }
    }

    #[test]
    fn samples_are_different_members(group in group(), count in 0usize..20, chance: u64) {
        let limits = limits();
        let set = set_of(&group, &limits);
        let mut random = Random::seeded(chance);
        let mut seen = BTreeSet::new();
        set.as_ref().sample(count, &mut random, |member| {
            assert!(seen.insert(member.to_vec()), "twice: {member:?}");
        });
        prop_assert_eq!(seen.len(), count.min(group.len()));
        prop_assert!(seen.is_subset(&group));
        let mut drawn = 0;
        let _ = set.as_ref().draw(count, &mut random, |member| {
            assert!(group.contains(&member.to_vec()));
            drawn += 1;
            ControlFlow::Continue(())
        });
        prop_assert_eq!(drawn, if group.is_empty() { 0 } else { count });
    }

    #[test]
    fn what_is_made_of_sets(groups in prop::collection::vec(prop::option::of(group()), 1..9)) {
        let limits = limits();
        let bounds = bounds(&limits);
        let sets: Vec<Option<Set>> =
            groups.iter().map(|group| group.as_ref().map(|group| set_of(group, &limits))).collect();
        let sets: Sets<'_> = sets.iter().map(|set| set.as_ref().map(Set::as_ref)).collect();
        let groups: Vec<BTreeSet<Vec<u8>>> = groups.into_iter().map(Option::unwrap_or_default).collect();

        let any: BTreeSet<Vec<u8>> = groups.iter().flatten().cloned().collect();
        let all: BTreeSet<Vec<u8>> =
            any.iter().filter(|member| groups.iter().all(|group| group.contains(*member))).cloned().collect();
        let others: BTreeSet<Vec<u8>> = groups[1..].iter().flatten().cloned().collect();
        let rest: BTreeSet<Vec<u8>> = groups[0].difference(&others).cloned().collect();

        let shown = |show: &dyn Fn(Taker<'_>)| {
            let mut shown = BTreeSet::new();
            show(&mut |member| assert!(shown.insert(member.to_vec()), "twice: {member:?}"));
            shown
        };
        prop_assert_eq!(shown(&|show| union(&sets, bounds, show)), any.clone());
        prop_assert_eq!(shown(&|show| difference(&sets, bounds, show)), rest.clone());
        let common = shown(&|show| intersection(&sets, |member| {
            show(member);
            ControlFlow::Continue(())
        }));
        prop_assert_eq!(common, all.clone());
        prop_assert_eq!(members(&union_set(&sets, bounds)), any);
        prop_assert_eq!(members(&intersection_set(&sets, bounds)), all);
        prop_assert_eq!(members(&difference_set(&sets, bounds)), rest);
    }
}

#[test]
fn every_member_is_as_likely_as_any_other() {
    let limits = limits();
    for names in [&["1", "2", "3", "4"][..], &["a", "b", "1", "c"], &["a", "b", "c", "d", "e", "f", "g", "h"]]
    {
        let set = set_of(&names.iter().map(|name| name.as_bytes().to_vec()).collect(), &limits);
        let mut random = Random::seeded(3);
        let mut counts: [BTreeMap<Vec<u8>, u32>; 5] = Default::default();
        const TIMES: u32 = 8_000;
        for _ in 0..TIMES {
            let mut count = |way: usize, member: Element<'_>| {
                *counts[way].entry(member.to_vec()).or_default() += 1;
            };
            count(0, set.as_ref().random(&mut random).unwrap());
            set.as_ref().sample(2, &mut random, |member| count(1, member));
            let _ = set.as_ref().draw(3, &mut random, |member| {
                count(2, member);
                ControlFlow::Continue(())
            });
            set.clone().pop(&mut random, |member| count(3, member));
            set.clone().pop_many(names.len() - 1, bounds(&limits), &mut random, |member| count(4, member));
        }
        for (way, picks) in [1, 2, 3, 1, names.len() as u32 - 1].into_iter().enumerate() {
            let expected = TIMES * picks / names.len() as u32;
            assert_eq!(counts[way].len(), names.len());
            for (member, count) in &counts[way] {
                assert!(count.abs_diff(expected) < expected / 8, "{way}: {member:?} {count} of {expected}");
            }
        }
    }
}

#[test]
fn a_walk_survives_what_becomes_of_the_set() {
    let limits = Limits::default();
    let bounds = bounds(&limits);
    let mut random = Random::seeded(5);
    let table = |count: usize| {
        let mut set = Set::Packed(PackedBuf::new());
        for number in 0..count {
            set.insert(format!("m{number}").as_bytes(), bounds);
        }
        set
    };
    let walk = |mut set: Set, mut change: Box<dyn FnMut(&mut Set)>| {
        let (mut cursor, mut seen) = (0, BTreeSet::new());
        loop {
            cursor = set.as_ref().scan(cursor, |member| {
                seen.insert(member.to_vec());
            });
            assert!(cursor < 1 << 53);
            if cursor == 0 {
                return (set, seen);
            }
            change(&mut set);
        }
    };
    // It grows, shrinks, is replaced by another set of the same, and becomes a small one.
    let mut next = 1000;
    let (_, seen) = walk(
        table(1000),
        Box::new(move |set| {
            for _ in 0..50 {
                set.insert(format!("m{next}").as_bytes(), bounds);
                next += 1;
            }
        }),
    );
    assert!((0..1000).all(|number| seen.contains(format!("m{number}").as_bytes())));
    let mut gone = 100;
    let (_, seen) = walk(
        table(3000),
        Box::new(move |set| {
            for _ in 0..40 {
                set.remove(format!("m{gone}").as_bytes());
                gone += 1;
            }
        }),
    );
    assert!((0..100).all(|number| seen.contains(format!("m{number}").as_bytes())));
    let (_, seen) = walk(
        table(1000),
        Box::new(move |set| {
            *set = union_set(&[Some(table(500).as_ref()), Some(table(1000).as_ref())], bounds)
        }),
    );
    assert_eq!(seen.len(), 1000);
    let (set, seen) = walk(table(1000), Box::new(move |set| set.pop_many(990, bounds, &mut random, |_| {})));
    assert!(matches!(set, Set::Packed(_)));
    assert!(members(&set).is_subset(&seen));
}

#[test]
fn a_small_set_takes_little() {
    let limits = Limits::default();
    let numbers: BTreeSet<Vec<u8>> =
        (10_000_000..10_000_010).map(|n: i64| n.to_string().into_bytes()).collect();
    let (encoding, object) = set_of(&numbers, &limits).into_parts();
    assert_eq!(encoding, Encoding::Intset);
    assert!(matches!(object, Object::Bytes(bytes) if bytes.len() == 41));
}
