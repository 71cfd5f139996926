//! CLIENT KILL.

use std::sync::atomic::Ordering::Relaxed;

use super::filter::{Filter, SEVERAL_IDS};
use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Form};
use crate::error::Error;
use crate::pubsub::Recipient;
use crate::session::clients::Client;
use crate::shared::Shared;

pub(super) static CLIENT_KILL: Command = Command {
    name: "kill",
    summary: "Terminates open connections.",
    since: "2.4.0",
    complexity: "O(N) where N is the number of client connections",
    history: &[
        ("2.8.12", "Added new filter format."),
        ("2.8.12", "`ID` option."),
        ("3.2.0", "Added `master` type in for `TYPE` option."),
        (
            "5.0.0",
            "Replaced `slave` `TYPE` with `replica`. `slave` still supported for backward \
            compatibility.",
        ),
        ("6.2.0", "`LADDR` option."),
        ("8.0.0", "`MAXAGE` option."),
        (
            "8.0.0",
            "Replaced `master` `TYPE` with `primary`. `master` still supported for backward \
            compatibility.",
        ),
        ("8.1.0", "`ID` option accepts multiple IDs."),
        (
            "9.0.0",
            "Added filters NAME, IDLE, FLAGS, LIB-NAME, LIB-VER, DB, CAPA, and IP. And negative \
            filters NOT-ID, NOT-TYPE, NOT-ADDR, NOT-LADDR, NOT-USER, NOT-FLAGS, NOT-NAME, NOT-LIB-NAME, \
            NOT-LIB-VER, NOT-DB, NOT-CAPA, NOT-IP.",
        ),
    ],
    arity: -3,
    flags: Flags::ADMIN.or(Flags::NOSCRIPT).or(Flags::LOADING).or(Flags::STALE),
    acl: Acl::CONNECTION,
    args: &[Arg::one_of(
        "filter",
        &[
            Arg::string("old-format").display("ip:port").deprecated_since("2.8.12"),
            Arg::one_of(
                "new-format",
                &[
                    Arg::integer("client-id").token("ID").since("2.8.12").optional().multiple(),
                    Arg::one_of(
                        "client-type",
                        &[
                            Arg::pure_token("normal", "NORMAL"),
                            Arg::pure_token("master", "MASTER").since("3.2.0"),
                            Arg::pure_token("primary", "PRIMARY").since("8.0.0"),
                            Arg::pure_token("slave", "SLAVE"),
                            Arg::pure_token("replica", "REPLICA").since("5.0.0"),
                            Arg::pure_token("pubsub", "PUBSUB"),
                        ],
                    )
                    .token("TYPE")
                    .since("2.8.12")
                    .optional(),
                    Arg::string("username").token("USER").optional(),
                    Arg::string("addr").token("ADDR").display("ip:port").optional(),
                    Arg::string("laddr").token("LADDR").display("ip:port").since("6.2.0").optional(),
                    Arg::one_of("skipme", &[Arg::pure_token("yes", "YES"), Arg::pure_token("no", "NO")])
                        .token("SKIPME")
                        .optional(),
                    Arg::integer("maxage").token("MAXAGE").since("8.0.0").redis("7.4.0").optional(),
                    Arg::string("name").token("NAME").since("9.0.0").optional(),
                    Arg::integer("idle").token("IDLE").since("9.0.0").optional(),
                    Arg::string("flags").token("FLAGS").since("9.0.0").optional(),
                    Arg::string("lib-name").token("LIB-NAME").since("9.0.0").optional(),
                    Arg::string("lib-ver").token("LIB-VER").since("9.0.0").optional(),
                    Arg::integer("db").token("DB").since("9.0.0").optional(),
                    Arg::string("capa").token("CAPA").since("9.0.0").optional(),
                    Arg::string("ip").token("IP").since("9.0.0").optional(),
                    Arg::one_of(
                        "not-client-type",
                        &[
                            Arg::pure_token("normal", "NORMAL"),
                            Arg::pure_token("master", "MASTER"),
                            Arg::pure_token("primary", "PRIMARY"),
                            Arg::pure_token("slave", "SLAVE"),
                            Arg::pure_token("replica", "REPLICA"),
                            Arg::pure_token("pubsub", "PUBSUB"),
                        ],
                    )
                    .token("NOT-TYPE")
                    .since("9.0.0")
                    .optional(),
                    Arg::integer("not-client-id").token("NOT-ID").since("9.0.0").optional().multiple(),
                    Arg::string("not-username").token("NOT-USER").since("9.0.0").optional(),
                    Arg::string("not-addr").token("NOT-ADDR").display("ip:port").since("9.0.0").optional(),
                    Arg::string("not-laddr").token("NOT-LADDR").display("ip:port").since("9.0.0").optional(),
                    Arg::string("not-name").token("NOT-NAME").since("9.0.0").optional(),
                    Arg::string("not-flags").token("NOT-FLAGS").since("9.0.0").optional(),
                    Arg::string("not-lib-name").token("NOT-LIB-NAME").since("9.0.0").optional(),
                    Arg::string("not-lib-ver").token("NOT-LIB-VER").since("9.0.0").optional(),
                    Arg::integer("not-db").token("NOT-DB").since("9.0.0").optional(),
                    Arg::string("not-capa").token("NOT-CAPA").since("9.0.0").optional(),
                    Arg::string("not-ip").token("NOT-IP").since("9.0.0").optional(),
                ],
            )
            .multiple(),
        ],
    )],
    forms: &[Form { name: SEVERAL_IDS, valkey: "8.1.0", redis: "" }],
    handler: client_kill,
    ..Command::BASE
}
.checked();

fn client_kill(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    if ctx.args.len() == 3 {
        return kill_address(ctx);
    }
    let filter = Filter::parse(ctx)?;
    let (me, now) = (ctx.session.client.id, ctx.now());
    let mut killed = 0;
    for client in ctx.shared.clients.all() {
        let is_me = client.id == me;
        if is_me && filter.skip_me != Some(false) || !filter.matches(&client, now) {
            continue;
        }
        if is_me {
            ctx.session.closing = true;
            killed += 1;
        } else if kill(ctx.shared, &client) {
            killed += 1;
        }
    }
    ctx.reply.count(killed);
    Ok(())
}

/// The old form, of one address. It spares nobody.
fn kill_address(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let address = ctx.args.at(2);
    let all = ctx.shared.clients.all();
    let found = all.iter().find(|client| client.peer.address().as_bytes() == address);
    let client = found.ok_or(Error::Text("ERR No such client"))?;
    if client.id == ctx.session.client.id {
        ctx.session.closing = true;
    } else {
        kill(ctx.shared, client);
    }
    ctx.reply.ok();
    Ok(())
}

/// Ends another client; whether it was there. Its thread may come to it later, so it is out of what others
/// see of it before anybody is told: the list of clients, and those who get messages.
fn kill(shared: &Shared, client: &Client) -> bool {
    let killed = shared.clients.kill(client.id);
    if killed && client.is_subscriber() {
        let recipient = Recipient { slot: client.slot.load(Relaxed), client: client.id };
        shared.registry.forget(client.thread, recipient);
    }
    killed
}
