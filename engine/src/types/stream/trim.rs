//! Trimming: the oldest entries go, all that are too many or too old, or as many whole blocks as that allows.

use super::{Stream, StreamId};
use crate::types::Limits;

/// What is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// So many entries: `MAXLEN`.
    Len(u64),
    /// The entries from this id on: `MINID`.
    Id(StreamId),
}

/// How a stream is trimmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trim {
    /// What is kept.
    pub bound: Bound,
    /// Whether only whole blocks go (`~`), which is cheap, or everything beyond the bound (`=`).
    pub whole_blocks: bool,
    /// How many entries may go at most, where whole blocks go. A block with more of them stays, with all
    /// behind it.
    pub limit: TrimLimit,
}

/// How much a trim with `~` may remove: `LIMIT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrimLimit {
    /// The entries of a hundred full blocks: nobody has said anything.
    Default,
    /// Whatever is beyond the bound.
    None,
    /// So many entries.
    Entries(u64),
}

impl TrimLimit {
    fn entries(self, limits: &Limits) -> Option<u64> {
        match self {
            Self::Default => Some(match limits.stream_node_max_entries as u64 {
                0 => 10_000,
                entries => entries.saturating_mul(100).min(1_000_000),
            }),
            Self::None => None,
            Self::Entries(entries) => Some(entries),
        }
    }
}

impl Stream {
    /// Removes the oldest entries; how many.
    pub fn trim(&mut self, trim: Trim, limits: &Limits) -> u64 {
        let limit = if trim.whole_blocks { trim.limit.entries(limits) } else { None };
        let mut removed = 0u64;
        while let Some(block) = self.blocks.first() {
            let live = block.live();
            if matches!(trim.bound, Bound::Len(len) if self.tally.len <= len)
                || limit.is_some_and(|limit| removed.saturating_add(live) > limit)
            {
                break;
            }
            let whole = match trim.bound {
                Bound::Len(len) => self.tally.len - live >= len,
                Bound::Id(id) => block.last() < id,
            };
            if whole {
                self.blocks.pop_first();
                self.tally.len -= live;
                removed += live;
                continue;
            }
            if !trim.whole_blocks {
                let mut surplus = match trim.bound {
                    Bound::Len(len) => self.tally.len - len,
                    Bound::Id(_) => u64::MAX,
                };
                let beyond = |id| {
                    let beyond = surplus > 0 && !matches!(trim.bound, Bound::Id(bound) if id >= bound);
                    surplus -= u64::from(beyond);
                    beyond
                };
                let deleted = self.blocks.edit_first(|block| block.delete_while(beyond)).unwrap_or(0);
                self.tally.len -= deleted;
                removed += deleted;
            }
            break;
        }
        if removed > 0 {
            self.find_first();
        }
        removed
    }
}
