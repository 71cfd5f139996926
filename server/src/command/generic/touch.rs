//! TOUCH.

use scrubjay::Lookup;

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static TOUCH: Command = Command {
    name: "touch",
    summary: "Returns the number of existing keys out of those specified after updating the time they were \
        last accessed.",
    since: "3.2.1",
    complexity: "O(N) where N is the number of keys that will be touched.",
    arity: -2,
    flags: Flags::READONLY.or(Flags::FAST),
    acl: Acl::KEYSPACE,
    tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
    keys: &[Key::at(1).to(-1).ro()],
    args: &[Arg::key("key").multiple()],
    handler: touch,
    ..Command::BASE
}
.checked();

fn touch(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    // Under CLIENT NO-TOUCH too: it is what TOUCH is for.
    ctx.view.set_touches(true);
    let there = ctx.keys.iter().filter(|key| ctx.view.exists(**key, Lookup::Read)).count();
    ctx.reply.count(there);
    Ok(())
}
