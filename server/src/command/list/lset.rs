//! LSET: another element at an index.

use scrubjay::Lookup;
use scrubjay::types::list::List;

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static LSET: Command = Command {
    name: "lset",
    summary: "Sets the value of an element in a list by its index.",
    since: "1.0.0",
    complexity: "O(N) where N is the length of the list. Setting either the first or the last element of \
        the list is O(1).",
    arity: 4,
    flags: Flags::WRITE.or(Flags::DENYOOM),
    acl: Acl::LIST,
    keys: &[Key::at(1).rw().update()],
    args: &[Arg::key("key"), Arg::integer("index"), Arg::string("element")],
    handler: lset,
    ..Command::BASE
}
.checked();

fn lset(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let key = ctx.key(1);
    // Whether there is a list comes before whether there is a number.
    ctx.view.read::<List>(key, Lookup::Peek)?.ok_or(Error::NoSuchKey)?;
    // Valkey keeps 32 bits of the index: the greatest number stands for the last element, as -1 does.
    let index = i64::from(ctx.args.integer(2)? as i32);
    match ctx.view.list_set(key, index, ctx.args.at(3))? {
        Some(true) => {
            ctx.reply.ok();
            Ok(())
        }
        Some(false) => Err(Error::Text("ERR index out of range")),
        None => Err(Error::NoSuchKey),
    }
}
