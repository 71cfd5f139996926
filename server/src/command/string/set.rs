//! SET.

use scrubjay::shard::change::Event;
use scrubjay::{Deadline, Lookup};

use super::options::{Allow, Condition, Expiry, Options};
use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static SET: Command = Command {
    name: "set",
    summary: "Sets the string value of a key, ignoring its type. The key is created if it doesn't exist.",
    since: "1.0.0",
    complexity: "O(1)",
    history: &[
        ("2.6.12", "Added the `EX`, `PX`, `NX` and `XX` options."),
        ("6.0.0", "Added the `KEEPTTL` option."),
        ("6.2.0", "Added the `GET`, `EXAT` and `PXAT` option."),
        ("7.0.0", "Allowed the `NX` and `GET` options to be used together."),
        ("8.1.0", "Added the `IFEQ` option."),
    ],
    arity: -3,
    flags: Flags::WRITE.or(Flags::DENYOOM),
    acl: Acl::STRING,
    keys: &[Key::at(1)
        .rw()
        .access()
        .update()
        .variable_flags()
        .note("RW and ACCESS due to the optional `GET` argument")],
    args: &[
        Arg::key("key"),
        Arg::string("value"),
        Arg::one_of(
            "condition",
            &[
                Arg::pure_token("nx", "NX").since("2.6.12"),
                Arg::pure_token("xx", "XX").since("2.6.12"),
                Arg::string("comparison-value")
                    .token("IFEQ")
                    .summary(
                        "Sets the key's value only if the current value matches the specified \
                            comparison value.",
                    )
                    .since("8.1.0"),
            ],
        )
        .optional(),
        Arg::pure_token("get", "GET").since("6.2.0").optional(),
        Arg::one_of(
            "expiration",
            &[
                Arg::integer("seconds").token("EX").since("2.6.12"),
                Arg::integer("milliseconds").token("PX").since("2.6.12"),
                Arg::unix_time("unix-time-seconds").token("EXAT").since("6.2.0"),
                Arg::unix_time("unix-time-milliseconds").token("PXAT").since("6.2.0"),
                Arg::pure_token("keepttl", "KEEPTTL").since("6.0.0"),
            ],
        )
        .optional(),
    ],
    handler: set,
    ..Command::BASE
}
.checked();

fn set(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    if ctx.args.len() > 3 {
        return set_with_options(ctx);
    }
    let key = ctx.key(1);
    ctx.view.set(key, ctx.args.at(2), Deadline::Clear, Event::Set);
    ctx.reply.ok();
    Ok(())
}

fn set_with_options(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let key = ctx.key(1);
    let options = Options::parse(ctx, 3, Allow::SET)?;
    let deadline = options.expiry.deadline(ctx, "set")?;

    let met = if options.get || matches!(options.condition, Condition::Equal(_)) {
        let lookup = if options.get { Lookup::Read } else { Lookup::Write };
        let old = ctx.view.string(key, lookup)?;
        if options.get {
            match &old {
                Some(old) => super::bulk(ctx.reply, old, ..),
                None => ctx.reply.null(),
            }
        }
        match options.condition {
            Condition::None => true,
            Condition::Absent => old.is_none(),
            Condition::Present => old.is_some(),
            Condition::Equal(index) => old.is_some_and(|old| *old == *ctx.args.at(index)),
        }
    } else {
        match options.condition {
            Condition::Absent => ctx.view.meta(key, Lookup::Write).is_none(),
            Condition::Present => ctx.view.meta(key, Lookup::Write).is_some(),
            Condition::None | Condition::Equal(_) => true,
        }
    };
    if !met {
        if !options.get {
            ctx.reply.null();
        }
        return Ok(());
    }

    let value = ctx.args.at(2);
    match deadline {
        // What has expired already is not even set.
        Some(at) if at <= ctx.now() => {
            ctx.view.remove(key, Event::Expired);
        }
        Some(at) => ctx.view.set(key, value, Deadline::At(at), Event::Set),
        None if options.expiry == Expiry::Keep => ctx.view.set(key, value, Deadline::Keep, Event::Set),
        None => ctx.view.set(key, value, Deadline::Clear, Event::Set),
    }
    if !options.get {
        ctx.reply.ok();
    }
    Ok(())
}
