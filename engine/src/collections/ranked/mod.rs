//! A sorted sequence that knows the rank of each of its items: a B+tree with counts.
//!
//! ```text
//! Ranked: root, len, bytes
//!   inner:  firsts [a         k         t     ]     the first item below each child
//!           counts [     9         11        4]     the items below each child
//!           children     |          |        |
//!   leaf:              [a b c ..] [k l ..] [t u v w]
//! ```
//!
//! Items are small and `Copy`, and lie in the leaves in their order. The tree does not know that order: who
//! searches passes a closure that says of an item whether it comes before (`Less`), after (`Greater`) or is
//! what is meant (`Equal`), as for [`slice::binary_search_by`]. So an item may be a score and a handle into
//! another collection, which the closure looks into where scores are equal.
//!
//! A node owns its children, by pointer and not by number: a number would be one more look-up, and so one
//! more cache miss, on each level. A vector in a node grows in steps of a quarter, so that a tree filled in
//! random order, whose nodes are two thirds full on average, still wastes little, and one of three items is
//! small. A full leaf splits in two halves; but at either end of the sequence the new item gets a leaf of its
//! own, so that what is filled in order has full leaves.
//!
//! There are no links between leaves. An iterator descends once for each leaf, which is nothing for each
//! item, and is able to begin anywhere, from both ends.
//!
//! Invariants, checked by `check` in the tests:
//! - No node but the root is empty. No root has a single child. All leaves have the same depth.
//! - `firsts` are copies of live items, never of removed ones: a closure may follow a handle in them.
//! - A leaf or an inner node has at most `FAN` items or children. When one has lost some, it does not fit
//!   with a neighbour into three quarters of a node.

mod node;
mod range;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::ops;

use node::{ByOrder, ByRank, Inserted, Node};
pub use range::Range;

/// A sorted sequence with ranks, see the [module](self). `FAN` is at least 4, and smaller than usual in tests
/// alone.
#[derive(Debug)]
pub struct Ranked<T, const FAN: usize = 64> {
    root: Node<T, FAN>,
    len: usize,
    /// What the nodes hold of the heap.
    bytes: usize,
}

impl<T: Copy, const FAN: usize> Ranked<T, FAN> {
    /// An empty sequence, which has allocated nothing.
    pub const fn new() -> Self {
        assert!(FAN >= 4);
        Self { root: Node::Leaf(Vec::new()), len: 0, bytes: 0 }
    }

    /// A sequence of items that come in order, in full nodes.
    pub fn from_sorted(items: impl IntoIterator<Item = T>) -> Self {
        let mut leaves = Vec::new();
        let mut items = items.into_iter().peekable();
        let (mut len, mut bytes) = (0, 0);
        while items.peek().is_some() {
            let mut leaf = Vec::new();
            leaf.reserve_exact(FAN.min(items.size_hint().0));
            leaf.extend(items.by_ref().take(FAN));
            leaf.shrink_to_fit();
            len += leaf.len();
            bytes += node::held(&leaf);
            leaves.push(Node::Leaf(leaf));
        }
        Self { root: Node::stack(leaves, &mut bytes), len, bytes }
    }

    /// The number of items.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no items.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bytes on the heap, without `size_of::<Self>()`.
    #[inline]
    pub fn memory_bytes(&self) -> usize {
        self.bytes
    }

    /// Adds an item where `order` says, unless there is one that it calls equal; whether it was added.
    pub fn insert(&mut self, item: T, mut order: impl FnMut(&T) -> Ordering) -> bool {
        let inserted = self.root.insert(item, &mut order, node::Edge::ROOT, &mut self.bytes);
        self.finish_insert(inserted)
    }

    /// Adds an item after all others, without asking for their order.
    pub fn push_last(&mut self, item: T) {
        let inserted = self.root.insert(item, &mut |_| Ordering::Less, node::Edge::ROOT, &mut self.bytes);
        self.finish_insert(inserted);
    }

    /// A hint that the item that is equal, or its place, will be looked for soon: has the leaf fetched that
    /// it lies in. What lies above the leaves is mostly there, as it is for all of them.
    pub fn prefetch(&self, mut order: impl FnMut(&T) -> Ordering) {
        self.root.prefetch(&mut order);
    }

    /// The item that is equal.
    pub fn find(&self, mut order: impl FnMut(&T) -> Ordering) -> Option<&T> {
        let mut node = &self.root;
        loop {
            match node {
                Node::Leaf(items) => return items.get(node::search(items, &mut order).ok()?),
                Node::Inner(inner) => node = &inner.children[inner.child_of(&mut order)],
            }
        }
    }

    /// The rank of the item that is equal: how many come before it.
    pub fn rank(&self, mut order: impl FnMut(&T) -> Ordering) -> Option<usize> {
        let (rank, found) = self.position(&mut order);
        found.then_some(rank)
    }

    /// How many items come before: the rank of the first one that is equal or comes after, if there is one.
    pub fn seek(&self, mut order: impl FnMut(&T) -> Ordering) -> usize {
        self.position(&mut order).0
    }

    /// The item of a rank.
    pub fn get(&self, rank: usize) -> Option<&T> {
        if rank >= self.len {
            return None;
        }
        let (leaf, at) = self.leaf(rank);
        leaf.get(at)
    }

    /// The first item.
    pub fn first(&self) -> Option<&T> {
        match &self.root {
            Node::Leaf(items) => items.first(),
            Node::Inner(inner) => inner.firsts.first(),
        }
    }

    /// The last item.
    pub fn last(&self) -> Option<&T> {
        self.get(self.len.checked_sub(1)?)
    }

    /// The items of a range of ranks, from both ends. What of it is past the end does not matter.
    pub fn range(&self, ranks: ops::Range<usize>) -> Range<'_, T, FAN> {
        Range::new(self, ranks.start..ranks.end.min(self.len))
    }

    /// All items.
    pub fn iter(&self) -> Range<'_, T, FAN> {
        self.range(0..self.len)
    }

    /// Changes the item that is equal, in a way that does not change its place. Returns whether there is one.
    pub fn update(&mut self, order: impl FnMut(&T) -> Ordering, change: impl FnOnce(&mut T)) -> bool {
        self.root.update(&mut ByOrder(order), change).is_some()
    }

    /// Takes out the item that is equal.
    pub fn remove(&mut self, order: impl FnMut(&T) -> Ordering) -> Option<T> {
        let removed = self.root.remove(&mut ByOrder(order), &mut self.bytes)?;
        self.finish_remove(1);
        Some(removed.item)
    }

    /// Takes out the item of a rank.
    pub fn remove_at(&mut self, rank: usize) -> Option<T> {
        let removed = self.root.remove(&mut ByRank(rank), &mut self.bytes)?;
        self.finish_remove(1);
        Some(removed.item)
    }

    /// Takes out the first item.
    pub fn pop_first(&mut self) -> Option<T> {
        self.remove_at(0)
    }

    /// Takes out the last item.
    pub fn pop_last(&mut self) -> Option<T> {
        self.remove_at(self.len.checked_sub(1)?)
    }

    /// Takes out the items of a range of ranks and hands them over, in their order. The work is in proportion
    /// to their number, and does not grow with the rest.
    pub fn remove_range(&mut self, ranks: ops::Range<usize>, mut taken: impl FnMut(T)) {
        let ranks = ranks.start..ranks.end.min(self.len);
        if ranks.is_empty() {
            return;
        }
        let count = ranks.len();
        self.root.remove_range(ranks, &mut self.bytes, &mut taken);
        self.finish_remove(count);
    }

    /// Takes all items out, and gives the memory back.
    pub fn clear(&mut self) {
        *self = Self::new();
    }

    /// How many items come before, and whether the next one is equal.
    fn position(&self, order: &mut impl FnMut(&T) -> Ordering) -> (usize, bool) {
        let (mut node, mut before) = (&self.root, 0);
        loop {
            match node {
                Node::Leaf(items) => match node::search(items, order) {
                    Ok(at) => return (before + at, true),
                    Err(at) => return (before + at, false),
                },
                Node::Inner(inner) => {
                    let child = inner.child_of(order);
                    before += inner.count_before(child);
                    node = &inner.children[child];
                }
            }
        }
    }

    /// The leaf in which the item of a rank lies, and where in it. The rank is below `len`.
    fn leaf(&self, mut rank: usize) -> (&[T], usize) {
        let mut node = &self.root;
        loop {
            match node {
                Node::Leaf(items) => return (items, rank),
                Node::Inner(inner) => {
                    let (child, before) = inner.child_at(rank);
                    rank -= before;
                    node = &inner.children[child];
                }
            }
        }
    }

    fn finish_insert(&mut self, inserted: Inserted<T, FAN>) -> bool {
        match inserted {
            Inserted::Present => return false,
            Inserted::Done { .. } => {}
            Inserted::Split { right, right_count, .. } => {
                let left = std::mem::replace(&mut self.root, Node::Leaf(Vec::new()));
                let left_count = self.len + 1 - right_count;
                self.root = Node::pair((left, left_count), (right, right_count), &mut self.bytes);
            }
        }
        self.len += 1;
        true
    }

    /// Counts, and takes the levels away that are no longer needed.
    fn finish_remove(&mut self, count: usize) {
        self.len -= count;
        while let Node::Inner(inner) = &mut self.root
            && inner.children.len() < 2
        {
            let child = inner.children.pop();
            self.bytes -= inner.held();
            self.root = child.unwrap_or(Node::Leaf(Vec::new()));
        }
        if self.len == 0 {
            // An empty leaf may have kept its vector.
            *self = Self::new();
        }
    }
}

impl<T: Copy, const FAN: usize> Clone for Ranked<T, FAN> {
    /// A copy with full nodes.
    fn clone(&self) -> Self {
        Self::from_sorted(self.iter().copied())
    }
}

impl<T: Copy, const FAN: usize> Default for Ranked<T, FAN> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a, T: Copy, const FAN: usize> IntoIterator for &'a Ranked<T, FAN> {
    type Item = &'a T;
    type IntoIter = Range<'a, T, FAN>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
