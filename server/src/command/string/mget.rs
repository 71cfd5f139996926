//! MGET.

use scrubjay::{Lookup, WrongType};

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static MGET: Command = Command {
    name: "mget",
    summary: "Atomically returns the string values of one or more keys.",
    since: "1.0.0",
    complexity: "O(N) where N is the number of keys to retrieve.",
    arity: -2,
    flags: Flags::READONLY.or(Flags::FAST),
    acl: Acl::STRING,
    tips: &["request_policy:multi_shard"],
    keys: &[Key::at(1).to(-1).ro().access()],
    args: &[Arg::key("key").multiple()],
    handler: mget,
    ..Command::BASE
}
.checked();

fn mget(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    ctx.reply.array(ctx.keys.len());
    for &key in ctx.keys {
        match ctx.view.string(key, Lookup::Read) {
            Ok(Some(value)) => super::bulk(ctx.reply, &value, ..),
            // What is no string has no value here.
            Ok(None) | Err(WrongType) => ctx.reply.null(),
        }
    }
    Ok(())
}
