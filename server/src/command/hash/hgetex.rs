//! HGETEX.

use scrubjay::types::hash::FieldDeadline;

use super::expiry::{Allow, Options};
use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static HGETEX: Command = Command {
    name: "hgetex",
    summary: "Gets the value of one or more fields of a given hash key, and optionally sets their \
        expiration time or time-to-live (TTL).",
    since: "9.0.0",
    redis: "8.0.0",
    complexity: "O(N) where N is the number of specified fields.",
    arity: -5,
    flags: Flags::WRITE.or(Flags::FAST),
    acl: Acl::HASH,
    keys: &[Key::at(1).rw().access().update()],
    args: &[
        Arg::key("key"),
        Arg::one_of(
            "expiration",
            &[
                Arg::integer("seconds").token("EX"),
                Arg::integer("milliseconds").token("PX"),
                Arg::unix_time("unix-time-seconds").token("EXAT"),
                Arg::unix_time("unix-time-milliseconds").token("PXAT"),
                Arg::pure_token("persist", "PERSIST"),
            ],
        )
        .optional(),
        Arg::block("fields", &[Arg::integer("numfields").key_spec(0), Arg::string("field").multiple()])
            .token("FIELDS"),
    ],
    handler: hgetex,
    ..Command::BASE
}
.checked();

fn hgetex(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let (key, now) = (ctx.key(1), ctx.now());
    let (options, at) = Options::parse(ctx, Allow::HGetEx)?;
    let fields = super::numbered(ctx.args, at, super::MISNUMBERED)?;
    let hash = ctx.view.hash(key)?;
    let deadline = options.deadline(ctx.args, now, "hgetex")?;
    ctx.reply.array(fields.len());
    let Some(hash) = hash else {
        fields.for_each(|_| ctx.reply.null());
        return Ok(());
    };
    match deadline {
        FieldDeadline::Keep => {
            fields.for_each(|field| super::value_or_null(ctx.reply, hash.get(field, now)));
        }
        deadline => {
            ctx.view.hash_read_expiring(key, fields, deadline, |value| {
                super::value_or_null(ctx.reply, value);
            })?;
        }
    }
    Ok(())
}
