//! Counters. Each thread that serves clients has a block of its own and is its only writer, so counting costs
//! a plain load and store; whoever reports adds the blocks up.
//!
//! `CONFIG RESETSTAT` clears none of them, since a writer may be between its load and its store: it remembers
//! what they were, and reports tell the difference.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use parking_lot::Mutex;

use super::latency::{Histogram, Latencies};
use super::process::{self, Who};
use super::rate::Rates;
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
}

/// What was counted for one command.
#[derive(Debug, Default)]
pub struct CommandCounters {
    /// Times it ran.
    pub calls: Counter,
    /// Nanoseconds that these took, as far as they are reckoned.
    pub nanos: Counter,
    /// How many of them are: a timed call stands for those before it that were not timed.
    reckoned: Counter,
    /// Times it was refused before it ran.
    pub rejected: Counter,
    /// Times it ran and failed.
    pub failed: Counter,
    /// How long they took each. Made with the first.
    latencies: OnceLock<Box<Latencies>>,
}

/// All of the first so many calls of a command are timed, ...
const TIMED_ALL: u64 = 1024;
/// ... and of those after them one in so many, ...
const TIMED_ONE_IN: u64 = 16;
/// ... unless they take longer than this. Of the smallest commands the clock would cost a tenth.
const SMALL_NANOS: u64 = 1_000;

impl CommandCounters {
    /// Whether the call that comes next is to be timed.
    pub fn times_next(&self) -> bool {
        let calls = self.calls.get();
        calls < TIMED_ALL
            || calls.is_multiple_of(TIMED_ONE_IN)
            || self.nanos.get() > calls.saturating_mul(SMALL_NANOS)
    }

    /// Counts a call, and how long it took if it was timed; `tracked`: for percentiles too.
    pub fn call(&self, nanos: Option<u64>, tracked: bool) {
        self.calls.add(1);
        let Some(nanos) = nanos else { return };
        let stands_for = self.calls.get() - self.reckoned.get();
        self.reckoned.add(stands_for);
        self.nanos.add(nanos.saturating_mul(stands_for));
        if tracked {
            self.latencies.get_or_init(Box::default).note(nanos, stands_for);
        }
    }
}

/// Declares the plain counters once: of a thread, and of all threads together.
macro_rules! counters {
    ($($(#[doc = $doc:literal])+ $name:ident;)+) => {
        /// The counters of one thread.
        #[derive(Debug)]
        pub struct Block {
            $($(#[doc = $doc])+ pub $name: Counter,)+
            /// By `CommandId`.
            pub commands: Box<[CommandCounters]>,
            /// Error replies by their first word; beyond 128 different ones Valkey stops telling them apart,
            /// and so do we.
            pub errors_by_code: Mutex<BTreeMap<String, u64>>,
        }

        impl Default for Block {
            fn default() -> Self {
                Self {
                    $($name: Counter::default(),)+
                    commands: (0..table::count()).map(|_| CommandCounters::default()).collect(),
                    errors_by_code: Mutex::default(),
                }
            }
        }

        /// What all threads counted together.
        #[derive(Debug, Clone, Default)]
        pub struct Totals {
            $($(#[doc = $doc])+ pub $name: u64,)+
            /// Connections refused for `maxclients` or protected mode.
            pub rejected_connections: u64,
            /// Clients disconnected for `maxmemory-clients`.
            pub evicted_clients: u64,
            /// CPU time of the process, in microseconds.
            pub busy_micros: u64,
            /// By `CommandId`.
            pub commands: Vec<CommandTotals>,
            /// Error replies by their first word.
            pub errors_by_code: BTreeMap<String, u64>,
        }

        impl Totals {
            fn add(&mut self, block: &Block) {
                $(self.$name += block.$name.get();)+
                for (total, counters) in self.commands.iter_mut().zip(&block.commands) {
                    total.add(counters);
                }
                for (code, count) in &*block.errors_by_code.lock() {
                    *self.errors_by_code.entry(code.clone()).or_default() += count;
                }
            }

            fn since(mut self, base: &Self) -> Self {
                $(self.$name = self.$name.saturating_sub(base.$name);)+
                self.rejected_connections -= base.rejected_connections;
                self.evicted_clients -= base.evicted_clients;
                self.busy_micros = self.busy_micros.saturating_sub(base.busy_micros);
                for (total, base) in self.commands.iter_mut().zip(&base.commands) {
                    total.subtract(base);
                }
                for (code, count) in &base.errors_by_code {
                    if let Some(total) = self.errors_by_code.get_mut(code) {
                        *total = total.saturating_sub(*count);
                    }
                }
                self.errors_by_code.retain(|_, count| *count > 0);
                self
            }
        }
    };
}

counters! {
    /// Commands run.
    processed;
    /// Changes that these commands made to data.
    changes;
    /// Bytes read from clients.
    bytes_in;
    /// Bytes written to clients.
    bytes_out;
    /// Reads from sockets.
    reads;
    /// Writes to sockets.
    writes;
    /// Times the thread woke and did what there was to do.
    cycles;
    /// Error replies.
    errors;
    /// Connections accepted.
    accepted;
    /// Connections closed for `client-query-buffer-limit`.
    over_query_limit;
    /// Connections closed for `client-output-buffer-limit`.
    over_output_limit;
    /// Scripts that had to leave for others.
    evicted_scripts;
}

/// What all threads counted for one command.
#[derive(Debug, Clone, Default)]
pub struct CommandTotals {
    /// Times it ran.
    pub calls: u64,
    /// Times it was refused before it ran.
    pub rejected: u64,
    /// Times it ran and failed.
    pub failed: u64,
    /// How long the calls took.
    pub latencies: Option<Histogram>,
    nanos: u64,
}

impl CommandTotals {
    /// Microseconds that all calls took.
    pub fn micros(&self) -> u64 {
        self.nanos / 1000
    }

    fn add(&mut self, counters: &CommandCounters) {
        self.calls += counters.calls.get();
        self.rejected += counters.rejected.get();
        self.failed += counters.failed.get();
        self.nanos += counters.nanos.get();
        if let Some(latencies) = counters.latencies.get() {
            self.latencies.get_or_insert_default().add(latencies);
        }
    }

    fn subtract(&mut self, base: &Self) {
        for (total, base) in [
            (&mut self.calls, base.calls),
            (&mut self.rejected, base.rejected),
            (&mut self.failed, base.failed),
            (&mut self.nanos, base.nanos),
        ] {
            *total = total.saturating_sub(base);
        }
        if let (Some(latencies), Some(base)) = (&mut self.latencies, &base.latencies) {
            latencies.subtract(base);
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
    /// Clients disconnected for `maxmemory-clients`.
    pub evicted_clients: AtomicU64,
    /// How much happened lately.
    pub rates: Rates,
    /// What everything stood at when it was last reset.
    base: Mutex<Totals>,
}

impl Stats {
    /// Counters for this many threads.
    pub fn new(threads: usize) -> Self {
        Self {
            blocks: (0..threads).map(|_| Block::default()).collect(),
            rejected_connections: AtomicU64::new(0),
            evicted_clients: AtomicU64::new(0),
            rates: Rates::default(),
            base: Mutex::default(),
        }
    }

    /// The block that this thread alone writes.
    pub fn block(&self, thread: usize) -> &Block {
        &self.blocks[thread]
    }

    /// What all threads counted together, ever.
    pub fn sum(&self, counter: impl Fn(&Block) -> &Counter) -> u64 {
        self.blocks.iter().map(|block| counter(block).get()).sum()
    }

    /// What all threads counted together since the last reset.
    pub fn totals(&self) -> Totals {
        self.ever().since(&self.base.lock())
    }

    /// Begins counting anew.
    pub fn reset(&self) {
        *self.base.lock() = self.ever();
        self.rates.reset();
    }

    fn ever(&self) -> Totals {
        let commands = vec![CommandTotals::default(); table::count()];
        let mut totals = Totals { commands, ..Totals::default() };
        for block in &self.blocks {
            totals.add(block);
        }
        totals.rejected_connections = self.rejected_connections.load(Relaxed);
        totals.evicted_clients = self.evicted_clients.load(Relaxed);
        totals.busy_micros = process::cpu_time(Who::Process).micros();
        totals
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reset_begins_anew_without_touching_the_counters() {
        let stats = Stats::new(2);
        for thread in 0..2 {
            let block = stats.block(thread);
            block.processed.add(3);
            block.error("ERR");
            block.commands[0].call(Some(5_000), true);
        }
        let totals = stats.totals();
        assert_eq!((totals.processed, totals.errors_by_code["ERR"]), (6, 2));
        assert_eq!((totals.commands[0].calls, totals.commands[0].micros()), (2, 10));
        stats.reset();
        stats.block(1).processed.add(1);
        let totals = stats.totals();
        assert_eq!((totals.processed, totals.errors_by_code.len()), (1, 0));
        assert_eq!((totals.commands[0].calls, totals.commands[0].micros()), (0, 0));
        assert!(totals.commands[0].latencies.as_ref().is_none_or(Histogram::is_empty));
        assert_eq!(stats.sum(|block| &block.processed), 7);
    }
}
