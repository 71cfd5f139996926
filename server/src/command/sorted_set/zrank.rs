//! ZRANK and ZREVRANK.

use scrubjay::Lookup;

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static ZRANK: Command = Command {
    name: "zrank",
    summary: "Returns the index of a member in a sorted set ordered by ascending scores.",
    since: "2.0.0",
    complexity: "O(log(N))",
    history: &[("7.2.0", "Added the optional `WITHSCORE` argument.")],
    arity: -3,
    flags: Flags::READONLY.or(Flags::FAST),
    acl: Acl::SORTEDSET,
    keys: &[Key::at(1).ro().access()],
    member: 2,
    args: &[Arg::key("key"), Arg::string("member"), Arg::pure_token("withscore", "WITHSCORE").optional()],
    handler: zrank,
    ..Command::BASE
}
.checked();

fn zrank(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    rank(ctx, "zrank", |rank, _| rank)
}

pub(super) static ZREVRANK: Command = Command {
    name: "zrevrank",
    summary: "Returns the index of a member in a sorted set ordered by descending scores.",
    since: "2.0.0",
    complexity: "O(log(N))",
    history: &[("7.2.0", "Added the optional `WITHSCORE` argument.")],
    arity: -3,
    flags: Flags::READONLY.or(Flags::FAST),
    acl: Acl::SORTEDSET,
    keys: &[Key::at(1).ro().access()],
    member: 2,
    args: &[Arg::key("key"), Arg::string("member"), Arg::pure_token("withscore", "WITHSCORE").optional()],
    handler: zrevrank,
    ..Command::BASE
}
.checked();

fn zrevrank(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    rank(ctx, "zrevrank", |rank, len| len - 1 - rank)
}

fn rank(ctx: &mut Ctx<'_, '_>, command: &'static str, count: fn(usize, usize) -> usize) -> Result<(), Error> {
    let with_score = match ctx.args.len() {
        3 => false,
        4 if ctx.args.is(3, "WITHSCORE") => true,
        4 => return Err(Error::Syntax),
        _ => return Err(Error::Arity(command.into())),
    };
    let (key, member) = (ctx.key(1), ctx.args.at(2));
    let found = match ctx.view.sorted_set(key, Lookup::Read)? {
        Some(set) => set.rank(member).map(|(rank, score)| (count(rank, set.len()), score)),
        None => None,
    };
    match found {
        Some((rank, score)) if with_score => {
            ctx.reply.array(2);
            ctx.reply.count(rank);
            ctx.reply.double(score);
        }
        Some((rank, _)) => ctx.reply.count(rank),
        None if with_score => ctx.reply.null_array(),
        None => ctx.reply.null(),
    }
    Ok(())
}
