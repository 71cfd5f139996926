//! BITPOS.

use scrubjay::Lookup;
use scrubjay::types::bitmap;

use super::Span;
use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static BITPOS: Command = Command {
    name: "bitpos",
    summary: "Finds the first set (1) or clear (0) bit in a string.",
    since: "2.8.7",
    complexity: "O(N)",
    history: &[("7.0.0", "Added the `BYTE|BIT` option.")],
    arity: -3,
    flags: Flags::READONLY,
    acl: Acl::BITMAP,
    keys: &[Key::at(1).ro().access()],
    args: &[
        Arg::key("key"),
        Arg::integer("bit"),
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
    handler: bitpos,
    ..Command::BASE
}
.checked();

fn bitpos(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let key = ctx.key(1);
    let wanted = match ctx.args.integer(2)? {
        0 => false,
        1 => true,
        _ => return Err(Error::Text("ERR The bit argument must be 1 or 0.")),
    };
    let span = if ctx.args.len() > 3 { Span::parse(ctx.args, 3)? } else { Span::ALL };
    let position = match ctx.view.string(key, Lookup::Read)? {
        Some(text) => {
            let bits = span.bits(text.len());
            let is_empty = bits.is_empty();
            match bitmap::position(&text, wanted, bits) {
                // Behind a string's end are zero bits, if no end was said, and no range begins there.
                None if !wanted && !span.has_end && !is_empty => Some(bitmap::bits_of(&text)),
                position => position,
            }
        }
        None => (!wanted).then_some(0),
    };
    ctx.reply.integer(position.and_then(|position| i64::try_from(position).ok()).unwrap_or(-1));
    Ok(())
}
