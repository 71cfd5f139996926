//! Caching patterns and a near cache for Scrubjay, Redis and Valkey.
//!
//! # The map of the source
//!
//! - [`pattern`]: cache-aside, read- and write-through, write-behind, leases, tags, locks and more.
//! - [`backend`]: where the patterns keep values, in this process or behind the wire.
//! - [`codec`]: how values become bytes.
//! - [`near`]: a cache in this process before the server, which drops what the server says has changed.
//! - [`blocking`]: the same for programs without an async runtime; [`pattern::blocking`] for the patterns.
//! - [`wire`]: connections to one server or to a Valkey Cluster, whose notices come in the order of the
//!   stream and are told by node and by the life of the connection.
#![forbid(unsafe_code)]

pub mod backend;
pub mod blocking;
pub mod codec;
pub mod near;
pub mod pattern;
pub mod wire;

/// The Rust of the crate's page runs.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
