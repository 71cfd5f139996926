//! Scripts: programs that clients send, and that run where the data is.
//!
//! - `engine` is what the rest of the server knows of whoever runs them;
//! - `lua` is the one there is;
//! - `shebang` reads what a script's first line says of it;
//! - `cache` keeps those that were sent, for all threads;
//! - `functions` keeps libraries of them that clients call by name;
//! - `running` tells what runs, and ends it.
//!
//! A script is compiled by each thread that runs it, in a machine that belongs to the thread (`thread`).

pub(crate) mod engine;

mod lua;

pub mod shebang;

pub mod cache;

pub(crate) mod functions;

pub mod running;

pub(crate) mod thread;

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use self::cache::Cache;
use self::functions::Registry;
use self::running::Running;

/// What all threads of a server share of scripts.
#[derive(Debug)]
pub struct Scripts {
    /// Tells the servers of this process apart.
    id: u64,
    /// Those that clients have sent.
    pub cache: Cache,
    /// The libraries of functions.
    pub(crate) functions: Registry,
    /// The one that runs.
    pub running: Running,
    /// Bytes that each thread's machine holds.
    machine_bytes: Box<[AtomicUsize]>,
}

impl Scripts {
    /// No scripts, for so many threads.
    pub(crate) fn new(threads: usize) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self {
            id: NEXT.fetch_add(1, Relaxed),
            cache: Cache::default(),
            functions: Registry::default(),
            running: Running::default(),
            machine_bytes: (0..threads).map(|_| AtomicUsize::new(0)).collect(),
        }
    }

    /// Notes what the machine of a thread holds now, and says by how much that is more than before.
    pub(crate) fn note_machine_bytes(&self, thread: usize, bytes: usize) -> isize {
        let before = self.machine_bytes[thread].swap(bytes, Relaxed);
        bytes as isize - before as isize
    }

    /// Bytes that the machines of all threads hold.
    pub(crate) fn machine_bytes(&self) -> usize {
        self.machine_bytes.iter().map(|bytes| bytes.load(Relaxed)).sum()
    }
}
