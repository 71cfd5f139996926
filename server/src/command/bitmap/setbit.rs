//! SETBIT.

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static SETBIT: Command = Command {
    name: "setbit",
    summary: "Sets or clears the bit at offset of the string value. Creates the key if it doesn't exist.",
    since: "2.2.0",
    complexity: "O(1)",
    arity: 4,
    flags: Flags::WRITE.or(Flags::DENYOOM),
    acl: Acl::BITMAP,
    keys: &[Key::at(1).rw().access().update()],
    args: &[Arg::key("key"), Arg::integer("offset"), Arg::integer("value")],
    handler: setbit,
    ..Command::BASE
}
.checked();

fn setbit(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let key = ctx.key(1);
    let offset = super::offset(ctx, ctx.args.at(2), None)?;
    let on = match ctx.args.at(3) {
        b"0" => false,
        b"1" => true,
        _ => return Err(Error::Text("ERR bit is not an integer or out of range")),
    };
    // The offset lies within the longest string already.
    let old = ctx.view.set_bit(key, offset, on, usize::MAX)?;
    ctx.reply.integer(i64::from(old));
    Ok(())
}
