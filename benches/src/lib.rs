//! Measurements of Scrubjay, alone and beside others.
//!
//! - `compare` starts servers and measures them in turns;
//! - `embedded` does the same with caches that live in a program;
//! - `near` measures the client's near cache beside what it stands on.
//!
//! What their columns mean stands in the README beside this crate. They need Linux: CPU time, memory and
//! pinning are read and set through the kernel's own interfaces, and figures taken in any other way would not
//! be comparable. This is a library only because the heap is counted by an allocator, which slows what it
//! counts: so that is done by a binary of its own, `embedded-memory`.
#![forbid(unsafe_code)]
#![cfg(target_os = "linux")]

mod clock;
mod compare;
mod cores;
mod embedded;
mod figures;
mod near;
mod progress;

use clap::Parser;

pub use self::embedded::memory::{Heap, count};

/// Measurements of Scrubjay, alone and beside others.
#[derive(Parser)]
#[command(version)]
enum Command {
    Compare(compare::Options),
    Embedded(embedded::Options),
    Near(near::Options),
}

/// Does what the command line of `scrubjay-benches` asks for.
///
/// # Errors
/// For what could not be measured.
pub fn run() -> anyhow::Result<()> {
    match Command::parse() {
        Command::Compare(options) => compare::run(&options),
        Command::Embedded(options) => embedded::run(&options),
        Command::Near(options) => near::run(&options),
    }
}
