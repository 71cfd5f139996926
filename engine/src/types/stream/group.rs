//! Consumer groups: who reads a stream together, how far they have come, and what they have not yet
//! acknowledged.
//!
//! What is delivered to a consumer is *pending* until somebody acknowledges it. A group has its pending
//! entries by id, each with its consumer, when it was delivered last, and how often. A consumer has the ids
//! of its own, so that it can be asked for them without a walk over everybody's.
//!
//! Invariants: an id is pending of a consumer exactly if the group has it as pending with that consumer's
//! number; `bytes` is what the group holds of the heap, consumers and all, and every change keeps it so.

use std::cmp::Ordering;

use super::{StreamId, Tally};
use crate::collections::ranked::Ranked;
use crate::raw::heap::malloc_bytes;
use crate::time::Millis;

/// A consumer group; see the module's page.
#[derive(Debug)]
pub struct Group {
    name: Box<[u8]>,
    last: StreamId,
    entries_read: Option<u64>,
    pending: Ranked<Pending>,
    consumers: Vec<Option<Box<Consumer>>>,
    /// Numbers that nobody has.
    vacant: Vec<u32>,
    /// The numbers of those that are there, in the order of their names.
    by_name: Vec<u32>,
    /// What the consumers themselves hold of the heap.
    consumer_bytes: usize,
}

/// An entry that a consumer has been given and nobody has acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pending {
    /// The entry's id. The entry itself may be gone.
    pub id: StreamId,
    /// When it was last delivered.
    pub delivered: Millis,
    /// How often it was delivered.
    pub deliveries: u64,
    /// Whose it is.
    pub consumer: ConsumerNumber,
}

/// What names a consumer as long as it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConsumerNumber(u32);

/// A member of a group.
#[derive(Debug, Clone)]
pub struct Consumer {
    name: Box<[u8]>,
    /// When it last tried to read or claim.
    pub(super) seen: Millis,
    /// When it last did.
    pub(super) active: Option<Millis>,
    pending: Ranked<StreamId>,
}

impl Consumer {
    /// Its name.
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// When it last tried to read or claim something.
    pub fn seen(&self) -> Millis {
        self.seen
    }

    /// When it last was given something.
    pub fn active(&self) -> Option<Millis> {
        self.active
    }

    /// The ids of its pending entries.
    pub fn pending(&self) -> &Ranked<StreamId> {
        &self.pending
    }

    fn heap_bytes(&self) -> usize {
        malloc_bytes(size_of::<Self>()) + malloc_bytes(self.name.len()) + self.pending.memory_bytes()
    }
}

/// The order of pending entries as against an id.
fn by_id(id: StreamId) -> impl Fn(&Pending) -> Ordering {
    move |pending| pending.id.cmp(&id)
}

impl Clone for Group {
    /// A copy without spare room, which is counted anew.
    fn clone(&self) -> Self {
        let consumers = self.consumers.clone();
        Self {
            name: self.name.clone(),
            pending: self.pending.clone(),
            vacant: self.vacant.clone(),
            by_name: self.by_name.clone(),
            consumer_bytes: consumers.iter().flatten().map(|consumer| consumer.heap_bytes()).sum(),
            consumers,
            ..*self
        }
    }
}

impl Group {
    pub(super) fn new(name: &[u8], last: StreamId, entries_read: Option<u64>) -> Self {
        Self {
            name: name.into(),
            last,
            entries_read,
            pending: Ranked::new(),
            consumers: Vec::new(),
            vacant: Vec::new(),
            by_name: Vec::new(),
            consumer_bytes: 0,
        }
    }

    /// What it holds of the heap, without `size_of::<Self>()`.
    pub(super) fn heap_bytes(&self) -> usize {
        malloc_bytes(self.name.len())
            + self.pending.memory_bytes()
            + malloc_bytes(self.consumers.capacity() * size_of::<Option<Box<Consumer>>>())
            + malloc_bytes(self.by_name.capacity() * size_of::<u32>())
            + malloc_bytes(self.vacant.capacity() * size_of::<u32>())
            + self.consumer_bytes
    }

    /// Whether what the group has pending and what its consumers have are the same, and bytes are counted
    /// right.
    #[cfg(test)]
    pub(super) fn check(&self) {
        let counted: usize = self.consumers().map(Consumer::heap_bytes).sum();
        assert_eq!(self.consumer_bytes, counted);
        let mut theirs = Vec::new();
        for &number in &self.by_name {
            let consumer = self.consumer(ConsumerNumber(number));
            theirs.extend(consumer.pending.iter().map(|id| (*id, number)));
        }
        theirs.sort();
        let ours: Vec<_> = self.pending.iter().map(|pending| (pending.id, pending.consumer.0)).collect();
        assert_eq!(ours, theirs);
        assert!(self.consumers().is_sorted_by(|a, b| a.name < b.name));
    }

    /// Its name.
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// The last id that it was given.
    pub fn last(&self) -> StreamId {
        self.last
    }

    /// How many entries it has read, those before its beginning counted too, where that is known.
    pub fn entries_read(&self) -> Option<u64> {
        self.entries_read
    }

    /// What is pending, by id.
    pub fn pending(&self) -> &Ranked<Pending> {
        &self.pending
    }

    /// Its consumers, in the order of their names.
    pub fn consumers(&self) -> impl ExactSizeIterator<Item = &Consumer> {
        self.by_name.iter().map(|&number| self.consumer(ConsumerNumber(number)))
    }

    /// The consumer of this number.
    pub fn consumer(&self, number: ConsumerNumber) -> &Consumer {
        self.consumers[number.0 as usize].as_deref().expect("invariant: the consumer is there")
    }

    /// The consumer of this name.
    pub fn consumer_named(&self, name: &[u8]) -> Option<ConsumerNumber> {
        self.place_of(name).ok().map(|at| ConsumerNumber(self.by_name[at]))
    }

    /// The pending entries from `from` to `to`, both included, in the order of their ids: all of them, or one
    /// consumer's.
    pub fn pending_between(
        &self,
        from: StreamId,
        to: StreamId,
        of: Option<ConsumerNumber>,
    ) -> impl Iterator<Item = Pending> {
        let all = of.is_none().then(move || {
            let start = self.pending.seek(by_id(from));
            self.pending.range(start..self.pending.len()).copied()
        });
        let own = of.map(move |number| {
            let ids = &self.consumer(number).pending;
            let start = ids.seek(|id| id.cmp(&from));
            let find = move |id: &StreamId| self.pending.find(by_id(*id)).copied();
            ids.range(start..ids.len()).filter_map(find)
        });
        all.into_iter().flatten().chain(own.into_iter().flatten()).take_while(move |pending| pending.id <= to)
    }

    pub(super) fn set_place(&mut self, last: StreamId, entries_read: Option<u64>) {
        self.last = last;
        self.entries_read = entries_read;
    }

    /// Notes that the entry of this id was read.
    pub(super) fn advance(&mut self, to: StreamId, tally: &Tally) {
        if to <= self.last {
            return;
        }
        match self.entries_read {
            Some(read) if self.last >= tally.first && !tally.has_gap_from(self.last) => {
                self.entries_read = Some(read.wrapping_add(1));
            }
            _ if tally.entries_added > 0 => self.entries_read = tally.added_up_to(to),
            _ => {}
        }
        self.last = to;
    }

    /// Moves the group on to an id that it has been told of, never back; whether it moved.
    pub(super) fn move_on(&mut self, to: StreamId) -> bool {
        let moves = to > self.last;
        if moves {
            self.last = to;
        }
        moves
    }

    /// The consumer of this name, made if it is not there, and whether it was made.
    pub(super) fn join(&mut self, name: &[u8], now: Millis) -> (ConsumerNumber, bool) {
        let at = match self.place_of(name) {
            Ok(at) => return (ConsumerNumber(self.by_name[at]), false),
            Err(at) => at,
        };
        let consumer =
            Box::new(Consumer { name: name.into(), seen: now, active: None, pending: Ranked::new() });
        self.consumer_bytes += consumer.heap_bytes();
        let number = self.vacant.pop().unwrap_or_else(|| {
            self.consumers.push(None);
            u32::try_from(self.consumers.len() - 1).expect("invariant: consumers outgrow memory sooner")
        });
        self.consumers[number as usize] = Some(consumer);
        self.by_name.insert(at, number);
        (ConsumerNumber(number), true)
    }

    /// Takes a consumer out, with all that is pending of it; how much that was.
    pub(super) fn leave(&mut self, name: &[u8]) -> Option<usize> {
        let at = self.place_of(name).ok()?;
        let number = self.by_name.remove(at);
        let consumer = self.consumers[number as usize].take().expect("invariant: the consumer is there");
        self.consumer_bytes -= consumer.heap_bytes();
        for id in &consumer.pending {
            self.pending.remove(by_id(*id));
        }
        self.vacant.push(number);
        if self.by_name.is_empty() {
            (self.consumers, self.vacant, self.by_name) = Default::default();
        }
        Some(consumer.pending.len())
    }

    pub(super) fn find_pending(&self, id: StreamId) -> Option<Pending> {
        self.pending.find(by_id(id)).copied()
    }

    pub(super) fn edit_consumer<R>(
        &mut self,
        number: ConsumerNumber,
        change: impl FnOnce(&mut Consumer) -> R,
    ) -> R {
        let consumer =
            self.consumers[number.0 as usize].as_deref_mut().expect("invariant: the consumer is there");
        let before = consumer.pending.memory_bytes();
        let result = change(consumer);
        self.consumer_bytes = self.consumer_bytes - before + consumer.pending.memory_bytes();
        result
    }

    /// Has an entry pending as this says, whatever was known of it.
    pub(super) fn set_pending(&mut self, pending: Pending) {
        let mut before = None;
        if self.pending.last().is_none_or(|last| last.id < pending.id) {
            self.pending.push_last(pending);
        } else {
            let there = self.pending.update(by_id(pending.id), |old| {
                before = Some(old.consumer);
                *old = pending;
            });
            if !there {
                self.pending.insert(pending, by_id(pending.id));
            }
        }
        if before == Some(pending.consumer) {
            return;
        }
        if let Some(before) = before {
            self.edit_consumer(before, |consumer| consumer.pending.remove(|id| id.cmp(&pending.id)));
        }
        self.edit_consumer(pending.consumer, |consumer| {
            if consumer.pending.last().is_none_or(|last| *last < pending.id) {
                consumer.pending.push_last(pending.id);
            } else {
                consumer.pending.insert(pending.id, |id| id.cmp(&pending.id));
            }
        });
    }

    /// Has an entry no longer pending; whether it was.
    pub(super) fn acknowledge(&mut self, id: StreamId) -> bool {
        let Some(pending) = self.pending.remove(by_id(id)) else { return false };
        self.edit_consumer(pending.consumer, |consumer| consumer.pending.remove(|own| own.cmp(&id)));
        true
    }

    fn place_of(&self, name: &[u8]) -> Result<usize, usize> {
        self.by_name.binary_search_by(|&number| (*self.consumer(ConsumerNumber(number)).name).cmp(name))
    }
}
