//! Sorted sets as payloads.

use super::form::kind;
use super::read::{Reader, score};
use super::write::Writer;
use super::{Building, Corrupt, old, packed};
use crate::collections::packed::{Digits, Element};
use crate::types::Limits;
use crate::types::sorted_set::{Builder, SortedSet, SortedSetRef};

pub(super) fn write(set: SortedSetRef<'_>, out: &mut Writer) {
    match set.as_packed() {
        Some(packed) => {
            out.byte(kind::ZSET_LISTPACK);
            out.string(&packed.to_listpack());
        }
        None => {
            out.byte(kind::ZSET_2);
            out.count(set.len());
            let mut digits = Digits::default();
            // From the greatest down, as Valkey writes them.
            for pair in set.iter().rev() {
                out.string(pair.member.text(&mut digits));
                out.double(pair.score);
            }
        }
    }
}

fn add(builder: &mut Builder, member: &[u8], score: f64) -> Result<(), Corrupt> {
    if score.is_nan() || !builder.add(member, score) { Err(Corrupt) } else { Ok(()) }
}

/// A count and pairs, of which `score` reads the second half.
pub(super) fn read<'a>(
    reader: &mut Reader<'a>,
    score: impl Fn(&mut Reader<'a>) -> Result<f64, Corrupt>,
    building: Building<'_>,
) -> Result<SortedSet, Corrupt> {
    let mut builder = Builder::new(building.seed);
    for _ in 0..reader.count(2)? {
        let member = reader.string()?;
        add(&mut builder, &member, score(reader)?)?;
    }
    Ok(builder.finish(building.limits))
}

/// Members and scores by turns.
#[derive(Default)]
struct Turns<'a> {
    member: Option<Element<'a>>,
    digits: Digits,
}

impl<'a> Turns<'a> {
    fn next(&mut self, element: Element<'a>, builder: &mut Builder) -> Result<(), Corrupt> {
        let Some(member) = self.member.take() else {
            self.member = Some(element);
            return Ok(());
        };
        let score = match element {
            Element::Int(number) => number as f64,
            Element::Text(text) => score(text)?,
        };
        add(builder, member.text(&mut self.digits), score)
    }

    /// A packed form stays one however long its members are.
    fn finish(self, builder: Builder, limits: &Limits) -> Result<SortedSet, Corrupt> {
        let limits = Limits { zset_max_listpack_value: usize::MAX, ..*limits };
        if self.member.is_some() { Err(Corrupt) } else { Ok(builder.finish(&limits)) }
    }
}

pub(super) fn read_listpack(reader: &mut Reader<'_>, building: Building<'_>) -> Result<SortedSet, Corrupt> {
    let text = reader.string()?;
    let packed = packed::listpack(&text)?;
    let (mut turns, mut builder) = (Turns::default(), Builder::new(building.seed));
    packed.as_packed().iter().try_for_each(|element| turns.next(element, &mut builder))?;
    turns.finish(builder, building.limits)
}

pub(super) fn read_ziplist(reader: &mut Reader<'_>, building: Building<'_>) -> Result<SortedSet, Corrupt> {
    let text = reader.string()?;
    let (mut turns, mut builder) = (Turns::default(), Builder::new(building.seed));
    old::ziplist(&text, |element| turns.next(element, &mut builder))?;
    turns.finish(builder, building.limits)
}
