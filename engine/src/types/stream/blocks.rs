//! The blocks of a stream, in the order of their ids.
//!
//! Blocks lie in slots; a sorted sequence has the first id of each and its slot's number. New entries go to
//! the last block, which is found without a search. A slot that is given up is used again, and when most are
//! empty those that are left move together.

use std::cmp::Ordering;
use std::iter::Rev;

use super::StreamId;
use super::block::{Block, Entry, Spot, Walk, WalkBack};
use crate::collections::ranked::{Range, Ranked};
use crate::raw::heap::malloc_bytes;

/// The blocks of a stream; see the [module](self).
#[derive(Debug, Default)]
pub(super) struct Blocks {
    slots: Vec<Slot>,
    /// The first of the empty slots, which are chained.
    vacant: Option<u32>,
    index: Ranked<Place>,
    /// The slot of the last block.
    last: Option<u32>,
    /// What the blocks hold of the heap.
    bytes: usize,
}

#[derive(Debug, Clone)]
enum Slot {
    Taken(Block),
    Vacant(Option<u32>),
}

/// Where a block is.
#[derive(Debug, Clone, Copy)]
struct Place {
    first: StreamId,
    slot: u32,
}

/// Fewer slots than these are not worth giving back.
const SLOTS_MIN: usize = 64;

impl Blocks {
    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    /// What they hold of the heap, all in all.
    pub(super) fn heap_bytes(&self) -> usize {
        malloc_bytes(self.slots.capacity() * size_of::<Slot>()) + self.index.memory_bytes() + self.bytes
    }

    /// The same, counted block by block.
    #[cfg(test)]
    pub(super) fn counted_bytes(&self) -> usize {
        let blocks: usize = self.iter().map(Block::heap_bytes).sum();
        let taken = self.slots.iter().filter(|slot| matches!(slot, Slot::Taken(_))).count();
        assert_eq!(taken, self.index.len());
        assert_eq!(self.last, self.index.last().map(|place| place.slot));
        malloc_bytes(self.slots.capacity() * size_of::<Slot>()) + self.index.memory_bytes() + blocks
    }

    /// The last block.
    pub(super) fn last(&self) -> Option<&Block> {
        self.last.map(|slot| self.block(slot))
    }

    /// The first block.
    pub(super) fn first(&self) -> Option<&Block> {
        self.index.first().map(|place| self.block(place.slot))
    }

    /// Changes the last block.
    pub(super) fn edit_last<R>(&mut self, change: impl FnOnce(&mut Block) -> R) -> Option<R> {
        self.last.map(|slot| self.edit(slot, change))
    }

    /// Changes the first block.
    pub(super) fn edit_first<R>(&mut self, change: impl FnOnce(&mut Block) -> R) -> Option<R> {
        let slot = self.index.first()?.slot;
        Some(self.edit(slot, change))
    }

    /// Puts a block behind all others.
    pub(super) fn push(&mut self, block: Block) {
        self.bytes += block.heap_bytes();
        let first = block.first();
        let slot = match self.vacant {
            Some(slot) => {
                let vacated = std::mem::replace(&mut self.slots[slot as usize], Slot::Taken(block));
                self.vacant = match vacated {
                    Slot::Vacant(next) => next,
                    Slot::Taken(_) => unreachable!("invariant: only empty slots are chained"),
                };
                slot
            }
            None => {
                if self.slots.is_empty() {
                    // Most streams are short: one block is all there is.
                    self.slots.reserve_exact(1);
                }
                self.slots.push(Slot::Taken(block));
                u32::try_from(self.slots.len() - 1).expect("invariant: blocks outgrow memory sooner")
            }
        };
        self.index.push_last(Place { first, slot });
        self.last = Some(slot);
    }

    /// Removes the first block.
    pub(super) fn pop_first(&mut self) {
        self.remove_at(0);
    }

    /// Removes the last blocks in which nothing is live, if something was behind `last`. With Valkey they
    /// stay, and what is added next goes there; but then blocks would not be in the order of their entries.
    pub(super) fn forget_behind(&mut self, last: StreamId) {
        while self.last().is_some_and(|block| block.live() == 0 && block.last() > last) {
            self.remove_at(self.index.len() - 1);
        }
    }

    /// Marks the entry of this id as deleted; whether there was one. Its block goes when nothing is left in
    /// it.
    pub(super) fn delete(&mut self, id: StreamId) -> bool {
        let Some(rank) = self.rank_of(id) else { return false };
        let slot = self.index.get(rank).expect("invariant: a rank of a block").slot;
        let Some(spot) = self.block(slot).find(id) else { return false };
        if self.block(slot).live() == 1 {
            self.remove_at(rank);
        } else {
            self.edit(slot, |block| block.delete(spot));
        }
        true
    }

    /// The entry of this id.
    pub(super) fn entry(&self, id: StreamId) -> Option<Entry<'_>> {
        self.range(id, id).next()
    }

    /// Whether there is an entry of this id.
    pub(super) fn contains(&self, id: StreamId) -> bool {
        let block =
            self.rank_of(id).and_then(|rank| self.index.get(rank)).map(|place| self.block(place.slot));
        block.is_some_and(|block| block.find(id).is_some())
    }

    /// The entries from `from` to `to`, both included.
    pub(super) fn range(&self, from: StreamId, to: StreamId) -> Entries<'_> {
        let start = self.rank_of(from).unwrap_or(0);
        Entries { blocks: self, ahead: self.index.range(start..self.index.len()), walk: None, from, to }
    }

    /// No entries.
    pub(super) fn none(&self) -> Entries<'_> {
        let (from, to) = (StreamId::MAX, StreamId::ZERO);
        Entries { blocks: self, ahead: self.index.range(0..0), walk: None, from, to }
    }

    /// The same, from the last one back.
    pub(super) fn range_back(&self, from: StreamId, to: StreamId) -> EntriesBack<'_> {
        let end = self.rank_of(to).map_or(0, |rank| rank + 1);
        EntriesBack { blocks: self, ahead: self.index.range(0..end).rev(), walk: None, from, to }
    }

    /// The blocks, in their order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Block> {
        self.index.iter().map(|place| self.block(place.slot))
    }

    /// How many nodes Valkey's radix tree of these blocks has.
    ///
    /// Its keys are the 16 bytes of the first ids. A node is a place where keys part, or where one ends, or a
    /// run of bytes on the way to either. Keys are taken in their order; `parting` has the places where those
    /// part that have something in common with the key at hand, by how many bytes that is. Walks all blocks.
    pub(super) fn radix_nodes(&self) -> usize {
        const KEY_BYTES: usize = 16;
        /// A node where keys part, or end, and a run of bytes before it unless it follows its parent at once.
        fn nodes(at: usize, parent: Option<usize>) -> usize {
            1 + usize::from(at > parent.map_or(0, |parent| parent + 1))
        }
        let key = |place: &Place| u128::from(place.first.ms) << 64 | u128::from(place.first.seq);
        let mut keys = self.index.iter().map(key).peekable();
        if keys.peek().is_none() {
            return 1;
        }
        let mut parting: Vec<usize> = Vec::new();
        let (mut count, mut before) = (0, None);
        while let Some(key) = keys.next() {
            let behind = keys.peek().map(|next| (key ^ next).leading_zeros() as usize / 8);
            count += nodes(KEY_BYTES, before.max(behind));
            while let Some(deepest) = parting.pop_if(|deepest| behind.is_none_or(|behind| *deepest > behind))
            {
                count += nodes(deepest, parting.last().copied().max(behind));
            }
            if let Some(behind) = behind
                && parting.last() != Some(&behind)
            {
                parting.push(behind);
            }
            before = behind;
        }
        count
    }

    /// The rank of the block in which an entry of this id would be.
    fn rank_of(&self, id: StreamId) -> Option<usize> {
        let up_to = |place: &Place| if place.first <= id { Ordering::Less } else { Ordering::Greater };
        self.index.seek(up_to).checked_sub(1)
    }

    fn block(&self, slot: u32) -> &Block {
        match &self.slots[slot as usize] {
            Slot::Taken(block) => block,
            Slot::Vacant(_) => unreachable!("invariant: the index names slots with blocks"),
        }
    }

    fn edit<R>(&mut self, slot: u32, change: impl FnOnce(&mut Block) -> R) -> R {
        let Slot::Taken(block) = &mut self.slots[slot as usize] else {
            unreachable!("invariant: the index names slots with blocks")
        };
        let before = block.heap_bytes();
        let result = change(block);
        self.bytes = self.bytes - before + block.heap_bytes();
        result
    }

    fn remove_at(&mut self, rank: usize) {
        let Some(Place { slot, .. }) = self.index.remove_at(rank) else { return };
        let removed = std::mem::replace(&mut self.slots[slot as usize], Slot::Vacant(self.vacant));
        self.vacant = Some(slot);
        if let Slot::Taken(block) = removed {
            self.bytes -= block.heap_bytes();
        }
        if self.last == Some(slot) {
            self.last = self.index.last().map(|place| place.slot);
        }
        if self.slots.len() > SLOTS_MIN && self.index.len() < self.slots.len() / 4 {
            self.move_together();
        }
    }

    /// Leaves no slot empty. As often as that is called, it costs a removal as much as moving a few blocks.
    fn move_together(&mut self) {
        let mut slots = Vec::with_capacity(self.index.len());
        let mut places = Vec::with_capacity(self.index.len());
        for place in &self.index {
            places.push(Place { first: place.first, slot: slots.len() as u32 });
            slots.push(std::mem::replace(&mut self.slots[place.slot as usize], Slot::Vacant(None)));
        }
        self.last = places.last().map(|place| place.slot);
        self.index = Ranked::from_sorted(places);
        self.slots = slots;
        self.vacant = None;
    }
}

impl Clone for Blocks {
    /// A copy that has no empty slots and no spare room.
    fn clone(&self) -> Self {
        let slots: Vec<Slot> = self.iter().cloned().map(Slot::Taken).collect();
        let bytes = slots.iter().map(|slot| match slot {
            Slot::Taken(block) => block.heap_bytes(),
            Slot::Vacant(_) => 0,
        });
        let places = self
            .index
            .iter()
            .zip(0..)
            .map(|(place, slot)| Place { first: place.first, slot })
            .collect::<Vec<_>>();
        Self {
            bytes: bytes.sum(),
            vacant: None,
            last: places.last().map(|place| place.slot),
            index: Ranked::from_sorted(places),
            slots,
        }
    }
}

/// The live entries of a range of ids, see [`Stream::range`](super::Stream::range).
#[derive(Debug, Clone)]
pub struct Entries<'a> {
    blocks: &'a Blocks,
    ahead: Range<'a, Place>,
    walk: Option<Walk<'a>>,
    from: StreamId,
    to: StreamId,
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    #[inline]
    fn next(&mut self) -> Option<Entry<'a>> {
        loop {
            let Some(walk) = &mut self.walk else {
                let block = self.blocks.block(self.ahead.next()?.slot);
                if block.first() > self.to {
                    return None;
                }
                self.walk = Some(block.walk());
                continue;
            };
            match walk.from(self.from) {
                Some(spot) if spot.deleted => {}
                Some(spot) if spot.id > self.to => return None,
                Some(spot) => return Some(walk.entry(spot)),
                None => self.walk = None,
            }
        }
    }
}

/// The live entries of a range of ids from the last one back, see
/// [`Stream::range_back`](super::Stream::range_back).
#[derive(Debug, Clone)]
pub struct EntriesBack<'a> {
    blocks: &'a Blocks,
    ahead: Rev<Range<'a, Place>>,
    walk: Option<WalkBack<'a>>,
    from: StreamId,
    to: StreamId,
}

impl<'a> Iterator for EntriesBack<'a> {
    type Item = Entry<'a>;

    #[inline]
    fn next(&mut self) -> Option<Entry<'a>> {
        loop {
            let Some(walk) = &mut self.walk else {
                self.walk = Some(self.blocks.block(self.ahead.next()?.slot).walk_back());
                continue;
            };
            match walk.next() {
                Some(Spot { id, deleted, .. }) if deleted || id > self.to => {}
                Some(Spot { id, .. }) if id < self.from => return None,
                Some(spot) => return Some(walk.entry(spot)),
                None => self.walk = None,
            }
        }
    }
}
