//! CLIENT ID and GETREDIR: numbers that tell clients apart.

use crate::command::Ctx;
use crate::command::spec::{Acl, Command, Flags};
use crate::error::Error;

pub(super) static CLIENT_ID: Command = Command {
    name: "id",
    summary: "Returns the unique client ID of the connection.",
    since: "5.0.0",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::NOSCRIPT.or(Flags::LOADING).or(Flags::STALE).or(Flags::ALLOW_BUSY),
    acl: Acl::CONNECTION,
    handler: client_id,
    ..Command::BASE
}
.checked();

fn client_id(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    ctx.reply.integer(ctx.session.client.id.cast_signed());
    Ok(())
}

pub(super) static CLIENT_GETREDIR: Command = Command {
    name: "getredir",
    summary: "Returns the client ID to which the connection's tracking notifications are redirected.",
    since: "6.0.0",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::NOSCRIPT.or(Flags::LOADING).or(Flags::STALE).or(Flags::ALLOW_BUSY),
    acl: Acl::CONNECTION,
    handler: client_getredir,
    ..Command::BASE
}
.checked();

fn client_getredir(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    ctx.reply.integer(ctx.session.client.tracking.shown_redirect());
    Ok(())
}
