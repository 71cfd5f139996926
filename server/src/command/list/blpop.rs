//! BLPOP and BRPOP: one element from the first of several lists that has any, waiting for one.

use scrubjay::{End, Kind, View, Wanted};

use crate::command::Ctx;
use crate::command::blocking::{Timeout, attempt_or_block};
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;
use crate::resp::Reply;
use crate::session::blocked::{Attempt, Keys};

pub(super) static BLPOP: Command = Command {
    name: "blpop",
    summary: "Removes and returns the first element in a list. Blocks until an element is available \
        otherwise. Deletes the list if the last element was popped.",
    since: "2.0.0",
    complexity: "O(N) where N is the number of provided keys.",
    history: &[("6.0.0", "`timeout` is interpreted as a double instead of an integer.")],
    arity: -3,
    flags: Flags::WRITE.or(Flags::BLOCKING),
    acl: Acl::LIST,
    keys: &[Key::at(1).to(-2).rw().access().delete()],
    args: &[Arg::key("key").multiple(), Arg::double("timeout")],
    handler: blpop,
    ..Command::BASE
}
.checked();

pub(super) static BRPOP: Command = Command {
    name: "brpop",
    summary: "Removes and returns the last element in a list. Blocks until an element is available \
        otherwise. Deletes the list if the last element was popped.",
    since: "2.0.0",
    complexity: "O(N) where N is the number of provided keys.",
    history: &[("6.0.0", "`timeout` is interpreted as a double instead of an integer.")],
    arity: -3,
    flags: Flags::WRITE.or(Flags::BLOCKING),
    acl: Acl::LIST,
    keys: &[Key::at(1).to(-2).rw().access().delete()],
    args: &[Arg::key("key").multiple(), Arg::double("timeout")],
    handler: brpop,
    ..Command::BASE
}
.checked();

fn blpop(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    pop(ctx, End::Left)
}

fn brpop(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    pop(ctx, End::Right)
}

fn pop(ctx: &mut Ctx<'_, '_>, end: End) -> Result<(), Error> {
    let timeout = Timeout::seconds(ctx.args.at(ctx.args.len() - 1), ctx.now())?;
    attempt_or_block(ctx, |ctx| Wanted::new(ctx.keys, Kind::List), timeout, Pop { end })
}

struct Pop {
    end: End,
}

impl Attempt for Pop {
    fn attempt(&self, view: &mut View<'_>, keys: Keys<'_>, reply: &mut Reply) -> Result<bool, Error> {
        for look in keys.looks(view) {
            let (_, key) = look?;
            let popped = view.list_pop(key, self.end, 1, |popped| {
                reply.array(2);
                reply.bulk(key.bytes());
                popped.for_each(|element| super::bulk(reply, element));
            })?;
            if popped.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
