//! ZRANDMEMBER.

use std::collections::HashSet;

use scrubjay::Lookup;
use scrubjay::random::Random;
use scrubjay::types::sorted_set::SortedSetRef;

use crate::command::Ctx;
use crate::command::draw::{Draws, TOO_LONG};
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;
use crate::resp::{Protocol, Reply};

pub(super) static ZRANDMEMBER: Command = Command {
    name: "zrandmember",
    summary: "Returns one or more random members from a sorted set.",
    since: "6.2.0",
    complexity: "O(N) where N is the number of members returned",
    arity: -2,
    flags: Flags::READONLY,
    acl: Acl::SORTEDSET,
    tips: &["nondeterministic_output"],
    keys: &[Key::at(1).ro().access()],
    args: &[
        Arg::key("key"),
        Arg::block(
            "options",
            &[Arg::integer("count"), Arg::pure_token("withscores", "WITHSCORES").optional()],
        )
        .optional(),
    ],
    handler: zrandmember,
    ..Command::BASE
}
.checked();

fn zrandmember(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let key = ctx.key(1);
    if ctx.args.len() == 2 {
        let mut random = ctx.view.chance(key);
        match ctx.view.sorted_set(key, Lookup::Read)?.and_then(|set| set.random(&mut random)) {
            Some(pair) => super::bulk(ctx.reply, pair.member),
            None => ctx.reply.null(),
        }
        return Ok(());
    }
    let count = ctx.args.either_way(2)?;
    let with_scores = ctx.args.is(3, "WITHSCORES");
    if ctx.args.len() > 4 || ctx.args.len() == 4 && !with_scores {
        return Err(Error::Syntax);
    }
    if with_scores && count.unsigned_abs() > i64::MAX as u64 / 2 {
        return Err(Error::Text("ERR value is out of range"));
    }

    let mut random = ctx.view.chance(key);
    let Some(set) = ctx.view.sorted_set(key, Lookup::Read)? else {
        ctx.reply.array(0);
        return Ok(());
    };
    let amount = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    if count < 0 {
        return draw(ctx.reply, set, amount, &mut random, with_scores);
    }
    sample(ctx.reply, set, amount, &mut random, with_scores);
    Ok(())
}

/// Different members; all of them, the last first as in Valkey, if there are no more.
fn sample(reply: &mut Reply, set: SortedSetRef<'_>, count: usize, random: &mut Random, with_scores: bool) {
    let len = set.len();
    if count >= len {
        return super::members(reply, set.iter().rev(), with_scores);
    }
    let ranks: Vec<usize> = if count > len / 3 {
        let mut ranks: Vec<usize> = (0..len).collect();
        for at in 0..count {
            let other = at + random.below((len - at) as u64) as usize;
            ranks.swap(at, other);
        }
        ranks.truncate(count);
        ranks
    } else {
        let mut seen = HashSet::with_capacity(count);
        let rank = || random.below(len as u64) as usize;
        std::iter::repeat_with(rank).filter(|rank| seen.insert(*rank)).take(count).collect()
    };
    let pairs = ranks
        .into_iter()
        .map(|rank| set.range(rank..rank + 1).next().expect("invariant: the rank is below the length"));
    super::members(reply, pairs, with_scores);
}

/// Members that are each drawn from all.
fn draw(
    reply: &mut Reply,
    set: SortedSetRef<'_>,
    times: usize,
    random: &mut Random,
    with_scores: bool,
) -> Result<(), Error> {
    let draws = Draws::begin(reply, times)?;
    let nested = with_scores && reply.protocol() == Protocol::Resp3;
    reply.array(if with_scores && !nested { 2 * times } else { times });
    for _ in 0..times {
        let pair = set.random(random).expect("invariant: no key holds an empty sorted set");
        if nested {
            reply.array(2);
        }
        super::bulk(reply, pair.member);
        if with_scores {
            reply.double(pair.score);
        }
        if draws.go_on(reply).is_break() {
            return Err(TOO_LONG);
        }
    }
    Ok(())
}
