//! Who listens to what.

use bytes::Bytes;

use super::audience::{Audience, Recipient};
use super::message::Message;
use super::topics::Topics;
use crate::glob::{Case, matches};

/// What a client can subscribe to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A channel: `SUBSCRIBE`.
    Channel,
    /// All channels that match a pattern: `PSUBSCRIBE`.
    Pattern,
    /// A shard channel: `SSUBSCRIBE`. No pattern matches these.
    Shard,
}

impl Kind {
    /// All of them, in the order in which `CLIENT LIST` shows them.
    pub const ALL: [Self; 3] = [Self::Channel, Self::Pattern, Self::Shard];
}

/// All subscriptions.
#[derive(Default)]
pub struct Registry {
    channels: Topics,
    patterns: Topics,
    shards: Topics,
}

impl Registry {
    fn topics(&self, kind: Kind) -> &Topics {
        match kind {
            Kind::Channel => &self.channels,
            Kind::Pattern => &self.patterns,
            Kind::Shard => &self.shards,
        }
    }

    /// A client that `thread` serves gets the messages of `name` from now on.
    pub fn join(&self, kind: Kind, name: &Bytes, thread: usize, recipient: Recipient) {
        self.topics(kind).change(name, |audience| audience.add(thread, recipient));
    }

    /// A client gets them no more. What it still gets lies in its thread's mailbox already.
    pub fn leave(&self, kind: Kind, name: &Bytes, thread: usize, recipient: Recipient) {
        self.topics(kind).change(name, |audience| audience.remove(thread, recipient));
    }

    /// A client gets no messages any more, whatever it listens to. It need not know yet.
    pub fn forget(&self, thread: usize, recipient: Recipient) {
        for kind in Kind::ALL {
            let mut names = Vec::new();
            self.topics(kind).for_each(|name, audience| {
                if audience.has(thread, recipient) {
                    names.push(Bytes::copy_from_slice(name));
                }
            });
            names.iter().for_each(|name| self.leave(kind, name, thread, recipient));
        }
    }

    /// How many different names somebody listens to.
    pub fn len(&self, kind: Kind) -> usize {
        self.topics(kind).len()
    }

    /// Whether nobody listens to anything.
    pub fn is_empty(&self) -> bool {
        Kind::ALL.iter().all(|kind| self.len(*kind) == 0)
    }

    /// How many clients listen to `name`.
    pub fn listeners(&self, kind: Kind, name: &[u8]) -> usize {
        self.topics(kind).with(name, Audience::len).unwrap_or(0)
    }

    /// The names that match a pattern, or all, in no order.
    pub fn names(&self, kind: Kind, pattern: Option<&[u8]>) -> Vec<Bytes> {
        let mut names = Vec::new();
        self.topics(kind).for_each(|name, audience| {
            if !audience.is_empty() && pattern.is_none_or(|pattern| matches(pattern, name, Case::Sensitive)) {
                names.push(Bytes::copy_from_slice(name));
            }
        });
        names
    }

    /// Makes the messages that `payload` is to those who listen to a channel, or shard channel, and to
    /// patterns that match the channel. `post` gets each with its audience and is to
    /// [post](super::Mailboxes::post) it. How many get a message, those twice who listen twice.
    pub fn publish(
        &self,
        kind: Kind,
        channel: &[u8],
        payload: &[u8],
        mut post: impl FnMut(&Message, &Audience),
    ) -> usize {
        let word: &[u8] = if kind == Kind::Shard { b"smessage" } else { b"message" };
        let to_channel = self.topics(kind).with(channel, |audience| {
            post(&Message::push(&[word, channel, payload]), audience);
            audience.len()
        });
        let mut receivers = to_channel.unwrap_or(0);
        if kind == Kind::Channel {
            self.patterns.for_each(|pattern, audience| {
                if matches(pattern, channel, Case::Sensitive) {
                    post(&Message::push(&[b"pmessage", pattern, channel, payload]), audience);
                    receivers += audience.len();
                }
            });
        }
        receivers
    }
}
