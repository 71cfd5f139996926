//! What the system allocator really takes, and how to make it give back.
//!
//! The engine brings no allocator of its own and hooks none: it counts what it asks for, rounded the way
//! glibc's malloc rounds. Under another allocator the count is an estimate of the same size.

use std::alloc::{Layout, alloc, alloc_zeroed, dealloc, handle_alloc_error, realloc};
use std::ptr::NonNull;

use super::extents;

/// What an object owns on the heap, so that whoever holds it can account for it.
pub trait HeapBytes {
    /// The bytes on the heap that go when this object is dropped, allocator overhead included.
    ///
    /// Asked before and after each change, so it has to be quick, and it may change only through `&mut`.
    fn heap_bytes(&self) -> usize;
}

/// From this size on malloc maps a block of its own (glibc's default; [`configure_process`] pins it).
pub(super) const MMAP_THRESHOLD: usize = 128 * 1024;
const SYSTEM_PAGE: usize = 4096;

/// What malloc takes for a block of `bytes`: eight bytes of header, in steps of sixteen, at least 32; whole
/// system pages from 128 KiB on. Zero bytes are not allocated at all.
pub const fn malloc_bytes(bytes: usize) -> usize {
    if bytes == 0 {
        return 0;
    }
    let chunk = bytes.saturating_add(8 + 15) & !15;
    if chunk < 32 {
        32
    } else if chunk < MMAP_THRESHOLD {
        chunk
    } else {
        chunk.saturating_add(8 + SYSTEM_PAGE - 1) & !(SYSTEM_PAGE - 1)
    }
}

/// The largest request that takes no more than a request of `bytes` does.
pub const fn malloc_usable(bytes: usize) -> usize {
    let taken = malloc_bytes(bytes);
    if taken < MMAP_THRESHOLD { taken.saturating_sub(8) } else { taken - 24 }
}

/// Gives free memory of malloc's back to the system; true when some was. Does nothing where malloc is not
/// glibc's.
///
/// Slab pages need none of this, but large values leave holes in malloc's heap. Walks it whole under malloc's
/// lock, some 10 ms where 80 MB of values of 5 to 12 kB were freed one by one: for after a flush, for MEMORY
/// PURGE, and for when the resident set has outgrown what is in use.
pub fn trim() -> bool {
    extents::purge();
    glibc::trim()
}

/// Sets malloc up for a process that is mainly a cache. For the server's `main` only, before it starts
/// threads: the settings are the whole process's, and a library has no business with them.
///
/// One arena: large values are freed by whichever thread evicts, and memory freed into one arena cannot serve
/// another, so each further arena adds its own holes to the resident set. Small blocks come from the threads'
/// own caches and do not meet the arena's lock. The thresholds are pinned because glibc would otherwise raise
/// them (up to 32 MiB) after the first large block is freed, and large values would be cut from the heap and
/// leave holes in it.
pub fn configure_process() {
    glibc::configure();
}

/// Asks the system for no huge pages in this process; true if it agrees. Linux only, and for the server's
/// `main` only.
///
/// Where they are always on, each page that is touched takes 2 MiB with it, and the resident set says nothing
/// about what is in use.
pub fn disable_huge_pages() -> bool {
    system::disable_huge_pages()
}

/// What a block from `allocate` takes for `bytes`.
pub const fn held_bytes(bytes: usize) -> usize {
    if extents::serves(bytes) { extents::rounded(bytes) } else { malloc_bytes(bytes) }
}

/// The largest request to [`allocate`] that takes no more than a request of `bytes` does.
pub(super) const fn usable_bytes(bytes: usize) -> usize {
    if extents::serves(bytes) { extents::rounded(bytes) } else { malloc_usable(bytes) }
}

/// Memory for one thing of any size but zero, aligned to 16 bytes.
pub(super) fn allocate(bytes: usize) -> NonNull<u8> {
    if extents::serves(bytes) {
        return extents::take(bytes);
    }
    let layout = layout(bytes);
    assert!(bytes > 0, "invariant: nothing is not allocated");
    // SAFETY: the layout is not empty, by the assertion.
    let memory = unsafe { alloc(layout) };
    NonNull::new(memory).unwrap_or_else(|| handle_alloc_error(layout))
}

/// The same, with every byte zero. What is mapped by itself is so already and not touched: the system gives
/// each page when somebody first does.
pub(super) fn allocate_zeroed(bytes: usize) -> NonNull<u8> {
    if extents::serves(bytes) {
        let memory = extents::take(bytes);
        // SAFETY: it is as long as was asked for, and nobody else's.
        unsafe { memory.write_bytes(0, bytes) };
        return memory;
    }
    let layout = layout(bytes);
    assert!(bytes > 0, "invariant: nothing is not allocated");
    // SAFETY: the layout is not empty, by the assertion.
    let memory = unsafe { alloc_zeroed(layout) };
    NonNull::new(memory).unwrap_or_else(|| handle_alloc_error(layout))
}

/// Frees what was allocated.
///
/// # Safety
///
/// It was allocated by [`allocate`] or [`allocate_zeroed`] with this size, and nobody uses it any more.
pub(super) unsafe fn free(at: NonNull<u8>, bytes: usize) {
    // SAFETY: the contract; which of both it came from follows from the size.
    unsafe {
        if extents::serves(bytes) {
            extents::give_back(at, bytes);
        } else {
            dealloc(at.as_ptr(), layout(bytes));
        }
    }
}

/// Moves what was allocated to memory of another size. As much of it is kept as fits.
///
/// # Safety
///
/// It was allocated by [`allocate`] or [`allocate_zeroed`] with the size `old`, and nobody uses it any more.
pub(super) unsafe fn reallocate(at: NonNull<u8>, old: usize, new: usize) -> NonNull<u8> {
    if extents::serves(old) || extents::serves(new) {
        let to = allocate(new);
        // SAFETY: both are ours and at least as long; the old one is freed once, by the contract.
        unsafe {
            to.copy_from_nonoverlapping(at, old.min(new));
            free(at, old);
        }
        return to;
    }
    assert!(new > 0, "invariant: nothing is not allocated");
    // SAFETY: allocated with this layout, by the contract and as no extents serve it; the new size is not
    // zero, and `layout` has checked that it does not overflow.
    let memory = unsafe { realloc(at.as_ptr(), layout(old), layout(new).size()) };
    NonNull::new(memory).unwrap_or_else(|| handle_alloc_error(layout(new)))
}

fn layout(bytes: usize) -> Layout {
    // Sixteen is what malloc gives without being asked for more.
    Layout::from_size_align(bytes, 16).expect("capacity overflow")
}

/// Gives the memory behind these addresses back to the system, if they are whole system pages and the system
/// can; the addresses stay allocated. What was there is lost.
///
/// # Safety
///
/// The range lies within one allocation of the caller's, who treats it as uninitialised from now on.
pub(super) unsafe fn discard(base: NonNull<u8>, bytes: usize) {
    // SAFETY: the contract.
    unsafe { system::discard(base, bytes) };
}

#[cfg(all(target_os = "linux", not(miri)))]
mod system {
    use std::ffi::{c_int, c_ulong, c_void};
    use std::ptr::NonNull;

    // SAFETY: the prototypes of sys/mman.h and sys/prctl.h.
    unsafe extern "C" {
        fn madvise(address: *mut c_void, length: usize, advice: c_int) -> c_int;
        fn prctl(option: c_int, ...) -> c_int;
    }

    const MADV_DONTNEED: c_int = 4;
    const PR_SET_THP_DISABLE: c_int = 41;

    pub(super) fn disable_huge_pages() -> bool {
        // SAFETY: this option takes four numbers and touches no memory of ours.
        unsafe { prctl(PR_SET_THP_DISABLE, 1 as c_ulong, 0 as c_ulong, 0 as c_ulong, 0 as c_ulong) == 0 }
    }

    /// # Safety
    ///
    /// As of [`discard`](super::discard).
    pub(super) unsafe fn discard(base: NonNull<u8>, bytes: usize) {
        // SAFETY: nothing outside of the range changes. Within it, private memory reads as zeros afterwards,
        // shared memory is unchanged, and both are as good as uninitialised. An error changes nothing.
        unsafe { madvise(base.as_ptr().cast(), bytes, MADV_DONTNEED) };
    }
}

#[cfg(not(all(target_os = "linux", not(miri))))]
mod system {
    use std::ptr::NonNull;

    pub(super) fn disable_huge_pages() -> bool {
        false
    }

    /// # Safety
    ///
    /// None is needed.
    pub(super) unsafe fn discard(_base: NonNull<u8>, _bytes: usize) {}
}

#[cfg(all(target_os = "linux", target_env = "gnu", not(miri)))]
mod glibc {
    use std::ffi::c_int;

    // SAFETY: the prototypes of glibc's malloc.h; both take numbers only, lock what they touch, and may be
    // called at any time from any thread.
    unsafe extern "C" {
        safe fn malloc_trim(pad: usize) -> c_int;
        safe fn mallopt(parameter: c_int, value: c_int) -> c_int;
    }

    const M_TRIM_THRESHOLD: c_int = -1;
    const M_TOP_PAD: c_int = -2;
    const M_MMAP_THRESHOLD: c_int = -3;
    const M_ARENA_MAX: c_int = -8;

    pub(super) fn trim() -> bool {
        malloc_trim(0) != 0
    }

    pub(super) fn configure() {
        // A parameter this glibc does not know is refused and changes nothing.
        mallopt(M_ARENA_MAX, 1);
        mallopt(M_MMAP_THRESHOLD, super::MMAP_THRESHOLD as c_int);
        mallopt(M_TRIM_THRESHOLD, 1024 * 1024);
        mallopt(M_TOP_PAD, 256 * 1024);
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu", not(miri))))]
mod glibc {
    pub(super) fn trim() -> bool {
        false
    }

    pub(super) fn configure() {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_like_malloc() {
        assert_eq!(malloc_bytes(0), 0);
        assert_eq!(malloc_bytes(1), 32);
        assert_eq!(malloc_bytes(24), 32);
        assert_eq!(malloc_bytes(25), 48);
        assert_eq!(malloc_bytes(65520), 65536);
        assert_eq!(malloc_bytes(131_048), 131_056);
        assert_eq!(malloc_bytes(131_049), 131_072 + 4096);
        assert_eq!(malloc_bytes(200_000) % 4096, 0);
        for bytes in (1..300_000).step_by(if cfg!(miri) { 997 } else { 7 }) {
            let usable = malloc_usable(bytes);
            assert!(usable >= bytes);
            assert_eq!(malloc_bytes(usable), malloc_bytes(bytes));
            assert!(malloc_bytes(usable + 1) > malloc_bytes(bytes));
        }
    }

    #[test]
    fn trimming_is_harmless() {
        let kept = vec![7u8; 100_000];
        trim();
        assert_eq!(kept, [7; 100_000]);
    }
}
