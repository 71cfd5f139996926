//! PFMERGE.

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static PFMERGE: Command = Command {
    name: "pfmerge",
    summary: "Merges one or more HyperLogLog values into a single key.",
    since: "2.8.9",
    complexity: "O(N) to merge N HyperLogLogs, but with high constant times.",
    arity: -2,
    flags: Flags::WRITE.or(Flags::DENYOOM),
    acl: Acl::HYPERLOGLOG,
    keys: &[Key::at(1).rw().access().insert(), Key::at(2).to(-1).ro().access()],
    args: &[Arg::key("destkey"), Arg::key("sourcekey").key_spec(1).optional().multiple()],
    handler: pfmerge,
    ..Command::BASE
}
.checked();

fn pfmerge(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let (to, sources) = ctx.keys.split_first().expect("invariant: the declaration finds the destination");
    ctx.view.hll_merge(*to, sources)?;
    ctx.reply.ok();
    Ok(())
}
