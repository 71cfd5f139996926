//! MEMORY: what a key occupies, and giving memory back.

use crate::command::Ctx;
use crate::command::describe::help;
use crate::command::spec::{Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static MEMORY: Command = Command {
    name: "memory",
    summary: "A container for memory diagnostics commands.",
    since: "4.0.0",
    complexity: "Depends on subcommand.",
    arity: -2,
    subcommands: &[&MEMORY_HELP, &MEMORY_PURGE, &MEMORY_USAGE],
    ..Command::BASE
}
.checked();

pub(super) static MEMORY_HELP: Command = Command {
    name: "help",
    summary: "Returns helpful text about the different subcommands.",
    since: "4.0.0",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::LOADING.or(Flags::STALE),
    handler: memory_help,
    ..Command::BASE
}
.checked();

pub(super) static MEMORY_PURGE: Command = Command {
    name: "purge",
    summary: "Asks the allocator to release memory.",
    since: "4.0.0",
    complexity: "Depends on how much memory is allocated, could be slow",
    arity: 2,
    flags: Flags::LOADING,
    tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
    handler: memory_purge,
    ..Command::BASE
}
.checked();

pub(super) static MEMORY_USAGE: Command = Command {
    name: "usage",
    summary: "Estimates the memory usage of a key.",
    since: "4.0.0",
    complexity: "O(N) where N is the number of samples.",
    arity: -3,
    flags: Flags::READONLY,
    keys: &[Key::at(2).ro()],
    args: &[Arg::key("key"), Arg::integer("count").token("SAMPLES").optional()],
    handler: memory_usage,
    ..Command::BASE
}
.checked();

/// What `MEMORY HELP` says between its first line and its last two. Valkey's words, subcommands that are not
/// here included.
const HELP: &[&str] = &[
    "DOCTOR",
    "    Return memory problems reports.",
    "MALLOC-STATS",
    "    Return internal statistics report from the memory allocator.",
    "PURGE",
    "    Attempt to purge dirty pages for reclamation by the allocator.",
    "STATS",
    "    Return information about the memory usage of the server.",
    "USAGE <key> [SAMPLES <count>]",
    "    Return memory in bytes used by <key> and its value. Nested values are",
    "    sampled up to <count> times (default: 5, 0 means sample all).",
];

fn memory_usage(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    // The options are read before the key is looked up. How many elements are sampled makes no difference:
    // all sizes are known.
    let mut at = 3;
    while at < ctx.args.len() {
        if !ctx.args.is(at, "samples") || at + 1 == ctx.args.len() {
            return Err(Error::Syntax);
        }
        if ctx.args.integer(at + 1)? < 0 {
            return Err(Error::Syntax);
        }
        at += 2;
    }
    match ctx.view.memory_usage(ctx.key(2)) {
        Some(bytes) => ctx.reply.count(bytes),
        None => ctx.reply.null(),
    }
    Ok(())
}

fn memory_purge(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    scrubjay::raw::heap::trim();
    ctx.reply.ok();
    Ok(())
}

fn memory_help(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    help(ctx, HELP);
    Ok(())
}
