//! EXPIRE, PEXPIRE, EXPIREAT and PEXPIREAT. A deadline that has passed already removes the key.

use scrubjay::shard::change::Event;
use scrubjay::{Lookup, Meta};

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static EXPIRE: Command = Command {
    name: "expire",
    summary: "Sets the expiration time of a key in seconds.",
    since: "1.0.0",
    complexity: "O(1)",
    history: &[("7.0.0", "Added options: `NX`, `XX`, `GT` and `LT`.")],
    arity: -3,
    flags: Flags::WRITE.or(Flags::FAST),
    acl: Acl::KEYSPACE,
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
        .since("7.0.0")
        .optional(),
    ],
    handler: expire,
    ..Command::BASE
}
.checked();

pub(super) static PEXPIRE: Command = Command {
    name: "pexpire",
    summary: "Sets the expiration time of a key in milliseconds.",
    since: "2.6.0",
    complexity: "O(1)",
    history: &[("7.0.0", "Added options: `NX`, `XX`, `GT` and `LT`.")],
    arity: -3,
    flags: Flags::WRITE.or(Flags::FAST),
    acl: Acl::KEYSPACE,
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
        .since("7.0.0")
        .optional(),
    ],
    handler: pexpire,
    ..Command::BASE
}
.checked();

pub(super) static EXPIREAT: Command = Command {
    name: "expireat",
    summary: "Sets the expiration time of a key to a Unix timestamp.",
    since: "1.2.0",
    complexity: "O(1)",
    history: &[("7.0.0", "Added options: `NX`, `XX`, `GT` and `LT`.")],
    arity: -3,
    flags: Flags::WRITE.or(Flags::FAST),
    acl: Acl::KEYSPACE,
    keys: &[Key::at(1).rw().update()],
    args: &[
        Arg::key("key"),
        Arg::unix_time("unix-time-seconds"),
        Arg::one_of(
            "condition",
            &[
                Arg::pure_token("nx", "NX"),
                Arg::pure_token("xx", "XX"),
                Arg::pure_token("gt", "GT"),
                Arg::pure_token("lt", "LT"),
            ],
        )
        .since("7.0.0")
        .optional(),
    ],
    handler: expireat,
    ..Command::BASE
}
.checked();

pub(super) static PEXPIREAT: Command = Command {
    name: "pexpireat",
    summary: "Sets the expiration time of a key to a Unix milliseconds timestamp.",
    since: "2.6.0",
    complexity: "O(1)",
    history: &[("7.0.0", "Added options: `NX`, `XX`, `GT` and `LT`.")],
    arity: -3,
    flags: Flags::WRITE.or(Flags::FAST),
    acl: Acl::KEYSPACE,
    keys: &[Key::at(1).rw().update()],
    args: &[
        Arg::key("key"),
        Arg::unix_time("unix-time-milliseconds"),
        Arg::one_of(
            "condition",
            &[
                Arg::pure_token("nx", "NX"),
                Arg::pure_token("xx", "XX"),
                Arg::pure_token("gt", "GT"),
                Arg::pure_token("lt", "LT"),
            ],
        )
        .since("7.0.0")
        .optional(),
    ],
    handler: pexpireat,
    ..Command::BASE
}
.checked();

/// How the number in the request is to be read.
#[derive(Clone, Copy)]
struct Form {
    /// The command, for its error.
    name: &'static str,
    unit_ms: i64,
    /// Counted from now, not from the epoch.
    from_now: bool,
}

fn expire(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    run(ctx, Form { name: "expire", unit_ms: 1000, from_now: true })
}

fn pexpire(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    run(ctx, Form { name: "pexpire", unit_ms: 1, from_now: true })
}

fn expireat(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    run(ctx, Form { name: "expireat", unit_ms: 1000, from_now: false })
}

fn pexpireat(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    run(ctx, Form { name: "pexpireat", unit_ms: 1, from_now: false })
}

fn run(ctx: &mut Ctx<'_, '_>, form: Form) -> Result<(), Error> {
    let conditions = Conditions::read(ctx)?;
    let deadline_ms = form.deadline_ms(ctx.args.integer(2)?, ctx.now())?;
    let key = ctx.key(1);
    let changed = match ctx.view.meta(key, Lookup::Write) {
        Some(meta) if conditions.hold(meta, deadline_ms) => {
            match u64::try_from(deadline_ms).ok().filter(|deadline_ms| *deadline_ms > ctx.now()) {
                Some(deadline_ms) => ctx.view.set_deadline(key, Some(deadline_ms), Event::Expire),
                None => ctx.view.remove(key, Event::Expired),
            }
        }
        _ => false,
    };
    ctx.reply.integer(changed.into());
    Ok(())
}

impl Form {
    /// The deadline in milliseconds since the epoch, perhaps before it.
    fn deadline_ms(self, amount: i64, now_ms: u64) -> Result<i64, Error> {
        let base_ms = if self.from_now { now_ms.cast_signed() } else { 0 };
        let deadline_ms = amount.checked_mul(self.unit_ms).and_then(|ms| ms.checked_add(base_ms));
        deadline_ms.ok_or(Error::InvalidExpire(self.name))
    }
}

/// NX, XX, GT, LT: what must be true of the old deadline.
#[derive(Clone, Copy, Default)]
struct Conditions {
    nx: bool,
    xx: bool,
    gt: bool,
    lt: bool,
}

impl Conditions {
    fn read(ctx: &Ctx<'_, '_>) -> Result<Self, Error> {
        let mut conditions = Self::default();
        for at in 3..ctx.args.len() {
            let word = |word| ctx.args.is(at, word);
            if word("NX") {
                conditions.nx = true;
            } else if word("XX") {
                conditions.xx = true;
            } else if word("GT") {
                conditions.gt = true;
            } else if word("LT") {
                conditions.lt = true;
            } else {
                return Err(Error::quoting("ERR Unsupported option ", ctx.args.at(at), ""));
            }
        }
        let Self { nx, xx, gt, lt } = conditions;
        if nx && (xx || gt || lt) {
            return Err(Error::Text("ERR NX and XX, GT or LT options at the same time are not compatible"));
        }
        if gt && lt {
            return Err(Error::Text("ERR GT and LT options at the same time are not compatible"));
        }
        Ok(conditions)
    }

    /// To GT and LT, no deadline is one that never comes.
    fn hold(self, meta: Meta, new_ms: i64) -> bool {
        let old_ms = meta.deadline.map(u64::cast_signed);
        !(self.nx && old_ms.is_some()
            || self.xx && old_ms.is_none()
            || self.gt && old_ms.is_none_or(|old_ms| new_ms <= old_ms)
            || self.lt && old_ms.is_some_and(|old_ms| new_ms >= old_ms))
    }
}
