//! MOVE.

use scrubjay::Lookup;
use scrubjay::shard::change::Event;

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static MOVE: Command = Command {
    name: "move",
    summary: "Moves a key to another database.",
    since: "1.0.0",
    complexity: "O(1)",
    arity: 3,
    flags: Flags::WRITE.or(Flags::FAST),
    acl: Acl::KEYSPACE,
    keys: &[Key::at(1).rw().access().update()],
    args: &[Arg::key("key"), Arg::integer("db")],
    handler: move_key,
    ..Command::BASE
}
.checked();

fn move_key(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let db = ctx.database(2)?;
    let from = ctx.key(1);
    let to = from.in_db(db);
    if from == to {
        return Err(Error::SameObject);
    }
    let moved = ctx.view.exists(from, Lookup::Write)
        && !ctx.view.exists(to, Lookup::Write)
        && ctx.view.transfer(from, to, (Event::MoveFrom, Event::MoveTo));
    ctx.reply.integer(moved.into());
    Ok(())
}
