//! How some of a collection's members are chosen by chance, whatever they are members of.

use std::collections::HashSet;

use crate::random::Random;
use crate::raw::Handle;

/// A selection of fewer than one in so many members is drawn from a table one by one; a larger one is made
/// in a walk over all.
pub(super) const DRAW_FACTOR: usize = 3;

/// Shows `count` different members that are each drawn from all; there are more of them.
pub(super) fn draw_distinct(
    count: usize,
    random: &mut Random,
    mut draw: impl FnMut(&mut Random) -> Option<Handle>,
    mut show: impl FnMut(Handle),
) {
    let hasher = ahash::RandomState::with_seed(random.next_u64() as usize);
    let mut seen = HashSet::with_capacity_and_hasher(count, hasher);
    while seen.len() < count {
        let member = draw(random).expect("invariant: more members than are wanted");
        if seen.insert(member.to_bits()) {
            show(member);
        }
    }
}

/// Says of one after the other of `len` members whether it is among the `wanted` ones chosen: each choice of
/// so many is equally likely. (Selection sampling: Knuth, volume 2, algorithm S.)
pub(super) fn chooser(len: usize, wanted: usize, random: &mut Random) -> impl FnMut() -> bool {
    let (mut left, mut wanted) = (len as u64, wanted as u64);
    move || {
        let chosen = random.below(left) < wanted;
        left = left.saturating_sub(1);
        wanted -= u64::from(chosen);
        chosen
    }
}
