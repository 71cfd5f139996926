//! SUBSCRIBE, PSUBSCRIBE, SSUBSCRIBE, and their opposites.
//!
//! They are confirmed, once per name, by what looks like a message: in RESP3 by pushes, which a client gets
//! even if it wants no replies.

use crate::command::spec::{Arg, Command, Flags, Key};
use crate::command::{Ctx, Origin};
use crate::error::Error;
use crate::pubsub::Kind;
use crate::resp::Reply;

pub(super) static SUBSCRIBE: Command = Command {
    name: "subscribe",
    summary: "Listens for messages published to channels.",
    since: "2.0.0",
    complexity: "O(N) where N is the number of channels to subscribe to.",
    arity: -2,
    flags: FLAGS,
    args: &[Arg::string("channel").multiple()],
    handler: subscribe,
    ..Command::BASE
}
.checked();

pub(super) static UNSUBSCRIBE: Command = Command {
    name: "unsubscribe",
    summary: "Stops listening to messages posted to channels.",
    since: "2.0.0",
    complexity: "O(N) where N is the number of channels to unsubscribe.",
    arity: -1,
    flags: FLAGS,
    args: &[Arg::string("channel").optional().multiple()],
    handler: unsubscribe,
    ..Command::BASE
}
.checked();

pub(super) static PSUBSCRIBE: Command = Command {
    name: "psubscribe",
    summary: "Listens for messages published to channels that match one or more patterns.",
    since: "2.0.0",
    complexity: "O(N) where N is the number of patterns to subscribe to.",
    arity: -2,
    flags: FLAGS,
    args: &[Arg::pattern("pattern").multiple()],
    handler: psubscribe,
    ..Command::BASE
}
.checked();

pub(super) static PUNSUBSCRIBE: Command = Command {
    name: "punsubscribe",
    summary: "Stops listening to messages published to channels that match one or more patterns.",
    since: "2.0.0",
    complexity: "O(N) where N is the number of patterns to unsubscribe.",
    arity: -1,
    flags: FLAGS,
    args: &[Arg::pattern("pattern").optional().multiple()],
    handler: punsubscribe,
    ..Command::BASE
}
.checked();

pub(super) static SSUBSCRIBE: Command = Command {
    name: "ssubscribe",
    summary: "Listens for messages published to shard channels.",
    since: "7.0.0",
    complexity: "O(N) where N is the number of shard channels to subscribe to.",
    arity: -2,
    flags: FLAGS,
    keys: &[Key::at(1).to(-1).not_key()],
    args: &[Arg::string("shardchannel").multiple()],
    handler: ssubscribe,
    ..Command::BASE
}
.checked();

pub(super) static SUNSUBSCRIBE: Command = Command {
    name: "sunsubscribe",
    summary: "Stops listening to messages posted to shard channels.",
    since: "7.0.0",
    complexity: "O(N) where N is the number of shard channels to unsubscribe.",
    arity: -1,
    flags: FLAGS,
    keys: &[Key::at(1).to(-1).not_key()],
    args: &[Arg::string("shardchannel").optional().multiple()],
    handler: sunsubscribe,
    ..Command::BASE
}
.checked();

const FLAGS: Flags = Flags::PUBSUB.or(Flags::NOSCRIPT).or(Flags::LOADING).or(Flags::STALE);

fn subscribe(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    join(ctx, Kind::Channel, "subscribe")
}

fn psubscribe(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    join(ctx, Kind::Pattern, "psubscribe")
}

fn ssubscribe(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    // Alone among them, as in Valkey, it is not for transactions.
    if ctx.origin != Origin::Client {
        return Err(Error::Text("ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client"));
    }
    join(ctx, Kind::Shard, "ssubscribe")
}

fn unsubscribe(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    leave(ctx, Kind::Channel, "unsubscribe")
}

fn punsubscribe(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    leave(ctx, Kind::Pattern, "punsubscribe")
}

fn sunsubscribe(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    leave(ctx, Kind::Shard, "sunsubscribe")
}

fn join(ctx: &mut Ctx<'_, '_>, kind: Kind, word: &str) -> Result<(), Error> {
    for name in ctx.args.skip(1).iter() {
        ctx.session.subscribe(ctx.shared, kind, name);
        confirm(ctx, kind, word, Some(name));
    }
    Ok(())
}

fn leave(ctx: &mut Ctx<'_, '_>, kind: Kind, word: &str) -> Result<(), Error> {
    let mut all = ctx.session.subscriptions.names(kind);
    all.sort_unstable();
    let given: Vec<&[u8]> = ctx.args.skip(1).iter().collect();
    let names = match given.is_empty() {
        true => all.iter().map(|name| &**name).collect(),
        false => given,
    };
    for name in &names {
        ctx.session.unsubscribe(ctx.shared, kind, name);
        take_messages(ctx);
        confirm(ctx, kind, word, Some(name));
    }
    if names.is_empty() {
        confirm(ctx, kind, word, None);
    }
    Ok(())
}

/// Writes what came before a subscription ended, so that nothing comes after its end is confirmed. Inside of
/// a transaction it comes behind the replies, as in Valkey what the transaction has published itself.
fn take_messages(ctx: &mut Ctx<'_, '_>) {
    if ctx.origin == Origin::Client {
        ctx.session.inbox.deliver(ctx.shared);
        if ctx.session.drops_replies() {
            ctx.session.inbox.take_into(&mut ctx.session.unasked);
        } else {
            ctx.session.inbox.take_into(ctx.reply.output_mut());
        }
    }
}

fn confirm(ctx: &mut Ctx<'_, '_>, kind: Kind, word: &str, name: Option<&[u8]>) {
    let count = ctx.session.subscriptions.counted_with(kind);
    let write = |reply: &mut Reply| {
        reply.push(3);
        reply.bulk(word);
        reply.bulk_or_null(name);
        reply.count(count);
    };
    if ctx.session.drops_replies() {
        let mut reply = Reply::new(ctx.reply.protocol());
        write(&mut reply);
        ctx.session.unasked.append(reply.output_mut());
    } else {
        write(ctx.reply);
    }
}
