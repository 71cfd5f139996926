//! QUIT.

use crate::command::Ctx;
use crate::command::spec::{Acl, Command, Flags};
use crate::error::Error;

pub(super) static QUIT: Command = Command {
    name: "quit",
    summary: "Closes the connection.",
    since: "1.0.0",
    complexity: "O(1)",
    arity: -1,
    flags: Flags::NOSCRIPT
        .or(Flags::LOADING)
        .or(Flags::STALE)
        .or(Flags::FAST)
        .or(Flags::NO_AUTH)
        .or(Flags::ALLOW_BUSY),
    acl: Acl::CONNECTION,
    queued: false,
    handler: quit,
    ..Command::BASE
}
.checked();

fn quit(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    ctx.reply.ok();
    ctx.session.closing = true;
    Ok(())
}
