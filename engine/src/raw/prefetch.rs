//! Asking the processor to bring memory into its cache before it is used.

/// The lines asked for at most: a processor keeps about so many requests in flight.
const LINES_MAX: usize = 12;
const LINE_BYTES: usize = 64;

/// Hints that these items will be looked at in some order soon: their lines are fetched side by side, where a
/// search would wait for one after the other. Without any effect on the program.
#[inline]
pub fn prefetch<T>(items: &[T]) {
    let start = items.as_ptr().cast::<u8>();
    for line in 0..size_of_val(items).div_ceil(LINE_BYTES).min(LINES_MAX) {
        prefetch_line(start.wrapping_add(line * LINE_BYTES));
    }
}

/// The same of the one line that this address lies in, whether or not there is memory.
#[inline]
pub fn prefetch_line(address: *const u8) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: every x86_64 has the instruction; it reads nothing that a program could see and ignores
        // addresses that are not mapped.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) };
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = address;
}
