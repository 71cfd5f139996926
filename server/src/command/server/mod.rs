//! The server itself: its parameters, its figures, its databases as a whole. COMMAND is in
//! [`super::describe`].

mod commandlog;
mod config;
mod dbsize;
mod debug;
mod flush;
mod info;
mod latency;
mod latency_report;
mod lolwut;
mod memory;
mod module;
mod monitor;
mod role;
mod scrubjay;
mod shutdown;
mod swapdb;
mod time;

use super::spec::Command;

pub(super) const COMMANDS: &[&Command] = &[
    &commandlog::COMMANDLOG,
    &commandlog::SLOWLOG,
    &config::CONFIG,
    &dbsize::DBSIZE,
    &debug::DEBUG,
    &flush::FLUSHALL,
    &flush::FLUSHDB,
    &info::INFO,
    &time::LASTSAVE,
    &latency::LATENCY,
    &lolwut::LOLWUT,
    &memory::MEMORY,
    &module::MODULE,
    &monitor::MONITOR,
    &role::ROLE,
    &scrubjay::SCRUBJAY,
    &shutdown::SHUTDOWN,
    &swapdb::SWAPDB,
    &time::TIME,
];
