//! SETRANGE.

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static SETRANGE: Command = Command {
    name: "setrange",
    summary: "Overwrites a part of a string value with another by an offset. Creates the key if it doesn't \
        exist.",
    since: "2.2.0",
    complexity: "O(1), not counting the time taken to copy the new string in place. Usually, this string is \
        very small so the amortized complexity is O(1). Otherwise, complexity is O(M) with M being the \
        length of the value argument.",
    arity: 4,
    flags: Flags::WRITE.or(Flags::DENYOOM),
    acl: Acl::STRING,
    keys: &[Key::at(1).rw().update()],
    args: &[Arg::key("key"), Arg::integer("offset"), Arg::string("value")],
    handler: setrange,
    ..Command::BASE
}
.checked();

fn setrange(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let key = ctx.key(1);
    let offset = ctx.args.integer(2)?;
    let offset = usize::try_from(offset).map_err(|_| Error::Text("ERR offset is out of range"))?;
    let len = ctx.view.set_range(key, offset, ctx.args.at(3), super::len_max(ctx))?;
    ctx.reply.count(len);
    Ok(())
}
