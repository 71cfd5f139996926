//! HPERSIST.

use scrubjay::FieldPersist;

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static HPERSIST: Command = Command {
    name: "hpersist",
    summary: "Remove the existing expiration on a hash key's field(s).",
    since: "9.0.0",
    redis: "7.4.0",
    complexity: "O(N) where N is the number of specified fields.",
    arity: -5,
    flags: Flags::WRITE.or(Flags::FAST),
    acl: Acl::HASH,
    keys: &[Key::at(1).rw().update()],
    args: &[
        Arg::key("key"),
        Arg::block("fields", &[Arg::integer("numfields").key_spec(0), Arg::string("field").multiple()])
            .token("FIELDS"),
    ],
    handler: hpersist,
    ..Command::BASE
}
.checked();

fn hpersist(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let key = ctx.key(1);
    let fields = super::numbered(ctx.args, 2, super::MISNUMBERED)?;
    ctx.reply.array(fields.len());
    let mut left = fields.len();
    ctx.view.hash_persist(key, fields, |outcome| {
        ctx.reply.integer(match outcome {
            FieldPersist::Missing => -2,
            FieldPersist::HadNone => -1,
            FieldPersist::Done => 1,
        });
        left -= 1;
    })?;
    // Nothing is shown of a key that is not there.
    (0..left).for_each(|_| ctx.reply.integer(-2));
    Ok(())
}
