//! GETRANGE, and SUBSTR, its old name.

use std::ops::Range;

use scrubjay::Lookup;

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static GETRANGE: Command = Command {
    name: "getrange",
    summary: "Returns a substring of the string stored at a key.",
    since: "2.4.0",
    complexity: "O(N) where N is the length of the returned string. The complexity is ultimately determined \
        by the returned length, but because creating a substring from an existing string is very cheap, it \
        can be considered O(1) for small strings.",
    arity: 4,
    flags: Flags::READONLY,
    acl: Acl::STRING,
    keys: &[Key::at(1).ro().access()],
    args: &[Arg::key("key"), Arg::integer("start"), Arg::integer("end")],
    handler: getrange,
    ..Command::BASE
}
.checked();

pub(super) static SUBSTR: Command = Command {
    name: "substr",
    summary: "Returns a substring from a string value.",
    since: "1.0.0",
    complexity: "O(N) where N is the length of the returned string. The complexity is ultimately determined \
        by the returned length, but because creating a substring from an existing string is very cheap, it \
        can be considered O(1) for small strings.",
    arity: 4,
    flags: Flags::READONLY,
    acl: Acl::STRING,
    keys: &[Key::at(1).ro().access()],
    args: &[Arg::key("key"), Arg::integer("start"), Arg::integer("end")],
    handler: getrange,
    ..Command::BASE
}
.checked();

fn getrange(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let key = ctx.key(1);
    let (start, end) = (ctx.args.integer(2)?, ctx.args.integer(3)?);
    match ctx.view.string(key, Lookup::Read)? {
        Some(value) => super::bulk(ctx.reply, &value, range(start, end, value.len())),
        None => ctx.reply.bulk(""),
    }
    Ok(())
}

/// The bytes from `start` to `end`, both counted from the string's end when they are negative, and both
/// within it.
fn range(start: i64, end: i64, len: usize) -> Range<usize> {
    let from_end = |index: i64| match usize::try_from(index) {
        Ok(index) => index,
        Err(_) => len.saturating_sub(usize::try_from(index.unsigned_abs()).unwrap_or(usize::MAX)),
    };
    if start < 0 && end < 0 && start > end {
        return 0..0;
    }
    // An end before the first byte stands for the first byte, as in Valkey.
    let (start, end) = (from_end(start), from_end(end).saturating_add(1).min(len));
    if start < end { start..end } else { 0..0 }
}
