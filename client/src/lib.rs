//! Caching patterns and a near cache for Scrubjay, Redis and Valkey.
//!
//! # The map of the source
//!
//! - [`near`]: a cache in this process before the server, which drops what the server says has changed.
//! - [`blocking`]: the same for programs without an async runtime.
//! - [`wire`]: connections to one server or to a Valkey Cluster, whose notices come in the order of the
//!   stream and are told by node and by the life of the connection.
//! - [`codec`]: how values become bytes.
#![forbid(unsafe_code)]

pub mod blocking;
pub mod codec;
pub mod near;
pub mod wire;
