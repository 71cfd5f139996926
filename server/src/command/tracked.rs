//! What a client reads that tracks: remembered before the locks go under which it was read.
//!
//! Nothing is asked but whether the client tracks, while it does not.

use std::sync::atomic::Ordering::Relaxed;

use scrubjay::{Key, View};

use super::spec::{Flags, Locks};
use super::table::{self, Entry};
use crate::resp::Reply;
use crate::session::Session;
use crate::shared::Shared;

/// The locks of a request are there, and its reply is about to be written: what has come for the client goes
/// in front of it. Of the keys that are locked nothing else can come until they are not.
#[inline]
pub(super) fn before(shared: &Shared, session: &mut Session, reply: &mut Reply) {
    if session.tracking.is_on() && shared.mail.has_mail(session.client.thread) {
        take_messages(shared, session, reply);
    }
}

#[cold]
fn take_messages(shared: &Shared, session: &mut Session, reply: &mut Reply) {
    session.inbox.deliver(shared);
    session.inbox.take_into(reply.output_mut());
    session.reply_begins = reply.mark();
}

/// A command has run, and its locks are still there: the client may keep what it has read. What a script has
/// read, the commands that it called have read.
#[inline]
pub(super) fn after(
    shared: &Shared,
    session: &Session,
    view: &mut View<'_>,
    command: &Entry,
    keys: &[Key<'_>],
) {
    if session.tracking.remembers() && is_read(command) {
        // What this very view has changed before was changed before it was read.
        view.tell();
        keys.iter().for_each(|key| shared.tracking.remember(*key, session.client.id));
    }
}

/// Whether the keys of a command are remembered.
pub(super) fn is_read(command: &Entry) -> bool {
    command.flags.has(Flags::READONLY) && !matches!(command.locks, Locks::Growing)
}

/// A request is over, and `CLIENT CACHING` was said for it: unless it was a command of `CLIENT`, or a
/// transaction has begun, that holds no longer.
#[cold]
pub(super) fn finish(session: &mut Session) {
    let last = table::entries().get(usize::from(session.client.last_command.load(Relaxed)));
    let is_client = last.is_some_and(|command| command.full_name().starts_with("client|"));
    if !is_client && !session.transaction.is_open() {
        session.tracking.set_caching(false);
    }
}
