//! The server itself: its parameters, its figures, its databases as a whole. COMMAND is in
//! [`super::describe`].

mod commandlog;
mod config;
mod dbsize;
mod debug;
mod flush;
mod info;
mod lolwut;
mod memory;
mod module;
mod role;
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
    &lolwut::LOLWUT,
    &memory::MEMORY,
    &module::MODULE,
    &role::ROLE,
    &shutdown::SHUTDOWN,
    &swapdb::SWAPDB,
    &time::TIME,
];
