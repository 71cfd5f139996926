//! SWAPDB: exchanges two databases for everybody.

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Locks};
use crate::error::Error;

pub(super) static SWAPDB: Command = Command {
    name: "swapdb",
    summary: "Swaps two databases.",
    since: "4.0.0",
    complexity: "O(N) where N is the count of clients watching or blocking on keys from both databases.",
    arity: 3,
    flags: Flags::WRITE.or(Flags::FAST),
    acl: Acl::KEYSPACE.or(Acl::DANGEROUS),
    args: &[Arg::integer("index1"), Arg::integer("index2")],
    locks: Locks::All,
    handler: swapdb,
    ..Command::BASE
}
.checked();

fn swapdb(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    // Both are read before either is looked up.
    let index = |at, error| ctx.args.integer(at).ok().and_then(|n| i32::try_from(n).ok()).ok_or(error);
    let first = index(1, Error::Text("ERR invalid first DB index"))?;
    let second = index(2, Error::Text("ERR invalid second DB index"))?;
    let databases = ctx.shared.store.databases();
    let database = |index| u16::try_from(index).ok().filter(|db| *db < databases);
    let (Some(first), Some(second)) = (database(first), database(second)) else {
        return Err(Error::Text("ERR DB index is out of range"));
    };
    if first != second {
        ctx.view.swap(first, second);
    }
    ctx.reply.ok();
    Ok(())
}
