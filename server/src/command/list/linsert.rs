//! LINSERT: an element beside another.

use scrubjay::Side;

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static LINSERT: Command = Command {
    name: "linsert",
    summary: "Inserts an element before or after another element in a list.",
    since: "2.2.0",
    complexity: "O(N) where N is the number of elements to traverse before seeing the value pivot. This \
        means that inserting somewhere on the left end on the list (head) can be considered O(1) and \
        inserting somewhere on the right end (tail) is O(N).",
    arity: 5,
    flags: Flags::WRITE.or(Flags::DENYOOM),
    acl: Acl::LIST,
    keys: &[Key::at(1).rw().insert()],
    args: &[
        Arg::key("key"),
        Arg::one_of("where", &[Arg::pure_token("before", "BEFORE"), Arg::pure_token("after", "AFTER")]),
        Arg::string("pivot"),
        Arg::string("element"),
    ],
    handler: linsert,
    ..Command::BASE
}
.checked();

fn linsert(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let side = match () {
        () if ctx.args.is(2, "after") => Side::After,
        () if ctx.args.is(2, "before") => Side::Before,
        () => return Err(Error::Syntax),
    };
    let inserted = ctx.view.list_insert(ctx.key(1), ctx.args.at(3), side, ctx.args.at(4))?;
    match inserted {
        Some(Some(len)) => ctx.reply.count(len),
        Some(None) => ctx.reply.integer(-1),
        None => ctx.reply.integer(0),
    }
    Ok(())
}
