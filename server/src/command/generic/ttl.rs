//! TTL and PTTL, EXPIRETIME and PEXPIRETIME: when a key expires, from now or from the epoch.

use scrubjay::Lookup;

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static TTL: Command = Command {
    name: "ttl",
    summary: "Returns the expiration time in seconds of a key.",
    since: "1.0.0",
    complexity: "O(1)",
    history: &[("2.8.0", "Added the -2 reply.")],
    arity: 2,
    flags: Flags::READONLY.or(Flags::FAST),
    acl: Acl::KEYSPACE,
    tips: &["nondeterministic_output"],
    keys: &[Key::at(1).ro().access()],
    args: &[Arg::key("key")],
    handler: ttl,
    ..Command::BASE
}
.checked();

pub(super) static PTTL: Command = Command {
    name: "pttl",
    summary: "Returns the expiration time in milliseconds of a key.",
    since: "2.6.0",
    complexity: "O(1)",
    history: &[("2.8.0", "Added the -2 reply.")],
    arity: 2,
    flags: Flags::READONLY.or(Flags::FAST),
    acl: Acl::KEYSPACE,
    tips: &["nondeterministic_output"],
    keys: &[Key::at(1).ro().access()],
    args: &[Arg::key("key")],
    handler: pttl,
    ..Command::BASE
}
.checked();

pub(super) static EXPIRETIME: Command = Command {
    name: "expiretime",
    summary: "Returns the expiration time of a key as a Unix timestamp.",
    since: "7.0.0",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::READONLY.or(Flags::FAST),
    acl: Acl::KEYSPACE,
    keys: &[Key::at(1).ro().access()],
    args: &[Arg::key("key")],
    handler: expiretime,
    ..Command::BASE
}
.checked();

pub(super) static PEXPIRETIME: Command = Command {
    name: "pexpiretime",
    summary: "Returns the expiration time of a key as a Unix milliseconds timestamp.",
    since: "7.0.0",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::READONLY.or(Flags::FAST),
    acl: Acl::KEYSPACE,
    keys: &[Key::at(1).ro().access()],
    args: &[Arg::key("key")],
    handler: pexpiretime,
    ..Command::BASE
}
.checked();

fn ttl(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let now = ctx.now();
    answer(ctx, |deadline| seconds(deadline.saturating_sub(now)))
}

fn pttl(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let now = ctx.now();
    answer(ctx, |deadline| deadline.saturating_sub(now))
}

fn expiretime(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    answer(ctx, seconds)
}

fn pexpiretime(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    answer(ctx, |deadline| deadline)
}

/// What a command of this family makes of the deadline; -1 when the key has none, -2 when there is no key.
fn answer(ctx: &mut Ctx<'_, '_>, of_deadline: impl FnOnce(u64) -> u64) -> Result<(), Error> {
    let reply = match ctx.view.meta(ctx.key(1), Lookup::Ask) {
        None => -2,
        Some(meta) => meta.deadline.map_or(-1, |deadline| of_deadline(deadline).cast_signed()),
    };
    ctx.reply.integer(reply);
    Ok(())
}

/// To the nearest second, as Valkey does it. No deadline is above the largest `i64`, so this does not
/// overflow.
fn seconds(ms: u64) -> u64 {
    (ms + 500) / 1000
}
