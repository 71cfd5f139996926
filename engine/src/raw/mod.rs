//! The only unsafe code of the engine.
//!
//! Each module is a small data structure with a safe face: whatever is called in whatever order, with
//! whatever handle, memory stays sound. A stale handle finds nothing or finds another live entry; it is never
//! undefined behaviour. The proofs lean on the invariants that stand at the top of each file.
//!
//! | module | what is unsafe | why |
//! |---|---|---|
//! | [`slab`] | pages of raw memory cut into slots; entries of head, deadline, key and value (or an owned object) written at computed offsets | one allocation and one or two cache lines for an entry, a four-byte handle instead of a pointer, exact accounting |
//! | [`shared`] | a counted buffer with its header in front of its bytes | one pointer wide, read without a copy after the lock is gone, grown in place |
//! | [`head`] | the SSE2 match of twelve tags | 5.7 ns instead of 9.4 for a lookup in cache |
//! | [`extents`] | blocks of raw memory given out in units | what values of some KiB hold of the system is known to the page, as malloc's holes are not |
//! | [`prefetch`] | asking for a line, or those of a slice, in advance | a search in a leaf of a tree waits for one line instead of four |
//! | [`lock`] | a lock that is given back with a plain store | 5 ns of the 14 that a hit of the embedded cache takes |
//! | [`heap`] | calls into glibc and the system | give memory back to the system |
//! | [`groups`] | places for values of one type, of which a tag says whether there is one | what a hash table holds lies in it, without memory written ahead of need |
//!
//! What is absent: no locks but [`lock`] and the one on [`extents`], no clocks, no hashing, no idea of what a
//! value means.
#![expect(unsafe_code, reason = "the one folder that may; see the table above")]

pub mod bucket;
pub mod extents;
pub mod groups;
pub mod head;
pub mod heap;
pub mod lock;
pub mod prefetch;
pub mod shared;
pub mod slab;

mod handle;

pub use handle::Handle;
