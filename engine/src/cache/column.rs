//! Something kept beside some of the entries of a slab, by their handles.

use crate::raw::Handle;

const CHUNK_BITS: u32 = 8;
const CHUNK: usize = 1 << CHUNK_BITS;

/// A sparse array by handle. It grows in chunks, so that growing never moves what it holds.
#[derive(Debug)]
pub(super) struct Column<T>(Vec<Option<Box<[T]>>>);

impl<T: Default> Column<T> {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(super) fn get(&self, handle: Handle) -> Option<&T> {
        let (chunk, at) = split(handle);
        self.0.get(chunk)?.as_ref().map(|chunk| &chunk[at])
    }

    /// The place of this handle; with what a default is, the first time.
    pub(super) fn place(&mut self, handle: Handle) -> &mut T {
        let (chunk, at) = split(handle);
        if chunk >= self.0.len() {
            self.0.resize_with(chunk + 1, || None);
        }
        let chunk = self.0[chunk].get_or_insert_with(|| (0..CHUNK).map(|_| T::default()).collect());
        &mut chunk[at]
    }

    /// What was kept there, replaced by a default.
    pub(super) fn take(&mut self, handle: Handle) -> T {
        let (chunk, at) = split(handle);
        match self.0.get_mut(chunk) {
            Some(Some(chunk)) => std::mem::take(&mut chunk[at]),
            _ => T::default(),
        }
    }

    pub(super) fn clear(&mut self) {
        self.0 = Vec::new();
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.0.capacity() * size_of::<Option<Box<[T]>>>()
            + self.0.iter().flatten().map(|chunk| size_of_val(&**chunk)).sum::<usize>()
    }
}

fn split(handle: Handle) -> (usize, usize) {
    let index = handle.to_bits() - 1;
    ((index >> CHUNK_BITS) as usize, index as usize & (CHUNK - 1))
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_it_is_given_and_forgets_what_is_taken() {
        let mut column: Column<u32> = Column::new();
        let handle = |bits| Handle::from_bits(bits).expect("not zero");
        assert_eq!(column.take(handle(9)), 0);
        assert_eq!((column.get(handle(9)), column.memory_bytes()), (None, 0));
        for bits in [1, 256, 257, 70_000] {
            *column.place(handle(bits)) = bits;
        }
        assert_eq!(
            [1, 256, 257, 70_000].map(|bits| column.get(handle(bits)).copied()),
            [1, 256, 257, 70_000].map(Some)
        );
        assert_eq!((column.get(handle(2)), column.get(handle(600))), (Some(&0), None));
        assert_eq!(column.take(handle(257)), 257);
        assert_eq!(column.get(handle(257)), Some(&0));
        assert!(column.memory_bytes() >= 3 * 1024);
        column.clear();
        assert_eq!(column.get(handle(1)), None);
    }
}
