//! HMGET.

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static HMGET: Command = Command {
    name: "hmget",
    summary: "Returns the values of all fields in a hash.",
    since: "2.0.0",
    complexity: "O(N) where N is the number of fields being requested.",
    arity: -3,
    flags: Flags::READONLY.or(Flags::FAST),
    acl: Acl::HASH,
    keys: &[Key::at(1).ro().access()],
    member: 2,
    args: &[Arg::key("key"), Arg::string("field").multiple()],
    handler: hmget,
    ..Command::BASE
}
.checked();

fn hmget(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let (key, now) = (ctx.key(1), ctx.now());
    let hash = ctx.view.hash(key)?;
    let fields = super::fields(ctx.args, 2);
    ctx.reply.array(fields.len());
    for field in fields {
        super::value_or_null(ctx.reply, hash.and_then(|hash| hash.get(field, now)));
    }
    Ok(())
}
