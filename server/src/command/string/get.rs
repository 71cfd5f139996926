//! GET.

use scrubjay::Lookup;

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static GET: Command = Command {
    name: "get",
    summary: "Returns the string value of a key.",
    since: "1.0.0",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::READONLY.or(Flags::FAST),
    acl: Acl::STRING,
    keys: &[Key::at(1).ro().access()],
    args: &[Arg::key("key")],
    handler: get,
    ..Command::BASE
}
.checked();

fn get(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let key = ctx.key(1);
    match ctx.view.string(key, Lookup::Read)? {
        Some(value) => super::bulk(ctx.reply, &value, ..),
        None => ctx.reply.null(),
    }
    Ok(())
}
