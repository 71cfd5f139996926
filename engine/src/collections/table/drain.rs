//! What was in a table that has been cleared, to be released in steps.

use super::Table;

/// All handles of a [cleared](Table::clear) table, in no order. Each segment's memory is released with the
/// last handle out of it; take as many handles in a step as the step has time for.
#[derive(Debug)]
pub struct Drain {
    table: Table,
}

impl Drain {
    pub(super) fn new(table: Table) -> Self {
        Self { table }
    }

    /// The bytes that are still held, counted like [`Table::memory_bytes`].
    pub fn memory_bytes(&self) -> usize {
        self.table.memory_bytes()
    }
}

impl Iterator for Drain {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let table = &mut self.table;
        while let Some(segment) = table.segments.last_mut() {
            if let Some(handle) = segment.drain_one() {
                table.len -= 1;
                return Some(handle);
            }
            table.capacity -= segment.capacity() as u32;
            table.segments.pop();
        }
        // Also releases the directory.
        *table = Table::new();
        None
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.table.len, Some(self.table.len))
    }
}

impl ExactSizeIterator for Drain {}
impl std::iter::FusedIterator for Drain {}
