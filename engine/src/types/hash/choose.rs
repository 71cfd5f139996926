//! Fields by chance: some different ones, or one after the other with repetition. Each is as likely as any
//! other, and so is each selection.

use std::ops::ControlFlow;

use super::{HashRef, pair_of, pairs};
use crate::collections::packed::Element;
use crate::random::Random;
use crate::time::Millis;
use crate::types::chance::{DRAW_FACTOR, chooser, draw_distinct};

impl<'a> HashRef<'a> {
    /// Shows `times` fields by chance with their values, each drawn from all, until told to stop.
    pub fn draw(
        self,
        times: usize,
        now: Millis,
        random: &mut Random,
        mut show: impl FnMut(Element<'a>, Element<'a>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        match self {
            Self::Packed(packed) if times == 1 => {
                let index = random.below(packed.len() as u64 / 2) as usize;
                pairs(packed)
                    .nth(index)
                    .map_or(ControlFlow::Continue(()), |(field, value)| show(field, value))
            }
            Self::Packed(packed) => {
                // Each look into what is packed would be a walk to it.
                let all: Vec<_> = pairs(packed).collect();
                let chosen = (0..times).filter_map(|_| all.get(random.below(all.len() as u64) as usize));
                chosen.copied().try_for_each(|(field, value)| show(field, value))
            }
            Self::Table(table) => (0..times).try_for_each(|_| match table.random(now, random) {
                Some(handle) => {
                    let (field, value) = pair_of(table.item(handle));
                    show(field, value)
                }
                None => ControlFlow::Break(()),
            }),
        }
    }

    /// Shows `count` different fields by chance with their values, or all when there are no more.
    pub fn sample(
        self,
        count: usize,
        now: Millis,
        random: &mut Random,
        mut show: impl FnMut(Element<'a>, Element<'a>),
    ) {
        let len = self.len(now);
        match self {
            _ if count >= len => self.for_each(now, show),
            Self::Table(table) if count < len / DRAW_FACTOR => {
                let draw = |random: &mut Random| table.random(now, random);
                draw_distinct(count, random, draw, |handle| {
                    let (field, value) = pair_of(table.item(handle));
                    show(field, value);
                });
            }
            _ => {
                let mut is_chosen = chooser(len, count, random);
                self.for_each(now, |field, value| {
                    if is_chosen() {
                        show(field, value);
                    }
                });
            }
        }
    }
}
