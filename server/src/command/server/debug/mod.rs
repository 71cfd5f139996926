//! DEBUG: what tests and the curious ask of a server. Refused unless `enable-debug-command` allows it.
//!
//! The subcommands are not declared, as they are not in Valkey: to `COMMAND` they are arguments. All locks
//! are held, since some look at every key and SLEEP is there to hold everybody up.

mod digest;
mod protocol;
mod reload;
mod tables;

use std::sync::atomic::Ordering;
use std::time::Duration;

use scrubjay::collections::deque::{Deque, KeptBlock};
use scrubjay::collections::packed::Packed;
use scrubjay::types::hash::{Hash, HashRef};
use scrubjay::types::list::{List, ListRef};
use scrubjay::types::set::{Set, SetRef};
use scrubjay::types::sorted_set::{SortedSet, SortedSetRef};
use scrubjay::{Deadline, Kind, Lookup, shard::change::Event};

use crate::command::Ctx;
use crate::command::describe::help;
use crate::command::spec::{Command, Flags, Locks};
use crate::config::Access;
use crate::error::Error;
use crate::resp::number;

pub(super) static DEBUG: Command = Command {
    name: "debug",
    summary: "A container for debugging commands.",
    since: "1.0.0",
    complexity: "Depends on subcommand.",
    syscmd: true,
    arity: -2,
    flags: Flags::ADMIN.or(Flags::NOSCRIPT).or(Flags::LOADING).or(Flags::STALE),
    locks: Locks::All,
    handler: debug,
    ..Command::BASE
}
.checked();

/// A subcommand: its name, how many words a call may have, and what it does.
struct Subcommand {
    name: &'static str,
    words: std::ops::RangeInclusive<usize>,
    act: fn(&mut Ctx<'_, '_>) -> Result<(), Error>,
}

const fn sub(
    name: &'static str,
    least: usize,
    most: usize,
    act: fn(&mut Ctx<'_, '_>) -> Result<(), Error>,
) -> Subcommand {
    Subcommand { name, words: least..=most, act }
}

const SUBCOMMANDS: &[Subcommand] = &[
    sub("digest", 2, 2, digest::digest),
    sub("digest-value", 2, usize::MAX, digest::digest_value),
    sub("error", 3, 3, error),
    sub("help", 2, 2, show_help),
    sub("htstats", 3, usize::MAX, tables::htstats),
    sub("htstats-key", 3, usize::MAX, tables::htstats_key),
    sub("listpack", 3, 3, listpack),
    sub("log", 3, 3, log),
    sub("object", 3, 4, object),
    sub("populate", 3, 5, populate),
    sub("protocol", 3, 3, protocol::protocol),
    sub("quicklist", 3, 4, show_quicklist),
    sub("quicklist-packed-threshold", 3, 3, quicklist_packed_threshold),
    sub("reload", 2, usize::MAX, reload::reload),
    sub("replybuffer", 4, 4, reply_buffer),
    sub("set-active-expire", 3, 3, set_active_expire),
    sub("set-skip-checksum-validation", 3, 3, set_skip_checksum_validation),
    sub("sleep", 3, 3, sleep),
];

fn debug(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let allowed = match ctx.shared.config.enable_debug_command() {
        Access::Yes => true,
        Access::Local => ctx.session.client.peer.is_local(),
        Access::No => false,
    };
    if !allowed {
        return Err(Error::Text(
            "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can run it from a \
                local connection, otherwise you need to set this option in the configuration file, and then restart \
                the server.",
        ));
    }
    let words = ctx.args.len();
    let called = SUBCOMMANDS.iter().find(|sub| ctx.args.is(1, sub.name) && sub.words.contains(&words));
    match called {
        Some(sub) => (sub.act)(ctx),
        None => Err(unknown(ctx)),
    }
}

#[cold]
fn unknown(ctx: &Ctx<'_, '_>) -> Error {
    let name = ctx.args.at(1);
    let name = &name[..name.len().min(128)];
    Error::quoting("ERR unknown subcommand or wrong number of arguments for '", name, "'. Try DEBUG HELP.")
}

fn show_help(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    help(ctx, HELP);
    Ok(())
}

/// Holds everybody up. What is no number counts as none, and a sleep beyond measure is none.
fn sleep(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let seconds = number::parse_f64(ctx.args.at(2)).unwrap_or(0.0);
    if let Ok(duration) = Duration::try_from_secs_f64(seconds) {
        ctx.shared.store.clock().sleep(duration);
    }
    ctx.reply.ok();
    Ok(())
}

fn set_active_expire(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    ctx.shared.store.set_active_expiry(c_integer(ctx.args.at(2)) != 0);
    ctx.reply.ok();
    Ok(())
}

fn set_skip_checksum_validation(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    ctx.shared.trust_checksums.store(c_integer(ctx.args.at(2)) != 0, Ordering::Relaxed);
    ctx.reply.ok();
    Ok(())
}

/// The number that C's `atoi` reads: digits as far as they go.
fn c_integer(word: &[u8]) -> i64 {
    let digits = word.iter().skip_while(|byte| matches!(byte, b' ' | b'-' | b'+'));
    digits
        .take_while(|byte| byte.is_ascii_digit())
        .fold(0_i64, |number, digit| number.saturating_mul(10).saturating_add(i64::from(digit - b'0')))
}

/// An error of the client's own making. It is counted as one.
fn error(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    Err(Error::Owned(String::from_utf8_lossy(ctx.args.at(2)).into_owned()))
}

fn log(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    tracing::warn!("DEBUG LOG: {}", String::from_utf8_lossy(ctx.args.at(2)));
    ctx.reply.ok();
    Ok(())
}

/// There are no buffers whose peak is remembered, and none that a job resizes; the words are checked as
/// Valkey does.
fn reply_buffer(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    if ctx.args.is(2, "peak-reset-time") {
        if !ctx.args.is(3, "never") && !ctx.args.is(3, "reset") {
            ctx.args.integer(3)?;
        }
    } else if !ctx.args.is(2, "resizing") {
        return Err(unknown(ctx));
    }
    ctx.reply.ok();
    Ok(())
}

fn object(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    /// A payload's type and its footer, which `serializedlength` leaves out.
    const AROUND_VALUE: usize = 11;
    let key = ctx.key(2);
    let Some(meta) = ctx.view.meta(key, Lookup::Peek) else { return Err(Error::NoSuchKey) };
    let seconds = (ctx.now() / 1000).saturating_sub(meta.idle_s);
    let lru = seconds & 0xff_ffff;
    let (encoding, idle) = (meta.encoding.name(), meta.idle_s);
    let fast = ctx.args.is(3, "fast");
    let mut more = String::new();
    if meta.kind == Kind::List
        && let Some(ListRef::Deque(deque)) = ctx.view.peek::<List>(key)?
    {
        more = quicklist(deque, fast);
    }
    let mut length = String::new();
    if !fast {
        let payload = ctx.view.dump(key, Lookup::Peek, ctx.shared.config.rdbcompression());
        let bytes = payload.map_or(0, |payload| payload.len() - AROUND_VALUE);
        length = format!("serializedlength:{bytes} ");
    }
    let at = ctx.view.address(key).unwrap_or_default();
    ctx.reply.simple(&format!(
        "Value at:{at:#x} refcount:1 encoding:{encoding} {length}lru:{lru} lru_seconds_idle:{idle}{more}"
    ));
    Ok(())
}

/// Writes the elements of a packed value to the log, which is where standard output goes.
fn listpack(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    const OTHER: Error = Error::Text("ERR Not a listpack encoded object.");
    let key = ctx.key(2);
    let meta = ctx.view.meta(key, Lookup::Peek).ok_or(Error::NoSuchKey)?;
    let packed = match meta.kind {
        Kind::List => match ctx.view.peek::<List>(key)? {
            Some(ListRef::Packed(packed)) => packed,
            _ => return Err(OTHER),
        },
        Kind::Set => match ctx.view.peek::<Set>(key)? {
            Some(SetRef::Packed(packed)) => packed,
            _ => return Err(OTHER),
        },
        Kind::Hash => match ctx.view.peek::<Hash>(key)? {
            Some(HashRef::Packed(packed)) => packed,
            _ => return Err(OTHER),
        },
        Kind::SortedSet => ctx.view.peek::<SortedSet>(key)?.and_then(SortedSetRef::as_packed).ok_or(OTHER)?,
        _ => return Err(OTHER),
    };
    show_packed(packed);
    ctx.reply.simple("Listpack structure printed on stdout");
    Ok(())
}

fn show_packed(packed: Packed<'_>) {
    tracing::info!("DEBUG: listpack of {} elements, {} bytes", packed.len(), packed.listpack_bytes());
    for (index, element) in packed.iter().enumerate() {
        tracing::info!("DEBUG: {index}: {}", String::from_utf8_lossy(&element.to_vec()));
    }
}

/// Writes the blocks of a large list to the log, and with a further argument that is not nought the
/// elements of those that are not compressed.
fn show_quicklist(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let key = ctx.key(2);
    let whole = ctx.args.len() > 3 && c_integer(ctx.args.at(3)) != 0;
    let meta = ctx.view.meta(key, Lookup::Peek).ok_or(Error::NoSuchKey)?;
    let list = if meta.kind == Kind::List { ctx.view.peek::<List>(key)? } else { None };
    let Some(ListRef::Deque(deque)) = list else {
        return Err(Error::Text("ERR Not a quicklist encoded object."));
    };
    tracing::info!("DEBUG:{}", quicklist(deque, false));
    for block in deque.blocks() {
        match block {
            KeptBlock::Packed(packed) if whole => show_packed(packed),
            KeptBlock::Packed(packed) => tracing::info!("DEBUG: listpack of {} elements", packed.len()),
            KeptBlock::Plain(text) => tracing::info!("DEBUG: an element of {} bytes", text.len()),
            KeptBlock::Compressed { compressed, len, .. } => {
                tracing::info!("DEBUG: {len} bytes compressed to {}", compressed.len());
            }
        }
    }
    ctx.reply.simple("Quicklist structure printed on stdout");
    Ok(())
}

/// What Valkey says of a large list besides: its blocks are ours.
fn quicklist(deque: &Deque, fast: bool) -> String {
    let nodes = deque.block_count();
    let mean = deque.len() as f64 / nodes as f64;
    let (fill, compressed) = (deque.fill().parameter(), u8::from(deque.compress_depth() != 0));
    let bytes = match fast {
        true => String::new(),
        false => format!(" ql_uncompressed_size:{}", deque.valkey_bytes()),
    };
    format!(
        " ql_nodes:{nodes} ql_avg_node:{mean:.2} ql_listpack_max:{fill} ql_compressed:{compressed}{bytes}"
    )
}

/// From how many bytes on an element of a list gets a block of its own.
fn quicklist_packed_threshold(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    /// So far below 4 GiB that a listpack can still hold what is shorter.
    const MAX: u64 = (4 << 30) - (1 << 20);
    let bytes = number::parse_memory_bytes(ctx.args.at(2)).filter(|bytes| *bytes <= MAX);
    let bytes = bytes.and_then(|bytes| usize::try_from(bytes).ok());
    let mut limits = *ctx.view.limits(ctx.key(1));
    limits.list_packed_threshold =
        bytes.ok_or(Error::Text("ERR argument must be a memory value bigger than 1 and smaller than 4gb"))?;
    ctx.view.set_limits(limits);
    ctx.reply.ok();
    Ok(())
}

/// Makes keys `PREFIX:0`, `PREFIX:1`, ... where there are none yet.
fn populate(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    const NEGATIVE: Error = Error::Text("ERR value is out of range, must be positive");
    let positive =
        |at| number::parse_i64(ctx.args.at(at)).and_then(|n| u64::try_from(n).ok()).ok_or(NEGATIVE);
    let count = positive(2)?;
    let prefix = if ctx.args.len() > 3 { ctx.args.at(3) } else { b"key" };
    // In Valkey the prefix ends at a zero byte.
    let prefix = prefix.split(|byte| *byte == 0).next().unwrap_or_default();
    let size = if ctx.args.len() > 4 { positive(4)? } else { 0 };
    if size > ctx.shared.config.proto_max_bulk_len() {
        return Err(NEGATIVE);
    }
    for index in 0..count {
        let name = [prefix, b":", itoa::Buffer::new().format(index).as_bytes()].concat();
        let key = ctx.shared.store.key(ctx.session.db, &name);
        if ctx.view.meta(key, Lookup::Peek).is_some() {
            continue;
        }
        let mut value = format!("value:{index}").into_bytes();
        if size > 0 {
            value.resize(size as usize, 0);
        }
        ctx.view.set(key, &value, Deadline::Clear, Event::Set);
    }
    ctx.reply.ok();
    Ok(())
}

/// What `DEBUG HELP` says between its first line and its last two: Valkey's words, subcommands that are not
/// here included.
const HELP: &[&str] = &[
    "AOF-FLUSH-SLEEP <microsec>",
    "    Server will sleep before flushing the AOF, this is used for testing.",
    "ASSERT",
    "    Crash by assertion failed.",
    "CHANGE-REPL-ID",
    "    Change the replication IDs of the instance.",
    "    Dangerous: should be used only for testing the replication subsystem.",
    "CONFIG-REWRITE-FORCE-ALL",
    "    Like CONFIG REWRITE but writes all configuration options, including",
    "    keywords not listed in original configuration file or default values.",
    "CRASH-AND-RECOVER [<milliseconds>]",
    "    Hard crash and restart after a <milliseconds> delay (default 0).",
    "DIGEST",
    "    Output a hex signature representing the current DB content.",
    "DIGEST-VALUE <key> [<key> ...]",
    "    Output a hex signature of the values of all the specified keys.",
    "ERROR <string>",
    "    Return a RESP protocol error with <string> as message. Useful for clients",
    "    unit tests to simulate error replies.",
    "LEAK <string>",
    "    Create a memory leak of the input string.",
    "LOG <message>",
    "    Write <message> to the server log.",
    "HTSTATS <dbid> [full]",
    "    Return hash table statistics of the specified database.",
    "HTSTATS-KEY <key> [full]",
    "    Like HTSTATS but for the hash table stored at <key>'s value.",
    "LOADAOF",
    "    Flush the AOF buffers on disk and reload the AOF in memory.",
    "REPLICATE <string>",
    "    Replicates the provided string to replicas, allowing data divergence.",
    "MALLCTL <key> [<val>]",
    "    Get or set a malloc tuning integer.",
    "MALLCTL-STR <key> [<val>]",
    "    Get or set a malloc tuning string.",
    "OBJECT <key> [fast]",
    "    Show low level info about `key` and associated value.",
    "    Some fields of the default behavior may be time consuming to fetch,",
    "    and `fast` can be passed to avoid fetching them.",
    "DROP-CLUSTER-PACKET-FILTER <packet-type>",
    "    Drop all packets that match the filtered type. Set to -1 allow all packets or -2 to drop all packets.",
    "CLOSE-CLUSTER-LINK-ON-PACKET-DROP <0|1>",
    "    This is valid only when DROP-CLUSTER-PACKET-FILTER is set to a valid packet type.",
    "    When set to 1, the cluster link is closed after dropping a packet based on the filter.",
    "DISABLE-CLUSTER-RANDOM-PING <0|1>",
    "    Disable sending cluster ping to a random node every second.",
    "DISABLE-CLUSTER-RECONNECTION <0|1>",
    "    Disable cluster reconnection of cluster nodes.",
    "OOM",
    "    Crash the server simulating an out-of-memory error.",
    "PANIC",
    "    Crash the server simulating a panic.",
    "POPULATE <count> [<prefix>] [<size>]",
    "    Create <count> string keys named key:<num>. If <prefix> is specified then",
    "    it is used instead of the 'key' prefix. These are not propagated to",
    "    replicas. Cluster slots are not respected so keys not belonging to the",
    "    current node can be created in cluster mode.",
    "PROTOCOL <type>",
    "    Reply with a test value of the specified type. <type> can be: string,",
    "    integer, double, bignum, null, array, set, map, attrib, push, verbatim,",
    "    true, false.",
    "RELOAD [option ...]",
    "    Save the RDB on disk and reload it back to memory. Valid <option> values:",
    "    * MERGE: conflicting keys will be loaded from RDB.",
    "    * NOFLUSH: the existing database will not be removed before load, but",
    "      conflicting keys will generate an exception and kill the server.",
    "    * NOSAVE: the database will be loaded from an existing RDB file.",
    "    Examples:",
    "    * DEBUG RELOAD: verify that the server is able to persist, flush and reload",
    "      the database.",
    "    * DEBUG RELOAD NOSAVE: replace the current database with the contents of an",
    "      existing RDB file.",
    "    * DEBUG RELOAD NOSAVE NOFLUSH MERGE: add the contents of an existing RDB",
    "      file to the database.",
    "RESTART [<milliseconds>]",
    "    Graceful restart: save config, db, restart after a <milliseconds> delay (default 0).",
    "SDSLEN <key>",
    "    Show low level SDS string info representing `key` and value.",
    "SEGFAULT",
    "    Crash the server with sigsegv.",
    "SET-ACTIVE-EXPIRE <0|1>",
    "    Setting it to 0 disables expiring keys in background when they are not",
    "    accessed (otherwise the behavior). Setting it to 1 reenables back the",
    "    default.",
    "QUICKLIST-PACKED-THRESHOLD <size>",
    "    Sets the threshold for elements to be inserted as plain vs packed nodes",
    "    Default value is 1GB, allows values up to 4GB. Setting to 0 restores to default.",
    "SET-SKIP-CHECKSUM-VALIDATION <0|1>",
    "    Enables or disables checksum checks for RDB files and RESTORE's payload.",
    "SLEEP <seconds>",
    "    Stop the server for <seconds>. Decimals allowed.",
    "STRINGMATCH-TEST",
    "    Run a fuzz tester against the stringmatchlen() function.",
    "STRUCTSIZE",
    "    Return the size of different core C structures.",
    "LISTPACK <key>",
    "    Show low level info about the listpack encoding of <key>.",
    "QUICKLIST <key> [<0|1>]",
    "    Show low level info about the quicklist encoding of <key>.",
    "    The optional argument (0 by default) sets the level of detail",
    "CLIENT-EVICTION",
    "    Show low level client eviction pools info (maxmemory-clients).",
    "PAUSE-CRON <0|1>",
    "    Stop periodic cron job processing.",
    "REPLYBUFFER PEAK-RESET-TIME <NEVER||RESET|time>",
    "    Sets the time (in milliseconds) to wait between client reply buffer peak resets.",
    "    In case NEVER is provided the last observed peak will never be reset",
    "    In case RESET is provided the peak reset time will be restored to the default value",
    "REPLYBUFFER RESIZING <0|1>",
    "    Enable or disable the reply buffer resize cron job",
    "PAUSE-AFTER-FORK <0|1>",
    "    Stop the server's main process after fork.",
    "DELAY-RDB-CLIENT-FREE-SECOND <seconds>",
    "    Grace period in seconds for replica main channel to establish psync.",
    "DICT-RESIZING <0|1>",
    "    Enable or disable the main dict and expire dict resizing.",
    "HASHTABLE-CAN-ABORT-SHRINK <0|1>",
    "    Enable or disable the hashtable shrink abort.",
    "CLIENT-ENFORCE-REPLY-LIST <0|1>",
    "    When set to 1, it enforces the use of the client reply list directly",
    "    and avoids using the client's static buffer.",
    "SLOTMIGRATION PREVENT-PAUSE <0|1>",
    "    When set to 1, slot migrations will be prevented from pausing on the source node.",
    "SLOTMIGRATION PREVENT-FAILOVER <0|1>",
    "    When set to 1, slot migrations will be prevented from performing the slot-level failover on the target node.",
    "FORCE-FREE-PRIMARY-ASYNC <0|1>",
    "    Force freeClient on primary to use async path.",
    "PROTECT-CLIENT <id>",
    "    Protect a client from being freed, forcing deferred close.",
    "FORCE-TLS-WRITE-ERROR <0|1>",
    "    Force TLS write error for testing.",
    "CLUSTERLINK KILL <to|from|all> <node-id>",
    "    Kills the link based on the direction to/from (both) with the provided node.",
];
