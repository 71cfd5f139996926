//! Counts the heap that each embedded cache takes: a line `NAME FILL ENTRIES BYTES BLOCKS` of each.
//!
//! `embedded --only memory` starts this and reads it. The allocator that counts is in no other binary, since
//! two threads that allocate meet on its counters.
#![forbid(unsafe_code)]

#[cfg(target_os = "linux")]
#[global_allocator]
static HEAP: &stats_alloc::StatsAlloc<std::alloc::System> = &stats_alloc::INSTRUMENTED_SYSTEM;

#[cfg(target_os = "linux")]
fn main() -> anyhow::Result<()> {
    scrubjay_benches::count(&std::env::args().skip(1).collect::<Vec<_>>(), || {
        let stats = HEAP.stats();
        scrubjay_benches::Heap {
            bytes: stats.bytes_allocated - stats.bytes_deallocated,
            blocks: stats.allocations - stats.deallocations,
        }
    })
}

#[cfg(not(target_os = "linux"))]
fn main() {}
