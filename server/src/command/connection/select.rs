//! SELECT.

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags};
use crate::error::Error;

pub(super) static SELECT: Command = Command {
    name: "select",
    summary: "Changes the selected database.",
    since: "1.0.0",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::LOADING.or(Flags::STALE).or(Flags::FAST).or(Flags::ALLOW_BUSY),
    acl: Acl::CONNECTION,
    args: &[Arg::integer("index")],
    handler: select,
    ..Command::BASE
}
.checked();

fn select(ctx: &mut Ctx<'_>) -> Result<(), Error> {
    let index = i32::try_from(ctx.args.integer(1)?).map_err(|_| OUT_OF_I32)?;
    let db = u16::try_from(index).ok().filter(|db| u32::from(*db) < ctx.shared.config.databases());
    ctx.session.select(db.ok_or(Error::Text("ERR DB index is out of range"))?);
    ctx.reply.ok();
    Ok(())
}

const OUT_OF_I32: Error =
    Error::Text("ERR value is out of range, value must between -2147483648 and 2147483647");
