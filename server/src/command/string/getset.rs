//! GETSET.

use scrubjay::shard::change::Event;
use scrubjay::{Deadline, Lookup};

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static GETSET: Command = Command {
    name: "getset",
    summary: "Returns the previous string value of a key after setting it to a new value.",
    since: "1.0.0",
    complexity: "O(1)",
    arity: 3,
    flags: Flags::WRITE.or(Flags::DENYOOM).or(Flags::FAST),
    acl: Acl::STRING,
    keys: &[Key::at(1).rw().access().update()],
    args: &[Arg::key("key"), Arg::string("value")],
    handler: getset,
    ..Command::BASE
}
.checked();

fn getset(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let key = ctx.key(1);
    match ctx.view.string(key, Lookup::Read)? {
        Some(old) => super::bulk(ctx.reply, &old, ..),
        None => ctx.reply.null(),
    }
    ctx.view.set(key, ctx.args.at(2), Deadline::Clear, Event::Set);
    Ok(())
}
