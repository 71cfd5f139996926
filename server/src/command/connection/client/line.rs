//! The line that CLIENT LIST and INFO show of a client.

use std::sync::atomic::Ordering::Relaxed;

use crate::command::{Ctx, table};
use crate::pubsub::Kind;
use crate::session::clients::{Client, Peer};

/// Appends the line of one client: Valkey's fields in Valkey's order. The client that asks is in the
/// middle of a request, and what was published of it is as old as the request before.
pub(super) fn write_line(lines: &mut Vec<u8>, client: &Client, ctx: &Ctx<'_, '_>) {
    let now = ctx.now();
    let asks = client.id == ctx.session.client.id;
    let waits = client.blocked().map_or(0, |blocked| blocked.terms().args_bytes as u64);
    let arguments = if asks { ctx.args.bytes() as u64 } else { client.half_read.load(Relaxed) + waits };
    let commands = if asks { ctx.session.commands } else { client.commands.load(Relaxed) };
    let names = client.names.lock().clone();
    let own = (names.name.len() + names.lib_name.len() + names.lib_ver.len()) as u64;
    let pending = client.output_pending.load(Relaxed);
    let queued = client.queued_bytes.load(Relaxed);
    let output_memory = client.output_memory.load(Relaxed);
    let mut field = |name: &str, value: &[u8]| {
        lines.extend_from_slice(name.as_bytes());
        lines.push(b'=');
        lines.extend(value.iter().take_while(|byte| **byte != 0));
        lines.push(b' ');
    };
    let figure = |value: u64| value.to_string().into_bytes();

    field("id", &figure(client.id));
    field("addr", client.peer.address().as_bytes());
    field("laddr", client.peer.local_address().as_bytes());
    field("fd", client.fd.to_string().as_bytes());
    field("name", &names.name);
    field("age", &figure(client.age_seconds(now)));
    field("idle", &figure(client.idle_seconds(now)));
    field("flags", flags(client).as_bytes());
    field("capa", capabilities(client).as_bytes());
    field("db", &figure(client.db.load(Relaxed).into()));
    for (name, kind) in ["sub", "psub", "ssub"].into_iter().zip(Kind::ALL) {
        field(name, &figure(client.subscriptions(kind).into()));
    }
    field("multi", client.queued.load(Relaxed).to_string().as_bytes());
    field("watch", &figure(client.watched() as u64));
    let (used, allocated) = (client.query_used.load(Relaxed), client.query_allocated.load(Relaxed));
    field("qbuf", &figure(used));
    field("qbuf-free", &figure(allocated.saturating_sub(used)));
    field("argv-mem", &figure(arguments));
    field("multi-mem", &figure(queued));
    field("rbs", &figure(output_memory));
    field("rbp", &figure(client.output_peak.load(Relaxed)));
    field("obl", &figure(pending));
    field("oll", &figure(client.output_shared.load(Relaxed)));
    field("omem", &figure(if pending > 0 { output_memory } else { 0 }));
    field("tot-mem", &figure(client.memory.load(Relaxed) + own + arguments + queued));
    field("events", if pending > 0 { b"rw" } else { b"r" });
    field("cmd", last_command(client).as_bytes());
    field("user", b"default");
    field("redir", client.tracking.shown_redirect().to_string().as_bytes());
    field("resp", &figure(client.protocol.load(Relaxed).into()));
    field("lib-name", &names.lib_name);
    field("lib-ver", &names.lib_ver);
    field("tot-net-in", &figure(client.bytes_in.load(Relaxed)));
    field("tot-net-out", &figure(client.bytes_out.load(Relaxed)));
    field("tot-cmds", &figure(commands));
    // The last field ends the line.
    lines.pop();
    lines.push(b'\n');
}

/// One letter for each thing that is special about a client; `N` for none.
pub(super) fn flags(client: &Client) -> String {
    let (mut flags, tracks) = (String::new(), client.tracking.modes());
    for (letter, holds) in [
        ('O', client.monitors.load(Relaxed)),
        ('P', client.is_subscriber()),
        ('x', client.in_transaction.load(Relaxed)),
        ('b', client.waits()),
        ('d', client.watch.lock().as_ref().is_some_and(|watch| watch.is_touched())),
        ('t', tracks.on),
        ('R', tracks.broken_redirect),
        ('B', tracks.bcast),
        ('U', matches!(client.peer, Peer::Unix(_))),
        ('r', client.reads_only.load(Relaxed)),
        ('e', client.no_evict.load(Relaxed)),
        ('T', client.no_touch.load(Relaxed)),
        ('I', client.import_source.load(Relaxed)),
    ] {
        if holds {
            flags.push(letter);
        }
    }
    if flags.is_empty() {
        flags.push('N');
    }
    flags
}

/// One letter for each capability the client has claimed.
pub(super) fn capabilities(client: &Client) -> &'static str {
    if client.capa_redirect.load(Relaxed) { "r" } else { "" }
}

fn last_command(client: &Client) -> &'static str {
    let id = usize::from(client.last_command.load(Relaxed));
    table::entries().get(id).map_or("NULL", |entry| entry.full_name())
}
