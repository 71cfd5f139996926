//! CONFIG: parameters while the server runs. What they are, and how words become values, is `config`'s
//! business.

use crate::apply::Running;
use crate::command::Ctx;
use crate::command::args::Args;
use crate::command::describe::help;
use crate::command::spec::{Arg, Command, Flags, Locks};
use crate::config::{self, Origin};
use crate::error::Error;
use crate::observe::commandlog::Kind;
use crate::shared::Shared;

pub(super) static CONFIG: Command = Command {
    name: "config",
    summary: "A container for server configuration commands.",
    since: "2.0.0",
    complexity: "Depends on subcommand.",
    arity: -2,
    subcommands: &[&CONFIG_GET, &CONFIG_HELP, &CONFIG_RESETSTAT, &CONFIG_REWRITE, &CONFIG_SET],
    ..Command::BASE
}
.checked();

pub(super) static CONFIG_GET: Command = Command {
    name: "get",
    summary: "Returns the effective values of configuration parameters.",
    since: "2.0.0",
    complexity: "O(N) when N is the number of configuration parameters provided",
    history: &[("7.0.0", "Added the ability to pass multiple pattern parameters in one call")],
    arity: -3,
    flags: Flags::ADMIN.or(Flags::NOSCRIPT).or(Flags::LOADING).or(Flags::STALE),
    args: &[Arg::string("parameter").multiple()],
    handler: config_get,
    ..Command::BASE
}
.checked();

pub(super) static CONFIG_HELP: Command = Command {
    name: "help",
    summary: "Returns helpful text about the different subcommands.",
    since: "5.0.0",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::LOADING.or(Flags::STALE),
    handler: config_help,
    ..Command::BASE
}
.checked();

pub(super) static CONFIG_RESETSTAT: Command = Command {
    name: "resetstat",
    summary: "Resets the server's statistics.",
    since: "2.0.0",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::ADMIN.or(Flags::NOSCRIPT).or(Flags::LOADING).or(Flags::STALE),
    tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
    locks: Locks::Walk,
    handler: config_resetstat,
    ..Command::BASE
}
.checked();

pub(super) static CONFIG_REWRITE: Command = Command {
    name: "rewrite",
    summary: "Persists the effective configuration to file.",
    since: "2.8.0",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::ADMIN.or(Flags::NOSCRIPT).or(Flags::LOADING).or(Flags::STALE),
    tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
    handler: config_rewrite,
    ..Command::BASE
}
.checked();

pub(super) static CONFIG_SET: Command = Command {
    name: "set",
    summary: "Sets configuration parameters in-flight.",
    since: "2.0.0",
    complexity: "O(N) when N is the number of configuration parameters provided",
    history: &[("7.0.0", "Added the ability to set multiple parameters in one call.")],
    arity: -4,
    flags: Flags::ADMIN.or(Flags::NOSCRIPT).or(Flags::LOADING).or(Flags::STALE),
    tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
    args: &[Arg::block("data", &[Arg::string("parameter"), Arg::string("value")]).multiple()],
    locks: Locks::Walk,
    hides: is_secret,
    handler: config_set,
    ..Command::BASE
}
.checked();

/// What `CONFIG HELP` says between its first line and its last two.
const HELP: &[&str] = &[
    "GET <pattern>",
    "    Return parameters matching the glob-like <pattern> and their values.",
    "SET <directive> <value>",
    "    Set the configuration <directive> to <value>.",
    "RESETSTAT",
    "    Reset statistics reported by the INFO command.",
    "REWRITE",
    "    Rewrite the configuration file.",
];

fn config_get(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let patterns: Vec<&[u8]> = ctx.args.skip(2).iter().collect();
    let found = ctx.shared.config.get(&patterns);
    ctx.reply.map(found.len());
    for (name, value) in found {
        ctx.reply.bulk(name);
        ctx.reply.bulk(value);
    }
    Ok(())
}

/// Whether a word is the value of a parameter that holds a password. A call with half a pair is refused
/// unread.
fn is_secret(args: &Args<'_>, index: usize) -> bool {
    args.len().is_multiple_of(2)
        && index > 2
        && !index.is_multiple_of(2)
        && config::is_sensitive(args.at(index - 1))
}

fn config_set(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let args: Vec<&[u8]> = ctx.args.skip(2).iter().collect();
    let origin = if ctx.session.client.peer.is_local() { Origin::Local } else { Origin::Remote };
    let mut running = Running { shared: ctx.shared, view: ctx.view };
    let changed = ctx.shared.config.set(&args, origin, &mut running);
    let changed = changed.map_err(|error| Error::Owned(error.message()))?;
    for parameter in changed {
        tracing::debug!("CONFIG SET changed {}", parameter.name);
    }
    trim_command_log(ctx.shared);
    ctx.reply.ok();
    Ok(())
}

/// Has the logs hold no more than they may from now on. One whose threshold is -1 keeps what it has.
fn trim_command_log(shared: &Shared) {
    let config = &shared.config;
    let logs = [
        (Kind::Slow, config.commandlog_execution_slower_than(), config.commandlog_slow_execution_max_len()),
        (
            Kind::LargeRequest,
            config.commandlog_request_larger_than(),
            config.commandlog_large_request_max_len(),
        ),
        (Kind::LargeReply, config.commandlog_reply_larger_than(), config.commandlog_large_reply_max_len()),
    ];
    for (kind, _, max_len) in logs.into_iter().filter(|(_, threshold, _)| *threshold >= 0) {
        shared.command_log.trim(kind, usize::try_from(max_len).unwrap_or(usize::MAX));
    }
}

fn config_resetstat(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    ctx.shared.stats.reset();
    ctx.view.reset_counters();
    ctx.reply.ok();
    Ok(())
}

fn config_rewrite(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    match ctx.shared.config.rewrite() {
        Ok(()) => tracing::info!("CONFIG REWRITE executed with success."),
        Err(error) => {
            tracing::warn!("CONFIG REWRITE failed: {error}");
            return Err(Error::Owned(error.message()));
        }
    }
    ctx.reply.ok();
    Ok(())
}

fn config_help(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    help(ctx, HELP);
    Ok(())
}
