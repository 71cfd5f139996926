//! SCRUBJAY PORTABILITY: what clients have used that some Redis or Valkey would refuse.

use crate::command::Ctx;
use crate::command::apart::{RELEASES, UseId};
use crate::command::spec::{Acl, Command, Flags};
use crate::command::table;
use crate::error::Error;
use crate::observe::portability::Tally;
use crate::resp::Reply;
use crate::session::clients::Names;

pub(super) static SCRUBJAY_PORTABILITY: Command = Command {
    name: "portability",
    summary: "Reports the commands and options seen that another server would refuse.",
    since: "0.1.0",
    complexity: "O(N) where N is the number of client connections",
    arity: 2,
    // What CLIENT LIST has, since it tells of other clients too.
    flags: Flags::ADMIN.or(Flags::NOSCRIPT).or(Flags::LOADING).or(Flags::STALE),
    acl: Acl::CONNECTION,
    tips: &["nondeterministic_output"],
    handler: scrubjay_portability,
    ..Command::BASE
}
.checked();

fn scrubjay_portability(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let portability = &ctx.shared.portability;
    let totals = portability.totals();
    let reply = &mut *ctx.reply;
    reply.map(4);
    reply.bulk("compat");
    reply.bulk(ctx.shared.config.compat().name());

    reply.bulk("servers");
    reply.map(RELEASES.len());
    for release in &RELEASES {
        let refuses = |(id, _): &&(UseId, u64)| {
            table::one_use(*id).refusers.releases().any(|refuser| refuser.name == release.name)
        };
        let refused = || totals.iter().filter(refuses);
        reply.bulk(release.name);
        reply.map(2);
        reply.bulk("refused");
        reply.count(refused().count());
        reply.bulk("calls");
        reply.integer(refused().map(|(_, calls)| *calls).sum::<u64>().cast_signed());
    }

    reply.bulk("uses");
    reply.array(totals.len());
    for (id, calls) in &totals {
        reply.map(4);
        name(reply, *id);
        reply.bulk("calls");
        reply.integer(calls.cast_signed());
        reply.bulk("refused-by");
        let refusers = || table::one_use(*id).refusers.releases();
        reply.array(refusers().count());
        refusers().for_each(|release| reply.bulk(release.name));
    }

    reply.bulk("clients");
    let clients = reply.defer_array();
    let mut count = 0;
    for past in portability.past() {
        client(reply, past.id, &past.names, false, &past.tally);
        count += 1;
    }
    for connected in ctx.shared.clients.all() {
        let tally = connected.tally.lock().clone();
        if !tally.uses().is_empty() {
            client(reply, connected.id, &connected.names.lock(), true, &tally);
            count += 1;
        }
    }
    reply.fill(clients, count);
    Ok(())
}

/// What a client has used.
fn client(reply: &mut Reply, id: u64, names: &Names, connected: bool, tally: &Tally) {
    reply.map(6);
    reply.bulk("id");
    reply.integer(id.cast_signed());
    for (field, name) in [("name", &names.name), ("lib-name", &names.lib_name), ("lib-ver", &names.lib_ver)] {
        reply.bulk(field);
        reply.bulk(name);
    }
    reply.bulk("connected");
    reply.integer(connected.into());
    reply.bulk("uses");
    reply.array(tally.uses().len());
    for (id, calls) in tally.uses() {
        reply.map(3);
        name(reply, *id);
        reply.bulk("calls");
        reply.integer(calls.cast_signed());
    }
}

/// The first two pairs of a use; an option that is null means the command itself.
fn name(reply: &mut Reply, id: UseId) {
    let one = table::one_use(id);
    reply.bulk("command");
    reply.bulk(&*one.command);
    reply.bulk("option");
    reply.bulk_or_null(Some(one.option).filter(|option| !option.is_empty()));
}
