//! INCRBYFLOAT.

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static INCRBYFLOAT: Command = Command {
    name: "incrbyfloat",
    summary: "Increments the floating point value of a key by a number. Uses 0 as initial value if the key \
        doesn't exist.",
    since: "2.6.0",
    complexity: "O(1)",
    arity: 3,
    flags: Flags::WRITE.or(Flags::DENYOOM).or(Flags::FAST),
    acl: Acl::STRING,
    keys: &[Key::at(1).rw().access().update()],
    args: &[Arg::key("key"), Arg::double("increment")],
    handler: incrbyfloat,
    ..Command::BASE
}
.checked();

fn incrbyfloat(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let key = ctx.key(1);
    let value = ctx.view.increment_float(key, ctx.args.at(2))?;
    ctx.reply.bulk(value);
    Ok(())
}
