//! XRANGE, XREVRANGE: the entries of a range of ids.

use scrubjay::Lookup;

use super::entries;
use super::ids::{self, End};
use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static XRANGE: Command = Command {
    name: "xrange",
    summary: "Returns the messages from a stream within a range of IDs.",
    since: "5.0.0",
    complexity: "O(N) with N being the number of elements being returned. If N is constant (e.g. always \
        asking for the first 10 elements with COUNT), you can consider it O(1).",
    history: &[("6.2.0", "Added exclusive ranges.")],
    arity: -4,
    flags: Flags::READONLY,
    acl: Acl::STREAM,
    keys: &[Key::at(1).ro().access()],
    args: &[
        Arg::key("key"),
        Arg::string("start"),
        Arg::string("end"),
        Arg::integer("count").token("COUNT").optional(),
    ],
    handler: xrange,
    ..Command::BASE
}
.checked();

pub(super) static XREVRANGE: Command = Command {
    name: "xrevrange",
    summary: "Returns the messages from a stream within a range of IDs in reverse order.",
    since: "5.0.0",
    complexity: "O(N) with N being the number of elements returned. If N is constant (e.g. always asking \
        for the first 10 elements with COUNT), you can consider it O(1).",
    history: &[("6.2.0", "Added exclusive ranges.")],
    arity: -4,
    flags: Flags::READONLY,
    acl: Acl::STREAM,
    keys: &[Key::at(1).ro().access()],
    args: &[
        Arg::key("key"),
        Arg::string("end"),
        Arg::string("start"),
        Arg::integer("count").token("COUNT").optional(),
    ],
    handler: xrevrange,
    ..Command::BASE
}
.checked();

/// Which way the entries come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Forward,
    Back,
}

fn xrange(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    range(ctx, Way::Forward)
}

fn xrevrange(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    range(ctx, Way::Back)
}

fn range(ctx: &mut Ctx<'_, '_>, way: Way) -> Result<(), Error> {
    let (key, args) = (ctx.key(1), ctx.args);
    let (from, to) = if way == Way::Forward { (2, 3) } else { (3, 2) };
    let from = ids::bound(args.at(from), End::First)?;
    let to = ids::bound(args.at(to), End::Last)?;
    let (mut count, mut index) = (u64::MAX, 4);
    while index < args.len() {
        if !args.is(index, "COUNT") || index + 1 >= args.len() {
            return Err(Error::Syntax);
        }
        count = u64::try_from(args.integer(index + 1)?).unwrap_or(0);
        index += 2;
    }
    match ctx.view.stream(key, Lookup::Read)? {
        None => ctx.reply.array(0),
        Some(_) if count == 0 => ctx.reply.null_array(),
        Some(stream) => {
            match way {
                Way::Forward => entries::entries(ctx.reply, stream.range(from, to), count),
                Way::Back => entries::entries(ctx.reply, stream.range_back(from, to), count),
            };
        }
    }
    Ok(())
}
