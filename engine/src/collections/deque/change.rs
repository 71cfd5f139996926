//! How a list of blocks is changed.

use super::block::Block;
use super::{Deque, End, Position, Unsettled};
use crate::collections::packed::{Element, Packed};
use crate::raw::heap::HeapBytes;

/// On which side of an element another is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// In front of it.
    Before,
    /// Behind it.
    After,
}

impl Deque {
    /// Puts a text at one end. For `threshold` see [`Fill::is_large`](super::Fill).
    pub fn push(&mut self, end: End, text: &[u8], threshold: usize) {
        let outermost = match end {
            End::Left => 0,
            End::Right => self.blocks.len().saturating_sub(1),
        };
        if self.has_room(Some(outermost), text, threshold) {
            self.add_at_end(outermost, end, text);
        } else {
            let place = if end == End::Left { 0 } else { self.blocks.len() };
            self.add_block(place, self.new_block(text, threshold));
            // The one that was outermost will grow no more.
            let inner = if end == End::Left { 1 } else { place.wrapping_sub(1) };
            self.shrink_block(inner);
        }
        self.settle();
    }

    /// Puts a whole block behind all others, as a dump has it. It has at least one element.
    pub fn push_block(&mut self, packed: Packed<'_>) {
        self.add_block(self.blocks.len(), Block::packed(packed));
        self.settle();
    }

    /// Puts a text in a block of its own behind all others, as a dump has it.
    pub fn push_plain(&mut self, text: &[u8]) {
        self.add_block(self.blocks.len(), Block::plain(text));
        self.settle();
    }

    /// Removes up to `count` elements at one end.
    pub fn remove_end(&mut self, end: End, count: usize) {
        let count = count.min(self.len);
        let start = if end == End::Left { 0 } else { self.len - count };
        self.remove_range(start, count);
    }

    /// Puts a text beside the element at a position.
    pub fn insert(&mut self, position: Position, side: Side, text: &[u8], threshold: usize) {
        self.insert_beside(position, side, text, threshold);
        self.settle();
    }

    fn insert_beside(&mut self, position: Position, side: Side, text: &[u8], threshold: usize) {
        let Position { block, index } = position;
        let last = self.blocks[block].count as usize - 1;
        // The neighbour on that side, if the element lies at that edge of its block.
        let (at_edge, neighbour) = match side {
            Side::Before => (index == 0, block.checked_sub(1)),
            Side::After => (index == last, Some(block + 1)),
        };
        let beside = if side == Side::After { block + 1 } else { block };
        if self.fill.is_large(text.len(), threshold) {
            if at_edge {
                self.add_block(beside, Block::plain(text));
            } else {
                let place = self.split(position, side);
                self.add_block(place, Block::plain(text));
            }
        } else if self.has_room(Some(block), text, threshold) {
            self.change(block, |block| {
                let packed = block.packed_mut().expect("invariant: has room");
                let at = packed.as_packed().seek(index).expect("invariant: lies in the block");
                match side {
                    Side::Before => packed.insert_before(at, text),
                    Side::After => drop(packed.insert_after(at, text)),
                }
            });
        } else if at_edge && self.has_room(neighbour, text, threshold) {
            let neighbour = neighbour.expect("invariant: has room");
            let near = if side == Side::After { End::Left } else { End::Right };
            self.add_at_end(neighbour, near, text);
        } else if at_edge {
            self.add_block(beside, self.new_block(text, threshold));
        } else {
            let place = self.split(position, side);
            // What was split off lies on that side, and takes the new element at its near end.
            let (part, near, kept) = match side {
                Side::After => (place, End::Left, place - 1),
                Side::Before => (place - 1, End::Right, place),
            };
            self.add_at_end(part, near, text);
            self.merge_around(kept);
        }
    }

    /// Puts a text in place of the element at a position.
    pub fn replace(&mut self, position: Position, text: &[u8], threshold: usize) {
        let Position { block: number, index } = position;
        let large = self.fill.is_large(text.len(), threshold);
        let block = &self.blocks[number];
        if block.is_plain() {
            if large {
                self.change(number, |block| *block = Block::plain(text));
            } else {
                self.insert_beside(position, Side::After, text, threshold);
                self.remove_block(number);
            }
        } else if !large && block.packed_has_room_for(text) {
            self.change(number, |block| {
                let packed = block.packed_mut().expect("invariant: is packed");
                let at = packed.as_packed().seek(index).expect("invariant: lies in the block");
                packed.replace(at, text);
            });
        } else {
            if index + 1 < block.count as usize {
                self.split(position, Side::After);
            }
            self.add_block(number + 1, self.new_block(text, threshold));
            if !self.remove_within(number, index, 1) {
                self.merge_around(number + 1);
            }
        }
        self.settle();
    }

    /// Removes up to `count` elements from the one of index `start` on; how many there were.
    pub fn remove_range(&mut self, start: usize, count: usize) -> usize {
        let Some(Position { mut block, index }) = self.locate(start) else { return 0 };
        let removed = count.min(self.len - start);
        let mut rest = removed;
        if index > 0 {
            let here = rest.min(self.blocks[block].count as usize - index);
            self.remove_within(block, index, here);
            rest -= here;
            block += 1;
        }
        // Whole blocks go together, since the others have to be moved only once then.
        let mut end = block;
        while let Some(whole) = self.blocks.get(end).map(|whole| whole.count as usize)
            && rest > 0
            && rest >= whole
        {
            rest -= whole;
            end += 1;
        }
        self.remove_blocks(block, end);
        if rest > 0 {
            self.remove_within(block, 0, rest);
        }
        self.settle();
        removed
    }

    /// Removes up to `max` elements that stand for `text`, from one end on; how many there were.
    pub fn remove_same(&mut self, text: &[u8], max: usize, from: End) -> usize {
        let mut removed = 0;
        let mut emptied = false;
        for passed in 0..self.blocks.len() {
            if removed == max {
                break;
            }
            let number = if from == End::Left { passed } else { self.blocks.len() - 1 - passed };
            if !self.blocks[number].read(|block| block.contains(text)) {
                continue;
            }
            removed += self.change(number, |block| {
                if block.is_plain() {
                    *block = Block::packed(Packed::EMPTY);
                    return 1;
                }
                let packed = block.packed_mut().expect("invariant: is packed");
                match from {
                    End::Left => packed.remove_same(text, max - removed),
                    End::Right => packed.remove_same_last(text, max - removed),
                }
            });
            emptied |= self.blocks[number].count == 0;
        }
        if emptied {
            let block_bytes = &mut self.block_bytes;
            self.blocks.retain(|block| {
                if block.count == 0 {
                    *block_bytes -= block.heap_bytes();
                }
                block.count > 0
            });
            self.blocks_left();
        }
        self.settle();
        removed
    }

    /// Whether a block is there, is packed, and would take the text.
    fn has_room(&self, block: Option<usize>, text: &[u8], threshold: usize) -> bool {
        let Some(block) = block.and_then(|block| self.blocks.get(block)) else { return false };
        !block.is_plain()
            && !self.fill.is_large(text.len(), threshold)
            && self.fill.has_room(block.valkey_bytes(), block.count as usize, text.len())
    }

    fn new_block(&self, text: &[u8], threshold: usize) -> Block {
        if self.fill.is_large(text.len(), threshold) {
            Block::plain(text)
        } else {
            Block::packed_element(Element::of(text))
        }
    }

    fn add_at_end(&mut self, block: usize, end: End, text: &[u8]) {
        self.change(block, |block| {
            let packed = block.packed_mut().expect("invariant: has room");
            match end {
                End::Left => packed.push_front(text),
                End::Right => packed.push_back(text),
            }
        });
    }

    /// Splits the block of an element behind it or before it, so that another can be put between: where that
    /// would have to go.
    fn split(&mut self, position: Position, side: Side) -> usize {
        let Position { block, index } = position;
        let first_of_second = if side == Side::After { index + 1 } else { index };
        let second = self.change(block, |block| {
            let packed = block.packed_mut().expect("invariant: only packed blocks are split");
            let at = packed.as_packed().seek(first_of_second).expect("invariant: splits inside");
            let count = packed.len() - first_of_second;
            let second = Block::tail(packed.as_packed(), at, count);
            packed.cut(at, packed.as_packed().end(), count);
            second
        });
        self.shrink_block(block);
        self.add_block(block + 1, second);
        block + 1
    }

    /// Merges the blocks around one that was split, where two fit into one.
    fn merge_around(&mut self, center: usize) {
        let mut center = center;
        if center >= 2 && self.merge(center - 2) {
            center -= 1;
        }
        self.merge(center + 1);
        if center >= 1 && self.merge(center - 1) {
            center -= 1;
        }
        self.merge(center);
    }

    /// Merges a block and the one behind it, if both are there and fit into one; whether they did.
    fn merge(&mut self, first: usize) -> bool {
        let (Some(left), Some(right)) = (self.blocks.get(first), self.blocks.get(first + 1)) else {
            return false;
        };
        let bytes = left.valkey_bytes() + right.valkey_bytes() - Packed::EMPTY.listpack_bytes();
        let count = left.count as usize + right.count as usize;
        if left.is_plain() || right.is_plain() || self.fill.is_exceeded(bytes, count) {
            return false;
        }
        let mut right = self.remove_block(first + 1);
        let right = right.packed_mut().expect("invariant: is packed");
        self.change(first, |left| {
            left.packed_mut().expect("invariant: is packed").append(right.as_packed());
        });
        self.shrink_block(first);
        true
    }

    /// Removes elements of one block, which is removed itself if it has no others; whether it was.
    fn remove_within(&mut self, block: usize, index: usize, count: usize) -> bool {
        if count == self.blocks[block].count as usize {
            self.remove_block(block);
            return true;
        }
        self.change(block, |block| {
            let packed = block.packed_mut().expect("invariant: has several elements");
            let from = packed.as_packed().seek(index).expect("invariant: lies in the block");
            if index + count == packed.len() {
                packed.cut(from, packed.as_packed().end(), count);
            } else {
                packed.remove(from, count);
            }
        });
        false
    }

    fn add_block(&mut self, at: usize, block: Block) {
        self.block_bytes += block.heap_bytes();
        self.len += block.count as usize;
        let is_end = at == 0 || at == self.blocks.len();
        self.unsettle(if is_end { Unsettled::AtEnds } else { Unsettled::Inside });
        self.blocks.insert(at, block);
    }

    fn remove_block(&mut self, at: usize) -> Block {
        let block = self.blocks.remove(at).expect("invariant: the block is there");
        self.block_bytes -= block.heap_bytes();
        self.len -= block.count as usize;
        self.blocks_left();
        block
    }

    /// Removes the blocks from one to another, which stays.
    fn remove_blocks(&mut self, from: usize, to: usize) {
        if from == to {
            return;
        }
        for block in self.blocks.drain(from..to) {
            self.block_bytes -= block.heap_bytes();
            self.len -= block.count as usize;
        }
        self.blocks_left();
    }

    /// After blocks have gone.
    fn blocks_left(&mut self) {
        if self.blocks.capacity() > 4 * self.blocks.len().max(4) {
            self.blocks.shrink_to(2 * self.blocks.len());
        }
        // Those behind come nearer to an end; none goes further inside.
        self.unsettle(Unsettled::AtEnds);
    }

    /// Changes one block, and keeps the sums of all.
    fn change<R>(&mut self, at: usize, act: impl FnOnce(&mut Block) -> R) -> R {
        let depth = usize::from(self.depth);
        if depth > 0 && at >= depth && at + depth < self.blocks.len() {
            self.unsettle(Unsettled::Inside);
        }
        let block = &mut self.blocks[at];
        let (bytes, count) = (block.heap_bytes(), block.count);
        let result = act(block);
        block.recount();
        self.block_bytes = self.block_bytes - bytes + block.heap_bytes();
        self.len = self.len - count as usize + block.count as usize;
        result
    }

    /// Gives back the spare room of a block, if it is there.
    fn shrink_block(&mut self, at: usize) {
        if let Some(block) = self.blocks.get_mut(at) {
            self.block_bytes -= block.heap_bytes();
            block.shrink_to_fit();
            self.block_bytes += block.heap_bytes();
        }
    }

    fn unsettle(&mut self, unsettled: Unsettled) {
        self.unsettled = self.unsettled.max(unsettled);
    }

    /// Compresses the blocks that lie deep enough inside, and no others. After each block that comes to an
    /// end of a long list it looks at a few only.
    fn settle(&mut self) {
        let unsettled = std::mem::replace(&mut self.unsettled, Unsettled::Nowhere);
        if unsettled == Unsettled::Nowhere || self.depth == 0 {
            return;
        }
        let (depth, blocks) = (usize::from(self.depth), self.blocks.len());
        let outer = if unsettled == Unsettled::AtEnds { depth + 1 } else { blocks };
        let first_behind = blocks.saturating_sub(outer).max(outer);
        for number in (0..outer.min(blocks)).chain(first_behind..blocks) {
            let block = &mut self.blocks[number];
            let before = block.heap_bytes();
            if number >= depth && number + depth < blocks {
                block.compress();
            } else {
                block.open();
            }
            self.block_bytes = self.block_bytes - before + block.heap_bytes();
        }
    }
}
