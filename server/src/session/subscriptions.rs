//! What a client is subscribed to.

use std::collections::HashSet;

use bytes::Bytes;

use super::{Replies, Session};
use crate::pubsub::Kind;
use crate::resp::Protocol;
use crate::shared::Shared;

/// The names that a client is subscribed to.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    by_kind: [HashSet<Bytes>; Kind::ALL.len()],
    /// Bytes of all names together.
    bytes: usize,
}

impl Subscriptions {
    fn of(&mut self, kind: Kind) -> &mut HashSet<Bytes> {
        &mut self.by_kind[kind as usize]
    }

    /// How many names of a kind.
    pub(crate) fn len(&self, kind: Kind) -> usize {
        self.by_kind[kind as usize].len()
    }

    /// How many there are as a confirmation counts them: channels and patterns together, shard channels
    /// apart.
    pub(crate) fn counted_with(&self, kind: Kind) -> usize {
        match kind {
            Kind::Channel | Kind::Pattern => self.len(Kind::Channel) + self.len(Kind::Pattern),
            Kind::Shard => self.len(Kind::Shard),
        }
    }

    /// Whether there is any.
    #[inline]
    pub(crate) fn any(&self) -> bool {
        self.by_kind.iter().any(|names| !names.is_empty())
    }

    /// All names of a kind, in no order.
    pub(crate) fn names(&self, kind: Kind) -> Vec<Bytes> {
        self.by_kind[kind as usize].iter().cloned().collect()
    }

    /// What they take in memory, in the registry too, about.
    pub(crate) fn memory_bytes(&self) -> usize {
        /// An entry of this table, one of the registry's and a place in its audience.
        const ENTRY_BYTES: usize = 3 * size_of::<Bytes>() + 16;
        let entries: usize = self.by_kind.iter().map(HashSet::capacity).sum();
        self.bytes + entries * ENTRY_BYTES
    }
}

impl Session {
    /// Subscribes to a name, if the client is not.
    pub fn subscribe(&mut self, shared: &Shared, kind: Kind, name: &[u8]) {
        if self.subscriptions.of(kind).contains(name) {
            return;
        }
        let name = Bytes::copy_from_slice(name);
        let (thread, recipient) = self.inbox.address();
        shared.registry.join(kind, &name, thread, recipient);
        self.subscriptions.bytes += name.len();
        self.subscriptions.of(kind).insert(name);
        self.client.set_subscriptions(kind, self.subscriptions.len(kind));
    }

    /// Ends a subscription, if there is one.
    pub fn unsubscribe(&mut self, shared: &Shared, kind: Kind, name: &[u8]) {
        let Some(name) = self.subscriptions.of(kind).take(name) else { return };
        let (thread, recipient) = self.inbox.address();
        shared.registry.leave(kind, &name, thread, recipient);
        self.subscriptions.bytes -= name.len();
        self.client.set_subscriptions(kind, self.subscriptions.len(kind));
    }

    /// Ends all subscriptions.
    pub fn unsubscribe_all(&mut self, shared: &Shared) {
        for kind in Kind::ALL {
            for name in self.subscriptions.names(kind) {
                self.unsubscribe(shared, kind, &name);
            }
            *self.subscriptions.of(kind) = HashSet::new();
        }
    }

    /// Whether the client may do nothing but change its subscriptions: in RESP2 it could not tell a reply
    /// from a message.
    #[inline]
    pub fn only_listens(&self, protocol: Protocol) -> bool {
        protocol == Protocol::Resp2 && self.subscriptions.any()
    }

    /// Whether the replies of the command that is running are dropped.
    pub fn drops_replies(&self) -> bool {
        matches!(self.replies, Replies::Off | Replies::Skip)
    }
}
