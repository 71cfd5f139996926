//! SADD.

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static SADD: Command = Command {
    name: "sadd",
    summary: "Adds one or more members to a set. Creates the key if it doesn't exist.",
    since: "1.0.0",
    complexity: "O(1) for each element added, so O(N) to add N elements when the command is called with \
        multiple arguments.",
    history: &[("2.4.0", "Accepts multiple `member` arguments.")],
    arity: -3,
    flags: Flags::WRITE.or(Flags::DENYOOM).or(Flags::FAST),
    acl: Acl::SET,
    keys: &[Key::at(1).rw().insert()],
    member: 2,
    args: &[Arg::key("key"), Arg::string("member").multiple()],
    handler: sadd,
    ..Command::BASE
}
.checked();

fn sadd(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let added = ctx.view.set_add(ctx.key(1), ctx.args.iter().skip(2))?;
    ctx.reply.count(added);
    Ok(())
}
