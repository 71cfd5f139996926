//! Walking a range of ranks, from both ends.

use std::ops;
use std::slice;

use super::Ranked;

/// The items of a range of ranks, see [`Ranked::range`].
#[derive(Debug, Clone)]
pub struct Range<'a, T, const FAN: usize = 64> {
    tree: &'a Ranked<T, FAN>,
    /// What is left of the leaf that the front is in, and of the one that the back is in.
    front: slice::Iter<'a, T>,
    back: slice::Iter<'a, T>,
    /// The ranks between the two, of leaves not yet looked for.
    between: ops::Range<usize>,
}

impl<'a, T: Copy, const FAN: usize> Range<'a, T, FAN> {
    /// The ranks end at the tree's length at most, and may begin behind their end.
    pub(super) fn new(tree: &'a Ranked<T, FAN>, ranks: ops::Range<usize>) -> Self {
        Self { tree, front: [].iter(), back: [].iter(), between: ranks }
    }
}

impl<'a, T: Copy, const FAN: usize> Iterator for Range<'a, T, FAN> {
    type Item = &'a T;

    #[inline]
    fn next(&mut self) -> Option<&'a T> {
        if let Some(item) = self.front.next() {
            return Some(item);
        }
        if self.between.is_empty() {
            return self.back.next();
        }
        let (leaf, at) = self.tree.leaf(self.between.start);
        let end = leaf.len().min(at + self.between.len());
        self.front = leaf[at..end].iter();
        self.between.start += end - at;
        self.front.next()
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        let len = self.front.len() + self.between.len() + self.back.len();
        (len, Some(len))
    }
}

impl<T: Copy, const FAN: usize> DoubleEndedIterator for Range<'_, T, FAN> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        if let Some(item) = self.back.next_back() {
            return Some(item);
        }
        if self.between.is_empty() {
            return self.front.next_back();
        }
        let (leaf, at) = self.tree.leaf(self.between.end - 1);
        let start = (at + 1).saturating_sub(self.between.len());
        self.back = leaf[start..=at].iter();
        self.between.end -= at + 1 - start;
        self.back.next_back()
    }
}

impl<T: Copy, const FAN: usize> ExactSizeIterator for Range<'_, T, FAN> {}
