//! READONLY and READWRITE: whether a client would read from a replica. It is remembered, and shown; tools say
//! it before they look at a server.

use std::sync::atomic::Ordering::Relaxed;

use crate::command::Ctx;
use crate::command::spec::{Acl, Command, Flags};
use crate::error::Error;

pub(super) static READONLY: Command = Command {
    name: "readonly",
    summary: "Enables read-only queries for a connection to a Valkey replica node.",
    handler: readonly,
    ..BASE
}
.checked();

pub(super) static READWRITE: Command = Command {
    name: "readwrite",
    summary: "Enables read-write queries for a connection to a Valkey replica node.",
    handler: readwrite,
    ..BASE
}
.checked();

const BASE: Command = Command {
    since: "3.0.0",
    complexity: "O(1)",
    arity: 1,
    flags: Flags::LOADING.or(Flags::STALE).or(Flags::FAST),
    acl: Acl::CONNECTION,
    ..Command::BASE
};

fn readonly(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    choose(ctx, true)
}

fn readwrite(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    choose(ctx, false)
}

fn choose(ctx: &mut Ctx<'_, '_>, reads_only: bool) -> Result<(), Error> {
    if !ctx.is_valkey() {
        return Err(Error::Text("ERR This instance has cluster support disabled"));
    }
    if !ctx.origin.is_script() {
        ctx.session.client.reads_only.store(reads_only, Relaxed);
    }
    ctx.reply.ok();
    Ok(())
}
