//! PFADD.

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static PFADD: Command = Command {
    name: "pfadd",
    summary: "Adds elements to a HyperLogLog key. Creates the key if it doesn't exist.",
    since: "2.8.9",
    complexity: "O(1) to add every element.",
    arity: -2,
    flags: Flags::WRITE.or(Flags::DENYOOM).or(Flags::FAST),
    acl: Acl::HYPERLOGLOG,
    keys: &[Key::at(1).rw().insert()],
    args: &[Arg::key("key"), Arg::string("element").optional().multiple()],
    handler: pfadd,
    ..Command::BASE
}
.checked();

fn pfadd(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let key = ctx.key(1);
    let changed = ctx.view.hll_add(key, ctx.args.iter().skip(2))?;
    ctx.reply.integer(i64::from(changed));
    Ok(())
}
