//! The room of one block: bytes with spare room before and behind them.
//!
//! ```text
//! [ spare | bytes ... | spare ]
//!         start       end
//! ```
//!
//! What is put in or taken out near either end moves only what lies on that side of it, so a list is pushed
//! and popped at both ends without its other elements being moved.
//!
//! Memory of malloc's, and not in a counted buffer: blocks nearly fill a power of two as it is, and a counted
//! buffer's header would put most of them over it.

use std::ops::Deref;

use crate::collections::packed::{Packed, Room};
use crate::raw::heap::{malloc_bytes, malloc_usable};

const SPARE_BYTES_MAX: usize = 8192;

/// Bytes with spare room on both sides. Invariant: `start <= end <= memory.len()`.
#[derive(Debug)]
pub(super) struct Gapped {
    memory: Box<[u8]>,
    start: u32,
    end: u32,
}

impl Gapped {
    /// A copy of these bytes, made to measure.
    pub(super) fn copy_from(bytes: &[u8]) -> Self {
        Self::with_spare(bytes, &[], 0, 0)
    }

    /// An empty sequence's bytes, with room behind them to make `capacity`.
    pub(super) fn with_capacity(capacity: usize) -> Self {
        let empty = Packed::EMPTY.bytes();
        Self::with_spare(empty, &[], 0, capacity.saturating_sub(empty.len()))
    }

    /// The bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        malloc_bytes(self.memory.len())
    }

    /// Gives back the spare room.
    pub(super) fn shrink_to_fit(&mut self) {
        if malloc_usable(self.len()) < self.memory.len() {
            *self = Self::copy_from(self);
        }
    }

    /// Two pieces in a row in new memory, with so much spare room in front and at least so much behind.
    fn with_spare(first: &[u8], second: &[u8], before: usize, behind: usize) -> Self {
        let end = before + first.len() + second.len();
        // Sizes that malloc would give anyway.
        let mut memory = vec![0; malloc_usable(end + behind)].into_boxed_slice();
        memory[before..before + first.len()].copy_from_slice(first);
        memory[before + first.len()..end].copy_from_slice(second);
        Self { memory, start: offset(before), end: offset(end) }
    }

    /// Opens a gap of `wider` bytes at `at`, which are somewhere between the bytes before it and those
    /// behind.
    fn widen(&mut self, at: usize, wider: usize) {
        let (start, end) = (self.start as usize, self.end as usize);
        let len = end - start;
        let at_front = at < len - at;
        if at_front && wider <= start {
            self.memory.copy_within(start..start + at, start - wider);
            self.start = offset(start - wider);
        } else if !at_front && wider <= self.memory.len() - end {
            self.memory.copy_within(start + at..end, start + at + wider);
            self.end = offset(end + wider);
        } else {
            // An eighth more each time: a compromise between moving often and holding much that is not used.
            // What is larger than blocks become by growing grows only as its elements are replaced.
            let spare = ((len + wider) / 8 + 16).min(SPARE_BYTES_MAX);
            let (front, back) = self.split_at(at);
            let mut moved = if at_front {
                Self::with_spare(front, back, spare + wider, 0)
            } else {
                Self::with_spare(front, back, 0, spare + wider)
            };
            moved.widen(at, wider);
            *self = moved;
        }
    }

    /// Takes out `narrower` bytes at `at`.
    fn narrow(&mut self, at: usize, narrower: usize) {
        let (start, end) = (self.start as usize, self.end as usize);
        if at < end - start - at - narrower {
            self.memory.copy_within(start..start + at, start + narrower);
            self.start = offset(start + narrower);
        } else {
            self.memory.copy_within(start + at + narrower..end, start + at);
            self.end = offset(end - narrower);
        }
    }
}

/// A block is at most a dump's listpack, whose length has 32 bits, or little more than Valkey's limits.
fn offset(bytes: usize) -> u32 {
    u32::try_from(bytes).expect("invariant: blocks are shorter than 4 GiB")
}

impl Clone for Gapped {
    fn clone(&self) -> Self {
        Self::copy_from(self)
    }
}

impl Deref for Gapped {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        &self.memory[self.start as usize..self.end as usize]
    }
}

impl Room for Gapped {
    #[inline]
    fn splice(&mut self, at: usize, removed: usize, inserted: usize) -> &mut [u8] {
        if inserted > removed {
            self.widen(at + removed, inserted - removed);
        } else if removed > inserted {
            self.narrow(at + inserted, removed - inserted);
        }
        let from = self.start as usize + at;
        &mut self.memory[from..from + inserted]
    }

    #[inline]
    fn make_mut(&mut self) -> &mut [u8] {
        &mut self.memory[self.start as usize..self.end as usize]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 64,
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        #[test]
        fn behaves_like_a_vec(
            ops in prop::collection::vec((any::<usize>(), 0usize..30, 0usize..40, any::<u8>()), 1..80),
        ) {
            let (mut gapped, mut model) = (Gapped::copy_from(b"some"), b"some".to_vec());
            for (at, removed, inserted, byte) in ops {
                let at = at % (model.len() + 1);
                let removed = removed.min(model.len() - at);
                gapped.splice(at, removed, inserted).fill(byte);
                model.splice(at..at + removed, vec![byte; inserted]);
                prop_assert_eq!(&*gapped, &*model);
                if byte < 20 {
                    gapped.shrink_to_fit();
                    prop_assert!(gapped.heap_bytes() <= malloc_bytes(model.len()).max(32));
                }
                prop_assert_eq!(&*gapped.make_mut(), &*model);
            }
        }
    }

    #[test]
    fn ends_are_cheap() {
        let mut gapped = Gapped::copy_from(&[7; 8000]);
        let mut moves = 0;
        for _ in 0..1000 {
            let before = gapped.memory.as_ptr();
            gapped.splice(2, 0, 8).fill(1);
            moves += usize::from(before != gapped.memory.as_ptr());
        }
        assert!(moves <= 8, "{moves}");
        let before = gapped.memory.as_ptr();
        for _ in 0..1000 {
            gapped.splice(2, 8, 0);
        }
        assert_eq!((before, gapped.len()), (gapped.memory.as_ptr(), 8000));
    }
}
