//! MSETEX: MSET with a time to live and a condition.

use scrubjay::shard::change::Event;
use scrubjay::{Deadline, Lookup};

use super::options::{Allow, Condition, Expiry, Options};
use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

/// What `numkeys` may be at most.
const NUMKEYS_MAX: i64 = i32::MAX as i64;

pub(super) static MSETEX: Command = Command {
    name: "msetex",
    summary: "Atomically creates or modifies the string values of one or more keys, and optionally set \
        their expiration.",
    since: "9.1.0",
    complexity: "O(N) where N is the number of keys to set.",
    arity: -4,
    flags: Flags::WRITE.or(Flags::DENYOOM),
    acl: Acl::STRING,
    tips: &["request_policy:multi_shard", "response_policy:all_succeeded"],
    keys: &[Key::at(1).counted_at(0, 1, 2).ow().update()],
    args: &[
        Arg::integer("numkeys"),
        Arg::block("data", &[Arg::key("key"), Arg::string("value")]).multiple(),
        Arg::one_of("condition", &[Arg::pure_token("nx", "NX"), Arg::pure_token("xx", "XX")]).optional(),
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
    ],
    handler: msetex,
    ..Command::BASE
}
.checked();

fn msetex(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let count = match ctx.args.integer(1) {
        Ok(count @ 1..=NUMKEYS_MAX) => usize::try_from(count).expect("invariant: 31 bits"),
        _ => return Err(Error::Text("ERR invalid numkeys value or out of range")),
    };
    let options_at = count.saturating_mul(2).saturating_add(2);
    if options_at > ctx.args.len() {
        return Err(Error::Syntax);
    }
    let options = Options::parse(ctx, options_at, Allow::MSETEX)?;
    let deadline = match options.expiry.deadline(ctx, "msetex")? {
        // Unlike SET, it also sets what has expired already, and whoever comes next finds that it has.
        Some(at) => Deadline::At(at),
        None if options.expiry == Expiry::Keep => Deadline::Keep,
        None => Deadline::Clear,
    };
    let mut exists = ctx.keys.iter().map(|&key| ctx.view.meta(key, Lookup::Write).is_some());
    let met = match options.condition {
        Condition::Absent => !exists.any(|exists| exists),
        Condition::Present => exists.all(|exists| exists),
        Condition::None | Condition::Equal(_) => true,
    };
    if met {
        for (pair, &key) in ctx.keys.iter().enumerate() {
            ctx.view.set(key, ctx.args.at(2 * pair + 3), deadline, Event::Set);
        }
    }
    ctx.reply.integer(i64::from(met));
    Ok(())
}
