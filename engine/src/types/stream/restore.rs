//! A stream from its parts, and its blocks as Valkey dumps them.

use std::error::Error;
use std::fmt;

use super::block::Block;
use super::group::{ConsumerNumber, Group, Pending};
use super::{BLOCK_BYTES_MAX, Stream, StreamId, Tally};
use crate::time::Millis;

/// Parts that do not make a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CorruptStream;

impl fmt::Display for CorruptStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the parts do not make a stream")
    }
}

impl Error for CorruptStream {}

impl Stream {
    /// Its blocks, as Valkey dumps them: the id that the others are told by, and a listpack.
    pub fn listpacks(&self) -> impl Iterator<Item = (StreamId, Vec<u8>)> {
        self.blocks.iter().map(|block| (block.first(), block.to_listpack()))
    }
}

/// A stream whose parts come from elsewhere, in the order in which Valkey dumps them: blocks, then groups,
/// each with what is pending and then its consumers.
#[derive(Debug, Default)]
pub struct Restore {
    stream: Stream,
    /// What is pending of the last group and was not yet said to be a consumer's.
    unclaimed: Vec<Unclaimed>,
}

/// What is pending, before it is said of whom.
#[derive(Debug, Clone, Copy)]
struct Unclaimed {
    id: StreamId,
    delivered: Millis,
    deliveries: u64,
    claimed: bool,
}

impl Restore {
    /// Nothing as yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a block, behind those before it.
    ///
    /// # Errors
    /// [`CorruptStream`] if it is not one, has no entries, or does not follow the ones before it.
    pub fn block(&mut self, first: StreamId, listpack: &[u8]) -> Result<(), CorruptStream> {
        if listpack.len() > BLOCK_BYTES_MAX {
            return Err(CorruptStream);
        }
        let block = Block::from_listpack(first, listpack)?;
        let last = self.stream.blocks.last();
        if last.is_some_and(|last| last.first() >= first || last.last_live() >= Some(first)) {
            return Err(CorruptStream);
        }
        self.stream.tally.len += block.live();
        self.stream.blocks.push(block);
        Ok(())
    }

    /// Says what the stream knows of itself, once its blocks are there. A first id of nought is looked for.
    ///
    /// # Errors
    /// [`CorruptStream`] if the number of entries is not that of the blocks, or one has a greater id than the
    /// last one.
    pub fn tally(&mut self, tally: Tally) -> Result<(), CorruptStream> {
        let top = self.stream.last_entry().map(|entry| entry.id);
        if tally.len != self.stream.tally.len || top > Some(tally.last) {
            return Err(CorruptStream);
        }
        self.stream.tally = tally;
        self.stream.blocks.forget_behind(tally.last);
        if tally.first == StreamId::ZERO {
            self.stream.find_first();
        }
        Ok(())
    }

    /// How many entries were ever added up to `id`, where the place of `id` tells it.
    pub fn added_up_to(&self, id: StreamId) -> Option<u64> {
        self.stream.tally.added_up_to(id)
    }

    /// Adds a group, to which belongs what follows.
    ///
    /// # Errors
    /// [`CorruptStream`] if there is one of this name already.
    pub fn group(
        &mut self,
        name: &[u8],
        last: StreamId,
        entries_read: Option<u64>,
    ) -> Result<RestoreGroup<'_>, CorruptStream> {
        let Err(at) = self.stream.group_at(name) else { return Err(CorruptStream) };
        self.unclaimed.clear();
        let group = Group::new(name, last, entries_read);
        Ok(RestoreGroup {
            stream: &mut self.stream,
            unclaimed: &mut self.unclaimed,
            group,
            at,
            consumer: None,
        })
    }

    /// The stream.
    pub fn finish(self) -> Stream {
        self.stream
    }
}

/// A group whose parts come from elsewhere, see [`Restore::group`].
#[derive(Debug)]
pub struct RestoreGroup<'a> {
    stream: &'a mut Stream,
    unclaimed: &'a mut Vec<Unclaimed>,
    group: Group,
    at: usize,
    consumer: Option<ConsumerNumber>,
}

impl RestoreGroup<'_> {
    /// Adds a pending entry, in the order of ids.
    ///
    /// # Errors
    /// [`CorruptStream`] if it does not follow the ones before it.
    pub fn pending(&mut self, id: StreamId, delivered: Millis, deliveries: u64) -> Result<(), CorruptStream> {
        if self.unclaimed.last().is_some_and(|last| last.id >= id) {
            return Err(CorruptStream);
        }
        self.unclaimed.push(Unclaimed { id, delivered, deliveries, claimed: false });
        Ok(())
    }

    /// Adds a consumer.
    ///
    /// # Errors
    /// [`CorruptStream`] if there is one of this name already.
    pub fn consumer(
        &mut self,
        name: &[u8],
        seen: Millis,
        active: Option<Millis>,
    ) -> Result<(), CorruptStream> {
        let (number, joined) = self.group.join(name, seen);
        if !joined {
            return Err(CorruptStream);
        }
        self.group.edit_consumer(number, |consumer| consumer.active = active);
        self.consumer = Some(number);
        Ok(())
    }

    /// Says that a pending entry is the last added consumer's.
    ///
    /// # Errors
    /// [`CorruptStream`] if there is no consumer, or the entry is not pending, or somebody else's.
    pub fn claim(&mut self, id: StreamId) -> Result<(), CorruptStream> {
        let consumer = self.consumer.ok_or(CorruptStream)?;
        let at = self.unclaimed.binary_search_by(|pending| pending.id.cmp(&id)).map_err(|_| CorruptStream)?;
        let Unclaimed { delivered, deliveries, ref mut claimed, .. } = self.unclaimed[at];
        if std::mem::replace(claimed, true) {
            return Err(CorruptStream);
        }
        self.group.set_pending(Pending { id, delivered, deliveries, consumer });
        Ok(())
    }

    /// Puts the group into its stream.
    ///
    /// # Errors
    /// [`CorruptStream`] if something is pending of nobody.
    pub fn finish(self) -> Result<(), CorruptStream> {
        if self.unclaimed.iter().any(|pending| !pending.claimed) {
            return Err(CorruptStream);
        }
        self.stream.group_bytes += self.group.heap_bytes();
        self.stream.groups.insert(self.at, self.group);
        Ok(())
    }
}
