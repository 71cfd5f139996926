//! HSETEX.

use scrubjay::Lookup;
use scrubjay::types::hash::Hash;

use super::expiry::{Allow, Options};
use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static HSETEX: Command = Command {
    name: "hsetex",
    summary: "Sets the value of one or more fields of a given hash key, and optionally sets their \
        expiration time.",
    since: "9.0.0",
    redis: "8.0.0",
    complexity: "O(N) where N is the number of specified fields.",
    arity: -6,
    flags: Flags::WRITE.or(Flags::DENYOOM).or(Flags::FAST),
    acl: Acl::HASH,
    keys: &[Key::at(1).rw().insert()],
    args: &[
        Arg::key("key"),
        Arg::one_of(
            "key-condition",
            &[Arg::pure_token("nx", "NX").valkey("9.1.0"), Arg::pure_token("xx", "XX").valkey("9.1.0")],
        )
        .optional(),
        Arg::one_of("fields-condition", &[Arg::pure_token("fnx", "FNX"), Arg::pure_token("fxx", "FXX")])
            .optional(),
        Arg::one_of(
            "expiration",
            &[
                Arg::integer("seconds").token("EX"),
                Arg::integer("milliseconds").token("PX"),
                Arg::unix_time("unix-time-seconds").token("EXAT"),
                Arg::unix_time("unix-time-milliseconds").token("PXAT"),
                Arg::pure_token("keepttl", "KEEPTTL"),
            ],
        )
        .optional(),
        Arg::block(
            "fields",
            &[
                Arg::integer("numfields").key_spec(0),
                Arg::block("data", &[Arg::string("field"), Arg::string("value")]).multiple(),
            ],
        )
        .token("FIELDS"),
    ],
    handler: hsetex,
    ..Command::BASE
}
.checked();

fn hsetex(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let (key, now) = (ctx.key(1), ctx.now());
    let (options, at) = Options::parse(ctx, Allow::HSetEx)?;
    let pairs = super::numbered_pairs(ctx.args, at)?;
    let there = ctx.view.read::<Hash>(key, Lookup::Peek)?.is_some();
    if options.key_there.is_some_and(|wanted| wanted != there) {
        ctx.reply.integer(0);
        return Ok(());
    }
    let deadline = options.deadline(ctx.args, now, "hsetex")?;
    let set = ctx.view.hash_set_expiring(key, pairs, deadline, options.presence)?;
    ctx.reply.integer(set.into());
    Ok(())
}
