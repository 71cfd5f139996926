//! BITFIELD, and BITFIELD_RO, which only reads.

use scrubjay::types::bitmap::{FieldAction, FieldStep, Overflow, Width};
use smallvec::SmallVec;

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;
use crate::resp::number;

pub(super) static BITFIELD: Command = Command {
    name: "bitfield",
    summary: "Performs arbitrary bitfield integer operations on strings.",
    since: "3.2.0",
    complexity: "O(1) for each subcommand specified",
    arity: -2,
    flags: Flags::WRITE.or(Flags::DENYOOM),
    acl: Acl::BITMAP,
    keys: &[Key::at(1)
        .rw()
        .access()
        .update()
        .variable_flags()
        .note("This command allows both access and modification of the key")],
    args: &[
        Arg::key("key"),
        Arg::one_of(
            "operation",
            &[
                Arg::block("get-block", &[Arg::string("encoding"), Arg::integer("offset")]).token("GET"),
                Arg::block(
                    "write",
                    &[
                        Arg::one_of(
                            "overflow-block",
                            &[
                                Arg::pure_token("wrap", "WRAP"),
                                Arg::pure_token("sat", "SAT"),
                                Arg::pure_token("fail", "FAIL"),
                            ],
                        )
                        .token("OVERFLOW")
                        .optional(),
                        Arg::one_of(
                            "write-operation",
                            &[
                                Arg::block(
                                    "set-block",
                                    &[Arg::string("encoding"), Arg::integer("offset"), Arg::integer("value")],
                                )
                                .token("SET"),
                                Arg::block(
                                    "incrby-block",
                                    &[
                                        Arg::string("encoding"),
                                        Arg::integer("offset"),
                                        Arg::integer("increment"),
                                    ],
                                )
                                .token("INCRBY"),
                            ],
                        ),
                    ],
                ),
            ],
        )
        .optional()
        .multiple(),
    ],
    handler: bitfield,
    ..Command::BASE
}
.checked();

pub(super) static BITFIELD_RO: Command = Command {
    name: "bitfield_ro",
    summary: "Performs arbitrary read-only bitfield integer operations on strings.",
    since: "6.0.0",
    complexity: "O(1) for each subcommand specified",
    arity: -2,
    flags: Flags::READONLY.or(Flags::FAST),
    acl: Acl::BITMAP,
    keys: &[Key::at(1).ro().access()],
    args: &[
        Arg::key("key"),
        Arg::block("get-block", &[Arg::string("encoding"), Arg::integer("offset")])
            .token("GET")
            .optional()
            .multiple()
            .multiple_token(),
    ],
    handler: bitfield_ro,
    ..Command::BASE
}
.checked();

fn bitfield(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let steps = steps(ctx)?;
    run(ctx, &steps)
}

fn bitfield_ro(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let steps = steps(ctx)?;
    if steps.iter().any(|step| step.action != FieldAction::Get) {
        return Err(Error::Text("ERR BITFIELD_RO only supports the GET subcommand"));
    }
    run(ctx, &steps)
}

fn run(ctx: &mut Ctx<'_, '_>, steps: &[FieldStep]) -> Result<(), Error> {
    let key = ctx.key(1);
    let reply = &mut *ctx.reply;
    reply.array(steps.len());
    ctx.view.bit_fields(key, steps, |result| match result {
        Some(value) => reply.integer(value),
        None => reply.null(),
    })?;
    Ok(())
}

/// Reads the subcommands: what was read up to a mistake counts for nothing.
fn steps(ctx: &Ctx<'_, '_>) -> Result<SmallVec<[FieldStep; 4]>, Error> {
    let args = ctx.args;
    let mut steps = SmallVec::new();
    let mut overflow = Overflow::default();
    let mut index = 2;
    while index < args.len() {
        let left = args.len() - index - 1;
        if args.is(index, "OVERFLOW") && left >= 1 {
            overflow = match () {
                () if args.is(index + 1, "WRAP") => Overflow::Wrap,
                () if args.is(index + 1, "SAT") => Overflow::Saturate,
                () if args.is(index + 1, "FAIL") => Overflow::Fail,
                () => return Err(Error::Text("ERR Invalid OVERFLOW type specified")),
            };
            index += 2;
            continue;
        }
        let (action, words): (fn(i64, Overflow) -> FieldAction, usize) = match () {
            () if args.is(index, "GET") && left >= 2 => (|_, _| FieldAction::Get, 3),
            () if args.is(index, "SET") && left >= 3 => (FieldAction::Set, 4),
            () if args.is(index, "INCRBY") && left >= 3 => (FieldAction::Increment, 4),
            () => return Err(Error::Syntax),
        };
        let width = width(args.at(index + 1))?;
        let offset = super::offset(ctx, args.at(index + 2), Some(width.bits()))?;
        let number = if words == 4 { args.integer(index + 3)? } else { 0 };
        steps.push(FieldStep { width, offset, action: action(number, overflow) });
        index += words;
    }
    Ok(steps)
}

/// `i1` to `i64`, `u1` to `u63`.
fn width(arg: &[u8]) -> Result<Width, Error> {
    let (signed, bits) = match arg {
        [b'i', bits @ ..] => (true, bits),
        [b'u', bits @ ..] => (false, bits),
        _ => (true, &b""[..]),
    };
    let bits = number::parse_u64(bits).and_then(|bits| u32::try_from(bits).ok());
    bits.and_then(|bits| Width::new(signed, bits)).ok_or(Error::Text(
        "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.",
    ))
}
