//! LMOVE, RPOPLPUSH: an element goes from an end of one list to an end of another, or of the same.

use scrubjay::End;

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static LMOVE: Command = Command {
    name: "lmove",
    summary: "Returns an element after popping it from one list and pushing it to another. Deletes the list \
        if the last element was moved.",
    since: "6.2.0",
    complexity: "O(1)",
    arity: 5,
    flags: Flags::WRITE.or(Flags::DENYOOM),
    acl: Acl::LIST,
    keys: &[Key::at(1).rw().access().delete(), Key::at(2).rw().insert()],
    args: &[
        Arg::key("source"),
        Arg::key("destination").key_spec(1),
        Arg::one_of("wherefrom", &[Arg::pure_token("left", "LEFT"), Arg::pure_token("right", "RIGHT")]),
        Arg::one_of("whereto", &[Arg::pure_token("left", "LEFT"), Arg::pure_token("right", "RIGHT")]),
    ],
    handler: lmove,
    ..Command::BASE
}
.checked();

pub(super) static RPOPLPUSH: Command = Command {
    name: "rpoplpush",
    summary: "Returns the last element of a list after removing and pushing it to another list. Deletes the \
        list if the last element was popped.",
    since: "1.2.0",
    complexity: "O(1)",
    arity: 3,
    flags: Flags::WRITE.or(Flags::DENYOOM),
    acl: Acl::LIST,
    keys: &[Key::at(1).rw().access().delete(), Key::at(2).rw().insert()],
    args: &[Arg::key("source"), Arg::key("destination").key_spec(1)],
    handler: rpoplpush,
    ..Command::BASE
}
.checked();

fn lmove(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let ends = (super::end(ctx, 3)?, super::end(ctx, 4)?);
    move_between(ctx, ends)
}

fn rpoplpush(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    move_between(ctx, (End::Right, End::Left))
}

fn move_between(ctx: &mut Ctx<'_, '_>, (take, put): (End, End)) -> Result<(), Error> {
    let (from, to) = (ctx.key(1), ctx.key(2));
    if !super::move_one(ctx.view, ctx.reply, (from, take), (to, put))? {
        ctx.reply.null();
    }
    Ok(())
}
