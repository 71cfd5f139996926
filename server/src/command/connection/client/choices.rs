//! CLIENT NO-EVICT, NO-TOUCH, IMPORT-SOURCE and CAPA: how a client wants to be treated.

use std::sync::atomic::Ordering::Relaxed;

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags};
use crate::error::Error;

pub(super) static CLIENT_NO_EVICT: Command = Command {
    name: "no-evict",
    summary: "Sets the client eviction mode of the connection.",
    since: "7.0.0",
    complexity: "O(1)",
    arity: 3,
    flags: Flags::ADMIN.or(Flags::NOSCRIPT).or(Flags::LOADING).or(Flags::STALE).or(Flags::ALLOW_BUSY),
    acl: Acl::CONNECTION,
    args: &[Arg::one_of("enabled", &[Arg::pure_token("on", "ON"), Arg::pure_token("off", "OFF")])],
    handler: client_no_evict,
    ..Command::BASE
}
.checked();

fn client_no_evict(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    ctx.session.client.no_evict.store(on_or_off(ctx)?, Relaxed);
    ctx.reply.ok();
    Ok(())
}

pub(super) static CLIENT_NO_TOUCH: Command = Command {
    name: "no-touch",
    summary: "Controls whether commands sent by the client affect the LRU/LFU of accessed keys.",
    since: "7.2.0",
    complexity: "O(1)",
    arity: 3,
    flags: Flags::NOSCRIPT.or(Flags::LOADING).or(Flags::STALE).or(Flags::ALLOW_BUSY),
    acl: Acl::CONNECTION,
    args: &[Arg::one_of("enabled", &[Arg::pure_token("on", "ON"), Arg::pure_token("off", "OFF")])],
    handler: client_no_touch,
    ..Command::BASE
}
.checked();

fn client_no_touch(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    ctx.session.no_touch = on_or_off(ctx)?;
    ctx.session.client.no_touch.store(ctx.session.no_touch, Relaxed);
    ctx.reply.ok();
    Ok(())
}

pub(super) static CLIENT_IMPORT_SOURCE: Command = Command {
    name: "import-source",
    summary: "Marks this client as an import source when the server is in import mode.",
    since: "8.1.0",
    complexity: "O(1)",
    arity: 3,
    flags: Flags::NOSCRIPT.or(Flags::LOADING).or(Flags::STALE),
    acl: Acl::CONNECTION,
    args: &[Arg::one_of("enabled", &[Arg::pure_token("on", "ON"), Arg::pure_token("off", "OFF")])],
    handler: client_import_source,
    ..Command::BASE
}
.checked();

fn client_import_source(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    if !ctx.shared.config.import_mode() && !ctx.args.is(2, "off") {
        return Err(Error::Text("ERR Server is not in import mode"));
    }
    ctx.session.client.import_source.store(on_or_off(ctx)?, Relaxed);
    ctx.reply.ok();
    Ok(())
}

pub(super) fn on_or_off(ctx: &Ctx<'_, '_>) -> Result<bool, Error> {
    if ctx.args.is(2, "on") {
        Ok(true)
    } else if ctx.args.is(2, "off") {
        Ok(false)
    } else {
        Err(Error::Syntax)
    }
}

pub(super) static CLIENT_CAPA: Command = Command {
    name: "capa",
    summary: "A client claims its capability.",
    since: "8.0.0",
    complexity: "O(1)",
    arity: -3,
    flags: Flags::NOSCRIPT.or(Flags::LOADING).or(Flags::STALE).or(Flags::ALLOW_BUSY),
    acl: Acl::CONNECTION,
    args: &[Arg::string("capability").multiple()],
    handler: client_capa,
    ..Command::BASE
}
.checked();

/// Capabilities that are not known are none of our business.
fn client_capa(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    if ctx.args.iter().skip(2).any(|capability| capability.eq_ignore_ascii_case(b"redirect")) {
        ctx.session.client.capa_redirect.store(true, Relaxed);
    }
    ctx.reply.ok();
    Ok(())
}
