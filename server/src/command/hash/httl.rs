//! HTTL and its relatives: when fields perish.

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static HTTL: Command = Command {
    name: "httl",
    summary: "Returns the remaining time to live (in seconds) of a hash key's field(s) that have an \
        associated expiration.",
    since: "9.0.0",
    redis: "7.4.0",
    complexity: "O(N) where N is the number of specified fields.",
    arity: -5,
    flags: Flags::READONLY.or(Flags::FAST),
    acl: Acl::HASH,
    keys: &[Key::at(1).ro().access()],
    args: &[
        Arg::key("key"),
        Arg::block("fields", &[Arg::integer("numfields").key_spec(0), Arg::string("field").multiple()])
            .token("FIELDS"),
    ],
    handler: httl,
    ..Command::BASE
}
.checked();

fn httl(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let now = ctx.now();
    answer(ctx, |deadline| seconds(deadline.saturating_sub(now)))
}

pub(super) static HPTTL: Command = Command {
    name: "hpttl",
    summary: "Returns the remaining time to live in milliseconds of a hash key's field(s) that have an \
        associated expiration.",
    since: "9.0.0",
    redis: "7.4.0",
    complexity: "O(N) where N is the number of specified fields.",
    arity: -5,
    flags: Flags::READONLY.or(Flags::FAST),
    acl: Acl::HASH,
    keys: &[Key::at(1).ro().access()],
    args: &[
        Arg::key("key"),
        Arg::block("fields", &[Arg::integer("numfields").key_spec(0), Arg::string("field").multiple()])
            .token("FIELDS"),
    ],
    handler: hpttl,
    ..Command::BASE
}
.checked();

fn hpttl(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let now = ctx.now();
    answer(ctx, |deadline| deadline.saturating_sub(now))
}

pub(super) static HEXPIRETIME: Command = Command {
    name: "hexpiretime",
    summary: "Returns Unix timestamps in seconds since the epoch at which the given key's field(s) will \
        expire.",
    since: "9.0.0",
    redis: "7.4.0",
    complexity: "O(N) where N is the number of specified fields.",
    arity: -5,
    flags: Flags::READONLY.or(Flags::FAST),
    acl: Acl::HASH,
    keys: &[Key::at(1).ro().access()],
    args: &[
        Arg::key("key"),
        Arg::block("fields", &[Arg::integer("numfields").key_spec(0), Arg::string("field").multiple()])
            .token("FIELDS"),
    ],
    handler: hexpiretime,
    ..Command::BASE
}
.checked();

fn hexpiretime(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    answer(ctx, seconds)
}

pub(super) static HPEXPIRETIME: Command = Command {
    name: "hpexpiretime",
    summary: "Returns the Unix timestamp in milliseconds since Unix epoch at which the given key's field(s) \
        will expire.",
    since: "9.0.0",
    redis: "7.4.0",
    complexity: "O(N) where N is the number of specified fields.",
    arity: -5,
    flags: Flags::READONLY.or(Flags::FAST),
    acl: Acl::HASH,
    keys: &[Key::at(1).ro().access()],
    args: &[
        Arg::key("key"),
        Arg::block("fields", &[Arg::integer("numfields").key_spec(0), Arg::string("field").multiple()])
            .token("FIELDS"),
    ],
    handler: hpexpiretime,
    ..Command::BASE
}
.checked();

fn hpexpiretime(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    answer(ctx, |deadline| deadline)
}

/// What a command of this family makes of each deadline; -1 for a field that has none, -2 for one that is not
/// there.
fn answer(ctx: &mut Ctx<'_, '_>, of_deadline: impl Fn(u64) -> u64) -> Result<(), Error> {
    let (key, now) = (ctx.key(1), ctx.now());
    let fields = super::numbered(ctx.args, 2, Error::Syntax)?;
    let hash = ctx.view.hash(key)?;
    ctx.reply.array(fields.len());
    for field in fields {
        ctx.reply.integer(match hash.and_then(|hash| hash.deadline(field, now)) {
            None => -2,
            Some(None) => -1,
            Some(Some(deadline)) => of_deadline(deadline).cast_signed(),
        });
    }
    Ok(())
}

/// To the nearest second, as Valkey does it. No deadline is above the largest `i64`, so this does not
/// overflow.
fn seconds(ms: u64) -> u64 {
    (ms + 500) / 1000
}
