//! HGETDEL.

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static HGETDEL: Command = Command {
    name: "hgetdel",
    summary: "Returns the values of one or more fields and deletes them from a hash.",
    since: "9.1.0",
    redis: "8.0.0",
    complexity: "O(N) where N is the number of fields to be retrieved and deleted.",
    arity: -5,
    flags: Flags::WRITE.or(Flags::FAST),
    acl: Acl::HASH,
    keys: &[Key::at(1).rw().access().delete()],
    args: &[
        Arg::key("key"),
        Arg::block("fields", &[Arg::integer("numfields").key_spec(0), Arg::string("field").multiple()])
            .token("FIELDS"),
    ],
    handler: hgetdel,
    ..Command::BASE
}
.checked();

fn hgetdel(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let key = ctx.key(1);
    let fields = super::numbered(ctx.args, 2, super::MISNUMBERED)?;
    ctx.reply.array(fields.len());
    let mut left = fields.len();
    ctx.view.hash_take(key, fields, |value| {
        super::value_or_null(ctx.reply, value);
        left -= 1;
    })?;
    // Nothing is shown of a key that is not there.
    (0..left).for_each(|_| ctx.reply.null());
    Ok(())
}
