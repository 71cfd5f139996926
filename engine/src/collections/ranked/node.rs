//! Nodes: searching one, and what inserting and removing does to a node and its neighbours.

use std::cmp::Ordering;
use std::ops;

use crate::raw::heap::malloc_bytes;
use crate::raw::prefetch::prefetch;

#[derive(Debug)]
pub(super) enum Node<T, const FAN: usize> {
    Leaf(Vec<T>),
    Inner(Box<Inner<T, FAN>>),
}

/// A node with children; the three are equally long.
#[derive(Debug)]
pub(super) struct Inner<T, const FAN: usize> {
    pub(super) firsts: Vec<T>,
    counts: Vec<u32>,
    pub(super) children: Vec<Node<T, FAN>>,
}

/// What an insertion did to a node.
pub(super) enum Inserted<T, const FAN: usize> {
    /// Nothing: there is an equal item.
    Present,
    /// The item is in, perhaps as the node's first.
    Done { is_first: bool },
    /// The item is in, and the node has given its latter part away.
    Split { is_first: bool, right: Node<T, FAN>, right_count: usize },
}

/// An item taken out, and whether the node has another first one now (or is empty).
pub(super) struct Removed<T> {
    pub(super) item: T,
    was_first: bool,
}

/// Whether nothing comes before a node, and nothing after it.
#[derive(Clone, Copy)]
pub(super) struct Edge {
    left: bool,
    right: bool,
}

impl Edge {
    pub(super) const ROOT: Self = Self { left: true, right: true };
}

/// One way to choose an item.
pub(super) trait Aim<T> {
    fn child<const FAN: usize>(&mut self, inner: &Inner<T, FAN>) -> usize;
    fn item(&mut self, leaf: &[T]) -> Option<usize>;
}

/// The item that a closure calls equal.
pub(super) struct ByOrder<F>(pub(super) F);

/// The item of a rank in the node.
pub(super) struct ByRank(pub(super) usize);

impl<T: Copy, F: FnMut(&T) -> Ordering> Aim<T> for ByOrder<F> {
    #[inline]
    fn child<const FAN: usize>(&mut self, inner: &Inner<T, FAN>) -> usize {
        inner.child_of(&mut self.0)
    }

    #[inline]
    fn item(&mut self, leaf: &[T]) -> Option<usize> {
        search(leaf, &mut self.0).ok()
    }
}

impl<T: Copy> Aim<T> for ByRank {
    #[inline]
    fn child<const FAN: usize>(&mut self, inner: &Inner<T, FAN>) -> usize {
        let (child, before) = inner.child_at(self.0);
        self.0 -= before;
        child
    }

    #[inline]
    fn item(&mut self, leaf: &[T]) -> Option<usize> {
        (self.0 < leaf.len()).then_some(self.0)
    }
}

/// Where the item lies that is equal, or where it would.
#[inline]
pub(super) fn search<T>(leaf: &[T], order: &mut impl FnMut(&T) -> Ordering) -> Result<usize, usize> {
    prefetch(leaf);
    leaf.binary_search_by(order)
}

/// What a vector holds of the heap.
#[inline]
pub(super) fn held<T>(vec: &Vec<T>) -> usize {
    malloc_bytes(vec.capacity() * size_of::<T>())
}

/// Makes room for one more, a quarter more than there is, but never more than a node needs.
#[inline]
fn grow<T>(vec: &mut Vec<T>, fan: usize, bytes: &mut usize) {
    let len = vec.len();
    if len == vec.capacity() {
        reserve(vec, (len / 4).max(4).min(fan.saturating_sub(len)).max(1), bytes);
    }
}

fn reserve<T>(vec: &mut Vec<T>, additional: usize, bytes: &mut usize) {
    let before = held(vec);
    vec.reserve_exact(additional);
    *bytes = *bytes - before + held(vec);
}

/// Gives memory back where a vector is less than two thirds full.
#[inline]
fn shrink<T>(vec: &mut Vec<T>, bytes: &mut usize) {
    let (len, capacity) = (vec.len(), vec.capacity());
    if capacity > 8 && len + len / 2 < capacity {
        let before = held(vec);
        vec.shrink_to((len + len / 8).max(4));
        *bytes = *bytes - before + held(vec);
    }
}

/// The latter part of a vector, in one of its own.
fn split_off<T>(vec: &mut Vec<T>, at: usize, bytes: &mut usize) -> Vec<T> {
    let mut right = Vec::new();
    right.reserve_exact(vec.len() - at);
    right.extend(vec.drain(at..));
    // The next item goes into either half, so both stay with no more room than they need.
    let before = held(vec);
    vec.shrink_to(at + 4);
    *bytes = *bytes - before + held(vec) + held(&right);
    right
}

/// Moves all of `right` behind `left`.
fn append<T>(left: &mut Vec<T>, mut right: Vec<T>, bytes: &mut usize) {
    let missing = (left.len() + right.len()).saturating_sub(left.capacity());
    if missing > 0 {
        reserve(left, right.len(), bytes);
    }
    left.append(&mut right);
    *bytes -= held(&right);
}

impl<T: Copy, const FAN: usize> Node<T, FAN> {
    /// Puts levels above nodes that are full, until there is one node.
    pub(super) fn stack(mut nodes: Vec<Self>, bytes: &mut usize) -> Self {
        while nodes.len() > 1 {
            let mut above = Vec::with_capacity(nodes.len().div_ceil(FAN));
            let mut rest = nodes.into_iter().peekable();
            while rest.peek().is_some() {
                let children: Vec<Self> = rest.by_ref().take(FAN).collect();
                above.push(Self::over(children, bytes));
            }
            nodes = above;
        }
        nodes.pop().unwrap_or(Self::Leaf(Vec::new()))
    }

    /// A node above two.
    pub(super) fn pair(left: (Self, usize), right: (Self, usize), bytes: &mut usize) -> Self {
        let inner = Inner {
            firsts: vec![left.0.first(), right.0.first()],
            counts: vec![left.1 as u32, right.1 as u32],
            children: vec![left.0, right.0],
        };
        *bytes += inner.held();
        Self::Inner(Box::new(inner))
    }

    fn over(mut children: Vec<Self>, bytes: &mut usize) -> Self {
        children.shrink_to_fit();
        let inner = Inner {
            firsts: children.iter().map(Self::first).collect(),
            counts: children.iter().map(|child| child.count() as u32).collect(),
            children,
        };
        *bytes += inner.held();
        Self::Inner(Box::new(inner))
    }

    /// The first item of a node that is not empty.
    fn first(&self) -> T {
        match self {
            Self::Leaf(items) => items[0],
            Self::Inner(inner) => inner.firsts[0],
        }
    }

    fn count(&self) -> usize {
        match self {
            Self::Leaf(items) => items.len(),
            Self::Inner(inner) => inner.count_before(inner.counts.len()),
        }
    }

    /// The items of a leaf, the children of an inner node.
    fn width(&self) -> usize {
        match self {
            Self::Leaf(items) => items.len(),
            Self::Inner(inner) => inner.children.len(),
        }
    }

    pub(super) fn prefetch(&self, order: &mut impl FnMut(&T) -> Ordering) {
        match self {
            Self::Leaf(items) => prefetch(items),
            Self::Inner(inner) => inner.children[inner.child_of(order)].prefetch(order),
        }
    }

    pub(super) fn insert(
        &mut self,
        item: T,
        order: &mut impl FnMut(&T) -> Ordering,
        edge: Edge,
        bytes: &mut usize,
    ) -> Inserted<T, FAN> {
        match self {
            Self::Leaf(items) => match search(items, order) {
                Ok(_) => Inserted::Present,
                Err(at) => Self::insert_item(items, at, item, edge, bytes),
            },
            Self::Inner(inner) => inner.insert(item, order, edge, bytes),
        }
    }

    #[inline]
    fn insert_item(
        items: &mut Vec<T>,
        at: usize,
        item: T,
        edge: Edge,
        bytes: &mut usize,
    ) -> Inserted<T, FAN> {
        let is_first = at == 0;
        if items.len() < FAN {
            grow(items, FAN, bytes);
            items.insert(at, item);
            return Inserted::Done { is_first };
        }
        let half = items.len() / 2;
        let mut right;
        if at == items.len() && edge.right {
            right = Vec::new();
            grow(&mut right, FAN, bytes);
            right.push(item);
        } else if is_first && edge.left {
            let mut left = Vec::new();
            grow(&mut left, FAN, bytes);
            left.push(item);
            right = std::mem::replace(items, left);
        } else {
            right = split_off(items, half, bytes);
            let (into, at) = if at <= half { (items, at) } else { (&mut right, at - half) };
            grow(into, FAN, bytes);
            into.insert(at, item);
        }
        Inserted::Split { is_first, right_count: right.len(), right: Self::Leaf(right) }
    }

    /// Changes one item. Returns whether it is the node's first, and what it is now.
    pub(super) fn update(&mut self, aim: &mut impl Aim<T>, change: impl FnOnce(&mut T)) -> Option<(bool, T)> {
        match self {
            Self::Leaf(items) => {
                let at = aim.item(items)?;
                change(&mut items[at]);
                Some((at == 0, items[at]))
            }
            Self::Inner(inner) => {
                let child = aim.child(inner);
                let (is_first, item) = inner.children[child].update(aim, change)?;
                if is_first {
                    inner.firsts[child] = item;
                }
                Some((is_first && child == 0, item))
            }
        }
    }

    pub(super) fn remove(&mut self, aim: &mut impl Aim<T>, bytes: &mut usize) -> Option<Removed<T>> {
        match self {
            Self::Leaf(items) => {
                let at = aim.item(items)?;
                let item = items.remove(at);
                shrink(items, bytes);
                Some(Removed { item, was_first: at == 0 })
            }
            Self::Inner(inner) => {
                let child = aim.child(inner);
                let Removed { item, was_first } = inner.children.get_mut(child)?.remove(aim, bytes)?;
                inner.counts[child] -= 1;
                if inner.counts[child] == 0 {
                    inner.drop_children(child..child + 1, bytes);
                } else {
                    if was_first {
                        inner.firsts[child] = inner.children[child].first();
                    }
                    inner.condense(child, bytes);
                }
                Some(Removed { item, was_first: was_first && child == 0 })
            }
        }
    }

    /// Takes out a range of ranks in this node, which is not empty and ends at its count at most.
    pub(super) fn remove_range(
        &mut self,
        ranks: ops::Range<usize>,
        bytes: &mut usize,
        taken: &mut impl FnMut(T),
    ) {
        match self {
            Self::Leaf(items) => {
                items.drain(ranks).for_each(taken);
                shrink(items, bytes);
            }
            Self::Inner(inner) => inner.remove_range(ranks, bytes, taken),
        }
    }

    fn for_each(&self, taken: &mut impl FnMut(T)) {
        match self {
            Self::Leaf(items) => items.iter().for_each(|&item| taken(item)),
            Self::Inner(inner) => inner.children.iter().for_each(|child| child.for_each(taken)),
        }
    }

    /// What this node and all below it hold of the heap.
    pub(super) fn held(&self) -> usize {
        match self {
            Self::Leaf(items) => held(items),
            Self::Inner(inner) => inner.held() + inner.children.iter().map(Self::held).sum::<usize>(),
        }
    }
}

impl<T: Copy, const FAN: usize> Inner<T, FAN> {
    /// The child below which the item would be that is equal: the last that does not begin after it.
    #[inline]
    pub(super) fn child_of(&self, order: &mut impl FnMut(&T) -> Ordering) -> usize {
        self.firsts[1..].partition_point(|first| order(first) != Ordering::Greater)
    }

    /// The child with the item of a rank, and how many items come before that child. The last child for a
    /// rank that is too high.
    #[inline]
    pub(super) fn child_at(&self, rank: usize) -> (usize, usize) {
        let last = self.counts.len() - 1;
        let mut before = 0;
        for (child, &count) in self.counts[..last].iter().enumerate() {
            if rank < before + count as usize {
                return (child, before);
            }
            before += count as usize;
        }
        (last, before)
    }

    /// How many items lie below the children before this one.
    #[inline]
    pub(super) fn count_before(&self, child: usize) -> usize {
        // The sum of all fits, since handles do; and four bytes add up faster than eight.
        self.counts[..child].iter().sum::<u32>() as usize
    }

    /// What this node holds of the heap, without its children.
    pub(super) fn held(&self) -> usize {
        malloc_bytes(size_of::<Self>()) + held(&self.firsts) + held(&self.counts) + held(&self.children)
    }

    fn insert(
        &mut self,
        item: T,
        order: &mut impl FnMut(&T) -> Ordering,
        edge: Edge,
        bytes: &mut usize,
    ) -> Inserted<T, FAN> {
        let child = self.child_of(order);
        let child_edge =
            Edge { left: edge.left && child == 0, right: edge.right && child + 1 == self.children.len() };
        let (is_first, split) = match self.children[child].insert(item, order, child_edge, bytes) {
            Inserted::Present => return Inserted::Present,
            Inserted::Done { is_first } => (is_first, None),
            Inserted::Split { is_first, right, right_count } => (is_first, Some((right, right_count))),
        };
        self.counts[child] += 1;
        if is_first {
            self.firsts[child] = item;
        }
        let is_first = is_first && child == 0;
        let Some((right, right_count)) = split else { return Inserted::Done { is_first } };

        self.counts[child] -= right_count as u32;
        let at = child + 1;
        if self.children.len() < FAN {
            self.insert_child(at, right, right_count, bytes);
            return Inserted::Done { is_first };
        }
        // As leaves do, split where what comes next will be put.
        let from = if edge.right && at == FAN {
            FAN - 1
        } else if edge.left && child == 0 {
            1
        } else {
            FAN / 2
        };
        let mut sibling = Box::new(Self {
            firsts: split_off(&mut self.firsts, from, bytes),
            counts: split_off(&mut self.counts, from, bytes),
            children: split_off(&mut self.children, from, bytes),
        });
        *bytes += malloc_bytes(size_of::<Self>());
        if at <= from {
            self.insert_child(at, right, right_count, bytes);
        } else {
            sibling.insert_child(at - from, right, right_count, bytes);
        }
        let right_count = sibling.count_before(sibling.counts.len());
        Inserted::Split { is_first, right: Node::Inner(sibling), right_count }
    }

    fn insert_child(&mut self, at: usize, child: Node<T, FAN>, count: usize, bytes: &mut usize) {
        grow(&mut self.firsts, FAN, bytes);
        grow(&mut self.counts, FAN, bytes);
        grow(&mut self.children, FAN, bytes);
        self.firsts.insert(at, child.first());
        self.counts.insert(at, count as u32);
        self.children.insert(at, child);
    }

    fn remove_range(&mut self, ranks: ops::Range<usize>, bytes: &mut usize, taken: &mut impl FnMut(T)) {
        let (first, mut before) = self.child_at(ranks.start);
        // Whole children go together; at either end there may be one that loses a part.
        let (mut whole, mut child) = (first..first, first);
        while child < self.children.len() && before < ranks.end {
            let count = self.counts[child] as usize;
            let (from, to) = (ranks.start.max(before) - before, ranks.end.min(before + count) - before);
            if to - from == count {
                self.children[child].for_each(taken);
                whole = if whole.is_empty() { child..child + 1 } else { whole.start..child + 1 };
            } else {
                self.children[child].remove_range(from..to, bytes, taken);
                self.counts[child] -= (to - from) as u32;
                self.firsts[child] = self.children[child].first();
            }
            before += count;
            child += 1;
        }
        let joint = if whole.is_empty() { first + 1 } else { whole.start };
        self.drop_children(whole, bytes);
        // Those beside the gap may be small; the right one first, since closing up renumbers those behind.
        if joint < self.children.len() {
            self.condense(joint, bytes);
        }
        if joint > 0 && joint <= self.children.len() {
            self.condense(joint - 1, bytes);
        }
    }

    /// Takes children away, with all below them.
    fn drop_children(&mut self, children: ops::Range<usize>, bytes: &mut usize) {
        *bytes -= self.children[children.clone()].iter().map(Node::held).sum::<usize>();
        self.firsts.drain(children.clone());
        self.counts.drain(children.clone());
        self.children.drain(children);
        self.shrink(bytes);
    }

    fn shrink(&mut self, bytes: &mut usize) {
        shrink(&mut self.firsts, bytes);
        shrink(&mut self.counts, bytes);
        shrink(&mut self.children, bytes);
    }

    /// Puts a child that has become small together with its smaller neighbour, where both fit well into one.
    #[inline]
    fn condense(&mut self, child: usize, bytes: &mut usize) {
        let width = self.children[child].width();
        if width > FAN / 2 {
            return;
        }
        let width_at = |at: usize| self.children.get(at).map_or(usize::MAX, Node::width);
        let (before, after) = (width_at(child.wrapping_sub(1)), width_at(child + 1));
        if before.min(after).saturating_add(width) <= FAN * 3 / 4 {
            self.merge(if before <= after { child - 1 } else { child }, bytes);
        }
    }

    /// Moves all that is in the child after this one into it.
    fn merge(&mut self, child: usize, bytes: &mut usize) {
        let right = self.children.remove(child + 1);
        self.firsts.remove(child + 1);
        self.counts[child] += self.counts.remove(child + 1);
        match (&mut self.children[child], right) {
            (Node::Leaf(left), Node::Leaf(right)) => append(left, right, bytes),
            (Node::Inner(left), Node::Inner(right)) => {
                *bytes -= malloc_bytes(size_of::<Self>());
                let right = *right;
                append(&mut left.firsts, right.firsts, bytes);
                append(&mut left.counts, right.counts, bytes);
                append(&mut left.children, right.children, bytes);
            }
            _ => panic!("invariant: all leaves have the same depth"),
        }
        self.shrink(bytes);
    }
}
