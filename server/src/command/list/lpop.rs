//! LPOP, RPOP: elements are taken off an end.

use scrubjay::End;

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;
use crate::resp::number;

pub(super) static LPOP: Command = Command {
    name: "lpop",
    summary: "Returns and removes one or more elements from the beginning of a list. Deletes the list if \
        the last element was popped.",
    since: "1.0.0",
    complexity: "O(N) where N is the number of elements returned",
    history: &[("6.2.0", "Added the `count` argument.")],
    arity: -2,
    flags: Flags::WRITE.or(Flags::FAST),
    acl: Acl::LIST,
    keys: &[Key::at(1).rw().access().delete()],
    args: &[Arg::key("key"), Arg::integer("count").since("6.2.0").optional()],
    handler: lpop,
    ..Command::BASE
}
.checked();

pub(super) static RPOP: Command = Command {
    name: "rpop",
    summary: "Returns and removes one or more elements from the end of a list. Deletes the list if the last \
        element was popped.",
    since: "1.0.0",
    complexity: "O(N) where N is the number of elements returned",
    history: &[("6.2.0", "Added the `count` argument.")],
    arity: -2,
    flags: Flags::WRITE.or(Flags::FAST),
    acl: Acl::LIST,
    keys: &[Key::at(1).rw().access().delete()],
    args: &[Arg::key("key"), Arg::integer("count").since("6.2.0").optional()],
    handler: rpop,
    ..Command::BASE
}
.checked();

fn lpop(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    pop(ctx, End::Left, "lpop")
}

fn rpop(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    pop(ctx, End::Right, "rpop")
}

fn pop(ctx: &mut Ctx<'_, '_>, end: End, name: &'static str) -> Result<(), Error> {
    let key = ctx.key(1);
    match ctx.args.len() {
        2 => {
            if !super::pop_one(ctx.view, ctx.reply, key, end)? {
                ctx.reply.null();
            }
        }
        3 => {
            let count = number::parse_i64(ctx.args.at(2)).and_then(|count| usize::try_from(count).ok());
            let count = count.ok_or(Error::Text("ERR value is out of range, must be positive"))?;
            if !super::pop_several(ctx.view, ctx.reply, key, end, count)? {
                ctx.reply.null_array();
            }
        }
        _ => return Err(Error::Arity(name.into())),
    }
    Ok(())
}
