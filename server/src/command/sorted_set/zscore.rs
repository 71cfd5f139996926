//! ZSCORE and ZMSCORE.

use scrubjay::Lookup;

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static ZSCORE: Command = Command {
    name: "zscore",
    summary: "Returns the score of a member in a sorted set.",
    since: "1.2.0",
    complexity: "O(1)",
    arity: 3,
    flags: Flags::READONLY.or(Flags::FAST),
    acl: Acl::SORTEDSET,
    keys: &[Key::at(1).ro().access()],
    member: 2,
    args: &[Arg::key("key"), Arg::string("member")],
    handler: zscore,
    ..Command::BASE
}
.checked();

fn zscore(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let (key, member) = (ctx.key(1), ctx.args.at(2));
    match ctx.view.sorted_set(key, Lookup::Read)?.and_then(|set| set.score(member)) {
        Some(score) => ctx.reply.double(score),
        None => ctx.reply.null(),
    }
    Ok(())
}

pub(super) static ZMSCORE: Command = Command {
    name: "zmscore",
    summary: "Returns the score of one or more members in a sorted set.",
    since: "6.2.0",
    complexity: "O(N) where N is the number of members being requested.",
    arity: -3,
    flags: Flags::READONLY.or(Flags::FAST),
    acl: Acl::SORTEDSET,
    keys: &[Key::at(1).ro().access()],
    member: 2,
    args: &[Arg::key("key"), Arg::string("member").multiple()],
    handler: zmscore,
    ..Command::BASE
}
.checked();

fn zmscore(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let (key, members) = (ctx.key(1), ctx.args.skip(2));
    let set = ctx.view.sorted_set(key, Lookup::Read)?;
    ctx.reply.array(members.len());
    for member in members.iter() {
        match set.and_then(|set| set.score(member)) {
            Some(score) => ctx.reply.double(score),
            None => ctx.reply.null(),
        }
    }
    Ok(())
}
