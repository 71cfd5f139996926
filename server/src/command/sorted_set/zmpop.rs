//! ZMPOP, and what it shares with the command that waits.

use scrubjay::types::sorted_set::End;
use scrubjay::{Key as StoreKey, View};

use crate::command::Ctx;
use crate::command::args::Args;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;
use crate::resp::Reply;

pub(super) static ZMPOP: Command = Command {
    name: "zmpop",
    summary: "Returns the highest- or lowest-scoring members from one or more sorted sets after removing \
        them. Deletes the sorted set if the last member was popped.",
    since: "7.0.0",
    complexity: "O(K) + O(M*log(N)) where K is the number of provided keys, N being the number of elements \
        in the sorted set, and M being the number of elements popped.",
    arity: -4,
    flags: Flags::WRITE,
    acl: Acl::SORTEDSET,
    keys: &[Key::at(1).counted().rw().access().delete()],
    args: &[
        Arg::integer("numkeys"),
        Arg::key("key").multiple(),
        Arg::one_of("where", &[Arg::pure_token("min", "MIN"), Arg::pure_token("max", "MAX")]),
        Arg::integer("count").token("COUNT").optional(),
    ],
    handler: zmpop,
    ..Command::BASE
}
.checked();

fn zmpop(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let request = Request::parse(ctx.args, 1)?;
    if !pop_first(ctx.view, ctx.reply, ctx.keys, request.end, request.count)? {
        ctx.reply.null_array();
    }
    Ok(())
}

/// What is to be popped, and from which end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request {
    /// The end.
    pub(crate) end: End,
    /// How many members at most, from one key.
    pub(crate) count: usize,
}

impl Request {
    /// Reads the number of keys at `count_at`, and what stands behind the keys.
    pub(crate) fn parse(args: Args<'_>, count_at: usize) -> Result<Self, Error> {
        let positive = |at: usize| args.integer(at).ok().and_then(|number| usize::try_from(number).ok());
        let keys = positive(count_at).filter(|keys| *keys > 0);
        let keys = keys.ok_or(Error::Text("ERR numkeys should be greater than 0"))?;
        let end_at = keys.checked_add(count_at + 1).filter(|at| *at < args.len()).ok_or(Error::Syntax)?;
        let end = if args.is(end_at, "MIN") {
            End::Min
        } else if args.is(end_at, "MAX") {
            End::Max
        } else {
            return Err(Error::Syntax);
        };
        let count = match args.len() - end_at {
            1 => 1,
            words if words >= 3 && args.is(end_at + 1, "COUNT") => {
                let count = positive(end_at + 2).filter(|count| *count > 0);
                let count = count.ok_or(Error::Text("ERR count should be greater than 0"))?;
                if words > 3 {
                    return Err(Error::Syntax);
                }
                count
            }
            _ => return Err(Error::Syntax),
        };
        Ok(Self { end, count })
    }
}

/// Pops up to `count` members from the first of the keys that is there, and writes its name and them; whether
/// there was one.
pub(crate) fn pop_first(
    view: &mut View<'_>,
    reply: &mut Reply,
    keys: &[StoreKey<'_>],
    end: End,
    count: usize,
) -> Result<bool, Error> {
    for &key in keys {
        let mark = reply.mark();
        reply.array(2);
        reply.bulk(key.bytes());
        let pairs = reply.defer_array();
        let popped = view.sorted_set_pop(key, end, count, |pair| {
            reply.array(2);
            super::bulk(reply, pair.member);
            reply.double(pair.score);
        })?;
        if let Some(popped) = popped {
            reply.fill(pairs, popped);
            return Ok(true);
        }
        reply.truncate_to(mark);
    }
    Ok(false)
}
