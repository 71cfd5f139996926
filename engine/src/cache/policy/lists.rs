//! LRU, LFU and FIFO: lists of nodes, one for each entry.
//!
//! FIFO and LRU are one list: what comes, or is used, goes to its front, and the back has to go. LFU has a
//! list for each count. Its counts are logarithmic: one that stands at `n` goes up at every `2^n`th use, by
//! chance, so `n` is about the logarithm of the uses. And they fade: each insert looks at one entry, all of
//! them in turn, and one that has not been used since the last time goes down by one. So a use counts half
//! after as many inserts as there are entries.

use std::num::NonZeroU32;

use super::Policy;
use crate::cache::column::{Beside, Column};
use crate::collections::flat::At;
use crate::random::Random;

/// Counts of LFU, 0 to this: the last stands for 2^15 uses.
const COUNT_MAX: u8 = 15;

/// The number of a node, from 1 on.
type Id = NonZeroU32;

#[derive(Debug, Clone, Copy, Default)]
struct Node {
    newer: Option<Id>,
    /// The next free one, of a node that is free.
    older: Option<Id>,
    /// Where its entry is; none of a node that is free.
    at: Option<At>,
    list: u8,
    /// Since it was last its turn to fade.
    used: bool,
}

#[derive(Debug, Clone, Copy, Default)]
struct List {
    newest: Option<Id>,
    oldest: Option<Id>,
}

pub(in crate::cache) struct Lists {
    policy: Policy,
    nodes: Column<Node>,
    /// How many nodes there are, free ones included.
    len: u32,
    free: Option<Id>,
    /// The node of each entry.
    ids: Beside<Option<Id>>,
    lists: Vec<List>,
    /// LFU: the node that faded last.
    fading: u32,
}

impl Lists {
    pub(super) fn new(policy: Policy) -> Self {
        let lists = if policy == Policy::Lfu { usize::from(COUNT_MAX) + 1 } else { 1 };
        Self {
            policy,
            nodes: Column::new(),
            len: 0,
            free: None,
            ids: Beside::new(),
            lists: vec![List::default(); lists],
            fading: 0,
        }
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.nodes.memory_bytes() + self.ids.memory_bytes() + size_of_val(&*self.lists)
    }

    pub(super) fn clear(&mut self) {
        *self = Self::new(self.policy);
    }

    pub(super) fn inserted(&mut self, at: At) {
        if self.policy == Policy::Lfu {
            self.fade();
        }
        let id = match self.free {
            Some(id) => {
                self.free = self.node(id).older;
                id
            }
            None => {
                self.len += 1;
                Id::MIN.saturating_add(self.len - 1)
            }
        };
        *self.node(id) = Node { at: Some(at), ..Node::default() };
        *self.ids.place(at) = Some(id);
        self.push(id, 0);
    }

    pub(super) fn used(&mut self, at: At, random: &mut Random) {
        let Some(id) = self.id(at) else { return };
        match self.policy {
            Policy::Fifo | Policy::S3Fifo => {}
            Policy::Lru => {
                if self.lists[0].newest != Some(id) {
                    self.unlink(id);
                    self.push(id, 0);
                }
            }
            Policy::Lfu => {
                let list = self.node(id).list;
                let up = list < COUNT_MAX && random.next_u64() & ((1 << list) - 1) == 0;
                self.unlink(id);
                self.push(id, list + u8::from(up));
                self.node(id).used = true;
            }
        }
    }

    pub(super) fn removed(&mut self, at: At) {
        let Some(id) = self.ids.take(at) else { return };
        self.unlink(id);
        *self.node(id) = Node { older: self.free.replace(id), ..Node::default() };
    }

    pub(super) fn moved(&mut self, from: At, to: At) {
        let Some(id) = self.ids.take(from) else { return };
        *self.ids.place(to) = Some(id);
        self.node(id).at = Some(to);
    }

    pub(super) fn left(&mut self, side: usize) {
        self.ids.leave(side);
    }

    /// The back of the first list in use.
    pub(super) fn victim(&mut self) -> Option<At> {
        let oldest = self.lists.iter().find_map(|list| list.oldest)?;
        self.node(oldest).at
    }

    /// Lets the count of one entry fade, if it was not used since it was last its turn.
    fn fade(&mut self) {
        self.fading = if self.fading >= self.len { 1 } else { self.fading + 1 };
        let Some(id) = Id::new(self.fading) else { return };
        let node = self.node(id);
        if node.at.is_some() && node.list > 0 && !std::mem::take(&mut node.used) {
            let list = node.list - 1;
            self.unlink(id);
            self.push(id, list);
        }
    }

    fn id(&self, at: At) -> Option<Id> {
        self.ids.get(at).copied().flatten()
    }

    fn node(&mut self, id: Id) -> &mut Node {
        self.nodes.place(id.get() as usize)
    }

    fn push(&mut self, id: Id, list: u8) {
        let ends = &mut self.lists[usize::from(list)];
        let older = ends.newest.replace(id);
        match older {
            Some(older) => self.node(older).newer = Some(id),
            None => ends.oldest = Some(id),
        }
        let node = self.node(id);
        *node = Node { newer: None, older, at: node.at, list, used: false };
    }

    fn unlink(&mut self, id: Id) {
        let Node { newer, older, list, .. } = *self.node(id);
        match newer {
            Some(newer) => self.node(newer).older = older,
            None => self.lists[usize::from(list)].newest = older,
        }
        match older {
            Some(older) => self.node(older).newer = newer,
            None => self.lists[usize::from(list)].oldest = newer,
        }
    }
}
