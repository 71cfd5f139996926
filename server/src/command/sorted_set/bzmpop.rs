//! BZMPOP: some members from the first of several sorted sets that has any, waiting for one.

use scrubjay::collections::packed::Element;
use scrubjay::types::sorted_set::{End, Pair};
use scrubjay::{Kind, View, Wanted};

use crate::command::Ctx;
use crate::command::blocking::{Timeout, attempt_or_block, pop_options};
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;
use crate::resp::Reply;
use crate::session::blocked::{Attempt, Keys};

pub(super) static BZMPOP: Command = Command {
    name: "bzmpop",
    summary: "Removes and returns a member by score from one or more sorted sets. Blocks until a member is \
        available otherwise. Deletes the sorted set if the last element was popped.",
    since: "7.0.0",
    complexity: "O(K) + O(M*log(N)) where K is the number of provided keys, N being the number of elements \
        in the sorted set, and M being the number of elements popped.",
    arity: -5,
    flags: Flags::WRITE.or(Flags::BLOCKING),
    acl: Acl::SORTEDSET,
    keys: &[Key::at(2).counted().rw().access().delete()],
    args: &[
        Arg::double("timeout"),
        Arg::integer("numkeys"),
        Arg::key("key").multiple(),
        Arg::one_of("where", &[Arg::pure_token("min", "MIN"), Arg::pure_token("max", "MAX")]),
        Arg::integer("count").token("COUNT").optional(),
    ],
    handler: bzmpop,
    ..Command::BASE
}
.checked();

fn bzmpop(ctx: &mut Ctx<'_>) -> Result<(), Error> {
    let timeout = Timeout::seconds(ctx.args.at(1), ctx.now())?;
    let (end, count) = pop_options(ctx.args, 2, [("min", End::Min), ("max", End::Max)])?;
    attempt_or_block(ctx, |ctx| Wanted::new(ctx.keys, Kind::SortedSet), timeout, PopMany { end, count })
}

struct PopMany {
    end: End,
    count: usize,
}

impl Attempt for PopMany {
    fn attempt(&self, view: &mut View<'_>, keys: Keys<'_>, reply: &mut Reply) -> Result<bool, Error> {
        for look in keys.looks(view) {
            let (_, key) = look?;
            let mark = reply.mark();
            reply.array(2);
            reply.bulk(key.bytes());
            let members = reply.defer_array();
            let popped = view.sorted_set_pop(key, self.end, self.count, |pair| {
                reply.array(2);
                write_member(reply, pair);
            });
            match popped {
                Ok(Some(popped)) => {
                    reply.fill(members, popped);
                    return Ok(true);
                }
                Ok(None) => reply.truncate_to(mark),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(false)
    }
}

/// A member and its score.
pub(super) fn write_member(reply: &mut Reply, pair: Pair<'_>) {
    match pair.member {
        Element::Text(text) => reply.bulk(text),
        Element::Int(number) => reply.bulk_integer(number),
    }
    reply.double(pair.score);
}
