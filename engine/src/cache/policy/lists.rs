//! LRU, LFU and FIFO: lists through the entries, by their handles.
//!
//! FIFO and LRU are one list: what comes, or is used, goes to its front, and the back has to go. LFU has a
//! list for each count. Its counts are logarithmic: one that stands at `n` goes up at every `2^n`th use, by
//! chance, so `n` is about the logarithm of the uses. And they fade: each insert looks at one entry, all of
//! them in turn, and one that has not been used since the last time goes down by one. So a use counts half
//! after as many inserts as there are entries.

use super::Policy;
use crate::cache::column::Column;
use crate::random::Random;
use crate::raw::Handle;

/// Counts of LFU, 0 to this: the last stands for 2^15 uses.
const COUNT_MAX: u8 = 15;
const NONE: u32 = 0;

#[derive(Debug, Clone, Copy, Default)]
struct Node {
    newer: u32,
    older: u32,
    /// One more than its list; 0 while there is no such entry.
    list: u8,
    /// Since it was last its turn to fade.
    used: bool,
}

#[derive(Debug, Clone, Copy, Default)]
struct List {
    newest: u32,
    oldest: u32,
}

pub(in crate::cache) struct Lists {
    policy: Policy,
    nodes: Column<Node>,
    lists: Vec<List>,
    /// LFU: whose turn it is to fade, and how many turns there are.
    fading: u32,
    turns: u32,
}

impl Lists {
    pub(super) fn new(policy: Policy) -> Self {
        let lists = if policy == Policy::Lfu { usize::from(COUNT_MAX) + 1 } else { 1 };
        Self { policy, nodes: Column::new(), lists: vec![List::default(); lists], fading: 0, turns: 0 }
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.nodes.memory_bytes() + size_of_val(&*self.lists)
    }

    pub(super) fn clear(&mut self) {
        *self = Self::new(self.policy);
    }

    pub(super) fn inserted(&mut self, handle: Handle) {
        if self.policy == Policy::Lfu {
            self.fade();
        }
        self.push(handle, 0);
    }

    pub(super) fn used(&mut self, handle: Handle, random: &mut Random) {
        match self.policy {
            Policy::Fifo | Policy::S3Fifo => {}
            Policy::Lru => {
                if self.lists[0].newest != handle.to_bits() {
                    self.unlink(handle);
                    self.push(handle, 0);
                }
            }
            Policy::Lfu => {
                let list = self.nodes.place(handle).list - 1;
                let up = list < COUNT_MAX && random.next_u64() & ((1 << list) - 1) == 0;
                self.unlink(handle);
                self.push(handle, list + u8::from(up));
                self.nodes.place(handle).used = true;
            }
        }
    }

    pub(super) fn removed(&mut self, handle: Handle) {
        self.unlink(handle);
    }

    /// The back of the first list in use.
    pub(super) fn victim(&self) -> Option<Handle> {
        self.lists.iter().find_map(|list| Handle::from_bits(list.oldest))
    }

    /// Lets the count of one entry fade, if it was not used since it was last its turn.
    fn fade(&mut self) {
        self.fading = if self.fading >= self.turns { 1 } else { self.fading + 1 };
        let Some(handle) = Handle::from_bits(self.fading) else { return };
        let node = self.nodes.place(handle);
        if node.list > 1 && !std::mem::take(&mut node.used) {
            let list = node.list - 2;
            self.unlink(handle);
            self.push(handle, list);
        }
    }

    fn push(&mut self, handle: Handle, list: u8) {
        let ends = &mut self.lists[usize::from(list)];
        let older = std::mem::replace(&mut ends.newest, handle.to_bits());
        match Handle::from_bits(older) {
            Some(older) => self.nodes.place(older).newer = handle.to_bits(),
            None => ends.oldest = handle.to_bits(),
        }
        *self.nodes.place(handle) = Node { newer: NONE, older, list: list + 1, used: false };
        self.turns = self.turns.max(handle.to_bits());
    }

    fn unlink(&mut self, handle: Handle) {
        let Node { newer, older, list, .. } = self.nodes.take(handle);
        let ends = &mut self.lists[usize::from(list - 1)];
        match Handle::from_bits(newer) {
            Some(newer) => self.nodes.place(newer).older = older,
            None => ends.newest = older,
        }
        match Handle::from_bits(older) {
            Some(older) => self.nodes.place(older).newer = newer,
            None => ends.oldest = newer,
        }
    }
}
