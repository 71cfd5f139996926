//! The life of a link: whether what was read over it may still be kept.

use std::fmt;
use std::sync::{Arc, OnceLock};

/// A server, by its address, as `host:port` or as the path of a socket.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Node(Arc<str>);

impl Node {
    pub(crate) fn new(address: impl Into<Arc<str>>) -> Self {
        Self(address.into())
    }

    /// The address.
    pub fn address(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a life ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// The connection was lost: notices may be lost with it.
    Lost,
    /// The node says that everything is stale.
    Flushed,
    /// A slot has left the node, which will not tell of its keys any more.
    Moved,
    /// The program wanted it so.
    Asked,
}

/// The end of a life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct End {
    /// Why it ended.
    pub reason: Reason,
    /// When, in microseconds of the [clock](super::Connector::clock) that never goes back.
    pub at_micros: u64,
}

/// A stretch in which a node's notices are complete. See the [module](super#lives).
#[derive(Debug)]
pub struct Life {
    node: Node,
    generation: u64,
    greeted: bool,
    end: OnceLock<End>,
}

impl Life {
    pub(crate) fn new(node: Node, generation: u64, greeted: bool) -> Self {
        Self { node, generation, greeted, end: OnceLock::new() }
    }

    /// Whether it is going on. One load of one word.
    #[inline]
    pub fn is_going_on(&self) -> bool {
        self.end.get().is_none()
    }

    /// Its end, if it is over.
    pub fn end(&self) -> Option<End> {
        self.end.get().copied()
    }

    /// Whose it is.
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// Which of the node's lives it is: each has a higher number than those before.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Whether the server accepted every command of the [greeting](super::Connector::greeting).
    pub fn is_greeted(&self) -> bool {
        self.greeted
    }

    /// Ends it; whether it was going on until now.
    pub(crate) fn finish(&self, reason: Reason, at_micros: u64) -> bool {
        self.end.set(End { reason, at_micros }).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_ends_once_and_for_the_first_reason() {
        let life = Life::new(Node::new("a:1"), 1, true);
        assert!(life.is_going_on() && life.end().is_none());
        assert!(life.finish(Reason::Flushed, 5));
        assert!(!life.finish(Reason::Lost, 6));
        assert_eq!(life.end(), Some(End { reason: Reason::Flushed, at_micros: 5 }));
        assert!(!life.is_going_on());
    }
}
