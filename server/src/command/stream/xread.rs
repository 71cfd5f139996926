//! XREAD, XREADGROUP: what is new in streams, for one who remembers how far it has read, or for the members
//! of a group.

use scrubjay::types::stream::Entry;
use scrubjay::{Kind, Lookup, StreamError, StreamId, View};
use smallvec::SmallVec;

use super::{entries, ids, no_such_group};
use crate::command::Ctx;
use crate::command::blocking::{Timeout, block};
use crate::command::spec::{Acl, Arg, Command, Flags, Form, Key};
use crate::error::Error;
use crate::resp::Reply;
use crate::resp::reply::Protocol;
use crate::session::blocked::{Attempt, Keys};

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
    forms: &[Form { name: TOP, valkey: "8.0.0", redis: "7.4.0" }],
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

/// The id of the last entry that there is.
const TOP: &str = "+";

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
    /// Whether to wait for something to read, and how long.
    block: Option<Timeout>,
    /// Which word is the first key.
    first: usize,
    /// How many streams are read.
    streams: usize,
}

impl<'a> Options<'a> {
    fn parse(ctx: &Ctx<'a, '_>, in_group: bool) -> Result<Self, Error> {
        let args = ctx.args;
        let (mut membership, mut acknowledged, mut index) = (None, false, 1);
        let mut options = Self { reader: Reader::Alone, count: u64::MAX, block: None, first: 0, streams: 0 };
        while index < args.len() {
            let behind = args.len() - index - 1;
            if behind > 0 && args.is(index, "BLOCK") {
                options.block = Some(Timeout::millis(args.at(index + 1), ctx.now())?);
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
    fn stream(&self, ctx: &mut Ctx<'a, '_>, number: usize) -> Result<(scrubjay::Key<'a>, Wanted), Error> {
        let key = ctx.key(self.first + number);
        let word = ctx.args.at(self.first + self.streams + number);
        let symbol = ids::c_string(word);
        if symbol == TOP.as_bytes() && matches!(self.reader, Reader::Alone) {
            // Who does not know it takes it for an id that nothing comes after, which is as good as refused.
            ctx.has(TOP);
        }
        let stream = ctx.view.stream(key, Lookup::Read)?;
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
            return Err(no_group(key, group));
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

fn xread(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    read(ctx, false)
}

fn xreadgroup(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    read(ctx, true)
}

fn read(ctx: &mut Ctx<'_, '_>, in_group: bool) -> Result<(), Error> {
    let options = Options::parse(ctx, in_group)?;
    let streams: SmallVec<[_; 4]> =
        (0..options.streams).map(|number| options.stream(ctx, number)).collect::<Result<_, _>>()?;
    if write(ctx.view, ctx.reply, options.reader, options.count, &streams)? {
        return Ok(());
    }
    let Some(timeout) = options.block.filter(|_| ctx.may_wait()) else {
        ctx.reply.null_array();
        return Ok(());
    };
    let keys: SmallVec<[_; 4]> = streams.iter().map(|(key, _)| *key).collect();
    let mut keys = scrubjay::Wanted::new(&keys, Kind::Stream);
    let mut member = None;
    if let Reader::Member { group, consumer, acknowledged } = options.reader {
        // A group that goes with its stream is an error to whoever waits for it.
        keys = keys.when_gone();
        member = Some(Member { group: group.into(), consumer: consumer.into(), acknowledged });
    }
    let wanted = streams.iter().map(|(_, wanted)| *wanted).collect();
    block(ctx, keys, timeout, Read { member, wanted, count: options.count });
    Ok(())
}

/// Writes what is wanted of all streams; whether there was something, and nothing is written if not.
fn write(
    view: &mut View<'_>,
    reply: &mut Reply,
    reader: Reader<'_>,
    count: u64,
    streams: &[(scrubjay::Key<'_>, Wanted)],
) -> Result<bool, Error> {
    let header = match reply.protocol() {
        Protocol::Resp2 => reply.defer_array(),
        Protocol::Resp3 => reply.defer_map(),
    };
    let mut served = 0;
    for (key, wanted) in streams {
        served += usize::from(serve(view, *key, reader, *wanted, count, reply)?);
    }
    if served > 0 {
        reply.fill(header, served);
    }
    Ok(served > 0)
}

/// A command that waits.
struct Read {
    member: Option<Member>,
    /// For each of its keys.
    wanted: Box<[Wanted]>,
    count: u64,
}

/// [`Reader::Member`], to keep.
struct Member {
    group: Box<[u8]>,
    consumer: Box<[u8]>,
    acknowledged: bool,
}

impl Attempt for Read {
    fn attempt(&self, view: &mut View<'_>, keys: Keys<'_>, reply: &mut Reply) -> Result<bool, Error> {
        let mut streams: SmallVec<[_; 4]> = SmallVec::new();
        // All of them have to be what they were, whichever has something.
        for look in keys.looks(view) {
            let (index, key) = look?;
            let stream = view.stream(key, Lookup::Read)?;
            if let Some(Member { group, .. }) = &self.member
                && stream.is_none_or(|stream| stream.group(group).is_none())
            {
                return Err(no_group(key, group));
            }
            streams.push((key, self.wanted[index]));
        }
        let reader = match &self.member {
            Some(Member { group, consumer, acknowledged }) => {
                Reader::Member { group, consumer, acknowledged: *acknowledged }
            }
            None => Reader::Alone,
        };
        write(view, reply, reader, self.count, &streams)
    }
}

fn no_group(key: scrubjay::Key<'_>, group: &[u8]) -> Error {
    no_such_group(StreamError::NoSuchGroup, key.bytes(), group, "' in XREADGROUP with GROUP option")
}
