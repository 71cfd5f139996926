//! XREAD, XREADGROUP: what is new in streams, for one who remembers how far it has read, or for the members
//! of a group.

use scrubjay::types::stream::Entry;
use scrubjay::{Lookup, StreamError, StreamId, View};
use smallvec::SmallVec;

use super::{entries, ids, no_such_group};
use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;
use crate::resp::Reply;
use crate::resp::reply::Protocol;

pub(super) static XREAD: Command = Command {
    name: "xread",
    summary: "Returns messages from multiple streams with IDs greater than the ones requested. Blocks until \
        a message is available otherwise.",
    since: "5.0.0",
    arity: -4,
    flags: Flags::READONLY.or(Flags::BLOCKING),
    acl: Acl::STREAM,
    keys: &[Key::after("STREAMS", 1).range(-1, 1, 2).ro().access()],
    args: &[
        Arg::integer("count").token("COUNT").optional(),
        Arg::integer("milliseconds").token("BLOCK").optional(),
        Arg::block("streams", &[Arg::key("key").multiple(), Arg::string("id").multiple()]).token("STREAMS"),
    ],
    handler: xread,
    ..Command::BASE
}
.checked();

pub(super) static XREADGROUP: Command = Command {
    name: "xreadgroup",
    summary: "Returns new or historical messages from a stream for a consumer in a group. Blocks until a \
        message is available otherwise.",
    since: "5.0.0",
    complexity: "For each stream mentioned: O(M) with M being the number of elements returned. If M is \
        constant (e.g. always asking for the first 10 elements with COUNT), you can consider it O(1). On \
        the other side when XREADGROUP blocks, XADD will pay the O(N) time in order to serve the N clients \
        blocked on the stream getting new data.",
    arity: -7,
    flags: Flags::WRITE.or(Flags::BLOCKING),
    acl: Acl::STREAM,
    keys: &[Key::after("STREAMS", 4).range(-1, 1, 2).ro().access()],
    args: &[
        Arg::block("group-block", &[Arg::string("group"), Arg::string("consumer")]).token("GROUP"),
        Arg::integer("count").token("COUNT").optional(),
        Arg::integer("milliseconds").token("BLOCK").optional(),
        Arg::pure_token("noack", "NOACK").optional(),
        Arg::block("streams", &[Arg::key("key").multiple(), Arg::string("id").multiple()]).token("STREAMS"),
    ],
    handler: xreadgroup,
    ..Command::BASE
}
.checked();

const NO_LAST: &str = "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the \
    history of this consumer by specifying a proper ID, or use the > ID to get new messages. The $ ID would \
    just return an empty result set.";
const NO_TOP: &str = "ERR The + ID is meaningless in the context of XREADGROUP: you want to read the \
    history of this consumer by specifying a proper ID, or use the > ID to get new messages. The + ID would \
    just return an empty result set.";

/// Who reads.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Reader<'a> {
    /// Somebody who remembers by itself.
    Alone,
    /// A member of a group.
    Member {
        group: &'a [u8],
        consumer: &'a [u8],
        /// Whether what is read counts as acknowledged at once.
        acknowledged: bool,
    },
}

/// Which entries of a stream are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Those behind this id.
    After(StreamId),
    /// Those that no member of the group has read.
    New,
    /// Those behind this id that the member has read and not acknowledged.
    Again(StreamId),
}

/// Writes what is wanted of one stream as it stands in the reply: the key and the entries. Whether there was
/// something; nothing is written if not.
///
/// # Errors
/// When the stream, or the group, is not what it was when the command began to wait.
pub(crate) fn serve(
    view: &mut View<'_>,
    key: scrubjay::Key<'_>,
    reader: Reader<'_>,
    wanted: Wanted,
    count: u64,
    reply: &mut Reply,
) -> Result<bool, Error> {
    // Counted as looked up once more, after the look at whether it is a stream: as Valkey does.
    let stream = view.stream(key, Lookup::Read)?;
    let Reader::Member { group, consumer, acknowledged } = reader else {
        let (Some(stream), Wanted::After(id)) = (stream, wanted) else { return Ok(false) };
        let mut entries = stream.after(id);
        let Some(first) = entries.next() else { return Ok(false) };
        name(reply, key);
        entries::entries(reply, std::iter::once(first).chain(entries), count);
        return Ok(true);
    };
    let missing = |error| no_such_group(error, key.bytes(), group, "' in XREADGROUP with GROUP option");
    let (mut header, mut written) = (None, 0);
    match wanted {
        Wanted::Again(after) => {
            name(reply, key);
            header = Some(reply.defer_array());
            let each = |id, entry: Option<Entry<'_>>| {
                written += 1;
                match entry {
                    Some(entry) => entries::entry(reply, entry),
                    None => entries::gone(reply, id),
                }
            };
            view.stream_read_again(key, (group, consumer), after, count, each).map_err(missing)?;
        }
        Wanted::New | Wanted::After(_) => {
            let each = |entry: Entry<'_>| {
                if header.is_none() {
                    name(reply, key);
                    header = Some(reply.defer_array());
                }
                written += 1;
                entries::entry(reply, entry);
            };
            view.stream_read_new(key, (group, consumer), count, acknowledged, each).map_err(missing)?;
        }
    }
    let Some(header) = header else { return Ok(false) };
    reply.fill(header, written);
    Ok(true)
}

/// Writes the key that entries belong to: in RESP3 the replies are a map, in RESP2 an array of pairs.
fn name(reply: &mut Reply, key: scrubjay::Key<'_>) {
    if reply.protocol() == Protocol::Resp2 {
        reply.array(2);
    }
    reply.bulk(key.bytes());
}

/// What the words before the keys say.
#[derive(Debug)]
struct Options<'a> {
    reader: Reader<'a>,
    count: u64,
    /// How long to wait for something to read, in milliseconds; nought for ever.
    block: Option<u64>,
    /// Which word is the first key.
    first: usize,
    /// How many streams are read.
    streams: usize,
}

impl<'a> Options<'a> {
    fn parse(ctx: &Ctx<'a>, in_group: bool) -> Result<Self, Error> {
        let args = ctx.args;
        let (mut membership, mut acknowledged, mut index) = (None, false, 1);
        let mut options = Self { reader: Reader::Alone, count: u64::MAX, block: None, first: 0, streams: 0 };
        while index < args.len() {
            let behind = args.len() - index - 1;
            if behind > 0 && args.is(index, "BLOCK") {
                options.block = Some(timeout(ctx, index + 1)?);
                index += 2;
            } else if behind > 0 && args.is(index, "COUNT") {
                options.count = ids::count_or_all(args, index + 1)?;
                index += 2;
            } else if behind > 0 && args.is(index, "STREAMS") {
                if !behind.is_multiple_of(2) {
                    return Err(Error::Text(if in_group {
                        "ERR Unbalanced 'xreadgroup' list of streams: for each stream key an ID or '>' must \
                         be specified."
                    } else {
                        "ERR Unbalanced 'xread' list of streams: for each stream key an ID or '$' must be \
                         specified."
                    }));
                }
                (options.first, options.streams) = (index + 1, behind / 2);
                break;
            } else if behind > 1 && args.is(index, "GROUP") {
                if !in_group {
                    return Err(Error::Text(
                        "ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.",
                    ));
                }
                membership = Some((args.at(index + 1), args.at(index + 2)));
                index += 3;
            } else if args.is(index, "NOACK") {
                if !in_group {
                    return Err(Error::Text(
                        "ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.",
                    ));
                }
                acknowledged = true;
                index += 1;
            } else {
                return Err(Error::Syntax);
            }
        }
        if options.streams == 0 {
            return Err(Error::Syntax);
        }
        if in_group {
            let (group, consumer) =
                membership.ok_or(Error::Text("ERR Missing GROUP option for XREADGROUP"))?;
            options.reader = Reader::Member { group, consumer, acknowledged };
        }
        Ok(options)
    }

    /// The key of the stream of this number, and what is wanted of it.
    fn stream(&self, ctx: &mut Ctx<'a>, number: usize) -> Result<(scrubjay::Key<'a>, Wanted), Error> {
        let key = ctx.key(self.first + number);
        let word = ctx.args.at(self.first + self.streams + number);
        let stream = ctx.view.stream(key, Lookup::Read)?;
        let symbol = ids::c_string(word);
        let Reader::Member { group, .. } = self.reader else {
            let id = match symbol {
                b"$" => stream.map_or(StreamId::ZERO, |stream| stream.tally().last),
                // Whatever has become of the last entry that was added.
                b"+" => {
                    let last = stream.and_then(|stream| stream.tally().last.previous());
                    last.unwrap_or(StreamId::ZERO)
                }
                b">" => {
                    return Err(Error::Text(
                        "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> \
                         <consumer> option.",
                    ));
                }
                _ => ids::id(word)?,
            };
            return Ok((key, Wanted::After(id)));
        };
        if stream.is_none_or(|stream| stream.group(group).is_none()) {
            let after = "' in XREADGROUP with GROUP option";
            return Err(no_such_group(StreamError::NoSuchGroup, key.bytes(), group, after));
        }
        let wanted = match symbol {
            b"$" => return Err(Error::Text(NO_LAST)),
            b"+" => return Err(Error::Text(NO_TOP)),
            b">" => Wanted::New,
            // To Valkey the greatest id and `>` are one.
            _ => match ids::id(word)? {
                StreamId::MAX => Wanted::New,
                id => Wanted::Again(id),
            },
        };
        Ok((key, wanted))
    }
}

/// How long to wait, which has to end at a moment that there is.
fn timeout(ctx: &Ctx<'_>, index: usize) -> Result<u64, Error> {
    let millis = ctx.args.integer(index);
    let millis = millis.map_err(|_| Error::Text("ERR timeout is not an integer or out of range"))?;
    let timeout = u64::try_from(millis).map_err(|_| Error::Text("ERR timeout is negative"))?;
    match ctx.now().cast_signed().checked_add(millis) {
        Some(_) => Ok(timeout),
        None => Err(Error::Text("ERR timeout is out of range")),
    }
}

fn xread(ctx: &mut Ctx<'_>) -> Result<(), Error> {
    read(ctx, false)
}

fn xreadgroup(ctx: &mut Ctx<'_>) -> Result<(), Error> {
    read(ctx, true)
}

fn read(ctx: &mut Ctx<'_>, in_group: bool) -> Result<(), Error> {
    let options = Options::parse(ctx, in_group)?;
    let streams: SmallVec<[_; 4]> =
        (0..options.streams).map(|number| options.stream(ctx, number)).collect::<Result<_, _>>()?;
    let header = match ctx.reply.protocol() {
        Protocol::Resp2 => ctx.reply.defer_array(),
        Protocol::Resp3 => ctx.reply.defer_map(),
    };
    let mut served = 0;
    for (key, wanted) in streams {
        let any = serve(&mut ctx.view, key, options.reader, wanted, options.count, ctx.reply)?;
        served += usize::from(any);
    }
    if served > 0 {
        ctx.reply.fill(header, served);
    } else {
        nothing(ctx, &options);
    }
    Ok(())
}

/// There is nothing to read. Who wants to wait for something is answered as if the time were up.
fn nothing(ctx: &mut Ctx<'_>, _options: &Options<'_>) {
    ctx.reply.null_array();
}
