//! LINDEX: one element.

use bytes::Bytes;
use scrubjay::Lookup;
use scrubjay::types::list::List;

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static LINDEX: Command = Command {
    name: "lindex",
    summary: "Returns an element from a list by its index.",
    since: "1.0.0",
    complexity: "O(N) where N is the number of elements to traverse to get to the element at index. This \
        makes asking for the first or the last element of the list O(1).",
    arity: 3,
    flags: Flags::READONLY,
    acl: Acl::LIST,
    keys: &[Key::at(1).ro().access()],
    args: &[Arg::key("key"), Arg::integer("index")],
    handler: lindex,
    ..Command::BASE
}
.checked();

fn lindex(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let key = ctx.key(1);
    // Whether there is a list comes before whether there is a number.
    let Some(list) = ctx.view.read::<List>(key, Lookup::Read)? else {
        ctx.reply.null();
        return Ok(());
    };
    let index = ctx.args.integer(2)?;
    if let Some(shared) = list.shared(index) {
        ctx.reply.bulk_shared(Bytes::from_owner(shared.clone()));
    } else if list.with(index, |element| super::bulk(ctx.reply, element)).is_none() {
        ctx.reply.null();
    }
    Ok(())
}
