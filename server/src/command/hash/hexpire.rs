//! HEXPIRE and its relatives: when fields are to perish.

use scrubjay::{FieldCondition, FieldExpiry};

use super::expiry::Time;
use crate::command::Ctx;
use crate::command::args::Args;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static HEXPIRE: Command = Command {
    name: "hexpire",
    summary: "Sets expiry time on hash fields.",
    since: "9.0.0",
    redis: "7.4.0",
    complexity: "O(N) where N is the number of specified fields.",
    arity: -6,
    flags: Flags::WRITE.or(Flags::FAST),
    acl: Acl::HASH,
    keys: &[Key::at(1).rw().update()],
    args: &[
        Arg::key("key"),
        Arg::integer("seconds"),
        Arg::one_of(
            "condition",
            &[
                Arg::pure_token("nx", "NX"),
                Arg::pure_token("xx", "XX"),
                Arg::pure_token("gt", "GT"),
                Arg::pure_token("lt", "LT"),
            ],
        )
        .optional(),
        Arg::block("fields", &[Arg::integer("numfields"), Arg::string("field").multiple()]).token("FIELDS"),
    ],
    handler: hexpire,
    ..Command::BASE
}
.checked();

fn hexpire(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    expire(ctx, "hexpire", Time::Ex)
}

pub(super) static HPEXPIRE: Command = Command {
    name: "hpexpire",
    summary: "Sets expiry time on hash object.",
    since: "9.0.0",
    redis: "7.4.0",
    complexity: "O(N) where N is the number of specified fields.",
    arity: -6,
    flags: Flags::WRITE.or(Flags::FAST),
    acl: Acl::HASH,
    keys: &[Key::at(1).rw().update()],
    args: &[
        Arg::key("key"),
        Arg::integer("milliseconds"),
        Arg::one_of(
            "condition",
            &[
                Arg::pure_token("nx", "NX"),
                Arg::pure_token("xx", "XX"),
                Arg::pure_token("gt", "GT"),
                Arg::pure_token("lt", "LT"),
            ],
        )
        .since("9.0.0")
        .redis("7.4.0")
        .optional(),
        Arg::block("fields", &[Arg::integer("numfields").key_spec(0), Arg::string("field").multiple()])
            .token("FIELDS"),
    ],
    handler: hpexpire,
    ..Command::BASE
}
.checked();

fn hpexpire(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    expire(ctx, "hpexpire", Time::Px)
}

pub(super) static HEXPIREAT: Command = Command {
    name: "hexpireat",
    summary: "Sets expiry time on hash fields.",
    since: "9.0.0",
    redis: "7.4.0",
    complexity: "O(N) where N is the number of specified fields.",
    arity: -6,
    flags: Flags::WRITE.or(Flags::FAST),
    acl: Acl::HASH,
    keys: &[Key::at(1).rw().update()],
    args: &[
        Arg::key("key"),
        Arg::integer("unix-time-seconds"),
        Arg::one_of(
            "condition",
            &[
                Arg::pure_token("nx", "NX"),
                Arg::pure_token("xx", "XX"),
                Arg::pure_token("gt", "GT"),
                Arg::pure_token("lt", "LT"),
            ],
        )
        .since("9.0.0")
        .redis("7.4.0")
        .optional(),
        Arg::block("fields", &[Arg::integer("numfields").key_spec(0), Arg::string("field").multiple()])
            .token("FIELDS"),
    ],
    handler: hexpireat,
    ..Command::BASE
}
.checked();

fn hexpireat(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    expire(ctx, "hexpireat", Time::ExAt)
}

pub(super) static HPEXPIREAT: Command = Command {
    name: "hpexpireat",
    summary: "Sets expiration time on hash field.",
    since: "9.0.0",
    redis: "7.4.0",
    complexity: "O(N) where N is the number of specified fields.",
    arity: -6,
    flags: Flags::WRITE.or(Flags::FAST),
    acl: Acl::HASH,
    keys: &[Key::at(1).rw().update()],
    args: &[
        Arg::key("key"),
        Arg::integer("unix-time-milliseconds"),
        Arg::one_of(
            "condition",
            &[
                Arg::pure_token("nx", "NX"),
                Arg::pure_token("xx", "XX"),
                Arg::pure_token("gt", "GT"),
                Arg::pure_token("lt", "LT"),
            ],
        )
        .since("9.0.0")
        .redis("7.4.0")
        .optional(),
        Arg::block("fields", &[Arg::integer("numfields").key_spec(0), Arg::string("field").multiple()])
            .token("FIELDS"),
    ],
    handler: hpexpireat,
    ..Command::BASE
}
.checked();

fn hpexpireat(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    expire(ctx, "hpexpireat", Time::PxAt)
}

fn expire(ctx: &mut Ctx<'_, '_>, command: &'static str, time: Time) -> Result<(), Error> {
    let key = ctx.key(1);
    let at = (3..ctx.args.len()).find(|&at| ctx.args.is(at, "FIELDS")).ok_or(super::MISNUMBERED)?;
    let condition = condition(ctx.args, 3, at)?;
    let fields = super::numbered(ctx.args, at, super::MISNUMBERED)?;
    let deadline = time.deadline(ctx.args, 2, ctx.now(), command)?;
    ctx.reply.array(fields.len());
    let mut left = fields.len();
    ctx.view.hash_expire(key, fields, deadline, condition, |outcome| {
        ctx.reply.integer(match outcome {
            FieldExpiry::Missing => -2,
            FieldExpiry::Refused => 0,
            FieldExpiry::Set => 1,
            FieldExpiry::Gone => 2,
        });
        left -= 1;
    })?;
    // Nothing is shown of a key that is not there.
    (0..left).for_each(|_| ctx.reply.integer(-2));
    Ok(())
}

/// NX, XX, GT, LT.
fn condition(args: Args<'_>, first: usize, end: usize) -> Result<FieldCondition, Error> {
    let mut condition = FieldCondition::default();
    for at in first..end {
        if args.is(at, "NX") {
            condition.none_yet = true;
        } else if args.is(at, "XX") {
            condition.has_one = true;
        } else if args.is(at, "GT") {
            condition.later = true;
        } else if args.is(at, "LT") {
            condition.sooner = true;
        } else {
            return Err(Error::quoting("ERR Unsupported option ", args.at(at), ""));
        }
    }
    let FieldCondition { none_yet, has_one, later, sooner } = condition;
    if none_yet && (has_one || later || sooner) {
        return Err(Error::Text("ERR NX and XX, GT or LT options at the same time are not compatible"));
    }
    if later && sooner {
        return Err(Error::Text("ERR GT and LT options at the same time are not compatible"));
    }
    Ok(condition)
}
