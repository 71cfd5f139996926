//! BZMPOP: some members from the first of several sorted sets that has any, waiting for one.

use scrubjay::types::sorted_set::End;
use scrubjay::{Kind, View, Wanted};

use super::zmpop::{Request, pop_first};
use crate::command::Ctx;
use crate::command::blocking::{Timeout, attempt_or_block};
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

fn bzmpop(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let Request { end, count } = Request::parse(ctx.args, 2)?;
    // Read last, as in Valkey.
    let timeout = Timeout::seconds(ctx.args.at(1), ctx.now())?;
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
            if pop_first(view, reply, &[key], self.end, self.count)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
