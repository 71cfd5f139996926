//! Messages that the program itself publishes.

use std::fmt;
use std::sync::Arc;

use crate::pubsub::Kind;
use crate::shared::Shared;

/// Publishes messages to the subscribers of a server, as `PUBLISH` does: see
/// [`Server::publisher`](crate::Server::publisher).
///
/// It may be cloned and used on any thread. The messages of one thread arrive in their order. Nobody waits: a
/// subscriber who does not read is cut off by `client-output-buffer-limit`.
///
/// ```
/// use std::io::{Read, Write};
/// use scrubjay_server::TestServer;
///
/// let server = TestServer::start();
/// let mut client = std::net::TcpStream::connect(("127.0.0.1", server.port()))?;
/// client.write_all(b"SUBSCRIBE news\r\n")?;
/// let mut confirmed = [0; 33];
/// client.read_exact(&mut confirmed)?;
///
/// let publisher = server.publisher();
/// assert_eq!(publisher.subscribers("news"), 1);
/// assert_eq!(publisher.publish("news", "rain"), 1);
/// let mut message = [0; 37];
/// client.read_exact(&mut message)?;
/// assert_eq!(&message, b"*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$4\r\nrain\r\n");
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Publisher(Arc<Shared>);

impl Publisher {
    pub(crate) fn of(shared: &Arc<Shared>) -> Self {
        Self(Arc::clone(shared))
    }

    /// Sends a message to whoever listens to `channel`, or to a pattern that matches it. How many get it,
    /// those twice who listen twice.
    pub fn publish(&self, channel: impl AsRef<[u8]>, message: impl AsRef<[u8]>) -> usize {
        self.post(Kind::Channel, channel.as_ref(), message.as_ref())
    }

    /// The same for a shard channel: `SPUBLISH`.
    pub fn publish_to_shard(&self, channel: impl AsRef<[u8]>, message: impl AsRef<[u8]>) -> usize {
        self.post(Kind::Shard, channel.as_ref(), message.as_ref())
    }

    fn post(&self, kind: Kind, channel: &[u8], message: &[u8]) -> usize {
        let receivers = self.0.publish(kind, channel, message);
        self.0.mail.wake();
        receivers
    }

    /// How many clients listen to a channel by its name: `PUBSUB NUMSUB`.
    pub fn subscribers(&self, channel: impl AsRef<[u8]>) -> usize {
        self.0.registry.listeners(Kind::Channel, channel.as_ref())
    }

    /// How many clients listen to a shard channel: `PUBSUB SHARDNUMSUB`.
    pub fn shard_subscribers(&self, channel: impl AsRef<[u8]>) -> usize {
        self.0.registry.listeners(Kind::Shard, channel.as_ref())
    }

    /// How many patterns somebody listens to: `PUBSUB NUMPAT`.
    pub fn patterns(&self) -> usize {
        self.0.registry.len(Kind::Pattern)
    }

    /// The channels that somebody listens to by their names, in no order: `PUBSUB CHANNELS`.
    pub fn channels(&self) -> Vec<Vec<u8>> {
        self.0.registry.names(Kind::Channel, None).into_iter().map(Vec::from).collect()
    }
}

impl fmt::Debug for Publisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publisher").finish_non_exhaustive()
    }
}
