//! Connections: commands to the node that owns a key, and what a near cache must know about each answer.
//!
//! A [`Connector`] opens a [`Client`] to one server or to a Valkey Cluster, with **one** multiplexed RESP3
//! connection to each node. So whatever a node says (replies and notices) comes in one order, and an
//! [`Event`] is handed over in the task that reads the stream, in that order.
//!
//! ```text
//! Client ── route(slot of the key) ──> Link (one a node) ──> connection
//!                                        │
//!                                        └─ Life: may what was read here still be kept?
//! ```
//!
//! # Lives
//!
//! A [`Life`] is the stretch in which a node's notices are complete: from a connection's greeting to its
//! loss, or to a notice that everything is stale (FLUSHALL), or to a slot leaving the node. It ends before
//! anybody is told of the end, never revives, and the next one has a higher generation number. What was read
//! from a node is kept together with the life that was going on *before the request went out*; with it, it
//! is over. No entry has to be looked for when a connection is lost.
//!
//! # What is absent
//!
//! No cache: see `near`. No replicas: they lag behind, and what they answer cannot be told stale. No second
//! try of a command that may have been executed: that is the caller's to decide.

mod backoff;
mod breaker;
mod client;
mod connector;
mod error;
mod life;
mod link;
mod slots;

pub use self::breaker::BreakerState;
pub use self::client::{Answer, Client};
pub use self::connector::{Connector, Event};
pub use self::error::Error;
pub use self::life::{End, Life, Node, Reason};
pub use self::slots::slot_of;
