//! APPEND.

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static APPEND: Command = Command {
    name: "append",
    summary: "Appends a string to the value of a key. Creates the key if it doesn't exist.",
    since: "2.0.0",
    complexity: "O(1). The amortized time complexity is O(1) assuming the appended value is small and the \
        already present value is of any size, since the dynamic string library used by the server will \
        double the free space available on every reallocation.",
    arity: 3,
    flags: Flags::WRITE.or(Flags::DENYOOM).or(Flags::FAST),
    acl: Acl::STRING,
    keys: &[Key::at(1).rw().insert()],
    args: &[Arg::key("key"), Arg::string("value")],
    handler: append,
    ..Command::BASE
}
.checked();

fn append(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let key = ctx.key(1);
    let len = ctx.view.append(key, ctx.args.at(2), super::len_max(ctx))?;
    ctx.reply.count(len);
    Ok(())
}
