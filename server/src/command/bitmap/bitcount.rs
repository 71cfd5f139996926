//! BITCOUNT.

use scrubjay::Lookup;
use scrubjay::types::bitmap;

use super::Span;
use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Form, Key};
use crate::error::Error;

pub(super) static BITCOUNT: Command = Command {
    name: "bitcount",
    summary: "Counts the number of set bits (population counting) in a string.",
    since: "2.6.0",
    complexity: "O(N)",
    history: &[
        ("7.0.0", "Added the `BYTE|BIT` option."),
        ("8.0.0", "`end` made optional; when called without argument the command reports the last BYTE."),
    ],
    arity: -2,
    flags: Flags::READONLY,
    acl: Acl::BITMAP,
    keys: &[Key::at(1).ro().access()],
    args: &[
        Arg::key("key"),
        Arg::block(
            "range",
            &[
                Arg::integer("start"),
                Arg::block(
                    "end-unit-block",
                    &[
                        Arg::integer("end"),
                        Arg::one_of(
                            "unit",
                            &[Arg::pure_token("byte", "BYTE"), Arg::pure_token("bit", "BIT")],
                        )
                        .since("7.0.0")
                        .optional(),
                    ],
                )
                .optional(),
            ],
        )
        .optional(),
    ],
    forms: &[Form { name: NO_END, valkey: "8.0.0", redis: "" }],
    handler: bitcount,
    ..Command::BASE
}
.checked();

/// Where the range starts, and not where it ends.
const NO_END: &str = "start without end";

fn bitcount(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    if ctx.args.len() == 3 && !ctx.has(NO_END) {
        return Err(Error::Syntax);
    }
    let key = ctx.key(1);
    let span = if ctx.args.len() > 2 { Span::parse(ctx.args, 2)? } else { Span::ALL };
    let count = match ctx.view.string(key, Lookup::Read)? {
        // Both from the end and the wrong way round is nothing, even where both lie before the first byte.
        Some(_) if span.start < 0 && span.end < 0 && span.start > span.end => 0,
        Some(text) => bitmap::count(&text, span.bits(text.len())),
        None => 0,
    };
    ctx.reply.integer(i64::try_from(count).unwrap_or(i64::MAX));
    Ok(())
}
