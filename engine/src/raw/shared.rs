//! A counted byte buffer: what holds a string too large to lie in the slab.
//!
//! One pointer wide; the count, the length and the capacity stand in front of the bytes. A reader clones it
//! under the shard's lock (a count goes up by one) and reads after the lock is gone; the last one to drop it
//! frees it, on whatever thread. A writer changes the bytes in place when nobody else holds the buffer, and a
//! copy otherwise: a reader never sees a change.
//!
//! `Arc<Vec<u8>>` would do the same with two allocations and two hops for each read.
//!
//! Invariants, which the proofs below lean on:
//!
//! - I1: `header` points to memory of `total_bytes(capacity)` from `heap::allocate`, live while `refs > 0`;
//!   its provenance covers all of it.
//! - I2: the first `len <= capacity` bytes after the header are initialised.
//! - I3: `refs` is the number of `SharedBytes` that hold this allocation. Everything but `refs` is
//!   written only by a holder with `&mut self` that has seen `refs == 1`: nobody else can then read it, and
//!   nobody else can add a reference, as that takes a `&SharedBytes` of which there is no second one.

use std::fmt;
use std::ops::Deref;
use std::process::abort;
use std::ptr::{self, NonNull};
use std::slice;
use std::sync::atomic::{AtomicUsize, Ordering, fence};

use super::heap::{HeapBytes, allocate, allocate_zeroed, free, held_bytes, reallocate, usable_bytes};

/// Up to this length a growing buffer doubles, beyond it grows by this much: as Valkey's strings do.
const DOUBLING_MAX: usize = 1024 * 1024;

/// From so many zero bytes on they are asked of the system, which has them, and not written.
const ZEROED_MIN: usize = 256 * 1024;

/// A counted buffer of bytes; see the module's page.
pub struct SharedBytes {
    header: NonNull<Header>,
}

#[repr(C)]
struct Header {
    refs: AtomicUsize,
    len: usize,
    capacity: usize,
}

// SAFETY: as for `Arc<[u8]>`: shared bytes are only read, the count is atomic, and who writes is alone (I3).
unsafe impl Send for SharedBytes {}
// SAFETY: as above.
unsafe impl Sync for SharedBytes {}

impl SharedBytes {
    /// A buffer with these bytes.
    pub fn copy_from(bytes: &[u8]) -> Self {
        Self::joined(&[bytes])
    }

    /// A buffer with these pieces, one after the other.
    pub fn joined(parts: &[&[u8]]) -> Self {
        let len = parts.iter().try_fold(0usize, |sum, part| sum.checked_add(part.len()));
        let mut buffer = Self::with_capacity(len.expect("capacity overflow"));
        for part in parts {
            buffer.extend_from_slice(part);
        }
        buffer
    }

    /// An empty buffer with room for `capacity` bytes.
    pub fn with_capacity(capacity: usize) -> Self {
        let capacity = rounded(capacity);
        let header = allocate(total_bytes(capacity)).cast::<Header>();
        // SAFETY: a fresh allocation that begins with room for a header, and is aligned for one.
        unsafe { header.write(Header { refs: AtomicUsize::new(1), len: 0, capacity }) };
        Self { header }
    }

    /// A buffer of so many zero bytes. Of a large one no page is touched before somebody writes to it: half a
    /// gigabyte that is to hold one bit is there at once.
    pub fn zeroed(len: usize) -> Self {
        Self::zeroed_within(len, len)
    }

    /// The same, with room for `capacity` bytes, at least `len`.
    fn zeroed_within(len: usize, capacity: usize) -> Self {
        let capacity = rounded(capacity);
        debug_assert!(len <= capacity);
        let header = allocate_zeroed(total_bytes(capacity)).cast::<Header>();
        // SAFETY: a fresh allocation that begins with room for a header, and is aligned for one. What comes
        // behind it is initialised, to zeros (I2).
        unsafe { header.write(Header { refs: AtomicUsize::new(1), len, capacity }) };
        Self { header }
    }

    /// How many bytes fit before the buffer moves.
    pub fn capacity(&self) -> usize {
        self.header().capacity
    }

    /// Whether nobody else holds this buffer: a change will be made in place.
    pub fn is_unique(&mut self) -> bool {
        // Acquire pairs with the release in `drop`: what the last other holder read, it read before we write.
        self.header().refs.load(Ordering::Acquire) == 1
    }

    /// The bytes, to change. Copies them first if somebody else holds the buffer.
    pub fn make_mut(&mut self) -> &mut [u8] {
        self.reserve_exactly(self.len());
        // SAFETY: the buffer is ours alone after `reserve_exactly` (I3), and `len` bytes are initialised
        // (I2). The slice borrows `self` mutably, so nothing is cloned while it lives.
        unsafe { slice::from_raw_parts_mut(self.bytes(), self.len()) }
    }

    /// Appends these bytes; many small ones cost little each.
    pub fn extend_from_slice(&mut self, bytes: &[u8]) {
        let len = self.len();
        let longer = len.checked_add(bytes.len()).expect("capacity overflow");
        self.reserve_total(longer);
        // SAFETY: ours alone with room for `longer` bytes after `reserve_total`. `bytes` cannot lie in this
        // buffer: a slice of it would borrow it through a `SharedBytes`, ours is borrowed mutably, and there
        // is no other.
        unsafe {
            ptr::copy_nonoverlapping(bytes.as_ptr(), self.bytes().add(len), bytes.len());
            (*self.header.as_ptr()).len = longer;
        }
    }

    /// Makes the buffer `len` bytes long: cut, or filled up with zeros.
    pub fn resize(&mut self, len: usize) {
        let old = self.len();
        if len > self.capacity() && len - old > old.max(ZEROED_MIN) {
            let mut grown =
                Self::zeroed_within(len, len.saturating_add(if old == 0 { 0 } else { DOUBLING_MAX }));
            grown.make_mut()[..old].copy_from_slice(self);
            *self = grown;
            return;
        }
        if len > old {
            self.reserve_total(len);
        } else {
            self.reserve_exactly(len);
        }
        // SAFETY: ours alone with room for `len` bytes after either reserve; bytes up to the smaller of both
        // lengths were initialised, the rest is set to zero before `len` covers it.
        unsafe {
            if len > old {
                ptr::write_bytes(self.bytes().add(old), 0, len - old);
            }
            (*self.header.as_ptr()).len = len;
        }
    }

    /// Makes room for `capacity` bytes in all, and no more than that: for who knows how far a buffer grows.
    pub fn reserve(&mut self, capacity: usize) {
        if capacity > self.capacity() {
            self.reserve_exactly(capacity);
        }
    }

    /// Replaces `removed` bytes at `at` with room for `inserted` bytes, and lends that to be written: it
    /// holds whatever was there. What stands behind moves along.
    ///
    /// # Panics
    /// When the bytes that go do not lie in the buffer.
    pub fn splice(&mut self, at: usize, removed: usize, inserted: usize) -> &mut [u8] {
        let old = self.len();
        let behind = at.checked_add(removed).expect("capacity overflow");
        let kept = old.checked_sub(behind).expect("invariant: what goes lies in the buffer");
        let to = at.checked_add(inserted).expect("capacity overflow");
        let new = to.checked_add(kept).expect("capacity overflow");
        if new > old {
            self.resize(new);
            self.make_mut().copy_within(behind..old, to);
        } else {
            self.make_mut().copy_within(behind.., to);
            self.resize(new);
        }
        &mut self.make_mut()[at..to]
    }

    /// Gives back the room that is not used, if the buffer is not shared.
    pub fn shrink_to_fit(&mut self) {
        let capacity = rounded(self.len());
        if capacity < self.capacity() && self.is_unique() {
            self.reallocate(capacity);
        }
    }

    /// Makes the buffer ours alone with room for `total` bytes, and more to come when it has to grow.
    fn reserve_total(&mut self, total: usize) {
        if total <= self.capacity() && self.is_unique() {
            return;
        }
        // A buffer that has no bytes yet is made to measure; one that grows will grow again.
        let wanted = if total <= self.capacity() || self.is_empty() {
            total
        } else if total < DOUBLING_MAX {
            total * 2
        } else {
            total.saturating_add(DOUBLING_MAX)
        };
        self.reserve_exactly(wanted);
    }

    /// Makes the buffer ours alone with room for `total` bytes.
    fn reserve_exactly(&mut self, total: usize) {
        if !self.is_unique() {
            let mut copy = Self::with_capacity(total);
            let kept = self.len().min(total);
            copy.extend_from_slice(&self[..kept]);
            *self = copy;
        } else if total > self.capacity() {
            self.reallocate(rounded(total));
        }
    }

    /// Moves a buffer that is ours alone to an allocation with this capacity, at least its length.
    fn reallocate(&mut self, capacity: usize) {
        debug_assert!(capacity >= self.len());
        let (old, new) = (total_bytes(self.capacity()), total_bytes(capacity));
        // SAFETY: allocated with this size (I1); ours alone, so no other pointer to it is left.
        self.header = unsafe { reallocate(self.header.cast(), old, new) }.cast();
        // SAFETY: the header has moved along with the bytes; ours alone.
        unsafe { (*self.header.as_ptr()).capacity = capacity };
    }

    fn header(&self) -> &Header {
        // SAFETY: live and initialised (I1). Nobody writes `len` and `capacity` while we are borrowed: that
        // takes `&mut` to the one and only holder (I3).
        unsafe { self.header.as_ref() }
    }

    /// Where the bytes begin. Derived from the allocation's own pointer, never from a `&Header`, whose
    /// provenance would end with the header.
    fn bytes(&self) -> *mut u8 {
        // SAFETY: the allocation begins with a whole header (I1).
        unsafe { self.header.as_ptr().add(1).cast() }
    }
}

/// The capacity that takes no more from malloc than this one does.
fn rounded(capacity: usize) -> usize {
    let wanted = total_bytes(capacity);
    usable_bytes(wanted).max(wanted) - size_of::<Header>()
}

fn total_bytes(capacity: usize) -> usize {
    size_of::<Header>().checked_add(capacity).expect("capacity overflow")
}

impl Clone for SharedBytes {
    #[inline]
    fn clone(&self) -> Self {
        // Relaxed: who can clone already holds one, and passing it on to another thread synchronises by
        // itself.
        let before = self.header().refs.fetch_add(1, Ordering::Relaxed);
        if before > isize::MAX as usize {
            // So many clones can only have been forgotten, and a count that wraps would free what is still
            // held.
            abort();
        }
        Self { header: self.header }
    }
}

impl Drop for SharedBytes {
    #[inline]
    fn drop(&mut self) {
        // Release: what we did with the bytes happens before whoever frees or changes them.
        if self.header().refs.fetch_sub(1, Ordering::Release) == 1 {
            fence(Ordering::Acquire);
            let bytes = total_bytes(self.capacity());
            // SAFETY: we were the last holder (I3), the size is the one it was allocated with (I1); a header
            // has nothing to drop.
            unsafe { free(self.header.cast(), bytes) };
        }
    }
}

impl Deref for SharedBytes {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        // SAFETY: `len` bytes are initialised (I2) and not written while we are borrowed (I3).
        unsafe { slice::from_raw_parts(self.bytes(), self.header().len) }
    }
}

impl AsRef<[u8]> for SharedBytes {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl HeapBytes for SharedBytes {
    fn heap_bytes(&self) -> usize {
        held_bytes(total_bytes(self.capacity()))
    }
}

impl Default for SharedBytes {
    fn default() -> Self {
        Self::with_capacity(0)
    }
}

impl From<&[u8]> for SharedBytes {
    fn from(bytes: &[u8]) -> Self {
        Self::copy_from(bytes)
    }
}

/// Equal to whatever has the same bytes: `value == "hello"`, `value == vec`.
impl<B: AsRef<[u8]> + ?Sized> PartialEq<B> for SharedBytes {
    fn eq(&self, other: &B) -> bool {
        **self == *other.as_ref()
    }
}

impl Eq for SharedBytes {}

impl fmt::Debug for SharedBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SharedBytes({} bytes)", self.len())
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use proptest::prelude::*;
    use proptest::test_runner::RngAlgorithm;

    use super::*;

    #[test]
    fn is_one_pointer_wide_and_can_be_optional() {
        assert_eq!(size_of::<SharedBytes>(), size_of::<usize>());
        assert_eq!(size_of::<Option<SharedBytes>>(), size_of::<usize>());
    }

    #[test]
    fn a_reader_keeps_what_it_took() {
        let mut written = SharedBytes::copy_from(b"before");
        let read = written.clone();
        written.make_mut().copy_from_slice(b"after!");
        written.extend_from_slice(b" and more");
        assert_eq!(&*read, b"before");
        assert_eq!(&*written, b"after! and more");
    }

    #[test]
    fn grows_like_valkeys_strings() {
        let mut buffer = SharedBytes::copy_from(&[1; 5000]);
        assert!(buffer.capacity() < 5000 + 1024, "made to measure");
        buffer.extend_from_slice(&[2; 130]);
        assert!((10_260..10_260 + 1024).contains(&buffer.capacity()), "doubled");
        let mut large = SharedBytes::copy_from(&vec![1; 2 << 20]);
        large.extend_from_slice(b"x");
        assert!(large.capacity() < (3 << 20) + 8192, "one MiB more");
        large.shrink_to_fit();
        assert!(large.capacity() < (2 << 20) + 8192);
        assert_eq!((large[0], large[2 << 20], large.len()), (1, b'x', (2 << 20) + 1));
    }

    #[test]
    fn grows_by_zeros() {
        // Under Miri what is larger takes minutes: the blocks it lies in are megabytes.
        let (lens, olds): (&[usize], &[usize]) = if cfg!(miri) {
            (&[1, 100], &[0, 3])
        } else {
            (&[1, 100, 5000, 300_000, 3 << 20], &[0, 3, 100_000, 1 << 20])
        };
        for &len in lens {
            let zeroed = SharedBytes::zeroed(len);
            assert_eq!((zeroed.len(), zeroed.iter().all(|byte| *byte == 0)), (len, true));
            for &old in olds {
                let mut grown = SharedBytes::copy_from(&vec![7; old]);
                let kept = grown.clone();
                grown.resize(old + len);
                assert!(grown[..old].iter().all(|byte| *byte == 7));
                assert!(grown[old..].iter().all(|byte| *byte == 0));
                assert_eq!((grown.len(), kept.len()), (old + len, old));
                grown.extend_from_slice(b"end");
                assert_eq!(&grown[old + len..], b"end");
            }
        }
    }

    #[test]
    fn counts_the_whole_allocation() {
        let buffer = SharedBytes::copy_from(&[0; 1000]);
        assert_eq!(buffer.heap_bytes(), 1040); // 24 of header, 1000, 8 of malloc: in steps of 16
        assert_eq!(buffer.capacity(), 1008);
    }

    #[test]
    fn is_freed_once_by_whoever_is_last() {
        let rounds = if cfg!(miri) { 5 } else { 200 };
        for round in 0..rounds {
            let mut written = SharedBytes::copy_from(&[round; 300]);
            thread::scope(|scope| {
                for _ in 0..3 {
                    let read = written.clone();
                    scope.spawn(move || {
                        let again = read.clone();
                        drop(read);
                        assert_eq!(*again, [round; 300]);
                    });
                }
                written.make_mut()[7] = round.wrapping_add(1);
                written.extend_from_slice(&[round; 500]);
                assert_eq!(written[7], round.wrapping_add(1));
            });
            assert!(written.is_unique());
            assert_eq!(written.len(), 800);
        }
    }

    #[derive(Clone, Debug)]
    enum Op {
        Extend(usize, u8),
        Resize(usize),
        Set(usize, u8),
        Splice(usize, usize, usize, u8),
        Reserve(usize),
        Clone,
        Drop(usize),
        Shrink,
    }

    fn op() -> impl Strategy<Value = Op> {
        prop_oneof![
            (0usize..200, any::<u8>()).prop_map(|(len, byte)| Op::Extend(len, byte)),
            (0usize..600).prop_map(Op::Resize),
            (any::<usize>(), any::<u8>()).prop_map(|(at, byte)| Op::Set(at, byte)),
            (any::<usize>(), 0usize..40, 0usize..60, any::<u8>())
                .prop_map(|(at, removed, inserted, byte)| Op::Splice(at, removed, inserted, byte)),
            (0usize..600).prop_map(Op::Reserve),
            Just(Op::Clone),
            any::<usize>().prop_map(Op::Drop),
            Just(Op::Shrink),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: if cfg!(miri) { 3 } else { 256 },
            failure_persistence: None,
            rng_algorithm: RngAlgorithm::XorShift,
            ..ProptestConfig::default()
        })]

        #[test]
        fn behaves_like_a_vec_with_snapshots(
            ops in prop::collection::vec(op(), 1..if cfg!(miri) { 15 } else { 40 }),
        ) {
            let (mut buffer, mut model) = (SharedBytes::default(), Vec::new());
            let mut snapshots: Vec<(SharedBytes, Vec<u8>)> = Vec::new();
            for op in ops {
                match op {
                    Op::Extend(len, byte) => {
                        buffer.extend_from_slice(&vec![byte; len]);
                        model.resize(model.len() + len, byte);
                    }
                    Op::Resize(len) => {
                        buffer.resize(len);
                        model.resize(len, 0);
                    }
                    Op::Set(at, byte) if !model.is_empty() => {
                        let at = at % model.len();
                        buffer.make_mut()[at] = byte;
                        model[at] = byte;
                    }
                    Op::Splice(at, removed, inserted, byte) => {
                        let at = at % (model.len() + 1);
                        let removed = removed.min(model.len() - at);
                        buffer.splice(at, removed, inserted).fill(byte);
                        model.splice(at..at + removed, vec![byte; inserted]);
                    }
                    Op::Reserve(capacity) => {
                        buffer.reserve(capacity);
                        prop_assert!(buffer.capacity() >= capacity);
                    }
                    Op::Clone => snapshots.push((buffer.clone(), model.clone())),
                    Op::Drop(at) if !snapshots.is_empty() => {
                        snapshots.swap_remove(at % snapshots.len());
                    }
                    Op::Shrink => buffer.shrink_to_fit(),
                    Op::Set(..) | Op::Drop(_) => {}
                }
                prop_assert_eq!(&*buffer, &*model);
                prop_assert!(buffer.capacity() >= buffer.len());
                for (snapshot, then) in &snapshots {
                    prop_assert_eq!(&**snapshot, &**then);
                }
            }
        }
    }
}
