//! BLMPOP: some elements from the first of several lists that has any, waiting for one.

use scrubjay::{End, Kind, View, Wanted};

use crate::command::Ctx;
use crate::command::blocking::{Timeout, attempt_or_block};
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;
use crate::resp::Reply;
use crate::session::blocked::{Attempt, Keys};

pub(super) static BLMPOP: Command = Command {
    name: "blmpop",
    summary: "Pops the first element from one of multiple lists. Blocks until an element is available \
        otherwise. Deletes the list if the last element was popped.",
    since: "7.0.0",
    complexity: "O(N+M) where N is the number of provided keys and M is the number of elements returned.",
    arity: -5,
    flags: Flags::WRITE.or(Flags::BLOCKING),
    acl: Acl::LIST,
    keys: &[Key::at(2).counted().rw().access().delete()],
    args: &[
        Arg::double("timeout"),
        Arg::integer("numkeys"),
        Arg::key("key").multiple(),
        Arg::one_of("where", &[Arg::pure_token("left", "LEFT"), Arg::pure_token("right", "RIGHT")]),
        Arg::integer("count").token("COUNT").optional(),
    ],
    handler: blmpop,
    ..Command::BASE
}
.checked();

fn blmpop(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let (end, count) = super::lmpop::parse(ctx, 2)?;
    // Read last, as in Valkey.
    let timeout = Timeout::seconds(ctx.args.at(1), ctx.now())?;
    attempt_or_block(ctx, |ctx| Wanted::new(ctx.keys, Kind::List), timeout, PopMany { end, count })
}

struct PopMany {
    end: End,
    count: usize,
}

impl Attempt for PopMany {
    fn attempt(&self, view: &mut View<'_>, keys: Keys<'_>, reply: &mut Reply) -> Result<bool, Error> {
        for look in keys.looks(view) {
            let (_, key) = look?;
            if super::pop_from(view, reply, key, self.end, self.count)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
