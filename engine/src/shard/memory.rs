//! What a shard holds, in bytes, exact at any moment: pages in full with their holes, objects, tables and
//! wheels.

use super::{Positions, Shard, named};
use crate::collections::table::Figures;
use crate::shard::parts::Parts;

impl<X: Parts, P: Positions> Shard<X, P> {
    /// Bytes held.
    #[inline]
    pub fn bytes(&self) -> usize {
        self.slab.bytes_held() + self.slab.heap_bytes() + self.spaces_bytes + self.evictor.memory_bytes()
    }

    /// Brings the account of one database's table and wheel up to date.
    #[inline]
    pub(super) fn recount(&mut self, db: u16) {
        let space = &mut self.spaces[usize::from(db)];
        let wheel = space.wheel.as_ref().map_or(0, |wheel| wheel.memory_bytes() + size_of_val(&**wheel));
        let bytes = space.table.memory_bytes() + wheel + space.parts_bytes();
        self.spaces_bytes = self.spaces_bytes + bytes - space.counted_bytes;
        space.counted_bytes = bytes;
    }

    /// Moves up to `budget` entries out of sparse pages, so that whole pages become free. Cheap when there is
    /// nothing to do.
    pub fn compact(&mut self, budget: usize) {
        if !self.slab.is_sparse() {
            return;
        }
        let (spaces, positions) = (&mut self.spaces, &self.positions);
        self.slab.compact(budget, |old, new, entry| {
            let key = entry.key();
            let (position, tag) = (positions.position(key), positions.tag(key));
            // The entry does not say which database it is in; few are in use.
            let (space, slot) = spaces
                .iter_mut()
                .filter(|space| !space.table.is_empty())
                .find_map(|space| {
                    let slot = space.table.find_handle(position, tag, old.to_bits())?;
                    Some((space, slot))
                })
                .expect("invariant: every entry stands in a table");
            space.table.set_handle(slot, new.to_bits());
        });
    }

    /// Whether [`compact`](Self::compact) has something to do.
    #[inline]
    pub fn is_sparse(&self) -> bool {
        self.slab.is_sparse()
    }

    /// Counts in how the table of a database is filled.
    pub fn add_figures(&self, db: u16, figures: &mut Figures) {
        figures.add(&self.spaces[usize::from(db)].table);
    }

    /// How many handles of a database do not agree with their place: 0, unless there is an error in here. For
    /// tests.
    pub fn inconsistencies(&self, db: u16) -> usize {
        let space = &self.spaces[usize::from(db)];
        let lost = |handle: &u32| {
            let key = self.slab.get(named(*handle)).key();
            let (position, tag) = (self.positions.position(key), self.positions.tag(key));
            space.table.find_handle(position, tag, *handle).is_none()
        };
        space.table.iter().filter(lost).count()
    }
}

#[cfg(test)]
impl<X: Parts, P: Positions> Shard<X, P> {
    /// What [`bytes`](Self::bytes) should be.
    pub(crate) fn bytes_counted_anew(&self) -> usize {
        let object = |entry: crate::raw::slab::EntryRef<'_, X>| entry.bytes() - entry.slot_bytes();
        let objects: usize = self.slab.iter().map(|(_, entry)| object(entry)).sum();
        let space = |space: &super::Space| {
            let wheel = space.wheel.as_ref().map_or(0, |wheel| wheel.memory_bytes() + size_of_val(&**wheel));
            space.table.memory_bytes() + wheel + space.parts_bytes()
        };
        let spaces: usize = self.spaces.iter().map(space).sum();
        self.slab.bytes_held() + objects + spaces + self.evictor.memory_bytes()
    }
}
