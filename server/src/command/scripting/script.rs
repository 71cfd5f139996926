//! SCRIPT: the scripts that are kept, and the one that runs.

use super::eval;
use crate::command::Ctx;
use crate::command::describe::help;
use crate::command::spec::{Acl, Arg, Command, Flags};
use crate::error::Error;
use crate::script::cache::{Digest, Origin};
use crate::script::running::Killer;

pub(super) static SCRIPT: Command = Command {
    name: "script",
    summary: "A container for Lua scripts management commands.",
    since: "2.6.0",
    complexity: "Depends on subcommand.",
    arity: -2,
    subcommands: &[
        &SCRIPT_DEBUG,
        &SCRIPT_EXISTS,
        &SCRIPT_FLUSH,
        &SCRIPT_HELP,
        &SCRIPT_KILL,
        &SCRIPT_LOAD,
        &SCRIPT_SHOW,
    ],
    ..Command::BASE
}
.checked();

pub(super) static SCRIPT_DEBUG: Command = Command {
    name: "debug",
    summary: "Sets the debug mode of server-side Lua scripts.",
    since: "3.2.0",
    complexity: "O(1)",
    arity: -3,
    flags: Flags::NOSCRIPT,
    acl: Acl::SCRIPTING,
    args: &[
        Arg::one_of(
            "mode",
            &[Arg::pure_token("yes", "YES"), Arg::pure_token("sync", "SYNC"), Arg::pure_token("no", "NO")],
        ),
        Arg::string("engine").since("9.1.0").optional(),
    ],
    handler: script_debug,
    ..Command::BASE
}
.checked();

pub(super) static SCRIPT_EXISTS: Command = Command {
    name: "exists",
    summary: "Determines whether server-side Lua scripts exist in the script cache.",
    since: "2.6.0",
    complexity: "O(N) with N being the number of scripts to check (so checking a single script is an O(1) \
                 operation).",
    arity: -3,
    flags: Flags::NOSCRIPT.or(Flags::STALE),
    acl: Acl::SCRIPTING,
    tips: &["request_policy:all_shards", "response_policy:agg_logical_and"],
    args: &[Arg::string("sha1").multiple()],
    handler: script_exists,
    ..Command::BASE
}
.checked();

pub(super) static SCRIPT_FLUSH: Command = Command {
    name: "flush",
    summary: "Removes all server-side Lua scripts from the script cache.",
    since: "2.6.0",
    complexity: "O(N) with N being the number of scripts in cache",
    history: &[("6.2.0", "Added the `ASYNC` and `SYNC` flushing mode modifiers.")],
    arity: -2,
    flags: Flags::NOSCRIPT.or(Flags::STALE),
    acl: Acl::SCRIPTING,
    tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
    args: &[Arg::one_of("flush-type", &[Arg::pure_token("async", "ASYNC"), Arg::pure_token("sync", "SYNC")])
        .since("6.2.0")
        .optional()],
    handler: script_flush,
    ..Command::BASE
}
.checked();

pub(super) static SCRIPT_HELP: Command = Command {
    name: "help",
    summary: "Returns helpful text about the different subcommands.",
    since: "5.0.0",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::LOADING.or(Flags::STALE),
    acl: Acl::SCRIPTING,
    handler: script_help,
    ..Command::BASE
}
.checked();

pub(super) static SCRIPT_KILL: Command = Command {
    name: "kill",
    summary: "Terminates a server-side Lua script during execution.",
    since: "2.6.0",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::NOSCRIPT.or(Flags::ALLOW_BUSY),
    acl: Acl::SCRIPTING,
    tips: &["request_policy:all_shards", "response_policy:one_succeeded"],
    handler: script_kill,
    ..Command::BASE
}
.checked();

pub(super) static SCRIPT_LOAD: Command = Command {
    name: "load",
    summary: "Loads a server-side Lua script to the script cache.",
    since: "2.6.0",
    complexity: "O(N) with N being the length in bytes of the script body.",
    arity: 3,
    flags: Flags::NOSCRIPT.or(Flags::STALE),
    acl: Acl::SCRIPTING,
    tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
    args: &[Arg::string("script")],
    handler: script_load,
    ..Command::BASE
}
.checked();

pub(super) static SCRIPT_SHOW: Command = Command {
    name: "show",
    summary: "Show server-side Lua script in the script cache.",
    since: "8.0.0",
    complexity: "O(1).",
    arity: 3,
    flags: Flags::NOSCRIPT.or(Flags::STALE),
    acl: Acl::SCRIPTING,
    args: &[Arg::string("sha1")],
    handler: script_show,
    ..Command::BASE
}
.checked();

/// What `SCRIPT HELP` says between its first line and its last two.
const HELP: &[&str] = &[
    "DEBUG (YES|SYNC|NO) [<engine_name>]",
    "    Set the debug mode for subsequent scripts executed of the specified engine.",
    "    Default engine name: 'lua'",
    "EXISTS <sha1> [<sha1> ...]",
    "    Return information about the existence of the scripts in the script cache.",
    "FLUSH [ASYNC|SYNC]",
    "    Flush the Lua scripts cache. Very dangerous on replicas.",
    "    When called without the optional mode argument, the behavior is determined",
    "     by the lazyfree-lazy-user-flush configuration directive. Valid modes are:",
    "    * ASYNC: Asynchronously flush the scripts cache.",
    "    * SYNC: Synchronously flush the scripts cache.",
    "KILL",
    "    Kill the currently executing Lua script.",
    "LOAD <script>",
    "    Load a script into the scripts cache without executing it.",
    "SHOW <sha1>",
    "    Show a script from the scripts cache.",
];

fn script_help(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    help(ctx, HELP);
    Ok(())
}

/// There is no debugger: to turn it off is all that can be done.
fn script_debug(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let args = ctx.args;
    if args.len() > 4 {
        let before = "ERR unknown subcommand or wrong number of arguments for '";
        return Err(Error::quoting(before, args.at(1), "'. Try SCRIPT HELP."));
    }
    if args.len() > 3 && !ctx.has("engine") {
        return Err(Error::Arity(ctx.command.full_name().into()));
    }
    if let Some(engine) = args.get(3).filter(|engine| !engine.eq_ignore_ascii_case(b"lua")) {
        let before = "ERR No scripting engine found with name '";
        return Err(Error::quoting(before, engine, "' to enable debug"));
    }
    if args.is(2, "no") {
        ctx.reply.ok();
        return Ok(());
    }
    if args.is(2, "yes") || args.is(2, "sync") {
        return Err(Error::Text("ERR SCRIPT DEBUG is not supported by this server"));
    }
    Err(Error::Text("ERR Use SCRIPT DEBUG YES/SYNC/NO"))
}

fn script_exists(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    ctx.reply.array(ctx.args.len() - 2);
    for name in ctx.args.iter().skip(2) {
        let found = Digest::parse(name).and_then(|digest| ctx.shared.scripts.cache.get(digest));
        ctx.reply.integer(found.is_some().into());
    }
    Ok(())
}

fn script_flush(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let args = ctx.args;
    if !(args.len() == 2 || args.len() == 3 && (args.is(2, "sync") || args.is(2, "async"))) {
        return Err(Error::Text("ERR SCRIPT FLUSH only support SYNC|ASYNC option"));
    }
    ctx.shared.scripts.cache.flush();
    ctx.reply.ok();
    Ok(())
}

fn script_kill(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    ctx.shared.scripts.running.kill(Killer::Script, ctx.shared.config.identity())?;
    ctx.reply.ok();
    Ok(())
}

fn script_load(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let body = ctx.args.at(2);
    let digest = Digest::of(body);
    eval::load(ctx, digest, body, Origin::Loaded)?;
    ctx.reply.bulk(digest.hex());
    Ok(())
}

fn script_show(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    const NO_SCRIPT: Error = Error::Text("NOSCRIPT No matching script.");
    let digest = Digest::parse(ctx.args.at(2)).ok_or(NO_SCRIPT)?;
    let script = ctx.shared.scripts.cache.get(digest).ok_or(NO_SCRIPT)?;
    ctx.reply.bulk(&script.body);
    Ok(())
}
