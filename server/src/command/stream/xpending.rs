//! XPENDING: what was delivered to the consumers of a group and not acknowledged.

use scrubjay::{Lookup, StreamError, StreamId};

use super::ids::{self, End};
use super::{entries, no_such_group};
use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static XPENDING: Command = Command {
    name: "xpending",
    summary: "Returns the information and entries from a stream consumer group's pending entries list.",
    since: "5.0.0",
    complexity: "O(N) with N being the number of elements returned, so asking for a small fixed number of \
        entries per call is O(1). O(M), where M is the total number of entries scanned when used with the \
        IDLE filter. When the command returns just the summary and the list of consumers is small, it runs \
        in O(1) time; otherwise, an additional O(N) time for iterating every consumer.",
    history: &[("6.2.0", "Added the `IDLE` option and exclusive range intervals.")],
    arity: -3,
    flags: Flags::READONLY,
    acl: Acl::STREAM,
    tips: &["nondeterministic_output"],
    keys: &[Key::at(1).ro().access()],
    args: &[
        Arg::key("key"),
        Arg::string("group"),
        Arg::block(
            "filters",
            &[
                Arg::integer("min-idle-time").token("IDLE").since("6.2.0").optional(),
                Arg::string("start"),
                Arg::string("end"),
                Arg::integer("count"),
                Arg::string("consumer").optional(),
            ],
        )
        .optional(),
    ],
    handler: xpending,
    ..Command::BASE
}
.checked();

/// What is asked for besides the sum of it all.
#[derive(Debug, Clone, Copy)]
struct Details {
    /// At least so many milliseconds ago.
    idle_min: u64,
    from: StreamId,
    to: StreamId,
    count: u64,
    /// Which word names the one consumer that is meant.
    consumer: Option<usize>,
}

impl Details {
    fn parse(ctx: &Ctx<'_, '_>) -> Result<Option<Self>, Error> {
        let args = ctx.args;
        let (mut idle_min, mut first) = (0, 3);
        if args.len() == first {
            return Ok(None);
        }
        if !(6..=9).contains(&args.len()) {
            return Err(Error::Syntax);
        }
        if args.is(first, "IDLE") {
            idle_min = u64::try_from(args.integer(first + 1)?).unwrap_or(0);
            if args.len() < 8 {
                return Err(Error::Syntax);
            }
            first += 2;
        }
        let count = u64::try_from(args.integer(first + 2)?).unwrap_or(0);
        let from = ids::bound(args.at(first), End::First)?;
        let to = ids::bound(args.at(first + 1), End::Last)?;
        let consumer = (args.len() > first + 3).then_some(first + 3);
        Ok(Some(Self { idle_min, from, to, count, consumer }))
    }
}

fn xpending(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let (key, name) = (ctx.key(1), ctx.args.at(2));
    let details = Details::parse(ctx)?;
    let now = ctx.now();
    let group = ctx.view.stream(key, Lookup::Read)?.and_then(|stream| stream.group(name));
    let Some(group) = group else {
        return Err(no_such_group(StreamError::NoSuchGroup, key.bytes(), name, "'"));
    };
    let reply = &mut *ctx.reply;
    let Some(details) = details else {
        let pending = group.pending();
        let (Some(first), Some(last)) = (pending.first(), pending.last()) else {
            reply.array(4);
            reply.integer(0);
            reply.null();
            reply.null();
            reply.null_array();
            return Ok(());
        };
        reply.array(4);
        reply.count(pending.len());
        entries::id(reply, first.id);
        entries::id(reply, last.id);
        let header = reply.defer_array();
        let mut consumers = 0;
        for consumer in group.consumers().filter(|consumer| !consumer.pending().is_empty()) {
            reply.array(2);
            reply.bulk(consumer.name());
            reply.bulk_integer(i64::try_from(consumer.pending().len()).unwrap_or(i64::MAX));
            consumers += 1;
        }
        reply.fill(header, consumers);
        return Ok(());
    };
    let consumer = details.consumer.map(|index| group.consumer_named(ctx.args.at(index)));
    let header = reply.defer_array();
    let mut count = 0;
    // Of a consumer that is not there nothing is pending.
    if consumer != Some(None) && details.count > 0 {
        for pending in group.pending_between(details.from, details.to, consumer.flatten()) {
            let idle = now.saturating_sub(pending.delivered);
            if idle < details.idle_min {
                continue;
            }
            reply.array(4);
            entries::id(reply, pending.id);
            reply.bulk(group.consumer(pending.consumer).name());
            reply.integer(idle.cast_signed());
            reply.integer(pending.deliveries.cast_signed());
            count += 1;
            if count == details.count {
                break;
            }
        }
    }
    reply.fill(header, usize::try_from(count).unwrap_or(usize::MAX));
    Ok(())
}
