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

mod account;

pub(crate) mod functions;

pub mod running;

#[cfg(all(test, shuttle))]
mod interleavings;

pub(crate) mod thread;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use parking_lot::Mutex;
use scrubjay::Store;

use self::account::Account;
use self::cache::Cache;
use self::functions::Registry;
use self::running::Running;
use crate::config::Compat;

/// What all threads of a server share of scripts.
#[derive(Debug)]
pub struct Scripts {
    /// Tells the servers of this process apart.
    id: u64,
    /// Which server they see.
    compat: Compat,
    /// Those that clients have sent.
    pub cache: Cache,
    /// The libraries of functions.
    pub(crate) functions: Registry,
    /// The one that runs.
    pub running: Running,
    /// What the machines of all threads hold.
    account: Arc<Account>,
    /// Held by a thread of the program while it runs one: it counts where its other threads do.
    pub(crate) turn: Mutex<()>,
}

impl Scripts {
    /// No scripts, for this store.
    pub(crate) fn new(store: &Arc<Store>, compat: Compat) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self {
            id: NEXT.fetch_add(1, Relaxed),
            compat,
            cache: Cache::default(),
            functions: Registry::default(),
            running: Running::default(),
            account: Account::new(store),
            turn: Mutex::default(),
        }
    }

    /// Bytes that the machines of all threads hold.
    pub(crate) fn machine_bytes(&self) -> usize {
        self.account.bytes()
    }
}
