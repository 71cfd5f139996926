//! ZRANGESTORE.

use scrubjay::Lookup;
use scrubjay::collections::packed::Digits;
use scrubjay::shard::change::Event;
use scrubjay::types::sorted_set::Builder;

use super::zrange::{Request, WithScores};
use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static ZRANGESTORE: Command = Command {
    name: "zrangestore",
    summary: "Stores a range of members from sorted set in a key.",
    since: "6.2.0",
    complexity: "O(log(N)+M) with N being the number of elements in the sorted set and M the number of \
        elements stored into the destination key.",
    arity: -5,
    flags: Flags::WRITE.or(Flags::DENYOOM),
    acl: Acl::SORTEDSET,
    keys: &[Key::at(1).ow().update(), Key::at(2).ro().access()],
    args: &[
        Arg::key("dst"),
        Arg::key("src").key_spec(1),
        Arg::string("min"),
        Arg::string("max"),
        Arg::one_of("sortby", &[Arg::pure_token("byscore", "BYSCORE"), Arg::pure_token("bylex", "BYLEX")])
            .optional(),
        Arg::pure_token("rev", "REV").optional(),
        Arg::block("limit", &[Arg::integer("offset"), Arg::integer("count")]).token("LIMIT").optional(),
    ],
    handler: zrangestore,
    ..Command::BASE
}
.checked();

fn zrangestore(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let request = Request::parse(ctx.args, 3, None, None, WithScores::Unknown)?;
    let (to, from) = (ctx.key(1), ctx.shared.store.key(ctx.session.db, ctx.args.at(2)));
    let (seed, limits) = (ctx.view.seed(to), *ctx.view.limits(to));
    let mut stored = Builder::new(seed);
    if let Some(set) = ctx.view.sorted_set(from, Lookup::Read)? {
        let ranks = request.ranks(set);
        stored = Builder::growing(seed, request.expected(&ranks), &limits);
        for pair in set.range(ranks) {
            stored.add(pair.member.text(&mut Digits::default()), pair.score);
        }
    }
    let count = ctx.view.sorted_set_store(to, stored, Event::ZRangeStore);
    ctx.reply.count(count);
    Ok(())
}
