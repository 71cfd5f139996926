//! PERSIST.

use scrubjay::Lookup;
use scrubjay::shard::change::Event;

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static PERSIST: Command = Command {
    name: "persist",
    summary: "Removes the expiration time of a key.",
    since: "2.2.0",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::WRITE.or(Flags::FAST),
    acl: Acl::KEYSPACE,
    keys: &[Key::at(1).rw().update()],
    args: &[Arg::key("key")],
    handler: persist,
    ..Command::BASE
}
.checked();

fn persist(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let key = ctx.key(1);
    let meta = ctx.view.meta(key, Lookup::Write);
    let volatile = meta.is_some_and(|meta| meta.deadline.is_some());
    let persisted = volatile && ctx.view.set_deadline(key, None, Event::Persist);
    ctx.reply.integer(persisted.into());
    Ok(())
}
