//! PUBLISH and SPUBLISH.

use crate::command::Ctx;
use crate::command::spec::{Arg, Command, Flags, Key, MayWrite};
use crate::error::Error;
use crate::pubsub::Kind;

pub(super) static PUBLISH: Command = Command {
    name: "publish",
    summary: "Posts a message to a channel.",
    since: "2.0.0",
    complexity: "O(N+M) where N is the number of clients subscribed to the receiving channel and M is \
        the total number of subscribed patterns (by any client).",
    arity: 3,
    flags: Flags::PUBSUB.or(Flags::LOADING).or(Flags::STALE).or(Flags::FAST),
    args: &[Arg::string("channel"), Arg::string("message")],
    may_write: MayWrite::Yes,
    handler: publish,
    ..Command::BASE
}
.checked();

pub(super) static SPUBLISH: Command = Command {
    name: "spublish",
    summary: "Posts a message to a shard channel.",
    since: "7.0.0",
    complexity: "O(N) where N is the number of clients subscribed to the receiving shard channel.",
    arity: 3,
    flags: Flags::PUBSUB.or(Flags::LOADING).or(Flags::STALE).or(Flags::FAST),
    keys: &[Key::at(1).not_key()],
    args: &[Arg::string("shardchannel"), Arg::string("message")],
    may_write: MayWrite::Yes,
    handler: spublish,
    ..Command::BASE
}
.checked();

fn publish(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    post(ctx, Kind::Channel)
}

fn spublish(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    post(ctx, Kind::Shard)
}

/// The connection wakes the subscribers' threads: here a transaction may hold locks.
fn post(ctx: &mut Ctx<'_, '_>, kind: Kind) -> Result<(), Error> {
    let receivers = ctx.shared.publish(kind, ctx.args.at(1), ctx.args.at(2));
    ctx.reply.count(receivers);
    Ok(())
}
