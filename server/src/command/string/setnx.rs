//! SETNX.

use scrubjay::shard::change::Event;
use scrubjay::{Deadline, Lookup};

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static SETNX: Command = Command {
    name: "setnx",
    summary: "Sets the string value of a key only when the key doesn't exist.",
    since: "1.0.0",
    complexity: "O(1)",
    arity: 3,
    flags: Flags::WRITE.or(Flags::DENYOOM).or(Flags::FAST),
    acl: Acl::STRING,
    keys: &[Key::at(1).ow().insert()],
    args: &[Arg::key("key"), Arg::string("value")],
    handler: setnx,
    ..Command::BASE
}
.checked();

fn setnx(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let key = ctx.key(1);
    let free = ctx.view.meta(key, Lookup::Write).is_none();
    if free {
        ctx.view.set(key, ctx.args.at(2), Deadline::Clear, Event::Set);
    }
    ctx.reply.integer(i64::from(free));
    Ok(())
}
