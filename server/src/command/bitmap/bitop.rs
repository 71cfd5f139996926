//! BITOP.

use scrubjay::types::bitmap::Operation;

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static BITOP: Command = Command {
    name: "bitop",
    summary: "Performs bitwise operations on multiple strings, and stores the result.",
    since: "2.6.0",
    complexity: "O(N)",
    arity: -4,
    flags: Flags::WRITE.or(Flags::DENYOOM),
    acl: Acl::BITMAP,
    keys: &[Key::at(2).ow().update(), Key::at(3).to(-1).ro().access()],
    args: &[
        Arg::one_of(
            "operation",
            &[
                Arg::pure_token("and", "AND"),
                Arg::pure_token("or", "OR"),
                Arg::pure_token("xor", "XOR"),
                Arg::pure_token("not", "NOT"),
            ],
        ),
        Arg::key("destkey"),
        Arg::key("key").key_spec(1).multiple(),
    ],
    handler: bitop,
    ..Command::BASE
}
.checked();

fn bitop(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let operation = match () {
        () if ctx.args.is(1, "AND") => Operation::And,
        () if ctx.args.is(1, "OR") => Operation::Or,
        () if ctx.args.is(1, "XOR") => Operation::Xor,
        () if ctx.args.is(1, "NOT") => Operation::Not,
        () => return Err(Error::Syntax),
    };
    if operation == Operation::Not && ctx.args.len() != 4 {
        return Err(Error::Text("ERR BITOP NOT must be called with a single source key."));
    }
    let (to, sources) = ctx.keys.split_first().expect("invariant: the declaration finds the destination");
    let len = ctx.view.bit_operation(*to, operation, sources)?;
    ctx.reply.count(len);
    Ok(())
}
