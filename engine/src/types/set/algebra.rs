//! Unions, intersections and differences of sets.
//!
//! To show a result nothing is copied where looking will do: the members of one set are looked up in the
//! others. To store one, members are added to a set in the order in which Valkey adds them, since that and
//! the form it begins with decide about the form it ends in.
//!
//! A set that is not there is `None`, and has no members.

use std::ops::ControlFlow;

use smallvec::SmallVec;

use super::{Bounds, Set, SetRef};
use crate::collections::intset::IntSetBuf;
use crate::collections::packed::{Element, PackedBuf};
use crate::types::Collection;

/// Sets of one operation.
pub type Sets<'a> = SmallVec<[Option<SetRef<'a>>; 8]>;

/// Up to so many sets the members of each are looked up in those before it; of more, a set is made of all.
const LOOK_UP_MAX: usize = 6;

/// Shows the members of all sets, each once.
pub fn union(sets: &[Option<SetRef<'_>>], bounds: Bounds<'_>, mut show: impl FnMut(Element<'_>)) {
    let there: SmallVec<[SetRef<'_>; 8]> = sets.iter().copied().flatten().collect();
    // Valkey shows integers in their order, if there are none but those.
    let integers = there.iter().all(|set| matches!(set, SetRef::Integers(_)));
    if there.len() > 1 && integers || there.len() > LOOK_UP_MAX {
        union_set(sets, bounds).as_ref().for_each(show);
        return;
    }
    for (index, set) in there.iter().enumerate() {
        let before = &there[..index];
        set.for_each(|member| {
            if !before.iter().any(|set| set.contains_element(member)) {
                show(member);
            }
        });
    }
}

/// The union as a set to store.
pub fn union_set(sets: &[Option<SetRef<'_>>], bounds: Bounds<'_>) -> Set {
    // A table too large for any other form stays one, whatever joins it: the largest is copied whole.
    let small_max = bounds.integers_max().max(bounds.limits.set_max_listpack_entries);
    let table_len = |set: &Option<SetRef<'_>>| match set {
        Some(SetRef::Table(dict)) => dict.len(),
        _ => 0,
    };
    let largest = (0..sets.len()).max_by_key(|&index| table_len(&sets[index]));
    let copied = largest.filter(|&index| table_len(&sets[index]) > small_max);
    let mut result = match copied.and_then(|index| sets[index]) {
        Some(SetRef::Table(dict)) => Set::Table(Box::new(dict.clone())),
        _ => Set::new(),
    };
    for (_, set) in sets.iter().enumerate().filter(|(index, _)| Some(*index) != copied) {
        let Some(set) = set else { continue };
        if result.is_empty() {
            set.for_each(|member| result.insert_distinct(member, bounds));
        } else {
            set.for_each(|member| {
                result.insert(member.text(&mut Default::default()), bounds);
            });
        }
    }
    result
}

/// Shows the members that all sets have, until told to stop.
pub fn intersection<'a>(sets: &[Option<SetRef<'a>>], show: impl FnMut(Element<'a>) -> ControlFlow<()>) {
    if let Some(sets) = by_len(sets) {
        let _ = common(&sets, show);
    }
}

/// The intersection as a set to store.
pub fn intersection_set(sets: &[Option<SetRef<'_>>], bounds: Bounds<'_>) -> Set {
    let Some(sets) = by_len(sets) else { return Set::new() };
    let mut result = match sets.first() {
        Some(SetRef::Integers(_)) => Set::Integers(IntSetBuf::new()),
        _ => Set::Packed(PackedBuf::new()),
    };
    let mut only_integers = true;
    let _ = common(&sets, |member| {
        only_integers = only_integers && member.integer().is_some();
        result.insert_distinct(member, bounds);
        ControlFlow::Continue(())
    });
    if only_integers {
        result.make_integers(bounds);
    }
    result
}

/// The sets, the smallest first; none when one is not there, and so nothing common to all.
fn by_len<'a>(sets: &[Option<SetRef<'a>>]) -> Option<SmallVec<[SetRef<'a>; 8]>> {
    let mut sets = sets.iter().copied().collect::<Option<SmallVec<[SetRef<'a>; 8]>>>()?;
    sets.sort_by_key(|set| set.len());
    Some(sets)
}

fn common<'a>(sets: &[SetRef<'a>], mut show: impl FnMut(Element<'a>) -> ControlFlow<()>) -> ControlFlow<()> {
    let Some((smallest, others)) = sets.split_first() else { return ControlFlow::Continue(()) };
    smallest.try_for_each(|member| {
        if others.iter().all(|set| set.contains_element(member)) {
            show(member)
        } else {
            ControlFlow::Continue(())
        }
    })
}

/// Shows the members of the first set that no other has.
pub fn difference<'a>(sets: &[Option<SetRef<'a>>], bounds: Bounds<'_>, mut show: impl FnMut(Element<'a>)) {
    let Some((&Some(first), others)) = sets.split_first() else { return };
    if takes_out(first, others) {
        // Many others, and small: they are one set to be looked up in.
        let others = union_set(others, bounds);
        leave_out(first, &[others.as_ref()], &mut show);
    } else {
        leave_out(first, &largest_first(others), show);
    }
}

/// The difference as a set to store.
pub fn difference_set(sets: &[Option<SetRef<'_>>], bounds: Bounds<'_>) -> Set {
    let mut result = Set::new();
    let Some((&Some(first), others)) = sets.split_first() else { return result };
    if !takes_out(first, others) {
        leave_out(first, &largest_first(others), |member| result.insert_distinct(member, bounds));
        return result;
    }
    first.for_each(|member| result.insert_distinct(member, bounds));
    for other in others.iter().flatten() {
        let _ = other.try_for_each(|member| {
            result.remove_element(member);
            if result.is_empty() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        if result.is_empty() {
            return Set::new();
        }
    }
    result
}

/// How Valkey makes a difference: by adding what no other set has, or by adding all and taking out what
/// another has. The first looks up each member in each set, which has a chance of two to end early; the
/// second touches each member of each set once.
fn takes_out(first: SetRef<'_>, others: &[Option<SetRef<'_>>]) -> bool {
    let there = others.iter().flatten();
    let leaving_out = (first.len() as u64).saturating_mul(1 + there.clone().count() as u64) / 2;
    let taking_out = there.fold(first.len() as u64, |sum, set| sum.saturating_add(set.len() as u64));
    leaving_out > taking_out
}

fn leave_out<'a>(first: SetRef<'a>, others: &[SetRef<'_>], mut show: impl FnMut(Element<'a>)) {
    first.for_each(|member| {
        if !others.iter().any(|set| set.contains_element(member)) {
            show(member);
        }
    });
}

/// The sets that are there, in the order in which a member is most likely to be found soon.
fn largest_first<'a>(sets: &[Option<SetRef<'a>>]) -> SmallVec<[SetRef<'a>; 8]> {
    let mut sets: SmallVec<[SetRef<'a>; 8]> = sets.iter().copied().flatten().collect();
    sets.sort_by_key(|set| std::cmp::Reverse(set.len()));
    sets
}
