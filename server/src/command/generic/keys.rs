//! KEYS.

use std::ops::ControlFlow;

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Locks};
use crate::error::Error;
use crate::glob::{self, Case};

pub(super) static KEYS: Command = Command {
    name: "keys",
    summary: "Returns all key names that match a pattern.",
    since: "1.0.0",
    complexity: "O(N) with N being the number of keys in the database, under the assumption that the key \
        names in the database and the given pattern have limited length.",
    arity: 2,
    flags: Flags::READONLY,
    acl: Acl::KEYSPACE.or(Acl::DANGEROUS),
    tips: &["request_policy:all_shards", "nondeterministic_output_order"],
    args: &[Arg::pattern("pattern")],
    // The answer is the keyspace of one moment.
    locks: Locks::All,
    handler: keys,
    ..Command::BASE
}
.checked();

fn keys(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let pattern = ctx.args.at(1);
    let Ctx { view, reply, session, .. } = ctx;
    let header = reply.defer_array();
    let mut count = 0;
    view.for_each_key(session.db, |key, _| {
        if pattern == b"*" || glob::matches(pattern, key, Case::Sensitive) {
            reply.bulk(key);
            count += 1;
        }
        ControlFlow::Continue(())
    });
    reply.fill(header, count);
    Ok(())
}
