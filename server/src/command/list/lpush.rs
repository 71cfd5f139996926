//! LPUSH, RPUSH, LPUSHX, RPUSHX: elements are put at an end.

use scrubjay::{End, Missing};

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static LPUSH: Command = Command {
    name: "lpush",
    summary: "Prepends one or more elements to a list. Creates the key if it doesn't exist.",
    since: "1.0.0",
    complexity: "O(1) for each element added, so O(N) to add N elements when the command is called with \
        multiple arguments.",
    history: &[("2.4.0", "Accepts multiple `element` arguments.")],
    arity: -3,
    flags: Flags::WRITE.or(Flags::DENYOOM).or(Flags::FAST),
    acl: Acl::LIST,
    keys: &[Key::at(1).rw().insert()],
    args: &[Arg::key("key"), Arg::string("element").multiple()],
    handler: lpush,
    ..Command::BASE
}
.checked();

pub(super) static LPUSHX: Command = Command {
    name: "lpushx",
    summary: "Prepends one or more elements to a list only when the list exists.",
    since: "2.2.0",
    complexity: "O(1) for each element added, so O(N) to add N elements when the command is called with \
        multiple arguments.",
    history: &[("4.0.0", "Accepts multiple `element` arguments.")],
    arity: -3,
    flags: Flags::WRITE.or(Flags::DENYOOM).or(Flags::FAST),
    acl: Acl::LIST,
    keys: &[Key::at(1).rw().insert()],
    args: &[Arg::key("key"), Arg::string("element").multiple()],
    handler: lpushx,
    ..Command::BASE
}
.checked();

pub(super) static RPUSH: Command = Command {
    name: "rpush",
    summary: "Appends one or more elements to a list. Creates the key if it doesn't exist.",
    since: "1.0.0",
    complexity: "O(1) for each element added, so O(N) to add N elements when the command is called with \
        multiple arguments.",
    history: &[("2.4.0", "Accepts multiple `element` arguments.")],
    arity: -3,
    flags: Flags::WRITE.or(Flags::DENYOOM).or(Flags::FAST),
    acl: Acl::LIST,
    keys: &[Key::at(1).rw().insert()],
    args: &[Arg::key("key"), Arg::string("element").multiple()],
    handler: rpush,
    ..Command::BASE
}
.checked();

pub(super) static RPUSHX: Command = Command {
    name: "rpushx",
    summary: "Appends one or more elements to a list only when the list exists.",
    since: "2.2.0",
    complexity: "O(1) for each element added, so O(N) to add N elements when the command is called with \
        multiple arguments.",
    history: &[("4.0.0", "Accepts multiple `element` arguments.")],
    arity: -3,
    flags: Flags::WRITE.or(Flags::DENYOOM).or(Flags::FAST),
    acl: Acl::LIST,
    keys: &[Key::at(1).rw().insert()],
    args: &[Arg::key("key"), Arg::string("element").multiple()],
    handler: rpushx,
    ..Command::BASE
}
.checked();

fn lpush(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    push(ctx, End::Left, Missing::Create)
}

fn rpush(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    push(ctx, End::Right, Missing::Create)
}

fn lpushx(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    push(ctx, End::Left, Missing::Skip)
}

fn rpushx(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    push(ctx, End::Right, Missing::Skip)
}

fn push(ctx: &mut Ctx<'_, '_>, end: End, missing: Missing) -> Result<(), Error> {
    let args = ctx.args;
    let elements = (2..args.len()).map(|index| args.at(index));
    let len = ctx.view.list_push(ctx.key(1), end, elements, missing)?;
    ctx.reply.count(len.unwrap_or(0));
    Ok(())
}
