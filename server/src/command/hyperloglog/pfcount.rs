//! PFCOUNT: a command that reads, and writes what it has found out into the key.

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key, MayWrite};
use crate::error::Error;

pub(super) static PFCOUNT: Command =
    Command {
        name: "pfcount",
        summary: "Returns the approximated cardinality of the set(s) observed by the HyperLogLog key(s).",
        since: "2.8.9",
        complexity: "O(1) with a very small average constant time when called with a single key. O(N) with N \
        being the number of keys, and much bigger constant times, when called with multiple keys.",
        arity: -2,
        flags: Flags::READONLY,
        acl: Acl::HYPERLOGLOG,
        keys: &[Key::at(1).to(-1).rw().access().note(
            "RW because it may change the internal representation of the key, and propagate to replicas",
        )],
        args: &[Arg::key("key").multiple()],
        may_write: MayWrite::Yes,
        handler: pfcount,
        ..Command::BASE
    }
    .checked();

fn pfcount(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let count = ctx.view.hll_count(ctx.keys)?;
    // What does not fit comes out as it would of C: a string that a client made can claim any count.
    ctx.reply.integer(count as i64);
    Ok(())
}
