//! BZPOPMIN and BZPOPMAX: one member from the first of several sorted sets that has any, waiting for one.

use scrubjay::types::sorted_set::End;
use scrubjay::{Kind, View, Wanted};

use crate::command::Ctx;
use crate::command::blocking::{Timeout, attempt_or_block};
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;
use crate::resp::Reply;
use crate::session::blocked::{Attempt, Keys};

pub(super) static BZPOPMIN: Command = Command {
    name: "bzpopmin",
    summary: "Removes and returns the member with the lowest score from one or more sorted sets. Blocks \
        until a member is available otherwise. Deletes the sorted set if the last element was popped.",
    since: "5.0.0",
    complexity: "O(log(N)) with N being the number of elements in the sorted set.",
    history: &[("6.0.0", "`timeout` is interpreted as a double instead of an integer.")],
    arity: -3,
    flags: Flags::WRITE.or(Flags::BLOCKING).or(Flags::FAST),
    acl: Acl::SORTEDSET,
    keys: &[Key::at(1).to(-2).rw().access().delete()],
    args: &[Arg::key("key").multiple(), Arg::double("timeout")],
    handler: bzpopmin,
    ..Command::BASE
}
.checked();

pub(super) static BZPOPMAX: Command = Command {
    name: "bzpopmax",
    summary: "Removes and returns the member with the highest score from one or more sorted sets. Blocks \
        until a member is available otherwise. Deletes the sorted set if the last element was popped.",
    since: "5.0.0",
    complexity: "O(log(N)) with N being the number of elements in the sorted set.",
    history: &[("6.0.0", "`timeout` is interpreted as a double instead of an integer.")],
    arity: -3,
    flags: Flags::WRITE.or(Flags::BLOCKING).or(Flags::FAST),
    acl: Acl::SORTEDSET,
    keys: &[Key::at(1).to(-2).rw().access().delete()],
    args: &[Arg::key("key").multiple(), Arg::double("timeout")],
    handler: bzpopmax,
    ..Command::BASE
}
.checked();

fn bzpopmin(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    pop(ctx, End::Min)
}

fn bzpopmax(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    pop(ctx, End::Max)
}

fn pop(ctx: &mut Ctx<'_, '_>, end: End) -> Result<(), Error> {
    let timeout = Timeout::seconds(ctx.args.at(ctx.args.len() - 1), ctx.now())?;
    attempt_or_block(ctx, |ctx| Wanted::new(ctx.keys, Kind::SortedSet), timeout, Pop { end })
}

struct Pop {
    end: End,
}

impl Attempt for Pop {
    fn attempt(&self, view: &mut View<'_>, keys: Keys<'_>, reply: &mut Reply) -> Result<bool, Error> {
        for look in keys.looks(view) {
            let (_, key) = look?;
            let popped = view.sorted_set_pop(key, self.end, 1, |pair| {
                reply.array(3);
                reply.bulk(key.bytes());
                super::bulk(reply, pair.member);
                reply.double(pair.score);
            })?;
            if popped.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
