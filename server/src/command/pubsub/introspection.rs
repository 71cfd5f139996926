//! PUBSUB: who listens to what.

use crate::command::Ctx;
use crate::command::describe::help;
use crate::command::spec::{Arg, Command, Flags};
use crate::error::Error;
use crate::pubsub::Kind;

pub(super) static PUBSUB: Command = Command {
    name: "pubsub",
    summary: "A container for Pub/Sub commands.",
    since: "2.8.0",
    complexity: "Depends on subcommand.",
    arity: -2,
    subcommands: &[
        &PUBSUB_CHANNELS,
        &PUBSUB_HELP,
        &PUBSUB_NUMPAT,
        &PUBSUB_NUMSUB,
        &PUBSUB_SHARDCHANNELS,
        &PUBSUB_SHARDNUMSUB,
    ],
    ..Command::BASE
}
.checked();

static PUBSUB_CHANNELS: Command = Command {
    name: "channels",
    summary: "Returns the active channels.",
    since: "2.8.0",
    complexity: "O(N) where N is the number of active channels, and assuming constant time pattern \
        matching (relatively short channels and patterns)",
    arity: -2,
    flags: FLAGS,
    args: &[Arg::pattern("pattern").optional()],
    handler: channels,
    ..Command::BASE
}
.checked();

static PUBSUB_HELP: Command = Command {
    name: "help",
    summary: "Returns helpful text about the different subcommands.",
    since: "6.2.0",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::LOADING.or(Flags::STALE),
    handler: pubsub_help,
    ..Command::BASE
}
.checked();

static PUBSUB_NUMPAT: Command = Command {
    name: "numpat",
    summary: "Returns a count of unique pattern subscriptions.",
    since: "2.8.0",
    complexity: "O(1)",
    arity: 2,
    flags: FLAGS,
    handler: numpat,
    ..Command::BASE
}
.checked();

static PUBSUB_NUMSUB: Command = Command {
    name: "numsub",
    summary: "Returns a count of subscribers to channels.",
    since: "2.8.0",
    complexity: "O(N) for the NUMSUB subcommand, where N is the number of requested channels",
    arity: -2,
    flags: FLAGS,
    args: &[Arg::string("channel").optional().multiple()],
    handler: numsub,
    ..Command::BASE
}
.checked();

static PUBSUB_SHARDCHANNELS: Command = Command {
    name: "shardchannels",
    summary: "Returns the active shard channels.",
    since: "7.0.0",
    complexity: "O(N) where N is the number of active shard channels, and assuming constant time pattern \
        matching (relatively short shard channels).",
    arity: -2,
    flags: FLAGS,
    args: &[Arg::pattern("pattern").optional()],
    handler: shardchannels,
    ..Command::BASE
}
.checked();

static PUBSUB_SHARDNUMSUB: Command = Command {
    name: "shardnumsub",
    summary: "Returns the count of subscribers of shard channels.",
    since: "7.0.0",
    complexity: "O(N) for the SHARDNUMSUB subcommand, where N is the number of requested shard channels",
    arity: -2,
    flags: FLAGS,
    args: &[Arg::string("shardchannel").optional().multiple()],
    handler: shardnumsub,
    ..Command::BASE
}
.checked();

const FLAGS: Flags = Flags::PUBSUB.or(Flags::LOADING).or(Flags::STALE);

/// What `PUBSUB HELP` says between its first line and its last two.
const HELP: &[&str] = &[
    "CHANNELS [<pattern>]",
    "    Return the currently active channels matching a <pattern> (default: '*').",
    "NUMPAT",
    "    Return number of subscriptions to patterns.",
    "NUMSUB [<channel> ...]",
    "    Return the number of subscribers for the specified channels, excluding",
    "    pattern subscriptions(default: no channels).",
    "SHARDCHANNELS [<pattern>]",
    "    Return the currently active shard level channels matching a <pattern> (default: '*').",
    "SHARDNUMSUB [<shardchannel> ...]",
    "    Return the number of subscribers for the specified shard level channel(s)",
];

fn pubsub_help(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    help(ctx, HELP);
    Ok(())
}

fn channels(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    names(ctx, Kind::Channel)
}

fn shardchannels(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    names(ctx, Kind::Shard)
}

fn names(ctx: &mut Ctx<'_, '_>, kind: Kind) -> Result<(), Error> {
    if ctx.args.len() > 3 {
        let text = "ERR unknown subcommand or wrong number of arguments for '";
        return Err(Error::quoting(text, ctx.args.at(1), "'. Try PUBSUB HELP."));
    }
    let names = ctx.shared.registry.names(kind, ctx.args.get(2));
    ctx.reply.array(names.len());
    names.iter().for_each(|name| ctx.reply.bulk(name));
    Ok(())
}

fn numsub(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    count_listeners(ctx, Kind::Channel)
}

fn shardnumsub(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    count_listeners(ctx, Kind::Shard)
}

fn count_listeners(ctx: &mut Ctx<'_, '_>, kind: Kind) -> Result<(), Error> {
    let names = ctx.args.skip(2);
    ctx.reply.array(names.len() * 2);
    for name in names.iter() {
        ctx.reply.bulk(name);
        ctx.reply.count(ctx.shared.registry.listeners(kind, name));
    }
    Ok(())
}

fn numpat(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    ctx.reply.count(ctx.shared.registry.len(Kind::Pattern));
    Ok(())
}
