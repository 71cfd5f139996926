//! HINCRBY, and HINCRBYFLOAT, whose sums have the bits of C's long double.

use scrubjay::types::long_double::LongDouble;

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static HINCRBY: Command = Command {
    name: "hincrby",
    summary: "Increments the integer value of a field in a hash by a number. Uses 0 as initial value if the \
        field doesn't exist.",
    since: "2.0.0",
    complexity: "O(1)",
    arity: 4,
    flags: Flags::WRITE.or(Flags::DENYOOM).or(Flags::FAST),
    acl: Acl::HASH,
    keys: &[Key::at(1).rw().access().update()],
    member: 2,
    args: &[Arg::key("key"), Arg::string("field"), Arg::integer("increment")],
    handler: hincrby,
    ..Command::BASE
}
.checked();

fn hincrby(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let by = ctx.args.integer(3)?;
    let sum = ctx.view.hash_increment(ctx.key(1), ctx.args.at(2), by)?;
    ctx.reply.integer(sum);
    Ok(())
}

pub(super) static HINCRBYFLOAT: Command = Command {
    name: "hincrbyfloat",
    summary: "Increments the floating point value of a field by a number. Uses 0 as initial value if the \
        field doesn't exist.",
    since: "2.6.0",
    complexity: "O(1)",
    arity: 4,
    flags: Flags::WRITE.or(Flags::DENYOOM).or(Flags::FAST),
    acl: Acl::HASH,
    keys: &[Key::at(1).rw().access().update()],
    member: 2,
    args: &[Arg::key("key"), Arg::string("field"), Arg::double("increment")],
    handler: hincrbyfloat,
    ..Command::BASE
}
.checked();

fn hincrbyfloat(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let by = LongDouble::parse(ctx.args.at(3)).ok_or(Error::NotFloat)?;
    if !by.is_finite() {
        return Err(Error::Text("ERR value is NaN or Infinity"));
    }
    let sum = ctx.view.hash_increment_float(ctx.key(1), ctx.args.at(2), by)?;
    ctx.reply.bulk(sum);
    Ok(())
}
