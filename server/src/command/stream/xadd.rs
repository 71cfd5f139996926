//! XADD: a new entry.

use scrubjay::types::stream::NewId;
use scrubjay::{Missing, StreamId};

use super::trimming::Trimming;
use super::{entries, ids};
use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static XADD: Command = Command {
    name: "xadd",
    summary: "Appends a new message to a stream. Creates the key if it doesn't exist.",
    since: "5.0.0",
    complexity: "O(1) when adding a new entry, O(N) when trimming where N being the number of entries \
        evicted.",
    history: &[
        ("6.2.0", "Added the `NOMKSTREAM` option, `MINID` trimming strategy and the `LIMIT` option."),
        ("7.0.0", "Added support for the `<ms>-*` explicit ID form."),
    ],
    arity: -5,
    flags: Flags::WRITE.or(Flags::DENYOOM).or(Flags::FAST),
    acl: Acl::STREAM,
    tips: &["nondeterministic_output"],
    keys: &[Key::at(1)
        .rw()
        .update()
        .note("UPDATE instead of INSERT because of the optional trimming feature")],
    args: &[
        Arg::key("key"),
        Arg::pure_token("nomkstream", "NOMKSTREAM").since("6.2.0").optional(),
        Arg::block(
            "trim",
            &[
                Arg::one_of(
                    "strategy",
                    &[Arg::pure_token("maxlen", "MAXLEN"), Arg::pure_token("minid", "MINID").since("6.2.0")],
                ),
                Arg::one_of(
                    "operator",
                    &[Arg::pure_token("equal", "="), Arg::pure_token("approximately", "~")],
                )
                .optional(),
                Arg::string("threshold"),
                Arg::integer("count").token("LIMIT").since("6.2.0").optional(),
            ],
        )
        .optional(),
        Arg::one_of("id-selector", &[Arg::pure_token("auto-id", "*"), Arg::string("id")]),
        Arg::block("data", &[Arg::string("field"), Arg::string("value")]).multiple(),
    ],
    handler: xadd,
    ..Command::BASE
}
.checked();

fn xadd(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let (key, args) = (ctx.key(1), ctx.args);
    let (mut trimming, mut missing, mut index) = (Trimming::default(), Missing::Create, 2);
    // Without an id nothing is left for fields either, which is what is said then.
    let mut id = None;
    while id.is_none() && index < args.len() {
        let word = args.at(index);
        if ids::c_string(word) == b"*" {
            id = Some(NewId::Auto);
        } else if let Some(next) = trimming.option(args, index)? {
            index = next;
        } else if args.is(index, "NOMKSTREAM") {
            missing = Missing::Skip;
            index += 1;
        } else {
            id = Some(NewId::parse(word).ok_or(ids::INVALID)?);
        }
    }
    let trim = trimming.trim()?;
    let first = index + 1;
    let (Some(id), true) = (id, first < args.len() && (args.len() - first).is_multiple_of(2)) else {
        return Err(Error::Arity("xadd".into()));
    };
    if id == NewId::Given(StreamId::ZERO) {
        return Err(Error::Text("ERR The ID specified in XADD must be greater than 0-0"));
    }
    let fields = (first..args.len()).step_by(2).map(move |field| (args.at(field), args.at(field + 1)));
    match ctx.view.stream_add(key, missing, id, fields, trim)? {
        Some(id) => entries::id(ctx.reply, id),
        None => ctx.reply.null(),
    }
    Ok(())
}
