//! GETBIT.

use scrubjay::Lookup;
use scrubjay::types::bitmap;

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static GETBIT: Command = Command {
    name: "getbit",
    summary: "Returns a bit value by offset.",
    since: "2.2.0",
    complexity: "O(1)",
    arity: 3,
    flags: Flags::READONLY.or(Flags::FAST),
    acl: Acl::BITMAP,
    keys: &[Key::at(1).ro().access()],
    args: &[Arg::key("key"), Arg::integer("offset")],
    handler: getbit,
    ..Command::BASE
}
.checked();

fn getbit(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let key = ctx.key(1);
    let offset = super::offset(ctx, ctx.args.at(2), None)?;
    let bit = ctx.view.string(key, Lookup::Read)?.is_some_and(|text| bitmap::bit(&text, offset));
    ctx.reply.integer(i64::from(bit));
    Ok(())
}
