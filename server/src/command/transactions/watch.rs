//! WATCH and UNWATCH: what a transaction depends on.

use std::sync::Arc;

use scrubjay::Watch;

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key, Locks};
use crate::error::Error;

pub(super) static WATCH: Command = Command {
    name: "watch",
    summary: "Monitors changes to keys to determine the execution of a transaction.",
    since: "2.2.0",
    complexity: "O(1) for every key.",
    arity: -2,
    flags: Flags::NOSCRIPT
        .or(Flags::LOADING)
        .or(Flags::STALE)
        .or(Flags::FAST)
        .or(Flags::NO_MULTI)
        .or(Flags::ALLOW_BUSY),
    acl: Acl::TRANSACTION,
    keys: &[Key::at(1).to(-1).ro()],
    args: &[Arg::key("key").multiple()],
    handler: watch,
    ..Command::BASE
}
.checked();

pub(super) static UNWATCH: Command = Command {
    name: "unwatch",
    summary: "Forgets about watched keys of a transaction.",
    since: "2.2.0",
    complexity: "O(1)",
    arity: 1,
    flags: Flags::NOSCRIPT.or(Flags::LOADING).or(Flags::STALE).or(Flags::FAST).or(Flags::ALLOW_BUSY),
    acl: Acl::TRANSACTION,
    locks: Locks::Keys,
    handler: unwatch,
    ..Command::BASE
}
.checked();

fn watch(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let client = &ctx.session.client;
    let watch = ctx.session.watch.get_or_insert_with(|| {
        let watch = Watch::new();
        *client.watch.lock() = Some(Arc::clone(&watch));
        watch
    });
    // Once a key has changed the others do not matter any more.
    if !watch.is_touched() {
        ctx.keys.iter().for_each(|key| ctx.view.watch(watch, *key));
    }
    client.begins_transactions();
    ctx.reply.ok();
    Ok(())
}

fn unwatch(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    // In a transaction nothing is watched any more, so that no lock is asked for inside of its own.
    ctx.session.unwatch(&ctx.shared.store);
    ctx.reply.ok();
    Ok(())
}
