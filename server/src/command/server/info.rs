//! INFO. What it says is in [`crate::observe::info`].

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Locks};
use crate::error::Error;
use crate::observe;

pub(super) static INFO: Command = Command {
    name: "info",
    summary: "Returns information and statistics about the server.",
    since: "1.0.0",
    complexity: "O(1)",
    history: &[("7.0.0", "Added support for taking multiple section arguments.")],
    arity: -1,
    flags: Flags::LOADING.or(Flags::STALE),
    acl: Acl::DANGEROUS,
    tips: &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
    args: &[Arg::string("section").optional().multiple()],
    locks: Locks::Walk,
    handler: info,
    ..Command::BASE
}
.checked();

fn info(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let names: Vec<&[u8]> = ctx.args.skip(1).iter().collect();
    let text = observe::info::text(ctx.shared, ctx.view, &names);
    ctx.reply.verbatim(*b"txt", text);
    Ok(())
}
