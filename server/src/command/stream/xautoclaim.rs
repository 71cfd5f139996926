//! XAUTOCLAIM: whatever has been pending for long taken over, a part at a time.

use scrubjay::types::stream::Claim;
use scrubjay::{Lookup, StreamError};

use super::ids::{self, End};
use super::{entries, no_such_group};
use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;
use crate::resp::Reply;
use crate::resp::number::parse_i64;

pub(super) static XAUTOCLAIM: Command = Command {
    name: "xautoclaim",
    summary: "Changes, or acquires, ownership of messages in a consumer group, as if the messages were \
        delivered to a consumer group member.",
    since: "6.2.0",
    complexity: "O(1) if COUNT is small.",
    history: &[(
        "7.0.0",
        "Added an element to the reply array, containing deleted entries the command cleared from the PEL",
    )],
    arity: -6,
    flags: Flags::WRITE.or(Flags::FAST),
    acl: Acl::STREAM,
    tips: &["nondeterministic_output"],
    keys: &[Key::at(1).rw().delete()],
    args: &[
        Arg::key("key"),
        Arg::string("group"),
        Arg::string("consumer"),
        Arg::string("min-idle-time"),
        Arg::string("start"),
        Arg::integer("count").token("COUNT").optional(),
        Arg::pure_token("justid", "JUSTID").optional(),
    ],
    handler: xautoclaim,
    ..Command::BASE
}
.checked();

/// Where Valkey takes no further count, since sixteen bytes for each would be more than there can be.
const COUNT_MAX: u64 = i64::MAX as u64 / 16;
/// From here on it finds no memory for them: addresses have 47 bits.
const COUNT_WITHOUT_MEMORY: u64 = 1 << 43;

fn xautoclaim(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let (key, args) = (ctx.key(1), ctx.args);
    let (group, consumer) = (args.at(2), args.at(3));
    // What it is, is said after what is wrong with the options.
    let stream = ctx.view.stream(key, Lookup::Read);
    let has_group = stream.map(|stream| stream.is_some_and(|stream| stream.group(group).is_some()));
    let idle_min = args.get(4).and_then(parse_i64);
    let idle_min = idle_min.ok_or(Error::Text("ERR Invalid min-idle-time argument for XAUTOCLAIM"))?;
    let start = ids::bound(args.at(5), End::First)?;
    let (mut count, mut id_only, mut index) = (100, false, 6);
    while index < args.len() {
        if args.is(index, "COUNT") && index + 1 < args.len() {
            let given = args.get(index + 1).and_then(parse_i64).and_then(|count| u64::try_from(count).ok());
            let given = given.filter(|count| (1..=COUNT_MAX).contains(count));
            count = given.ok_or(Error::Text("ERR COUNT must be > 0"))?;
            index += 2;
        } else if args.is(index, "JUSTID") {
            id_only = true;
            index += 1;
        } else {
            return Err(Error::Syntax);
        }
    }
    if !has_group? {
        return Err(no_such_group(StreamError::NoSuchGroup, key.bytes(), group, "'"));
    }
    if count >= COUNT_WITHOUT_MEMORY {
        return Err(Error::Text(
            "ERR Insufficient memory, failed allocating transient memory, COUNT too high.",
        ));
    }

    let claim = Claim {
        idle_min: u64::try_from(idle_min).unwrap_or(0),
        delivered: ctx.now(),
        deliveries: None,
        force: false,
        id_only,
    };
    // Where to go on is known last and said first.
    let mut claimed = Reply::new(ctx.reply.protocol());
    let header = claimed.defer_array();
    let (mut claimed_count, mut gone) = (0, Vec::new());
    let next = ctx.view.stream_auto_claim(key, (group, consumer), start, count, &claim, |id, entry| {
        let Some(entry) = entry else { return gone.push(id) };
        claimed_count += 1;
        if id_only {
            entries::id(&mut claimed, id);
        } else {
            entries::entry(&mut claimed, entry);
        }
    })?;
    claimed.fill(header, claimed_count);

    ctx.reply.array(3);
    entries::id(ctx.reply, next);
    ctx.reply.append(&mut claimed);
    ctx.reply.array(gone.len());
    gone.into_iter().for_each(|id| entries::id(ctx.reply, id));
    Ok(())
}
