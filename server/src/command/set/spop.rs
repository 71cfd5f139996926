//! SPOP.

use scrubjay::Lookup;

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static SPOP: Command = Command {
    name: "spop",
    summary: "Returns one or more random members from a set after removing them. Deletes the set if the \
        last member was popped.",
    since: "1.0.0",
    complexity: "Without the count argument O(1), otherwise O(N) where N is the value of the passed count.",
    history: &[("3.2.0", "Added the `count` argument.")],
    arity: -2,
    flags: Flags::WRITE.or(Flags::FAST),
    acl: Acl::SET,
    tips: &["nondeterministic_output"],
    keys: &[Key::at(1).rw().access().delete()],
    args: &[Arg::key("key"), Arg::integer("count").since("3.2.0").optional()],
    handler: spop,
    ..Command::BASE
}
.checked();

fn spop(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let key = ctx.key(1);
    match ctx.args.len() {
        2 => {
            let popped = ctx.view.set_pop(key, |member| super::bulk(ctx.reply, member))?;
            if popped.is_none() {
                ctx.reply.null();
            }
        }
        3 => {
            let count = ctx.args.integer(2).ok().and_then(|count| u64::try_from(count).ok());
            let count = count.ok_or(Error::Text("ERR value is out of range, must be positive"))?;
            let count = usize::try_from(count).unwrap_or(usize::MAX);
            let len = ctx.view.set_at(key, Lookup::Peek)?.map_or(0, |set| set.len());
            ctx.reply.set(count.min(len));
            ctx.view.set_pop_many(key, count, |member| super::bulk(ctx.reply, member))?;
        }
        _ => return Err(Error::Syntax),
    }
    Ok(())
}
