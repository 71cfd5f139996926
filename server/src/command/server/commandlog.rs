//! COMMANDLOG, and SLOWLOG, which is one of its three logs under its older name.

use crate::command::Ctx;
use crate::command::describe::help;
use crate::command::spec::{Arg, Command, Flags};
use crate::error::Error;
use crate::observe::commandlog::Kind;

pub(super) static COMMANDLOG: Command = Command {
    name: "commandlog",
    summary: "A container for command log commands.",
    since: "8.1.0",
    complexity: "Depends on subcommand.",
    arity: -2,
    subcommands: &[&COMMANDLOG_GET, &COMMANDLOG_HELP, &COMMANDLOG_LEN, &COMMANDLOG_RESET],
    ..Command::BASE
}
.checked();

const FLAGS: Flags = Flags::ADMIN.or(Flags::LOADING).or(Flags::STALE);

const TYPE: Arg = Arg::one_of(
    "type",
    &[
        Arg::pure_token("slow", "SLOW"),
        Arg::pure_token("large-request", "LARGE-REQUEST"),
        Arg::pure_token("large-reply", "LARGE-REPLY"),
    ],
);

pub(super) static COMMANDLOG_GET: Command = Command {
    name: "get",
    summary: "Returns the specified command log's entries.",
    since: "8.1.0",
    complexity: "O(N) where N is the number of entries returned",
    arity: 4,
    flags: FLAGS,
    tips: &["request_policy:all_nodes", "nondeterministic_output"],
    args: &[Arg::integer("count"), TYPE],
    handler: commandlog_get,
    ..Command::BASE
}
.checked();

pub(super) static COMMANDLOG_HELP: Command = Command {
    name: "help",
    summary: "Shows helpful text about the different subcommands.",
    since: "8.1.0",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::LOADING.or(Flags::STALE),
    handler: commandlog_help,
    ..Command::BASE
}
.checked();

pub(super) static COMMANDLOG_LEN: Command = Command {
    name: "len",
    summary: "Returns the number of entries in the specified type of command log.",
    since: "8.1.0",
    complexity: "O(1)",
    arity: 3,
    flags: FLAGS,
    tips: &["request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output"],
    args: &[TYPE],
    handler: commandlog_len,
    ..Command::BASE
}
.checked();

pub(super) static COMMANDLOG_RESET: Command = Command {
    name: "reset",
    summary: "Clears all entries from the specified type of command log.",
    since: "8.1.0",
    complexity: "O(N) where N is the number of entries in the commandlog",
    arity: 3,
    flags: FLAGS,
    tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
    args: &[TYPE],
    handler: commandlog_reset,
    ..Command::BASE
}
.checked();

pub(super) static SLOWLOG: Command = Command {
    name: "slowlog",
    summary: "A container for slow log commands.",
    since: "2.2.12",
    complexity: "Depends on subcommand.",
    arity: -2,
    subcommands: &[&SLOWLOG_GET, &SLOWLOG_HELP, &SLOWLOG_LEN, &SLOWLOG_RESET],
    ..Command::BASE
}
.checked();

pub(super) static SLOWLOG_GET: Command = Command {
    name: "get",
    summary: "Returns the slow log's entries.",
    since: "2.2.12",
    complexity: "O(N) where N is the number of entries returned",
    history: &[("4.0.0", "Added client IP address, port and name to the reply.")],
    arity: -2,
    flags: FLAGS,
    tips: &["request_policy:all_nodes", "nondeterministic_output"],
    args: &[Arg::integer("count").optional()],
    handler: slowlog_get,
    ..Command::BASE
}
.checked();

pub(super) static SLOWLOG_HELP: Command = Command {
    name: "help",
    summary: "Shows helpful text about the different subcommands.",
    since: "6.2.0",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::LOADING.or(Flags::STALE),
    handler: slowlog_help,
    ..Command::BASE
}
.checked();

pub(super) static SLOWLOG_LEN: Command = Command {
    name: "len",
    summary: "Returns the number of entries in the slow log.",
    since: "2.2.12",
    complexity: "O(1)",
    arity: 2,
    flags: FLAGS,
    tips: &["request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output"],
    handler: slowlog_len,
    ..Command::BASE
}
.checked();

pub(super) static SLOWLOG_RESET: Command = Command {
    name: "reset",
    summary: "Clears all entries from the slow log.",
    since: "2.2.12",
    complexity: "O(N) where N is the number of entries in the slowlog",
    arity: 2,
    flags: FLAGS,
    tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
    handler: slowlog_reset,
    ..Command::BASE
}
.checked();

const COMMANDLOG_LINES: &[&str] = &[
    "GET <count> <type>",
    "    Return top <count> entries of the specified <type> from the commandlog (-1 mean all).",
    "    Entries are made of:",
    "    id, timestamp,",
    "        time in microseconds for type of slow,",
    "        or size in bytes for type of large-request,",
    "        or size in bytes for type of large-reply",
    "    arguments array, client IP and port,",
    "    client name",
    "LEN <type>",
    "    Return the length of the specified type of commandlog.",
    "RESET <type>",
    "    Reset the specified type of commandlog.",
];

const SLOWLOG_LINES: &[&str] = &[
    "GET [<count>]",
    "    Return top <count> entries from the slowlog (default: 10, -1 mean all).",
    "    Entries are made of:",
    "    id, timestamp, time in microseconds, arguments array, client IP and port,",
    "    client name",
    "LEN",
    "    Return the length of the slowlog.",
    "RESET",
    "    Reset the slowlog.",
];

fn commandlog_get(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let count = count(ctx, 2)?;
    let kind = kind(ctx, 3)?;
    show(ctx, kind, count);
    Ok(())
}

fn commandlog_len(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let kind = kind(ctx, 2)?;
    ctx.reply.count(ctx.shared.command_log.len(kind));
    Ok(())
}

fn commandlog_reset(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    ctx.shared.command_log.reset(kind(ctx, 2)?);
    ctx.reply.ok();
    Ok(())
}

fn commandlog_help(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    help(ctx, COMMANDLOG_LINES);
    Ok(())
}

fn slowlog_get(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let count = match ctx.args.len() {
        2 => 10,
        3 => count(ctx, 2)?,
        _ => {
            let name = ctx.args.at(1);
            let before = "ERR unknown subcommand or wrong number of arguments for '";
            return Err(Error::quoting(before, &name[..name.len().min(128)], "'. Try SLOWLOG HELP."));
        }
    };
    show(ctx, Kind::Slow, count);
    Ok(())
}

fn slowlog_len(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    ctx.reply.count(ctx.shared.command_log.len(Kind::Slow));
    Ok(())
}

fn slowlog_reset(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    ctx.shared.command_log.reset(Kind::Slow);
    ctx.reply.ok();
    Ok(())
}

fn slowlog_help(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    help(ctx, SLOWLOG_LINES);
    Ok(())
}

/// How many entries are wanted; -1 is all of them.
fn count(ctx: &Ctx<'_, '_>, index: usize) -> Result<usize, Error> {
    match ctx.args.integer(index) {
        Ok(-1) => Ok(usize::MAX),
        Ok(count @ 0..) => Ok(usize::try_from(count).unwrap_or(usize::MAX)),
        _ => Err(Error::Text("ERR count should be greater than or equal to -1")),
    }
}

fn kind(ctx: &Ctx<'_, '_>, index: usize) -> Result<Kind, Error> {
    let kinds =
        [("slow", Kind::Slow), ("large-request", Kind::LargeRequest), ("large-reply", Kind::LargeReply)];
    let named = kinds.into_iter().find(|(name, _)| ctx.args.is(index, name));
    named
        .map(|(_, kind)| kind)
        .ok_or(Error::Text("ERR type should be one of the following: slow, large-request, large-reply"))
}

fn show(ctx: &mut Ctx<'_, '_>, kind: Kind, count: usize) {
    let entries = ctx.shared.command_log.newest(kind, count);
    ctx.reply.array(entries.len());
    for entry in entries {
        ctx.reply.array(6);
        ctx.reply.integer(entry.id as i64);
        ctx.reply.integer(entry.at_seconds as i64);
        ctx.reply.integer(entry.value as i64);
        ctx.reply.array(entry.words.len());
        for word in &*entry.words {
            ctx.reply.bulk(word);
        }
        ctx.reply.bulk(entry.address);
        ctx.reply.bulk(entry.name);
    }
}
