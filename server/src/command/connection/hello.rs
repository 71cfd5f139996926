//! HELLO: which protocol is spoken, and with whom.

use std::sync::atomic::Ordering::Relaxed;

use super::auth::authenticate;
use super::client::check_name;
use crate::command::Ctx;
use crate::command::args::Args;
use crate::command::spec::{Acl, Arg, Command, Flags};
use crate::error::Error;
use crate::resp::{Protocol, number};

pub(super) static HELLO: Command = Command {
    name: "hello",
    summary: "Handshakes with the server.",
    since: "6.0.0",
    complexity: "O(1)",
    history: &[
        (
            "8.1.0",
            "A new `availability_zone` field is added to the response if the `availability-zone` \
            config is set.",
        ),
        (
            "6.2.0",
            "`protover` made optional; when called without arguments the command reports the \
            current connection's context.",
        ),
    ],
    arity: -1,
    flags: Flags::NOSCRIPT
        .or(Flags::LOADING)
        .or(Flags::STALE)
        .or(Flags::FAST)
        .or(Flags::NO_AUTH)
        .or(Flags::ALLOW_BUSY),
    acl: Acl::CONNECTION,
    args: &[Arg::block(
        "arguments",
        &[
            Arg::integer("protover"),
            Arg::block("auth", &[Arg::string("username"), Arg::string("password")]).token("AUTH").optional(),
            Arg::string("clientname").token("SETNAME").optional(),
        ],
    )
    .optional()],
    hides: is_login,
    handler: hello,
    ..Command::BASE
}
.checked();

/// Whether a word is a user's name or password, as far as the call can be read.
fn is_login(args: &Args<'_>, index: usize) -> bool {
    if args.get(1).is_none_or(|version| protocol(version).is_err()) {
        return false;
    }
    let mut at = 2;
    while at < index {
        at += match args.len() - at {
            3.. if args.is(at, "auth") => {
                if index <= at + 2 {
                    return true;
                }
                3
            }
            2.. if args.is(at, "setname") => 2,
            _ => return false,
        };
    }
    false
}

fn hello(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let args = ctx.args;
    let protocol = args.get(1).map(protocol).transpose()?;
    let (mut login, mut name) = (None, None);
    let mut index = 2;
    while let Some(option) = args.get(index) {
        index += match (args.get(index + 1), args.get(index + 2)) {
            (Some(user), Some(password)) if args.is(index, "auth") => {
                login = Some((user, password));
                3
            }
            (Some(given), _) if args.is(index, "setname") => {
                check_name(given, NAME)?;
                name = Some(given);
                2
            }
            _ => return Err(Error::quoting("ERR Syntax error in HELLO option '", option, "'")),
        };
    }

    if let Some((user, password)) = login {
        authenticate(ctx, user, password)?;
    }
    if !ctx.session.authenticated {
        return Err(UNKNOWN_CLIENT);
    }
    if let Some(name) = name {
        ctx.session.client.names.lock().name = name.to_vec();
    }
    if let Some(protocol) = protocol {
        ctx.reply.set_protocol(protocol);
        ctx.session.client.protocol.store(protocol.version() as u8, Relaxed);
    }
    greet(ctx);
    Ok(())
}

/// How error texts call a client's name.
pub(super) const NAME: &[u8] = b"Client names";

const UNKNOWN_CLIENT: Error = Error::Text(
    "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH \
     <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the \
     same time",
);

fn protocol(version: &[u8]) -> Result<Protocol, Error> {
    match number::parse_i64(version) {
        Some(2) => Ok(Protocol::Resp2),
        Some(3) => Ok(Protocol::Resp3),
        Some(_) => Err(Error::Text("NOPROTO unsupported protocol version")),
        None => Err(Error::Text("ERR Protocol version is not an integer or out of range")),
    }
}

fn greet(ctx: &mut Ctx<'_, '_>) {
    let config = &ctx.shared.config;
    let identity = config.identity();
    let zone = if config.compat().is_valkey() { config.availability_zone() } else { Default::default() };
    let reply = &mut *ctx.reply;
    reply.map(if zone.is_empty() { 7 } else { 8 });
    reply.bulk("server");
    reply.bulk(identity.server);
    reply.bulk("version");
    reply.bulk(identity.version);
    reply.bulk("proto");
    reply.integer(reply.protocol().version());
    reply.bulk("id");
    reply.integer(ctx.session.client.id.cast_signed());
    reply.bulk("mode");
    reply.bulk("standalone");
    reply.bulk("role");
    reply.bulk("master");
    reply.bulk("modules");
    reply.array(0);
    if !zone.is_empty() {
        reply.bulk("availability_zone");
        reply.bulk(zone);
    }
}
