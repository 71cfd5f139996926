//! LOLWUT: which version this is. The art that Valkey draws around it is not drawn.

use crate::command::Ctx;
use crate::command::spec::{Arg, Command, Flags};
use crate::error::Error;

pub(super) static LOLWUT: Command = Command {
    name: "lolwut",
    summary: "Displays computer art and the server version.",
    since: "5.0.0",
    arity: -1,
    flags: Flags::READONLY.or(Flags::FAST),
    args: &[Arg::integer("version").token("VERSION").optional()],
    handler: lolwut,
    ..Command::BASE
}
.checked();

fn lolwut(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    if ctx.args.len() > 2 && ctx.args.is(1, "version") {
        ctx.args.integer(2)?;
    }
    let identity = ctx.shared.config.identity();
    ctx.reply.verbatim(*b"txt", format!("{} ver.{}\n", identity.title, identity.version));
    Ok(())
}
