//! DELIFEQ.

use scrubjay::Lookup;
use scrubjay::shard::change::Event;

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static DELIFEQ: Command = Command {
    name: "delifeq",
    summary: "Delete key if value matches string.",
    since: "9.0.0",
    complexity: "O(1)",
    arity: 3,
    flags: Flags::WRITE.or(Flags::FAST),
    acl: Acl::STRING,
    keys: &[Key::at(1).rm().delete()],
    args: &[Arg::key("key"), Arg::string("value")],
    handler: delifeq,
    ..Command::BASE
}
.checked();

fn delifeq(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let key = ctx.key(1);
    let value = ctx.view.string(key, Lookup::Write)?;
    let equal = value.is_some_and(|value| *value == *ctx.args.at(2));
    if equal {
        ctx.view.remove(key, Event::Del);
    }
    ctx.reply.integer(i64::from(equal));
    Ok(())
}
