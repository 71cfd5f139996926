//! SISMEMBER and SMISMEMBER.

use scrubjay::Lookup;

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static SISMEMBER: Command = Command {
    name: "sismember",
    summary: "Determines whether a member belongs to a set.",
    since: "1.0.0",
    complexity: "O(1)",
    arity: 3,
    flags: Flags::READONLY.or(Flags::FAST),
    acl: Acl::SET,
    keys: &[Key::at(1).ro()],
    member: 2,
    args: &[Arg::key("key"), Arg::string("member")],
    handler: sismember,
    ..Command::BASE
}
.checked();

pub(super) static SMISMEMBER: Command = Command {
    name: "smismember",
    summary: "Determines whether multiple members belong to a set.",
    since: "6.2.0",
    complexity: "O(N) where N is the number of elements being checked for membership",
    arity: -3,
    flags: Flags::READONLY.or(Flags::FAST),
    acl: Acl::SET,
    keys: &[Key::at(1).ro().access()],
    member: 2,
    args: &[Arg::key("key"), Arg::string("member").multiple()],
    handler: smismember,
    ..Command::BASE
}
.checked();

fn sismember(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let set = ctx.view.set_at(ctx.key(1), Lookup::Read)?;
    ctx.reply.integer(set.is_some_and(|set| set.contains(ctx.args.at(2))).into());
    Ok(())
}

fn smismember(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let set = ctx.view.set_at(ctx.key(1), Lookup::Read)?;
    let members = ctx.args.iter().skip(2);
    ctx.reply.array(members.len());
    for member in members {
        ctx.reply.integer(set.is_some_and(|set| set.contains(member)).into());
    }
    Ok(())
}
