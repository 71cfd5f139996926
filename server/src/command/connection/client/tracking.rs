//! CLIENT TRACKING, CACHING and TRACKINGINFO: a client that keeps what it reads.

use super::choices::on_or_off;
use crate::command::Ctx;
use crate::command::args::Args;
use crate::command::spec::{Acl, Arg, Command, Flags, Locks};
use crate::error::Error;
use crate::session::tracking::Modes;
use crate::shared::Shared;

pub(super) static CLIENT_TRACKING: Command = Command {
    name: "tracking",
    summary: "Controls server-assisted client-side caching for the connection.",
    since: "6.0.0",
    complexity: "O(1). Some options may introduce additional complexity.",
    arity: -3,
    flags: Flags::NOSCRIPT.or(Flags::LOADING).or(Flags::STALE),
    acl: Acl::CONNECTION,
    args: &[
        Arg::one_of("status", &[Arg::pure_token("on", "ON"), Arg::pure_token("off", "OFF")]),
        Arg::integer("client-id").token("REDIRECT").optional(),
        Arg::string("prefix").token("PREFIX").optional().multiple().multiple_token(),
        Arg::pure_token("bcast", "BCAST").optional(),
        Arg::pure_token("optin", "OPTIN").optional(),
        Arg::pure_token("optout", "OPTOUT").optional(),
        Arg::pure_token("noloop", "NOLOOP").optional(),
    ],
    // Whoever is the first to track has every operation that is under way take notice.
    locks: Locks::Walk,
    handler: client_tracking,
    ..Command::BASE
}
.checked();

/// How a client wants to track.
struct Options<'a> {
    modes: Modes,
    redirect: u64,
    prefixes: Vec<&'a [u8]>,
}

impl<'a> Options<'a> {
    fn parse(args: &Args<'a>, shared: &Shared) -> Result<Self, Error> {
        let mut options =
            Self { modes: Modes { on: true, ..Modes::default() }, redirect: 0, prefixes: vec![] };
        let (modes, mut index) = (&mut options.modes, 3);
        while index < args.len() {
            let value = args.get(index + 1);
            match () {
                () if args.is(index, "redirect") && value.is_some() => {
                    index += 1;
                    if options.redirect != 0 {
                        return Err(Error::Text("ERR A client can only redirect to a single other client"));
                    }
                    options.redirect = args.integer(index)?.cast_unsigned();
                    if shared.clients.get(options.redirect).is_none() {
                        return Err(Error::Text("ERR The client ID you want redirect to does not exist"));
                    }
                }
                () if args.is(index, "bcast") => modes.bcast = true,
                () if args.is(index, "optin") => modes.optin = true,
                () if args.is(index, "optout") => modes.optout = true,
                () if args.is(index, "noloop") => modes.noloop = true,
                () if args.is(index, "prefix") && value.is_some() => {
                    index += 1;
                    options.prefixes.extend(value);
                }
                () => return Err(Error::Syntax),
            }
            index += 1;
        }
        Ok(options)
    }

    /// Whether they fit together, and what the client has chosen before.
    fn check<'p>(&self, before: Modes, known: impl Iterator<Item = &'p [u8]>) -> Result<(), Error> {
        let modes = self.modes;
        let error = if !modes.bcast && !self.prefixes.is_empty() {
            "ERR PREFIX option requires BCAST mode to be enabled"
        } else if before.on && before.bcast != modes.bcast {
            "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling it with a different mode."
        } else if modes.bcast && (modes.optin || modes.optout) {
            "ERR OPTIN and OPTOUT are not compatible with BCAST"
        } else if modes.optin && modes.optout {
            "ERR You can't specify both OPTIN mode and OPTOUT mode"
        } else if (modes.optin && before.optout) || (modes.optout && before.optin) {
            "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then re-enabling it with a different mode."
        } else {
            return self.check_prefixes(&known.collect::<Vec<_>>());
        };
        Err(Error::Text(error))
    }

    fn check_prefixes(&self, known: &[&[u8]]) -> Result<(), Error> {
        let overlap = |a: &[u8], b: &[u8]| a.starts_with(b) || b.starts_with(a);
        for (index, prefix) in self.prefixes.iter().enumerate() {
            let with =
                |others: &[&[u8]], what: &[u8]| match others.iter().find(|other| overlap(prefix, other)) {
                    Some(other) => Err(overlaps(prefix, what, other)),
                    None => Ok(()),
                };
            with(known, b"an existing")?;
            with(&self.prefixes[index + 1..], b"another provided")?;
        }
        Ok(())
    }
}

/// The words stand up to a NUL, as in C.
fn overlaps(prefix: &[u8], what: &[u8], other: &[u8]) -> Error {
    fn text(bytes: &[u8]) -> &[u8] {
        bytes.split(|byte| *byte == 0).next().unwrap_or_default()
    }
    let line: [&[u8]; 7] = [
        b"ERR Prefix '",
        text(prefix),
        b"' overlaps with ",
        what,
        b" prefix '",
        text(other),
        b"'. Prefixes for a single client must not overlap.",
    ];
    Error::Bytes(line.concat())
}

fn client_tracking(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let options = Options::parse(&ctx.args, ctx.shared)?;
    if on_or_off(ctx)? {
        let session = &mut *ctx.session;
        let before = session.client.tracking.modes();
        options.check(before, session.tracking.prefixes().map(AsRef::as_ref))?;
        let prefixes = match options.prefixes.as_slice() {
            [] if options.modes.bcast => &[&b""[..]],
            prefixes => prefixes,
        };
        session.track(ctx.shared, ctx.view, options.modes, options.redirect, prefixes);
    } else {
        ctx.session.end_tracking(ctx.shared);
    }
    ctx.reply.ok();
    Ok(())
}

pub(super) static CLIENT_CACHING: Command = Command {
    name: "caching",
    summary: "Instructs the server whether to track the keys in the next request.",
    since: "6.0.0",
    complexity: "O(1)",
    arity: 3,
    flags: Flags::NOSCRIPT.or(Flags::LOADING).or(Flags::STALE).or(Flags::ALLOW_BUSY),
    acl: Acl::CONNECTION,
    args: &[Arg::one_of("mode", &[Arg::pure_token("yes", "YES"), Arg::pure_token("no", "NO")])],
    handler: client_caching,
    ..Command::BASE
}
.checked();

fn client_caching(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let modes = ctx.session.client.tracking.modes();
    if !modes.on {
        return Err(Error::Text(
            "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled",
        ));
    }
    if ctx.args.is(2, "yes") {
        if !modes.optin {
            return Err(Error::Text(
                "ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.",
            ));
        }
    } else if ctx.args.is(2, "no") {
        if !modes.optout {
            return Err(Error::Text(
                "ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.",
            ));
        }
    } else {
        return Err(Error::Syntax);
    }
    ctx.session.tracking.set_caching(true);
    ctx.reply.ok();
    Ok(())
}

pub(super) static CLIENT_TRACKINGINFO: Command = Command {
    name: "trackinginfo",
    summary: "Returns information about server-assisted client-side caching for the connection.",
    since: "6.2.0",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::NOSCRIPT.or(Flags::LOADING).or(Flags::STALE),
    acl: Acl::CONNECTION,
    handler: client_trackinginfo,
    ..Command::BASE
}
.checked();

fn client_trackinginfo(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let tracked = &ctx.session.tracking;
    let (client, caching) = (&ctx.session.client, tracked.caching());
    let modes = client.tracking.modes();
    let flags: Vec<_> = [
        ("off", !modes.on),
        ("on", modes.on),
        ("bcast", modes.bcast),
        ("optin", modes.optin),
        ("caching-yes", modes.optin && caching),
        ("optout", modes.optout),
        ("caching-no", modes.optout && caching),
        ("noloop", modes.noloop),
        ("broken_redirect", modes.broken_redirect),
    ]
    .into_iter()
    .filter_map(|(flag, holds)| holds.then_some(flag))
    .collect();
    let reply = &mut *ctx.reply;
    reply.map(3);
    reply.bulk("flags");
    reply.set(flags.len());
    flags.iter().for_each(|flag| reply.bulk(flag));
    reply.bulk("redirect");
    reply.integer(client.tracking.shown_redirect());
    reply.bulk("prefixes");
    reply.array(tracked.prefixes().len());
    tracked.prefixes().for_each(|prefix| reply.bulk(prefix));
    Ok(())
}
