//! TIME and LASTSAVE: what the clock says, and when data was last saved.

use crate::command::Ctx;
use crate::command::spec::{Acl, Command, Flags};
use crate::error::Error;

pub(super) static TIME: Command = Command {
    name: "time",
    summary: "Returns the server time.",
    since: "2.6.0",
    complexity: "O(1)",
    arity: 1,
    flags: Flags::LOADING.or(Flags::STALE).or(Flags::FAST),
    tips: &["nondeterministic_output"],
    handler: time,
    ..Command::BASE
}
.checked();

pub(super) static LASTSAVE: Command = Command {
    name: "lastsave",
    summary: "Returns the Unix timestamp of the last successful save to disk.",
    since: "1.0.0",
    complexity: "O(1)",
    arity: 1,
    flags: Flags::LOADING.or(Flags::STALE).or(Flags::FAST),
    acl: Acl::ADMIN.or(Acl::DANGEROUS),
    tips: &["nondeterministic_output"],
    handler: lastsave,
    ..Command::BASE
}
.checked();

fn time(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    // Not the moment of the command, which is in milliseconds.
    let micros = ctx.shared.store.clock().wall_micros() as i64;
    ctx.reply.array(2);
    ctx.reply.bulk_integer(micros / 1_000_000);
    ctx.reply.bulk_integer(micros % 1_000_000);
    Ok(())
}

fn lastsave(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    // As in Valkey, a server that has saved nothing yet says when it started.
    ctx.reply.integer((ctx.shared.start.at_ms / 1000) as i64);
    Ok(())
}
