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

fn select(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let db = ctx.database(1)?;
    ctx.session.select(db);
    ctx.reply.ok();
    Ok(())
}
