//! SINTER, SINTERSTORE and SINTERCARD.

use scrubjay::SetOperation;

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static SINTER: Command = Command {
    name: "sinter",
    summary: "Returns the intersect of multiple sets.",
    since: "1.0.0",
    complexity: "O(N*M) worst case where N is the cardinality of the smallest set and M is the number of \
        sets.",
    arity: -2,
    flags: Flags::READONLY,
    acl: Acl::SET,
    tips: &["nondeterministic_output_order"],
    keys: &[Key::at(1).to(-1).ro().access()],
    args: &[Arg::key("key").multiple()],
    handler: sinter,
    ..Command::BASE
}
.checked();

pub(super) static SINTERCARD: Command = Command {
    name: "sintercard",
    summary: "Returns the number of members of the intersect of multiple sets.",
    since: "7.0.0",
    complexity: "O(N*M) worst case where N is the cardinality of the smallest set and M is the number of \
        sets.",
    arity: -3,
    flags: Flags::READONLY,
    acl: Acl::SET,
    keys: &[Key::at(1).counted().ro().access()],
    args: &[
        Arg::integer("numkeys"),
        Arg::key("key").multiple(),
        Arg::integer("limit").token("LIMIT").optional(),
    ],
    handler: sintercard,
    ..Command::BASE
}
.checked();

pub(super) static SINTERSTORE: Command = Command {
    name: "sinterstore",
    summary: "Stores the intersect of multiple sets in a key.",
    since: "1.0.0",
    complexity: "O(N*M) worst case where N is the cardinality of the smallest set and M is the number of \
        sets.",
    arity: -3,
    flags: Flags::WRITE.or(Flags::DENYOOM),
    acl: Acl::SET,
    keys: &[Key::at(1).ow().update(), Key::at(2).to(-1).ro().access()],
    args: &[Arg::key("destination"), Arg::key("key").key_spec(1).multiple()],
    handler: sinterstore,
    ..Command::BASE
}
.checked();

fn sinter(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    super::combine(ctx, SetOperation::Intersection)
}

fn sinterstore(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    super::store(ctx, SetOperation::Intersection)
}

fn sintercard(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let count = match ctx.args.integer(1) {
        Ok(count @ 1..) => usize::try_from(count).unwrap_or(usize::MAX),
        _ => return Err(Error::Text("ERR numkeys should be greater than 0")),
    };
    if count > ctx.args.len() - 2 {
        return Err(Error::Text("ERR Number of keys can't be greater than number of args"));
    }
    let mut limit = usize::MAX;
    let mut at = 2 + count;
    while at < ctx.args.len() {
        if !ctx.args.is(at, "LIMIT") || at + 1 == ctx.args.len() {
            return Err(Error::Syntax);
        }
        limit = match ctx.args.integer(at + 1) {
            Ok(0) => usize::MAX,
            Ok(limit @ 1..) => usize::try_from(limit).unwrap_or(usize::MAX),
            _ => return Err(Error::Text("ERR LIMIT can't be negative")),
        };
        at += 2;
    }
    let common = ctx.view.set_common(ctx.keys, limit)?;
    ctx.reply.count(common);
    Ok(())
}
