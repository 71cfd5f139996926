//! BLMOVE and BRPOPLPUSH: an element from one list to another, waiting for one.

use scrubjay::{End, Kind, OwnedKey, View, Wanted};

use crate::command::Ctx;
use crate::command::blocking::{Timeout, attempt_or_block};
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;
use crate::resp::Reply;
use crate::session::blocked::{Attempt, Keys};

pub(super) static BLMOVE: Command = Command {
    name: "blmove",
    summary: "Pops an element from a list, pushes it to another list and returns it. Blocks until an \
        element is available otherwise. Deletes the list if the last element was moved.",
    since: "6.2.0",
    complexity: "O(1)",
    arity: 6,
    flags: Flags::WRITE.or(Flags::DENYOOM).or(Flags::BLOCKING),
    acl: Acl::LIST,
    keys: &[Key::at(1).rw().access().delete(), Key::at(2).rw().insert()],
    args: &[
        Arg::key("source"),
        Arg::key("destination").key_spec(1),
        Arg::one_of("wherefrom", &[Arg::pure_token("left", "LEFT"), Arg::pure_token("right", "RIGHT")]),
        Arg::one_of("whereto", &[Arg::pure_token("left", "LEFT"), Arg::pure_token("right", "RIGHT")]),
        Arg::double("timeout"),
    ],
    handler: blmove,
    ..Command::BASE
}
.checked();

pub(super) static BRPOPLPUSH: Command = Command {
    name: "brpoplpush",
    summary: "Pops an element from a list, pushes it to another list and returns it. Blocks until an \
        element is available otherwise. Deletes the list if the last element was popped.",
    since: "2.2.0",
    complexity: "O(1)",
    history: &[("6.0.0", "`timeout` is interpreted as a double instead of an integer.")],
    arity: 4,
    flags: Flags::WRITE.or(Flags::DENYOOM).or(Flags::BLOCKING),
    acl: Acl::LIST,
    keys: &[Key::at(1).rw().access().delete(), Key::at(2).rw().insert()],
    args: &[Arg::key("source"), Arg::key("destination").key_spec(1), Arg::double("timeout")],
    handler: brpoplpush,
    ..Command::BASE
}
.checked();

fn blmove(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let (take, put) = (super::end(ctx, 3)?, super::end(ctx, 4)?);
    move_one(ctx, take, put, 5)
}

fn brpoplpush(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    move_one(ctx, End::Right, End::Left, 3)
}

fn move_one(ctx: &mut Ctx<'_, '_>, take: End, put: End, timeout_at: usize) -> Result<(), Error> {
    let timeout = Timeout::seconds(ctx.args.at(timeout_at), ctx.now())?;
    let (from, to) = (ctx.keys[0], ctx.keys[1]);
    let wanted = |_: &Ctx<'_, '_>| Wanted::new(&[from], Kind::List).with_second(to);
    attempt_or_block(ctx, wanted, timeout, Move { take, to: to.to_owned_key(), put })
}

struct Move {
    take: End,
    to: OwnedKey,
    put: End,
}

impl Attempt for Move {
    fn in_vain(&self, reply: &mut Reply) {
        reply.null();
    }

    fn attempt(&self, view: &mut View<'_>, keys: Keys<'_>, reply: &mut Reply) -> Result<bool, Error> {
        let Some(look) = keys.looks(view).into_iter().next() else { return Ok(false) };
        let (_, from) = look?;
        Ok(super::move_one(view, reply, (from, self.take), (self.to.as_key(), self.put))?)
    }
}
