//! MONITOR: to be shown every command that runs. What is shown is in [`crate::command::shown`].

use crate::command::spec::{Command, Flags};
use crate::command::{Ctx, Origin};
use crate::error::Error;

pub(super) static MONITOR: Command = Command {
    name: "monitor",
    summary: "Listens for all requests received by the server in real-time.",
    since: "1.0.0",
    arity: 1,
    flags: Flags::ADMIN.or(Flags::NOSCRIPT).or(Flags::LOADING).or(Flags::STALE),
    handler: monitor,
    ..Command::BASE
}
.checked();

/// Who monitors already is not answered, as in Valkey.
fn monitor(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    if ctx.origin != Origin::Client {
        return Err(Error::Text("ERR MONITOR isn't allowed for DENY BLOCKING client"));
    }
    if ctx.session.begin_monitoring(ctx.shared) {
        ctx.reply.ok();
    }
    Ok(())
}
