//! Streams: a log of entries, each with an id and fields, and the groups that read it.
//!
//! ```text
//! Stream
//!   blocks   [1-0 ..] [7-3 ..] [9-0 ..]     entries, packed, some hundred to a block; in the order of ids
//!   tally    how many, the first and the last id, what was deleted
//!   groups   "a"  "b"                       how far each has read; what is pending, of whom
//! ```
//!
//! Blocks begin where Valkey's begin, since trimming with `~` removes whole ones and clients see how many
//! entries that were. See `block` for what one is, `group` for groups, `tally` for how far behind they
//! are.
//!
//! A stream stays when nothing is left in it: it remembers its last id, and its groups.

mod block;
mod blocks;
mod group;
mod id;
mod reading;
mod restore;
mod tally;
mod trim;

#[cfg(test)]
mod tests;

pub use block::{Entry, Fields};
pub use blocks::{Entries, EntriesBack};
pub use group::{Consumer, ConsumerNumber, Group, Pending};
pub use id::{NewId, StreamId};
pub use reading::{Claim, Claimed, Member, Swept};
pub use restore::{CorruptStream, Restore};
pub use tally::Tally;
pub use trim::{Bound, Trim, TrimLimit};

use block::Block;
use blocks::Blocks;

use super::{Collection, Encoding, Kind, Limits, Object, Value};
use crate::StreamError;
use crate::raw::heap::{HeapBytes, malloc_bytes};

/// What Valkey lets an entry have of fields and values, and a block of everything.
const BLOCK_BYTES_MAX: usize = 1 << 30;

/// The first block of a stream has room for so many bytes besides its entry.
const FIRST_BLOCK_BYTES: usize = 64;

/// A stream; see the [module](self).
#[derive(Debug, Default)]
pub struct Stream {
    blocks: Blocks,
    tally: Tally,
    /// In the order of their names.
    groups: Vec<Group>,
    /// What the groups themselves hold of the heap.
    group_bytes: usize,
}

impl Stream {
    /// A stream without entries.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many entries it has.
    pub fn len(&self) -> u64 {
        self.tally.len
    }

    /// Whether it has no entries.
    pub fn is_empty(&self) -> bool {
        self.tally.len == 0
    }

    /// What it knows of itself without its entries.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// How many blocks its entries lie in.
    pub fn block_count(&self) -> usize {
        self.blocks.len()
    }

    /// How many nodes Valkey's radix tree of these blocks has. Walks all blocks.
    pub fn radix_nodes(&self) -> usize {
        self.blocks.radix_nodes()
    }

    /// Its groups, in the order of their names.
    pub fn groups(&self) -> impl ExactSizeIterator<Item = &Group> {
        self.groups.iter()
    }

    /// The group of this name.
    pub fn group(&self, name: &[u8]) -> Option<&Group> {
        self.group_at(name).ok().map(|at| &self.groups[at])
    }

    /// How many entries are left for a group to read, where that is known.
    pub fn lag(&self, group: &Group) -> Option<u64> {
        self.tally.lag(group.last(), group.entries_read())
    }

    /// The entries from `from` to `to`, both included.
    pub fn range(&self, from: StreamId, to: StreamId) -> Entries<'_> {
        self.blocks.range(from, to)
    }

    /// The same, from the last one back.
    pub fn range_back(&self, from: StreamId, to: StreamId) -> EntriesBack<'_> {
        self.blocks.range_back(from, to)
    }

    /// The entries behind `after`: what somebody who has seen that one has not seen.
    pub fn after(&self, after: StreamId) -> Entries<'_> {
        // Mostly nothing is new, which needs no search.
        match after.next().filter(|from| *from <= self.tally.last) {
            Some(from) => self.range(from, StreamId::MAX),
            None => self.blocks.none(),
        }
    }

    /// The entry of this id.
    pub fn entry(&self, id: StreamId) -> Option<Entry<'_>> {
        self.blocks.entry(id)
    }

    /// The last entry.
    pub fn last_entry(&self) -> Option<Entry<'_>> {
        self.range_back(StreamId::ZERO, StreamId::MAX).next()
    }

    /// Adds an entry behind all others; its id.
    ///
    /// # Errors
    /// [`StreamError::Exhausted`], [`StreamError::NotGreater`], [`StreamError::TooLarge`]; nothing has
    /// changed then.
    pub fn add<'f>(
        &mut self,
        id: NewId,
        fields: impl Iterator<Item = (&'f [u8], &'f [u8])> + Clone,
        now: u64,
        limits: &Limits,
    ) -> Result<StreamId, StreamError> {
        let id = self.choose(id, now)?;
        let bytes = fields
            .clone()
            .fold(0usize, |sum, (field, value)| sum.saturating_add(field.len()).saturating_add(value.len()));
        if bytes > BLOCK_BYTES_MAX {
            return Err(StreamError::TooLarge);
        }
        if self.blocks.last().is_none_or(|block| begins_block(block, bytes, limits)) {
            let capacity = match self.blocks.last() {
                // Blocks of a stream mostly end up about as long as one another.
                Some(block) => block.len_bytes(),
                None => bytes.saturating_add(FIRST_BLOCK_BYTES),
            };
            self.blocks.edit_last(Block::finish);
            self.blocks.push(Block::new(id, fields.clone(), capacity));
        }
        self.blocks.edit_last(|block| block.append(id, fields));
        let tally = &mut self.tally;
        tally.len += 1;
        tally.entries_added = tally.entries_added.wrapping_add(1);
        tally.last = id;
        if tally.len == 1 {
            tally.first = id;
        }
        Ok(id)
    }

    fn choose(&self, id: NewId, now: u64) -> Result<StreamId, StreamError> {
        let last = self.tally.last;
        let next = last.next().ok_or(StreamError::Exhausted)?;
        match id {
            NewId::Given(id) if id > last => Ok(id),
            NewId::Auto if now > last.ms => Ok(StreamId::new(now, 0)),
            NewId::Auto => Ok(next),
            NewId::At(ms) if ms > last.ms => Ok(StreamId::new(ms, 0)),
            NewId::At(ms) if ms == last.ms && ms == next.ms => Ok(next),
            NewId::Given(_) | NewId::At(_) => Err(StreamError::NotGreater),
        }
    }

    /// Deletes the entry of this id; whether it was there.
    pub fn delete(&mut self, id: StreamId) -> bool {
        if !self.blocks.delete(id) {
            return false;
        }
        let tally = &mut self.tally;
        tally.len -= 1;
        tally.max_deleted = tally.max_deleted.max(id);
        if tally.first == id {
            self.find_first();
        }
        true
    }

    /// Sets the last id, which the next one has to be greater than, and two other counters where given.
    ///
    /// # Errors
    /// [`StreamError::BelowDeleted`], [`StreamError::BelowTop`], [`StreamError::FewerThanThere`]; nothing has
    /// changed then.
    pub fn set_id(
        &mut self,
        last: StreamId,
        entries_added: Option<u64>,
        max_deleted: Option<StreamId>,
    ) -> Result<(), StreamError> {
        let tally = &mut self.tally;
        if last < tally.max_deleted {
            return Err(StreamError::BelowDeleted);
        }
        if tally.len > 0 {
            let top = self.blocks.range_back(StreamId::ZERO, StreamId::MAX).next();
            if top.is_some_and(|top| last < top.id) {
                return Err(StreamError::BelowTop);
            }
            if entries_added.is_some_and(|added| added < tally.len) {
                return Err(StreamError::FewerThanThere);
            }
        }
        tally.last = last;
        tally.entries_added = entries_added.unwrap_or(tally.entries_added);
        tally.max_deleted = max_deleted.filter(|id| *id != StreamId::ZERO).unwrap_or(tally.max_deleted);
        self.blocks.forget_behind(last);
        Ok(())
    }

    /// Makes a group that has read up to `last`; whether there was none of this name.
    pub fn create_group(&mut self, name: &[u8], last: StreamId, entries_read: Option<u64>) -> bool {
        let Err(at) = self.group_at(name) else { return false };
        let group = Group::new(name, last, entries_read);
        self.group_bytes += group.heap_bytes();
        self.groups.insert(at, group);
        true
    }

    /// Removes a group; whether it was there.
    pub fn destroy_group(&mut self, name: &[u8]) -> bool {
        let Ok(at) = self.group_at(name) else { return false };
        self.group_bytes -= self.groups.remove(at).heap_bytes();
        true
    }

    /// Sets how far a group has read; whether it is there.
    pub fn set_group_place(&mut self, name: &[u8], last: StreamId, entries_read: Option<u64>) -> bool {
        self.edit_group(name, |group, _, _| group.set_place(last, entries_read)).is_some()
    }

    /// Changes the group of this name.
    fn edit_group<R>(
        &mut self,
        name: &[u8],
        change: impl FnOnce(&mut Group, &Blocks, &Tally) -> R,
    ) -> Option<R> {
        let group = self.group_at(name).ok()?;
        let group = &mut self.groups[group];
        let before = group.heap_bytes();
        let result = change(group, &self.blocks, &self.tally);
        self.group_bytes = self.group_bytes - before + group.heap_bytes();
        Some(result)
    }

    fn group_at(&self, name: &[u8]) -> Result<usize, usize> {
        self.groups.binary_search_by(|group| group.name().cmp(name))
    }

    /// Looks for the first entry, after it has gone.
    fn find_first(&mut self) {
        let first = self.blocks.range(StreamId::ZERO, StreamId::MAX).next();
        self.tally.first = first.map_or(StreamId::ZERO, |entry| entry.id);
    }
}

/// Whether an entry whose fields and values are `bytes` long begins a new block: Valkey's rule, to the byte.
fn begins_block(last: &Block, bytes: usize, limits: &Limits) -> bool {
    let bytes_max = match limits.stream_node_max_bytes {
        0 => BLOCK_BYTES_MAX,
        bytes => bytes.min(BLOCK_BYTES_MAX),
    };
    let entries_max = limits.stream_node_max_entries as u64;
    last.listpack_bytes().saturating_add(bytes) >= bytes_max
        || (entries_max > 0 && last.entries() >= entries_max)
}

impl Clone for Stream {
    fn clone(&self) -> Self {
        let groups: Vec<Group> = self.groups.clone();
        Self {
            blocks: self.blocks.clone(),
            tally: self.tally,
            group_bytes: groups.iter().map(Group::heap_bytes).sum(),
            groups,
        }
    }
}

impl HeapBytes for Stream {
    fn heap_bytes(&self) -> usize {
        self.blocks.heap_bytes()
            + malloc_bytes(self.groups.capacity() * size_of::<Group>())
            + self.group_bytes
    }
}

impl Collection for Box<Stream> {
    const KIND: Kind = Kind::Stream;
    type Ref<'a> = &'a Stream;

    fn lend(_: Encoding, value: Value<'_>) -> &Stream {
        match value {
            Value::Large(Object::Stream(stream)) => stream,
            _ => unreachable!("invariant: an entry's kind says what its value is"),
        }
    }

    fn new() -> Self {
        Self::default()
    }

    fn from_parts(_: Encoding, object: Object) -> Self {
        match object {
            Object::Stream(stream) => stream,
            _ => unreachable!("invariant: an entry's kind says what its value is"),
        }
    }

    fn into_parts(self) -> (Encoding, Object) {
        (Encoding::Stream, Object::Stream(self))
    }

    fn is_empty(&self) -> bool {
        false
    }
}
