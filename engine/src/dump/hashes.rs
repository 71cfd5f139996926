//! Hashes as payloads.

use super::form::kind;
use super::read::Reader;
use super::write::Writer;
use super::{Building, Corrupt, old, packed};
use crate::collections::packed::PackedBuf;
use crate::random::Random;
use crate::time::Millis;
use crate::types::Collection;
use crate::types::hash::{FieldDeadline, Hash, HashRef, Means, Was};

/// In place of a deadline: there is none.
const NEVER: i64 = -1;

pub(super) fn write(hash: HashRef<'_>, now: Millis, out: &mut Writer) {
    let table = match hash {
        HashRef::Packed(packed) => {
            out.byte(kind::HASH_LISTPACK);
            out.string(&packed.to_listpack());
            return;
        }
        HashRef::Table(table) => table,
    };
    let perishes = table.iter(now).any(|item| item.deadline.is_some());
    out.byte(if perishes { kind::HASH_2 } else { kind::HASH });
    out.count(table.len(now));
    for item in table.iter(now) {
        out.string(item.key);
        out.string(item.value);
        if perishes {
            let deadline = item.deadline.map(|deadline| i64::try_from(deadline).unwrap_or(i64::MAX));
            out.millis(deadline.unwrap_or(NEVER));
        }
    }
}

/// A hash in the making: no field comes twice.
struct Builder<'a> {
    hash: Hash,
    building: Building<'a>,
    random: Random,
}

impl<'a> Builder<'a> {
    fn new(building: Building<'a>) -> Self {
        Self { hash: Hash::new(), building, random: Random::seeded(building.seed) }
    }

    fn edit<R>(&mut self, act: impl FnOnce(&mut Hash, &mut Means<'_>) -> R) -> R {
        // At the beginning of time, since what has perished in the meantime has come too, and goes by itself.
        let means = &mut Means { limits: self.building.limits, random: &mut self.random, now: 0 };
        act(&mut self.hash, means)
    }

    /// Expects so many fields, one of which or whose value is so long.
    fn expect(&mut self, count: usize, bytes_max: usize) {
        self.edit(|hash, means| hash.prepare(count, bytes_max, means));
    }

    fn add(&mut self, field: &[u8], value: &[u8], deadline: FieldDeadline) -> Result<(), Corrupt> {
        match self.edit(|hash, means| hash.set(field, value, deadline, means)) {
            Was::Missing => Ok(()),
            _ => Err(Corrupt),
        }
    }
}

/// A count, fields and values.
pub(super) fn read(reader: &mut Reader<'_>, building: Building<'_>) -> Result<Hash, Corrupt> {
    let count = reader.count(2)?;
    let mut builder = Builder::new(building);
    builder.expect(count, 0);
    for _ in 0..count {
        let field = reader.string()?;
        builder.add(&field, &reader.string()?, FieldDeadline::Clear)?;
    }
    Ok(builder.hash)
}

/// A count, fields, values and deadlines: always a table.
pub(super) fn read_perishing(reader: &mut Reader<'_>, building: Building<'_>) -> Result<Hash, Corrupt> {
    let count = reader.count(10)?;
    let mut builder = Builder::new(building);
    builder.expect(usize::MAX, 0);
    for _ in 0..count {
        let (field, value) = (reader.string()?, reader.string()?);
        let deadline = match reader.millis()? {
            NEVER => FieldDeadline::Clear,
            at => FieldDeadline::At(Millis::try_from(at).map_err(|_| Corrupt)?),
        };
        builder.add(&field, &value, deadline)?;
    }
    Ok(builder.hash)
}

pub(super) fn read_zipmap(reader: &mut Reader<'_>, building: Building<'_>) -> Result<Hash, Corrupt> {
    let (mut pairs, mut longest) = (PackedBuf::new(), 0);
    old::zipmap(&reader.string()?, |field, value| {
        longest = longest.max(field.len()).max(value.len());
        pairs.push_back(field);
        pairs.push_back(value);
        Ok(())
    })?;
    let long = longest > building.limits.hash_max_listpack_value;
    from_pairs(pairs, long, building)
}

pub(super) fn read_ziplist(reader: &mut Reader<'_>, building: Building<'_>) -> Result<Hash, Corrupt> {
    let mut pairs = PackedBuf::new();
    old::ziplist(&reader.string()?, |element| {
        packed::push(&mut pairs, element);
        Ok(())
    })?;
    from_pairs(pairs, false, building)
}

pub(super) fn read_listpack(reader: &mut Reader<'_>, building: Building<'_>) -> Result<Hash, Corrupt> {
    from_pairs(packed::listpack(&reader.string()?)?, false, building)
}

/// A hash of fields and values by turns, packed as they are if they are not too many.
fn from_pairs(pairs: PackedBuf, large: bool, building: Building<'_>) -> Result<Hash, Corrupt> {
    let packed = pairs.as_packed();
    let count = packed.len();
    if !count.is_multiple_of(2) {
        return Err(Corrupt);
    }
    packed::distinct(packed, 2)?;
    if !large && count / 2 <= building.limits.hash_max_listpack_entries {
        return Ok(Hash::Packed(pairs));
    }
    let mut builder = Builder::new(building);
    builder.expect(usize::MAX, 0);
    let mut elements = packed.iter();
    while let (Some(field), Some(value)) = (elements.next(), elements.next()) {
        builder.add(&field.to_vec(), &value.to_vec(), FieldDeadline::Clear)?;
    }
    Ok(builder.hash)
}
