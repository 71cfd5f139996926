//! LRANGE: a run of elements.

use scrubjay::Lookup;
use scrubjay::types::list::{List, range_of};

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static LRANGE: Command = Command {
    name: "lrange",
    summary: "Returns a range of elements from a list.",
    since: "1.0.0",
    complexity: "O(S+N) where S is the distance of start offset from HEAD for small lists, from nearest end \
        (HEAD or TAIL) for large lists; and N is the number of elements in the specified range.",
    arity: 4,
    flags: Flags::READONLY,
    acl: Acl::LIST,
    keys: &[Key::at(1).ro().access()],
    args: &[Arg::key("key"), Arg::integer("start"), Arg::integer("stop")],
    handler: lrange,
    ..Command::BASE
}
.checked();

fn lrange(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let key = ctx.key(1);
    let (start, stop) = (ctx.args.integer(2)?, ctx.args.integer(3)?);
    let Some(list) = ctx.view.read::<List>(key, Lookup::Read)? else {
        ctx.reply.array(0);
        return Ok(());
    };
    let (start, count) = range_of(start, stop, list.len());
    ctx.reply.array(count);
    list.for_each(start, count, |element| super::bulk(ctx.reply, element));
    Ok(())
}
