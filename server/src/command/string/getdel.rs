//! GETDEL.

use scrubjay::Lookup;
use scrubjay::shard::change::Event;

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static GETDEL: Command = Command {
    name: "getdel",
    summary: "Returns the string value of a key after deleting the key.",
    since: "6.2.0",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::WRITE.or(Flags::FAST),
    acl: Acl::STRING,
    keys: &[Key::at(1).rw().access().delete()],
    args: &[Arg::key("key")],
    handler: getdel,
    ..Command::BASE
}
.checked();

fn getdel(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let key = ctx.key(1);
    match ctx.view.string(key, Lookup::Read)? {
        Some(value) => super::bulk(ctx.reply, &value, ..),
        None => {
            ctx.reply.null();
            return Ok(());
        }
    }
    ctx.view.remove(key, Event::Del);
    Ok(())
}
