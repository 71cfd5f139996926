//! DUMP and RESTORE: a value as bytes, in Valkey's form, and back.

use std::sync::atomic::Ordering;

use scrubjay::dump::{Payload, Trust};
use scrubjay::{Deadline, Event, Lookup, Usage};

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::config::VersionCheck;
use crate::error::Error;

pub(super) static DUMP: Command = Command {
    name: "dump",
    summary: "Returns a serialized representation of the value stored at a key.",
    since: "2.6.0",
    complexity: "O(1) to access the key and additional O(N*M) to serialize it, where N is the number of \
        objects composing the value and M their average size. For small string values the time complexity \
        is thus O(1)+O(1*M) where M is small, so simply O(1).",
    arity: 2,
    flags: Flags::READONLY,
    acl: Acl::KEYSPACE,
    tips: &["nondeterministic_output"],
    keys: &[Key::at(1).ro().access()],
    args: &[Arg::key("key")],
    handler: dump,
    ..Command::BASE
}
.checked();

pub(super) static RESTORE: Command = Command {
    name: "restore",
    summary: "Creates a key from the serialized representation of a value.",
    since: "2.6.0",
    complexity: "O(1) to create the new key and additional O(N*M) to reconstruct the serialized value, \
        where N is the number of objects composing the value and M their average size. For small string \
        values the time complexity is thus O(1)+O(1*M) where M is small, so simply O(1). However for \
        sorted set values the complexity is O(N*M*log(N)) because inserting values into sorted sets is \
        O(log(N)).",
    history: &[
        ("3.0.0", "Added the `REPLACE` modifier."),
        ("5.0.0", "Added the `ABSTTL` modifier."),
        ("5.0.0", "Added the `IDLETIME` and `FREQ` options."),
    ],
    arity: -4,
    flags: Flags::WRITE.or(Flags::DENYOOM),
    acl: Acl::KEYSPACE.or(Acl::DANGEROUS),
    keys: &[Key::at(1).ow().update()],
    args: &[
        Arg::key("key"),
        Arg::integer("ttl"),
        Arg::string("serialized-value"),
        Arg::pure_token("replace", "REPLACE").since("3.0.0").optional(),
        Arg::pure_token("absttl", "ABSTTL").since("5.0.0").optional(),
        Arg::integer("seconds").token("IDLETIME").since("5.0.0").optional(),
        Arg::integer("frequency").token("FREQ").since("5.0.0").optional(),
    ],
    handler: restore,
    ..Command::BASE
}
.checked();

fn dump(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let compress = ctx.shared.config.rdbcompression();
    match ctx.view.dump(ctx.key(1), Lookup::Read, compress) {
        Some(payload) => ctx.reply.bulk(&payload),
        None => ctx.reply.null(),
    }
    Ok(())
}

/// The options of RESTORE.
#[derive(Default)]
struct Options {
    replace: bool,
    /// The time to live is a moment.
    absolute: bool,
    usage: Usage,
}

impl Options {
    fn parse(ctx: &Ctx<'_, '_>) -> Result<Self, Error> {
        let (mut options, mut at) = (Self::default(), 4);
        while at < ctx.args.len() {
            let has_value = at + 1 < ctx.args.len();
            let Usage { idle_s, frequency } = options.usage;
            if ctx.args.is(at, "REPLACE") {
                options.replace = true;
            } else if ctx.args.is(at, "ABSTTL") {
                options.absolute = true;
            } else if ctx.args.is(at, "IDLETIME") && has_value && frequency.is_none() {
                at += 1;
                let seconds = u64::try_from(ctx.args.integer(at)?);
                let invalid = Error::Text("ERR Invalid IDLETIME value, must be >= 0");
                options.usage.idle_s = Some(seconds.map_err(|_| invalid)?);
            } else if ctx.args.is(at, "FREQ") && has_value && idle_s.is_none() {
                at += 1;
                let counter = u8::try_from(ctx.args.integer(at)?);
                let invalid = Error::Text("ERR Invalid FREQ value, must be >= 0 and <= 255");
                options.usage.frequency = Some(counter.map_err(|_| invalid)?);
            } else {
                return Err(Error::Syntax);
            }
            at += 1;
        }
        Ok(options)
    }
}

fn restore(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let key = ctx.key(1);
    let options = Options::parse(ctx)?;
    if !options.replace && ctx.view.exists(key, Lookup::Write) {
        return Err(Error::Text("BUSYKEY Target key name already exists."));
    }
    let ttl = u64::try_from(ctx.args.integer(2)?)
        .map_err(|_| Error::Text("ERR Invalid TTL value, must be >= 0"))?;
    let trust = Trust {
        version: ctx.shared.config.rdb_version_check() == VersionCheck::Relaxed,
        checksum: ctx.shared.trust_checksums.load(Ordering::Relaxed),
    };
    let payload = Payload::open(ctx.args.at(3), trust)
        .map_err(|_| Error::Text("ERR DUMP payload version or checksum are wrong"))?;
    let value = ctx.view.read_payload(key, payload).map_err(|_| Error::Text("ERR Bad data format"))?;
    let deadline = match ttl {
        0 => Deadline::Clear,
        at if options.absolute => Deadline::At(at),
        // Beyond the end of time lies, to Valkey, the past.
        ttl => Deadline::At(ttl.checked_add(ctx.now()).filter(|at| i64::try_from(*at).is_ok()).unwrap_or(0)),
    };
    match deadline {
        // What has expired already is not even restored.
        Deadline::At(at) if at <= ctx.now() => {
            ctx.view.remove(key, Event::Del);
        }
        deadline => ctx.view.restore(key, value, deadline, options.usage),
    }
    ctx.reply.ok();
    Ok(())
}
