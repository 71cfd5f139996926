//! GETEX: GET that changes the deadline.

use scrubjay::Lookup;
use scrubjay::shard::change::Event;

use super::options::{Allow, Expiry, Options};
use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static GETEX: Command = Command {
    name: "getex",
    summary: "Returns the string value of a key after setting its expiration time.",
    since: "6.2.0",
    complexity: "O(1)",
    arity: -2,
    flags: Flags::WRITE.or(Flags::FAST),
    acl: Acl::STRING,
    keys: &[Key::at(1).rw().access().update().note("RW and UPDATE because it changes the TTL")],
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
    ],
    handler: getex,
    ..Command::BASE
}
.checked();

fn getex(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let key = ctx.key(1);
    let options = Options::parse(ctx, 2, Allow::GETEX)?;
    let deadline = options.expiry.deadline(ctx, "getex")?;
    let had_deadline = match ctx.view.string(key, Lookup::Read)? {
        Some(value) => {
            super::bulk(ctx.reply, &value, ..);
            value.deadline.is_some()
        }
        None => {
            ctx.reply.null();
            return Ok(());
        }
    };
    match deadline {
        Some(deadline) if deadline <= ctx.now() => {
            ctx.view.remove(key, Event::Expired);
        }
        Some(deadline) => {
            ctx.view.set_deadline(key, Some(deadline), Event::Expire);
        }
        None if had_deadline && options.expiry == Expiry::Persist => {
            ctx.view.set_deadline(key, None, Event::Persist);
        }
        None => {}
    }
    Ok(())
}
