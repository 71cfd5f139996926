//! The tree against a sorted vector, with nodes so small that a few hundred items make every shape.

use std::cmp::Ordering;

use proptest::prelude::*;
use proptest::test_runner::RngAlgorithm;

use super::node::{Inner, Node};
use super::*;
use crate::random::Random;

/// A key, and something that is not part of the order.
type Item = (u16, u8);

impl<T: Copy + Ord + std::fmt::Debug, const FAN: usize> Ranked<T, FAN> {
    /// Counts everything again, and holds the tree to the invariants on the module's page.
    fn check(&self) {
        let held = match &self.root {
            Node::Leaf(items) if items.capacity() == 0 => 0,
            root => root.held(),
        };
        assert_eq!(held, self.bytes, "bytes");
        if let Node::Inner(inner) = &self.root {
            assert!(inner.children.len() > 1);
        }
        let mut depths = Vec::new();
        let mut items = Vec::new();
        self.root.check(0, &mut depths, &mut items);
        depths.dedup();
        assert_eq!(depths.len(), 1, "leaves of several depths");
        assert_eq!(items.len(), self.len);
        assert!(items.is_sorted());
        assert!(items.iter().eq(self.iter()));
    }
}

impl<T: Copy + Ord + std::fmt::Debug, const FAN: usize> Node<T, FAN> {
    fn check(&self, depth: usize, depths: &mut Vec<usize>, items: &mut Vec<T>) {
        match self {
            Self::Leaf(leaf) => {
                assert!(leaf.len() <= FAN && leaf.capacity() <= FAN);
                assert!(leaf.capacity() <= 8 || leaf.len() * 3 + 2 >= leaf.capacity() * 2);
                depths.push(depth);
                items.extend(leaf);
            }
            Self::Inner(inner) => {
                let Inner { firsts, children, .. } = &**inner;
                assert!((1..=FAN).contains(&children.len()));
                assert_eq!(
                    (firsts.len(), inner.count_before(children.len())),
                    (children.len(), self.total())
                );
                for (at, child) in children.iter().enumerate() {
                    let before = items.len();
                    child.check(depth + 1, depths, items);
                    assert!(items.len() > before, "an empty child");
                    assert_eq!(firsts[at], items[before], "a stale first item");
                    assert_eq!(inner.count_before(at + 1) - inner.count_before(at), items.len() - before);
                }
            }
        }
    }

    fn total(&self) -> usize {
        match self {
            Self::Leaf(items) => items.len(),
            Self::Inner(inner) => inner.children.iter().map(Self::total).sum(),
        }
    }

    fn leaves(&self) -> usize {
        match self {
            Self::Leaf(_) => 1,
            Self::Inner(inner) => inner.children.iter().map(Self::leaves).sum(),
        }
    }
}

fn by_key(key: u16) -> impl FnMut(&Item) -> Ordering {
    move |item| item.0.cmp(&key)
}

#[derive(Clone, Debug)]
enum Op {
    Insert(u16),
    /// So many, upwards or downwards from a key.
    Run(u16, i16),
    Push,
    Remove(u16),
    RemoveAt(usize),
    Pop(bool, u8),
    RemoveRange(usize, usize),
    Update(u16, u8),
    Rebuild,
}

fn op() -> impl Strategy<Value = Op> {
    let key = 0..600_u16;
    prop_oneof![
        12 => key.clone().prop_map(Op::Insert),
        3 => (key.clone(), -40..40_i16).prop_map(|(key, by)| Op::Run(key, by)),
        2 => Just(Op::Push),
        8 => key.clone().prop_map(Op::Remove),
        4 => (0..400_usize).prop_map(Op::RemoveAt),
        2 => (any::<bool>(), 0..20_u8).prop_map(|(last, count)| Op::Pop(last, count)),
        1 => (0..300_usize, 0..80_usize).prop_map(|(from, count)| Op::RemoveRange(from, count)),
        2 => (key, any::<u8>()).prop_map(|(key, other)| Op::Update(key, other)),
        1 => Just(Op::Rebuild),
    ]
}

/// Does one thing to both.
fn apply<const FAN: usize>(tree: &mut Ranked<Item, FAN>, model: &mut Vec<Item>, op: &Op) {
    let insert = |tree: &mut Ranked<Item, FAN>, model: &mut Vec<Item>, key: u16| {
        let place = model.binary_search_by(by_key(key));
        assert_eq!(tree.insert((key, 0), by_key(key)), place.is_err());
        if let Err(at) = place {
            model.insert(at, (key, 0));
        }
    };
    match *op {
        Op::Insert(key) => insert(tree, model, key),
        Op::Run(key, by) => {
            for step in 0..by.unsigned_abs() {
                let key = if by < 0 { key.saturating_sub(step) } else { key + step };
                insert(tree, model, key);
            }
        }
        Op::Push => {
            let key = model.last().map_or(0, |last| last.0 + 1);
            tree.push_last((key, 1));
            model.push((key, 1));
        }
        Op::Remove(key) => {
            let place = model.binary_search_by(by_key(key));
            assert_eq!(tree.remove(by_key(key)), place.ok().map(|at| model.remove(at)));
        }
        Op::RemoveAt(rank) => {
            let expected = (rank < model.len()).then(|| model.remove(rank));
            assert_eq!(tree.remove_at(rank), expected);
        }
        Op::Pop(last, count) => {
            for _ in 0..count {
                if last {
                    assert_eq!(tree.pop_last(), model.pop());
                } else {
                    assert_eq!(tree.pop_first(), (!model.is_empty()).then(|| model.remove(0)));
                }
            }
        }
        Op::RemoveRange(from, count) => {
            let mut taken = Vec::new();
            tree.remove_range(from..from + count, |item| taken.push(item));
            let (from, to) = (from.min(model.len()), (from + count).min(model.len()));
            assert_eq!(taken, model.drain(from..to).collect::<Vec<_>>());
        }
        Op::Update(key, other) => {
            let place = model.binary_search_by(by_key(key));
            assert_eq!(tree.update(by_key(key), |item| item.1 = other), place.is_ok());
            if let Ok(at) = place {
                model[at].1 = other;
            }
        }
        Op::Rebuild => {
            *tree = Ranked::from_sorted(model.iter().copied());
            tree.check();
            *tree = tree.clone();
        }
    }
}

/// Asks both everything that can be asked without a change.
fn compare<const FAN: usize>(tree: &Ranked<Item, FAN>, model: &[Item], key: u16, from: usize, to: usize) {
    assert_eq!((tree.len(), tree.is_empty()), (model.len(), model.is_empty()));
    assert_eq!((tree.first(), tree.last()), (model.first(), model.last()));
    let place = model.binary_search_by(by_key(key));
    assert_eq!(tree.rank(by_key(key)), place.ok());
    assert_eq!(tree.find(by_key(key)), place.ok().map(|at| &model[at]));
    assert_eq!(tree.seek(by_key(key)), place.unwrap_or_else(|at| at));
    let past = |item: &Item| if item.0 <= key { Ordering::Less } else { Ordering::Greater };
    assert_eq!(tree.seek(past), model.partition_point(|item| item.0 <= key));
    assert_eq!(tree.get(from), model.get(from));

    let (from, to) = (from.min(model.len()), to.min(model.len()));
    let expected = model.get(from..to).unwrap_or_default();
    let range = tree.range(from..to);
    assert_eq!(range.len(), expected.len());
    assert!(range.clone().eq(expected));
    assert!(range.clone().rev().eq(expected.iter().rev()));
    // From both ends by turns, until they meet.
    let (mut range, mut rest) = (range, expected.iter());
    for turn in 0..=expected.len() {
        if (turn * 7 + usize::from(key)) % 3 == 0 {
            assert_eq!(range.next_back(), rest.next_back());
        } else {
            assert_eq!(range.next(), rest.next());
        }
        assert_eq!(range.len(), rest.len());
    }
}

fn behaves<const FAN: usize>(ops: &[(Op, u16, usize, usize)]) {
    let (mut tree, mut model) = (Ranked::<Item, FAN>::new(), Vec::new());
    for (op, key, from, to) in ops {
        apply(&mut tree, &mut model, op);
        tree.check();
        compare(&tree, &model, *key, *from, *to);
    }
    tree.remove_range(0..usize::MAX, |_| {});
    assert_eq!((tree.len(), tree.memory_bytes()), (0, 0));
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 4 } else { 96 },
        failure_persistence: None,
        rng_algorithm: RngAlgorithm::XorShift,
        ..ProptestConfig::default()
    })]

    #[test]
    fn behaves_like_a_sorted_vector(
        ops in prop::collection::vec(
            (op(), 0..600_u16, 0..300_usize, 0..300_usize),
            0..if cfg!(miri) { 40 } else { 250 },
        ),
    ) {
        behaves::<4>(&ops);
        behaves::<5>(&ops);
        behaves::<16>(&ops);
    }
}

fn key(item: u32) -> impl FnMut(&u32) -> Ordering {
    move |other| other.cmp(&item)
}

#[test]
fn what_comes_in_order_fills_its_leaves() {
    let count = if cfg!(miri) { 300 } else { 10_000 };
    let (mut upwards, mut pushed, mut downwards) =
        (Ranked::<u32>::new(), Ranked::<u32>::new(), Ranked::<u32>::new());
    for n in 0..count {
        assert!(upwards.insert(n, key(n)) && downwards.insert(count - n, key(count - n)));
        pushed.push_last(n);
    }
    for tree in [&upwards, &pushed, &downwards, &Ranked::from_sorted(0..count)] {
        tree.check();
        assert_eq!(tree.root.leaves(), count.div_ceil(64) as usize);
    }
}

#[test]
fn a_tree_in_random_order_wastes_little_and_gives_all_back() {
    /// As large as a score and a handle.
    type Large = [u32; 3];
    let by_first = |n: u32| move |item: &Large| item[0].cmp(&n);
    let count = if cfg!(miri) { 400 } else { 40_000 };
    let mut random = Random::seeded(3);
    let keys: Vec<u32> = (0..count).map(|_| random.next_u64() as u32).collect();
    let mut tree = Ranked::<Large>::new();
    for &n in &keys {
        tree.insert([n, 0, 0], by_first(n));
    }
    let ratio = |tree: &Ranked<Large>| tree.memory_bytes() as f64 / (tree.len() * size_of::<Large>()) as f64;
    tree.check();
    assert!(ratio(&tree) < 1.28, "{}", ratio(&tree));
    // What is left when most have gone is not held by nodes nearly empty.
    let mut left = keys.len();
    for part in [2, 10, 50] {
        while left > keys.len() / part {
            left -= 1;
            tree.remove(by_first(keys[left]));
        }
        tree.check();
        assert!(ratio(&tree) < 1.5, "{} with {left} left", ratio(&tree));
    }
    while tree.pop_last().is_some() {}
    assert_eq!(tree.memory_bytes(), 0);
}

#[test]
fn a_queue_stays_small() {
    let mut tree = Ranked::<u32>::new();
    let mut most = 0;
    for n in 0..if cfg!(miri) { 500 } else { 20_000 } {
        tree.push_last(n);
        if n >= 300 {
            assert_eq!(tree.pop_first(), Some(n - 300));
        }
        most = most.max(tree.memory_bytes());
    }
    tree.check();
    assert!(most < 300 * 4 * 2, "{most}");
}
