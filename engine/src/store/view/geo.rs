//! What a view does to sorted sets of places.

use super::View;
use crate::shard::change::Event;
use crate::store::Key;
use crate::types::sorted_set::Builder;

impl View<'_> {
    /// Stores the result of a search at `key`, whatever was there; how many members it has. Each counts as a
    /// change. Without any, the key goes.
    pub fn geo_store(&mut self, key: Key<'_>, members: Builder, event: Event) -> usize {
        let len = self.sorted_set_store(key, members, event);
        self.log.count(len.saturating_sub(1) as u64);
        len
    }
}
