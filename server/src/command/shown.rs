//! What those are shown who `MONITOR` the server: one line for each command that has run, posted before its
//! locks go, so that the commands on a key are shown in the order in which they came about.
//!
//! Nothing is written, and nothing asked but whether anybody is there, while nobody is.

use std::io::Write;

use super::Origin;
use super::args::Args;
use super::spec::Flags;
use super::table::Entry;
use crate::config::quote;
use crate::pubsub::message::Message;
use crate::session::Session;
use crate::session::clients::Peer;
use crate::shared::Shared;

/// Shows a command that is about to run, if it is one that others run inside of: it comes before them.
#[inline]
pub(super) fn before(shared: &Shared, session: &Session, command: &Entry, args: Args<'_>, origin: Origin) {
    if !shared.monitors.is_empty() && command.flags.has(Flags::SKIP_MONITOR) {
        show(shared, session, command, args, origin);
    }
}

/// Shows a command that has run, whatever it answers. Those that administer the server are nobody else's
/// business.
#[inline]
pub(super) fn after(shared: &Shared, session: &Session, command: &Entry, args: Args<'_>, origin: Origin) {
    let hidden = || command.flags.has(Flags::SKIP_MONITOR) || command.flags.has(Flags::ADMIN);
    if !shared.monitors.is_empty() && !hidden() {
        show(shared, session, command, args, origin);
    }
}

#[cold]
fn show(shared: &Shared, session: &Session, command: &Entry, args: Args<'_>, origin: Origin) {
    let micros = shared.store.clock().wall_micros();
    let (seconds, micros) = (micros / 1_000_000, micros % 1_000_000);
    let from = match origin {
        Origin::Client | Origin::Transaction => address(&session.client.peer),
        #[cfg(feature = "script")]
        Origin::Script => "lua".to_owned(),
    };
    let mut line = Vec::with_capacity(args.bytes() + 64);
    write!(line, "+{seconds}.{micros:06} [{} {from}]", session.db)
        .expect("invariant: memory takes what is written");
    for (index, arg) in args.iter().enumerate() {
        line.push(b' ');
        let arg = if (command.hides)(&args, index) { b"(redacted)" } else { arg };
        line.extend_from_slice(quote(arg).as_bytes());
    }
    line.extend_from_slice(b"\r\n");
    let message = Message::same(line);
    shared.monitors.with(|audience| shared.post(&message, audience));
}

fn address(peer: &Peer) -> String {
    match peer {
        Peer::Tcp(..) => peer.address(),
        Peer::Unix(path) => format!("unix:{path}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unix_socket_is_shown_by_its_path() {
        assert_eq!(address(&Peer::Unix("/tmp/s".into())), "unix:/tmp/s");
        let [v4, v6] = ["127.0.0.1:5", "[::1]:6"].map(|address| address.parse().expect("an address"));
        assert_eq!(address(&Peer::Tcp(v4, v6)), "127.0.0.1:5");
        assert_eq!(address(&Peer::Tcp(v6, v4)), "[::1]:6");
    }
}
