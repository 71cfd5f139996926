//! XCLAIM: pending entries taken over from other consumers.

use scrubjay::types::stream::Claim;
use scrubjay::{Lookup, StreamError, StreamId};

use super::{entries, ids, no_such_group};
use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;
use crate::resp::number::parse_i64;

pub(super) static XCLAIM: Command = Command {
    name: "xclaim",
    summary: "Changes, or acquires, ownership of a message in a consumer group, as if the message was \
        delivered to a consumer group member.",
    since: "5.0.0",
    complexity: "O(log N) with N being the number of messages in the PEL of the consumer group.",
    arity: -6,
    flags: Flags::WRITE.or(Flags::FAST),
    acl: Acl::STREAM,
    tips: &["nondeterministic_output"],
    keys: &[Key::at(1).rw().update()],
    args: &[
        Arg::key("key"),
        Arg::string("group"),
        Arg::string("consumer"),
        Arg::string("min-idle-time"),
        Arg::string("id").multiple(),
        Arg::integer("ms").token("IDLE").optional(),
        Arg::unix_time("unix-time-milliseconds").token("TIME").optional(),
        Arg::integer("count").token("RETRYCOUNT").optional(),
        Arg::pure_token("force", "FORCE").optional(),
        Arg::pure_token("justid", "JUSTID").optional(),
        Arg::string("lastid").token("LASTID").optional(),
    ],
    handler: xclaim,
    ..Command::BASE
}
.checked();

#[derive(Debug)]
struct Options {
    claim: Claim,
    /// LASTID.
    last: Option<StreamId>,
}

impl Options {
    /// Reads the options from the word at `index` on.
    fn parse(ctx: &Ctx<'_, '_>, idle_min: u64, mut index: usize) -> Result<Self, Error> {
        let (args, now) = (ctx.args, ctx.now());
        let (mut delivered, mut last) = (None, None);
        let mut claim = Claim { idle_min, delivered: now, deliveries: None, force: false, id_only: false };
        while index < args.len() {
            let behind = args.len() - index - 1;
            let number = |text| {
                let number = args.get(index + 1).and_then(parse_i64);
                number.ok_or(Error::Text(text))
            };
            let mut words = 2;
            if args.is(index, "FORCE") {
                claim.force = true;
                words = 1;
            } else if args.is(index, "JUSTID") {
                claim.id_only = true;
                words = 1;
            } else if behind > 0 && args.is(index, "IDLE") {
                let idle = number("ERR Invalid IDLE option argument for XCLAIM")?;
                delivered = u64::try_from(now.cast_signed().wrapping_sub(idle)).ok();
            } else if behind > 0 && args.is(index, "TIME") {
                delivered = u64::try_from(number("ERR Invalid TIME option argument for XCLAIM")?).ok();
            } else if behind > 0 && args.is(index, "RETRYCOUNT") {
                let count = number("ERR Invalid RETRYCOUNT option argument for XCLAIM")?;
                claim.deliveries = u64::try_from(count).ok();
            } else if behind > 0 && args.is(index, "LASTID") {
                last = Some(ids::id(args.at(index + 1))?);
            } else {
                return Err(Error::quoting("ERR Unrecognized XCLAIM option '", args.at(index), "'"));
            }
            index += words;
        }
        // A clock that is ahead of ours is no reason to fail.
        claim.delivered = delivered.filter(|delivered| *delivered <= now).unwrap_or(now);
        Ok(Self { claim, last })
    }
}

fn xclaim(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let (key, args) = (ctx.key(1), ctx.args);
    let (group, consumer) = (args.at(2), args.at(3));
    if ctx.view.stream(key, Lookup::Read)?.is_none_or(|stream| stream.group(group).is_none()) {
        return Err(no_such_group(StreamError::NoSuchGroup, key.bytes(), group, "'"));
    }
    let idle_min = args.get(4).and_then(parse_i64);
    let idle_min = idle_min.ok_or(Error::Text("ERR Invalid min-idle-time argument for XCLAIM"))?;
    // The first word that is no id is an option.
    let ids: Vec<StreamId> = (5..args.len()).map_while(|index| StreamId::parse(args.at(index), 0)).collect();
    let options = Options::parse(ctx, u64::try_from(idle_min).unwrap_or(0), 5 + ids.len())?;

    let reply = &mut *ctx.reply;
    let header = reply.defer_array();
    let mut count = 0;
    ctx.view.stream_claim(key, (group, consumer), ids, &options.claim, options.last, |entry| {
        count += 1;
        if options.claim.id_only {
            entries::id(reply, entry.id);
        } else {
            entries::entry(reply, entry);
        }
    })?;
    reply.fill(header, count);
    Ok(())
}
