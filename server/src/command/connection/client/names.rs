//! CLIENT SETNAME, GETNAME and SETINFO: what a client calls itself.

use crate::command::Ctx;
use crate::command::connection::hello;
use crate::command::spec::{Acl, Arg, Command, Flags};
use crate::error::Error;

pub(super) static CLIENT_SETNAME: Command = Command {
    name: "setname",
    summary: "Sets the connection name.",
    since: "2.6.9",
    complexity: "O(1)",
    arity: 3,
    flags: Flags::NOSCRIPT.or(Flags::LOADING).or(Flags::STALE).or(Flags::ALLOW_BUSY),
    acl: Acl::CONNECTION,
    tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
    args: &[Arg::string("connection-name")],
    handler: client_setname,
    ..Command::BASE
}
.checked();

fn client_setname(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let name = ctx.args.at(2);
    check_name(name, hello::NAME)?;
    ctx.session.client.names.lock().name = name.to_vec();
    ctx.reply.ok();
    Ok(())
}

/// Names stand in the lines of CLIENT LIST, so they hold no blanks and nothing that is not printable ASCII.
/// Valkey looks no further than to a NUL, and so do we.
pub(in crate::command::connection) fn check_name(name: &[u8], what: &[u8]) -> Result<(), Error> {
    if name.iter().take_while(|byte| **byte != 0).all(u8::is_ascii_graphic) {
        return Ok(());
    }
    Err(Error::quoting("ERR ", what, " cannot contain spaces, newlines or special characters."))
}

pub(super) static CLIENT_GETNAME: Command = Command {
    name: "getname",
    summary: "Returns the name of the connection.",
    since: "2.6.9",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::NOSCRIPT.or(Flags::LOADING).or(Flags::STALE).or(Flags::ALLOW_BUSY),
    acl: Acl::CONNECTION,
    handler: client_getname,
    ..Command::BASE
}
.checked();

fn client_getname(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let names = ctx.session.client.names.lock();
    ctx.reply.bulk_or_null(Some(&names.name).filter(|name| !name.is_empty()));
    Ok(())
}

pub(super) static CLIENT_SETINFO: Command = Command {
    name: "setinfo",
    summary: "Sets information specific to the client or connection.",
    since: "7.2.0",
    complexity: "O(1)",
    arity: 4,
    flags: Flags::NOSCRIPT.or(Flags::LOADING).or(Flags::STALE).or(Flags::ALLOW_BUSY),
    acl: Acl::CONNECTION,
    tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
    args: &[Arg::one_of(
        "attr",
        &[Arg::string("libname").token("LIB-NAME"), Arg::string("libver").token("LIB-VER")],
    )],
    handler: client_setinfo,
    ..Command::BASE
}
.checked();

fn client_setinfo(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let (args, option, value) = (ctx.args, ctx.args.at(2), ctx.args.at(3));
    let mut names = ctx.session.client.names.lock();
    let name = if args.is(2, "lib-name") {
        &mut names.lib_name
    } else if args.is(2, "lib-ver") {
        &mut names.lib_ver
    } else {
        return Err(Error::quoting("ERR Unrecognized option '", option, "'"));
    };
    check_name(value, option)?;
    *name = value.to_vec();
    ctx.reply.ok();
    Ok(())
}
