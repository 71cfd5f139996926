//! A growable first-in, first-out queue of 8-byte items, in blocks: growing never copies what is queued, and
//! blocks are given back as the queue drains. (A `VecDeque` of a shard's share of a hundred million entries
//! would copy a megabyte when it doubles.)

use std::collections::VecDeque;

/// Items in a block: 2 KiB.
const BLOCK: usize = 256;

/// The queue. Holds no heap memory until the first item.
#[derive(Debug, Default)]
pub struct Ring {
    /// Holds exactly the blocks that items lie in.
    blocks: VecDeque<Box<[u64; BLOCK]>>,
    /// Kept for the next block needed, or a short queue would allocate each time it comes to a block's end.
    spare: Option<Box<[u64; BLOCK]>>,
    /// Of the oldest item, in the first block; below `BLOCK`.
    start: usize,
    len: usize,
}

impl Ring {
    /// An empty queue.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends an item.
    pub fn push(&mut self, item: u64) {
        let at = self.start + self.len;
        if at == self.blocks.len() * BLOCK {
            let block = self.spare.take().unwrap_or_else(|| Box::new([0; BLOCK]));
            self.blocks.push_back(block);
        }
        self.blocks[at / BLOCK][at % BLOCK] = item;
        self.len += 1;
    }

    /// Takes the oldest item.
    pub fn pop(&mut self) -> Option<u64> {
        let item = self.front()?;
        self.start += 1;
        self.len -= 1;
        if self.start == BLOCK || self.len == 0 {
            self.spare = self.blocks.pop_front();
            self.start = 0;
            if self.blocks.capacity() > 4 * self.blocks.len().max(4) {
                self.blocks.shrink_to(2 * self.blocks.len());
            }
        }
        Some(item)
    }

    /// The oldest item.
    pub fn front(&self) -> Option<u64> {
        self.get(0)
    }

    /// The item that so many others come before.
    pub fn get(&self, index: usize) -> Option<u64> {
        let at = self.start + index;
        (index < self.len).then(|| self.blocks[at / BLOCK][at % BLOCK])
    }

    /// Items queued.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing is queued.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Drops all items, and the memory.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Heap bytes held.
    pub fn memory_bytes(&self) -> usize {
        let blocks = self.blocks.len() + usize::from(self.spare.is_some());
        blocks * size_of::<[u64; BLOCK]>() + self.blocks.capacity() * size_of::<Box<[u64; BLOCK]>>()
    }
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use std::collections::VecDeque;

    use super::*;
    use crate::random::Random;

    #[test]
    fn is_a_queue() {
        let (mut ring, mut model) = (Ring::new(), VecDeque::new());
        let mut random = Random::seeded(3);
        for round in 0..40_u64 {
            // Long runs of growing and of draining, to cross blocks and to come down to nothing.
            let grow = if round % 2 == 0 { 0.8 } else { 0.2 };
            for item in 0..2_000 {
                if random.chance(grow) {
                    ring.push(round << 32 | item);
                    model.push_back(round << 32 | item);
                } else {
                    assert_eq!(ring.pop(), model.pop_front());
                }
                assert_eq!((ring.len(), ring.front()), (model.len(), model.front().copied()));
                assert_eq!(ring.get(300), model.get(300).copied());
                assert_eq!(ring.is_empty(), model.is_empty());
            }
        }
    }

    #[test]
    fn costs_eight_bytes_an_item_and_gives_them_back() {
        let mut ring = Ring::new();
        assert_eq!(ring.memory_bytes(), 0);
        for item in 0..100_000 {
            ring.push(item);
        }
        assert!(ring.memory_bytes() < 8_200 * 100, "{}", ring.memory_bytes());
        while ring.pop().is_some() {}
        assert!(ring.memory_bytes() <= 2 * 2048 + 256, "{}", ring.memory_bytes());
        ring.clear();
        assert_eq!(ring.memory_bytes(), 0);
    }

    #[test]
    fn a_queue_in_balance_stays_small() {
        let mut ring = Ring::new();
        for item in 0..10 * BLOCK as u64 {
            ring.push(item);
            assert_eq!(ring.pop(), Some(item));
        }
        assert!(ring.memory_bytes() < 3 * 2048);
    }
}
