//! CLIENT LIST and INFO.

use super::filter::Filter;
use super::line::write_line;
use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Form};
use crate::error::Error;
use crate::resp::number;

pub(super) static CLIENT_LIST: Command = Command {
    name: "list",
    summary: "Lists open connections.",
    since: "2.4.0",
    complexity: "O(N) where N is the number of client connections",
    history: &[
        ("2.8.12", "Added unique client `id` field."),
        ("5.0.0", "Added optional `TYPE` filter."),
        ("6.0.0", "Added `user` field."),
        ("6.2.0", "Added `argv-mem`, `tot-mem`, `laddr` and `redir` fields and the optional `ID` filter."),
        ("7.0.0", "Added `resp`, `multi-mem`, `rbs` and `rbp` fields."),
        ("7.0.3", "Added `ssub` field."),
        (
            "8.0.0",
            "Replaced `master` `TYPE` with `primary`. `master` still supported for backward \
            compatibility.",
        ),
        ("8.1.0", "Added filters USER, ADDR, LADDR, SKIPME, and MAXAGE."),
        (
            "9.0.0",
            "Added filters NAME, IDLE, FLAGS, LIB-NAME, LIB-VER, DB, CAPA, and IP. And negative \
            filters NOT-ID, NOT-TYPE, NOT-ADDR, NOT-LADDR, NOT-USER, NOT-FLAGS, NOT-NAME, NOT-LIB-NAME, \
            NOT-LIB-VER, NOT-DB, NOT-CAPA, NOT-IP.",
        ),
    ],
    arity: -2,
    flags: Flags::ADMIN.or(Flags::NOSCRIPT).or(Flags::LOADING).or(Flags::STALE),
    acl: Acl::CONNECTION,
    tips: &["nondeterministic_output"],
    args: &[
        Arg::one_of(
            "client-type",
            &[
                Arg::pure_token("normal", "NORMAL"),
                Arg::pure_token("master", "MASTER"),
                Arg::pure_token("replica", "REPLICA"),
                Arg::pure_token("pubsub", "PUBSUB"),
            ],
        )
        .token("TYPE")
        .since("5.0.0")
        .optional(),
        Arg::integer("client-id").token("ID").since("6.2.0").optional().multiple(),
        Arg::string("username").token("USER").since("8.1.0").optional(),
        Arg::string("addr").token("ADDR").display("ip:port").since("8.1.0").optional(),
        Arg::string("laddr").token("LADDR").display("ip:port").since("8.1.0").optional(),
        Arg::one_of("skipme", &[Arg::pure_token("yes", "YES"), Arg::pure_token("no", "NO")])
            .token("SKIPME")
            .since("8.1.0")
            .optional(),
        Arg::integer("maxage").token("MAXAGE").since("8.1.0").optional(),
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
    forms: &[
        Form { name: "PRIMARY", valkey: "8.0.0", redis: "" },
        Form { name: SEVERAL_OPTIONS, valkey: "8.1.0", redis: "" },
    ],
    handler: client_list,
    ..Command::BASE
}
.checked();

/// How the report names a call with more than one of them.
const SEVERAL_OPTIONS: &str = "several options";

fn client_list(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let ids = ctx.args.is(2, "id") && ctx.args.len() > 3;
    if ids && !ctx.is_valkey() && ctx.args.skip(3).iter().any(|id| number::parse_i64(id).is_none()) {
        // To Redis all that follows is an id.
        return Err(Error::Text("ERR Invalid client ID"));
    }
    let filter = Filter::parse(ctx)?;
    if filter.options > 1 && !ctx.has(SEVERAL_OPTIONS) {
        return Err(Error::Syntax);
    }
    let (me, now) = (ctx.session.client.id, ctx.now());
    let mut lines = Vec::new();
    for client in ctx.shared.clients.all() {
        let spared = client.id == me && filter.skip_me == Some(true);
        if !spared && filter.matches(&client, now) {
            write_line(&mut lines, &client, ctx);
        }
    }
    ctx.reply.verbatim(*b"txt", lines);
    Ok(())
}

pub(super) static CLIENT_INFO: Command = Command {
    name: "info",
    summary: "Returns information about the connection.",
    since: "6.2.0",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::NOSCRIPT.or(Flags::LOADING).or(Flags::STALE),
    acl: Acl::CONNECTION,
    tips: &["nondeterministic_output"],
    handler: client_info,
    ..Command::BASE
}
.checked();

fn client_info(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let mut line = Vec::new();
    write_line(&mut line, &ctx.session.client, ctx);
    ctx.reply.verbatim(*b"txt", line);
    Ok(())
}
