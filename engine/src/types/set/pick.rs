//! Members by chance: one, some different ones, or one after the other with repetition. Each is as likely as
//! any other, and so is each selection.

use std::ops::ControlFlow;

use super::{Bounds, COMPACT_BUDGET, Set, SetRef, push};
use crate::collections::packed::{Element, PackedBuf};
use crate::random::Random;
use crate::types::Collection;
use crate::types::chance::{DRAW_FACTOR, chooser, draw_distinct};

/// When a table is to lose more than so many times what stays, what stays is taken out of it instead, and
/// makes a set anew: Valkey's factor, which shows in the encoding.
const KEEP_FACTOR: usize = 5;

fn below(len: usize, random: &mut Random) -> usize {
    random.below(len as u64) as usize
}

impl<'a> SetRef<'a> {
    /// A member by chance; none of an empty set.
    pub fn random(self, random: &mut Random) -> Option<Element<'a>> {
        match self {
            Self::Integers(integers) => integers.get(below(integers.len(), random)).map(Element::Int),
            Self::Packed(packed) => packed.get(below(packed.len(), random)),
            Self::Table(dict) => dict.random(random).map(|handle| Element::Text(dict.key(handle))),
        }
    }

    /// Shows `times` members by chance, each drawn from all, until told to stop.
    pub fn draw(
        self,
        times: usize,
        random: &mut Random,
        show: impl FnMut(Element<'a>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        // Each look into packed members is a walk to it.
        if let (Self::Packed(packed), 3..) = (self, times) {
            let members: Vec<Element<'_>> = packed.iter().collect();
            (0..times).filter_map(|_| members.get(below(members.len(), random)).copied()).try_for_each(show)
        } else {
            (0..times).filter_map(|_| self.random(random)).try_for_each(show)
        }
    }

    /// Shows `count` different members by chance, or all when there are no more.
    pub fn sample(self, count: usize, random: &mut Random, mut show: impl FnMut(Element<'a>)) {
        let len = self.len();
        match self {
            _ if count >= len => self.for_each(show),
            Self::Table(dict) if count < len / DRAW_FACTOR => {
                let draw = |random: &mut Random| dict.random(random);
                draw_distinct(count, random, draw, |handle| show(Element::Text(dict.key(handle))));
            }
            _ => {
                let mut is_chosen = chooser(len, count, random);
                self.for_each(|member| {
                    if is_chosen() {
                        show(member);
                    }
                });
            }
        }
    }
}

impl Set {
    /// Takes a member out by chance; what `show` makes of it.
    pub fn pop<R>(&mut self, random: &mut Random, show: impl FnOnce(Element<'_>) -> R) -> Option<R> {
        match self {
            Self::Integers(integers) if integers.as_intset().is_empty() => None,
            Self::Integers(integers) => {
                let index = below(integers.as_intset().len(), random);
                Some(show(Element::Int(integers.remove_at(index))))
            }
            Self::Packed(packed) => {
                let at = packed.as_packed().seek(below(packed.len(), random))?;
                let result = show(packed.as_packed().at(at));
                packed.remove(at, 1);
                Some(result)
            }
            Self::Table(dict) => {
                let handle = dict.random(random)?;
                let result = show(Element::Text(dict.key(handle)));
                dict.remove(handle);
                dict.compact(COMPACT_BUDGET, |_, _| {});
                Some(result)
            }
        }
    }

    /// Takes `count` members out by chance, or all when there are no more, and shows them.
    pub fn pop_many(
        &mut self,
        count: usize,
        bounds: Bounds<'_>,
        random: &mut Random,
        mut show: impl FnMut(Element<'_>),
    ) {
        let len = self.len();
        if count >= len {
            self.as_ref().for_each(show);
            *self = Self::new();
            return;
        }
        let rest = len - count;
        let few_stay = rest.saturating_mul(KEEP_FACTOR) <= count;
        match self {
            Self::Integers(integers) => {
                let mut is_chosen = chooser(len, count, random);
                integers.retain(|number| {
                    let chosen = is_chosen();
                    if chosen {
                        show(Element::Int(number));
                    }
                    !chosen
                });
                if few_stay && rest > bounds.integers_max() {
                    self.make_table(bounds.seed);
                }
            }
            Self::Packed(packed) => {
                let mut is_chosen = chooser(len, count, random);
                let mut kept = PackedBuf::new();
                for member in packed.as_packed() {
                    if is_chosen() {
                        show(member);
                    } else {
                        push(&mut kept, member);
                    }
                }
                *packed = kept;
            }
            Self::Table(_) if few_stay => {
                let mut kept = Self::Packed(PackedBuf::new());
                for _ in 0..rest {
                    self.pop(random, |member| kept.insert_distinct(member, bounds));
                }
                self.as_ref().for_each(show);
                *self = kept;
            }
            Self::Table(_) => {
                for _ in 0..count {
                    self.pop(random, &mut show);
                }
            }
        }
    }
}
