//! Sets as payloads.

use super::form::kind;
use super::packed;
use super::read::Reader;
use super::write::Writer;
use super::{Building, Corrupt};
use crate::collections::dict::Dict;
use crate::collections::intset::IntSetBuf;
use crate::collections::packed::Digits;
use crate::types::Collection;
use crate::types::set::{Bounds, Set, SetRef};

pub(super) fn write(set: SetRef<'_>, out: &mut Writer) {
    match set {
        SetRef::Integers(integers) => {
            out.byte(kind::SET_INTSET);
            let mut bytes = Vec::new();
            integers.to_valkey(&mut bytes);
            out.string(&bytes);
        }
        SetRef::Packed(packed) => {
            out.byte(kind::SET_LISTPACK);
            out.string(&packed.to_listpack());
        }
        SetRef::Table(_) => {
            out.byte(kind::SET);
            out.count(set.len());
            let mut digits = Digits::default();
            set.for_each(|member| out.string(member.text(&mut digits)));
        }
    }
}

fn table(building: Building<'_>) -> Set {
    Set::Table(Box::new(Dict::new(building.seed)))
}

/// A count and members: in the form that so many call for, and on from there as members are added.
pub(super) fn read(reader: &mut Reader<'_>, building: Building<'_>) -> Result<Set, Corrupt> {
    let bounds = Bounds { limits: building.limits, seed: building.seed };
    let count = reader.count(1)?;
    let mut set = if count > building.limits.set_max_intset_entries { table(building) } else { Set::new() };
    for _ in 0..count {
        if !set.insert(&reader.string()?, bounds) {
            return Err(Corrupt);
        }
    }
    Ok(set)
}

pub(super) fn read_intset(reader: &mut Reader<'_>, building: Building<'_>) -> Result<Set, Corrupt> {
    let integers = IntSetBuf::from_valkey(&reader.string()?).ok_or(Corrupt)?;
    let set = Set::Integers(integers);
    if set.len() <= building.limits.set_max_intset_entries {
        return Ok(set);
    }
    into_table(set.as_ref(), building)
}

/// Members in a listpack, which stays one however long they are.
pub(super) fn read_listpack(reader: &mut Reader<'_>, building: Building<'_>) -> Result<Set, Corrupt> {
    let packed = packed::listpack(&reader.string()?)?;
    if packed.len() > building.limits.set_max_listpack_entries {
        return into_table(SetRef::Packed(packed.as_packed()), building);
    }
    packed::distinct(packed.as_packed(), 1)?;
    Ok(Set::Packed(packed))
}

fn into_table(members: SetRef<'_>, building: Building<'_>) -> Result<Set, Corrupt> {
    let bounds = Bounds { limits: building.limits, seed: building.seed };
    let (mut set, mut digits) = (table(building), Digits::default());
    members.for_each(|member| {
        set.insert(member.text(&mut digits), bounds);
    });
    if set.len() == members.len() { Ok(set) } else { Err(Corrupt) }
}
