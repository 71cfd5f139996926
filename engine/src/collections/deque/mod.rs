//! A long list: a row of blocks of packed elements.
//!
//! ```text
//! blocks: [ 496 elements ][ 1 large ][ 512 elements, compressed ][ 88 elements ]
//! ```
//!
//! Ends grow and shrink in their block; places inside are found by the counts of whole blocks. How full a
//! block may be ([`Fill`]), and when one is split, merged or given to a single large element, follows
//! Valkey's quicklists to the block, since from that follows when a list is reported, and dumped, as what.
//!
//! With a depth of compression all blocks but so many at either end are compressed, if that saves anything.
//! Readers are lent elements for the time of a call, for those may come out of a copy.
//!
//! Invariants: no block is empty; `len` is the sum of their counts and `block_bytes` of their heap bytes;
//! with a depth, after each operation, just the blocks further inside have been tried to compress, and the
//! others are not compressed.

mod block;
mod change;
mod fill;
mod gapped;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::ops::ControlFlow;

pub use self::block::KeptBlock;
use self::block::{Block, BlockRef};
pub use self::change::Side;
pub use self::fill::Fill;
use crate::collections::packed::{Element, Packed, START};
use crate::raw::heap::{HeapBytes, malloc_bytes};
use crate::raw::shared::SharedBytes;

/// Either end of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The head.
    Left,
    /// The tail.
    Right,
}

/// A list of blocks; see the module's page.
#[derive(Debug)]
pub struct Deque {
    blocks: VecDeque<Block>,
    len: usize,
    block_bytes: usize,
    fill: Fill,
    /// How many blocks at either end are not compressed; 0 if none is.
    depth: u16,
    unsettled: Unsettled,
}

/// Where blocks may lie that ought to be compressed and are not, or the other way round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Unsettled {
    Nowhere,
    /// Up to the first one at either end that ought to be compressed: blocks came at an end, or went.
    AtEnds,
    /// Anywhere.
    Inside,
}

/// Where an element lies.
#[derive(Debug, Clone, Copy)]
pub struct Position {
    block: usize,
    /// Of the element, in its block.
    index: usize,
}

impl Deque {
    /// An empty list, whose blocks will be filled and compressed so for ever.
    pub fn new(fill: Fill, compress_depth: u32) -> Self {
        let depth = u16::try_from(compress_depth).unwrap_or(u16::MAX);
        Self { blocks: VecDeque::new(), len: 0, block_bytes: 0, fill, depth, unsettled: Unsettled::Nowhere }
    }

    /// How many elements it has.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How full its blocks may be.
    pub fn fill(&self) -> Fill {
        self.fill
    }

    /// How many blocks at either end are not compressed; 0 if none is.
    pub fn compress_depth(&self) -> u16 {
        self.depth
    }

    /// How many blocks it has.
    pub fn block_count(&self) -> usize {
        self.blocks.len()
    }

    /// The bytes that Valkey counts for its blocks.
    pub fn valkey_bytes(&self) -> usize {
        self.blocks.iter().map(Block::valkey_bytes).sum()
    }

    /// Its elements, if they are all in one block, are packed, and so few that they need no list of blocks.
    pub fn as_small(&self, fill: Fill, shrunk: bool) -> Option<Packed<'_>> {
        let block = self.blocks.front().filter(|_| self.blocks.len() == 1)?;
        if block.is_plain() || !fill.suits_packed(block.valkey_bytes(), block.count as usize, shrunk) {
            return None;
        }
        block.as_packed()
    }

    /// Its blocks, first to last.
    pub fn blocks(&self) -> impl Iterator<Item = KeptBlock<'_>> {
        self.blocks.iter().map(Block::kept)
    }

    /// Shows the elements from the one of index `from` on, in either direction, until told to stop.
    #[inline]
    pub fn walk(&self, from: usize, backward: bool, mut act: impl FnMut(Element<'_>) -> ControlFlow<()>) {
        let Some(mut position) = self.locate(from) else { return };
        loop {
            let went_on = self.blocks[position.block].read(|block| match block {
                BlockRef::Plain(text) => act(Element::Text(text)),
                BlockRef::Packed(packed) => {
                    let at = packed.seek(position.index).expect("invariant: the count is the elements'");
                    if backward {
                        packed.iter_to(packed.after(at)).rev().try_for_each(&mut act)
                    } else {
                        packed.iter_from(at).try_for_each(&mut act)
                    }
                }
            });
            if went_on.is_break() {
                return;
            }
            // On to the nearer end of the next block in that direction.
            if backward {
                let Some(block) = position.block.checked_sub(1) else { return };
                position = Position { block, index: self.blocks[block].count as usize - 1 };
            } else {
                position = Position { block: position.block + 1, index: 0 };
                if position.block == self.blocks.len() {
                    return;
                }
            }
        }
    }

    /// A large element that can be kept without a copy, if the one of this index is such.
    pub fn shared(&self, index: usize) -> Option<&SharedBytes> {
        self.blocks[self.locate(index)?.block].plain_shared()
    }

    /// Where the element of this index lies: whole blocks are passed over, from the nearer end.
    pub fn locate(&self, index: usize) -> Option<Position> {
        if index >= self.len {
            return None;
        }
        if index < self.len / 2 {
            let mut rest = index;
            for (block, count) in self.blocks.iter().map(|block| block.count as usize).enumerate() {
                if rest < count {
                    return Some(Position { block, index: rest });
                }
                rest -= count;
            }
        } else {
            let mut rest = self.len - index;
            for (block, count) in self.blocks.iter().map(|block| block.count as usize).enumerate().rev() {
                if rest <= count {
                    return Some(Position { block, index: count - rest });
                }
                rest -= count;
            }
        }
        unreachable!("invariant: the length is the sum of the counts")
    }

    /// Where the first element lies that stands for `text`.
    pub fn find(&self, text: &[u8]) -> Option<Position> {
        self.blocks.iter().enumerate().find_map(|(number, block)| {
            let index = block.read(|block| match block {
                BlockRef::Plain(plain) => (plain == text).then_some(0),
                BlockRef::Packed(packed) => {
                    let at = packed.find(text, 0, START)?;
                    Some(packed.iter_to(at).count())
                }
            })?;
            Some(Position { block: number, index })
        })
    }
}

/// Shares nothing, so that each copy can be counted in full; made to measure.
impl Clone for Deque {
    fn clone(&self) -> Self {
        let blocks = self.blocks.clone();
        let block_bytes = blocks.iter().map(HeapBytes::heap_bytes).sum();
        Self { blocks, block_bytes, ..*self }
    }
}

impl HeapBytes for Deque {
    fn heap_bytes(&self) -> usize {
        self.block_bytes + malloc_bytes(self.blocks.capacity() * size_of::<Block>())
    }
}
