//! Counters. Each thread that serves clients has a block of its own and is its only writer, so counting costs a plain
//! load and store; whoever reports adds the blocks up.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use parking_lot::Mutex;

use crate::command::table;
use crate::command::table::CommandId;

/// A counter with one writer at a time.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Counts `n` more.
    pub fn add(&self, n: u64) {
        self.0.store(self.0.load(Relaxed).wrapping_add(n), Relaxed);
    }

    /// What was counted.
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }

    /// Back to nothing.
    pub fn reset(&self) {
        self.0.store(0, Relaxed);
    }
}

/// What was counted for one command.
#[derive(Debug, Default)]
pub struct CommandCounters {
    /// Times it ran.
    pub calls: Counter,
    /// Nanoseconds it took.
    pub nanos: Counter,
    /// Times it was refused before it ran.
    pub rejected: Counter,
    /// Times it ran and failed.
    pub failed: Counter,
}

/// The counters of one thread.
#[derive(Debug)]
pub struct Block {
    /// By `CommandId`.
    pub commands: Box<[CommandCounters]>,
    /// Commands run.
    pub processed: Counter,
    /// Bytes read from clients.
    pub bytes_in: Counter,
    /// Bytes written to clients.
    pub bytes_out: Counter,
    /// Reads from sockets.
    pub reads: Counter,
    /// Writes to sockets.
    pub writes: Counter,
    /// Error replies.
    pub errors: Counter,
    /// Error replies by their first word; beyond 128 different ones Valkey stops telling them apart, and so do we.
    pub errors_by_code: Mutex<HashMap<String, u64>>,
    /// Connections accepted.
    pub accepted: Counter,
    /// Connections closed because a request outgrew `client-query-buffer-limit`.
    pub over_query_limit: Counter,
    /// Connections closed because more replies waited than `client-output-buffer-limit` allows.
    pub over_output_limit: Counter,
}

impl Default for Block {
    fn default() -> Self {
        Self {
            commands: (0..table::count()).map(|_| CommandCounters::default()).collect(),
            processed: Counter::default(),
            bytes_in: Counter::default(),
            bytes_out: Counter::default(),
            reads: Counter::default(),
            writes: Counter::default(),
            errors: Counter::default(),
            errors_by_code: Mutex::default(),
            accepted: Counter::default(),
            over_query_limit: Counter::default(),
            over_output_limit: Counter::default(),
        }
    }
}

impl Block {
    /// Counts an error reply, by its first word.
    pub fn error(&self, code: &str) {
        self.errors.add(1);
        let mut by_code = self.errors_by_code.lock();
        if let Some(count) = by_code.get_mut(code) {
            *count += 1;
        } else if by_code.len() < 128 {
            by_code.insert(code.to_owned(), 1);
        }
    }

    /// The counters of one command.
    pub fn command(&self, id: CommandId) -> &CommandCounters {
        &self.commands[id.index()]
    }
}

/// The blocks of all threads.
#[derive(Debug)]
pub struct Stats {
    blocks: Box<[Block]>,
    /// Connections refused for `maxclients` or protected mode.
    pub rejected_connections: AtomicU64,
}

impl Stats {
    /// Counters for this many threads.
    pub fn new(threads: usize) -> Self {
        Self {
            blocks: (0..threads).map(|_| Block::default()).collect(),
            rejected_connections: AtomicU64::new(0),
        }
    }

    /// The block that this thread alone writes.
    pub fn block(&self, thread: usize) -> &Block {
        &self.blocks[thread]
    }

    /// Every thread's block.
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// What all threads counted together.
    pub fn sum(&self, counter: impl Fn(&Block) -> &Counter) -> u64 {
        self.blocks.iter().map(|block| counter(block).get()).sum()
    }
}
