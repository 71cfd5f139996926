//! ECHO.

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags};
use crate::error::Error;

pub(super) static ECHO: Command = Command {
    name: "echo",
    summary: "Returns the given string.",
    since: "1.0.0",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::LOADING.or(Flags::STALE).or(Flags::FAST),
    acl: Acl::CONNECTION,
    args: &[Arg::string("message")],
    handler: echo,
    ..Command::BASE
}
.checked();

fn echo(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    ctx.reply.bulk(ctx.args.at(1));
    Ok(())
}
