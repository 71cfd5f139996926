//! Something kept beside some of the entries of a cache, by their places or by numbers.

use crate::collections::flat::At;

const CHUNK_BITS: u32 = 8;
const CHUNK: usize = 1 << CHUNK_BITS;

/// A sparse array. It grows in chunks, so that growing never moves what it holds.
#[derive(Debug)]
pub(super) struct Column<T>(Vec<Option<Box<[T]>>>);

impl<T: Default> Column<T> {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(super) fn get(&self, number: usize) -> Option<&T> {
        self.0.get(number >> CHUNK_BITS)?.as_ref().map(|chunk| &chunk[number % CHUNK])
    }

    /// The place of this number; with what a default is, the first time.
    pub(super) fn place(&mut self, number: usize) -> &mut T {
        let chunk = number >> CHUNK_BITS;
        if chunk >= self.0.len() {
            self.0.resize_with(chunk + 1, || None);
        }
        let chunk = self.0[chunk].get_or_insert_with(|| (0..CHUNK).map(|_| T::default()).collect());
        &mut chunk[number % CHUNK]
    }

    /// What was kept there, replaced by a default.
    pub(super) fn take(&mut self, number: usize) -> T {
        match self.0.get_mut(number >> CHUNK_BITS) {
            Some(Some(chunk)) => std::mem::take(&mut chunk[number % CHUNK]),
            _ => T::default(),
        }
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.0.capacity() * size_of::<Option<Box<[T]>>>()
            + self.0.iter().flatten().map(|chunk| size_of_val(&**chunk)).sum::<usize>()
    }
}

/// A column for each side of a table, by the places of its entries.
#[derive(Debug)]
pub(super) struct Beside<T>([Column<T>; 2]);

impl<T: Default> Beside<T> {
    pub(super) const fn new() -> Self {
        Self([Column::new(), Column::new()])
    }

    pub(super) fn get(&self, at: At) -> Option<&T> {
        self.0[at.side()].get(at.number())
    }

    /// The place of this entry; with what a default is, the first time.
    pub(super) fn place(&mut self, at: At) -> &mut T {
        self.0[at.side()].place(at.number())
    }

    /// What was kept there, replaced by a default.
    pub(super) fn take(&mut self, at: At) -> T {
        self.0[at.side()].take(at.number())
    }

    /// The entry has moved.
    pub(super) fn moved(&mut self, from: At, to: At) {
        *self.place(to) = self.take(from);
    }

    /// Gives up what is kept of a side without entries.
    pub(super) fn leave(&mut self, side: usize) {
        self.0[side] = Column::new();
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.0.iter().map(Column::memory_bytes).sum()
    }
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_it_is_given_and_forgets_what_is_taken() {
        let mut column: Column<u32> = Column::new();
        assert_eq!(column.take(9), 0);
        assert_eq!((column.get(9), column.memory_bytes()), (None, 0));
        for number in [0, 255, 256, 70_000] {
            *column.place(number) = number as u32;
        }
        assert_eq!(
            [0, 255, 256, 70_000].map(|number| column.get(number).copied()),
            [0, 255, 256, 70_000].map(|number| Some(number as u32))
        );
        assert_eq!((column.get(2), column.get(600)), (Some(&0), None));
        assert_eq!(column.take(256), 256);
        assert_eq!(column.get(256), Some(&0));
        assert!(column.memory_bytes() >= 3 * 1024);
    }
}
