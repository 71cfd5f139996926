//! Streams as payloads: blocks, counters, and groups with what is pending of whom.

use super::Corrupt;
use super::form::kind;
use super::read::Reader;
use super::write::Writer;
use crate::time::Millis;
use crate::types::stream::{CorruptStream, Group, Restore, Stream, StreamId, Tally};

/// In place of a count or a moment: it is not known.
const UNKNOWN: u64 = u64::MAX;
const NEVER: i64 = -1;

/// A form of streams, each with all that the one before it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Form {
    /// Entries and groups.
    First,
    /// What was ever added, deleted and read.
    Counted,
    /// When consumers were active.
    Active,
}

impl From<CorruptStream> for Corrupt {
    fn from(_: CorruptStream) -> Self {
        Self
    }
}

pub(super) fn write(stream: &Stream, out: &mut Writer) {
    out.byte(kind::STREAM_3);
    out.count(stream.block_count());
    for (first, listpack) in stream.listpacks() {
        out.string(&bytes_of(first));
        out.string(&listpack);
    }
    let tally = stream.tally();
    out.length(tally.len);
    for id in [tally.last, tally.first, tally.max_deleted] {
        write_id(id, out);
    }
    out.length(tally.entries_added);
    out.count(stream.groups().len());
    stream.groups().for_each(|group| write_group(group, out));
}

fn write_group(group: &Group, out: &mut Writer) {
    out.string(group.name());
    write_id(group.last(), out);
    out.length(group.entries_read().unwrap_or(UNKNOWN));
    out.count(group.pending().len());
    for pending in group.pending().iter() {
        out.raw(&bytes_of(pending.id));
        out.millis(signed(pending.delivered));
        out.length(pending.deliveries);
    }
    out.count(group.consumers().len());
    for consumer in group.consumers() {
        out.string(consumer.name());
        out.millis(signed(consumer.seen()));
        out.millis(consumer.active().map_or(NEVER, signed));
        out.count(consumer.pending().len());
        for id in consumer.pending().iter() {
            out.raw(&bytes_of(*id));
        }
    }
}

fn bytes_of(id: StreamId) -> [u8; 16] {
    (u128::from(id.ms) << 64 | u128::from(id.seq)).to_be_bytes()
}

fn write_id(id: StreamId, out: &mut Writer) {
    out.length(id.ms);
    out.length(id.seq);
}

fn signed(moment: Millis) -> i64 {
    i64::try_from(moment).unwrap_or(i64::MAX)
}

pub(super) fn read(reader: &mut Reader<'_>, form: Form) -> Result<Box<Stream>, Corrupt> {
    let mut restore = Restore::new();
    for _ in 0..reader.count(2)? {
        let first = reader.string()?;
        let first = <[u8; 16]>::try_from(&*first).map_err(|_| Corrupt)?;
        restore.block(id_of(u128::from_be_bytes(first)), &reader.string()?)?;
    }
    let mut tally = Tally { len: reader.length()?, last: read_id(reader)?, ..Tally::default() };
    if form >= Form::Counted {
        tally.first = read_id(reader)?;
        tally.max_deleted = read_id(reader)?;
        tally.entries_added = reader.length()?;
    } else {
        tally.entries_added = tally.len;
    }
    restore.tally(tally)?;
    for _ in 0..reader.count(4)? {
        read_group(reader, form, &mut restore)?;
    }
    Ok(Box::new(restore.finish()))
}

fn read_group(reader: &mut Reader<'_>, form: Form, restore: &mut Restore) -> Result<(), Corrupt> {
    let name = reader.string()?;
    let last = read_id(reader)?;
    let entries_read = match form {
        Form::First => restore.added_up_to(last),
        _ => Some(reader.length()?).filter(|read| *read != UNKNOWN),
    };
    let mut group = restore.group(&name, last, entries_read)?;
    for _ in 0..reader.count(25)? {
        let id = reader.id()?;
        group.pending(id_of(id), moment(reader.millis()?)?, reader.length()?)?;
    }
    for _ in 0..reader.count(10)? {
        let name = reader.string()?;
        let seen = moment(reader.millis()?)?;
        let active = match form {
            Form::Active => {
                Some(reader.millis()?).filter(|active| *active != NEVER).map(moment).transpose()?
            }
            _ => Some(seen),
        };
        group.consumer(&name, seen, active)?;
        for _ in 0..reader.count(16)? {
            group.claim(id_of(reader.id()?))?;
        }
    }
    Ok(group.finish()?)
}

fn id_of(id: u128) -> StreamId {
    StreamId::new((id >> 64) as u64, id as u64)
}

fn read_id(reader: &mut Reader<'_>) -> Result<StreamId, Corrupt> {
    Ok(StreamId::new(reader.length()?, reader.length()?))
}

fn moment(millis: i64) -> Result<Millis, Corrupt> {
    Millis::try_from(millis).map_err(|_| Corrupt)
}
