//! SMEMBERS.

use scrubjay::Lookup;

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static SMEMBERS: Command = Command {
    name: "smembers",
    summary: "Returns all members of a set.",
    since: "1.0.0",
    complexity: "O(N) where N is the set cardinality.",
    arity: 2,
    flags: Flags::READONLY,
    acl: Acl::SET,
    tips: &["nondeterministic_output_order"],
    keys: &[Key::at(1).ro().access()],
    args: &[Arg::key("key")],
    handler: smembers,
    ..Command::BASE
}
.checked();

fn smembers(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    match ctx.view.set_at(ctx.key(1), Lookup::Read)? {
        Some(set) => {
            ctx.reply.set(set.len());
            set.for_each(|member| super::bulk(ctx.reply, member));
        }
        None => ctx.reply.set(0),
    }
    Ok(())
}
