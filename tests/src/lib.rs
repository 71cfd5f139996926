//! What the tests of this workspace share: servers to talk to, a client that shows the wire as it is, and the
//! transcripts that hold a command's behaviour as data.
//!
//! - [`server`] starts Scrubjay, Valkey and Redis on free ports and ends them again;
//! - [`cluster`] makes a Valkey Cluster of three of them, and moves slots about in it;
//! - [`wire`] sends bytes or commands and reads one reply at a time, of either protocol, as a
//!   [`wire::Reply`];
//! - [`words`] reads and writes a command as a person types it;
//! - [`transcript`] runs (or records) the files under `tests/commands/`;
//! - [`granted`] is what a test of Scrubjay alone does without a second thought;
//! - [`patience`] is the only place here that looks at a clock.
//!
//! Nothing here knows a command: what a command should do is written in the data that the tests carry.
#![forbid(unsafe_code)]

pub mod cluster;
pub mod granted;
pub mod patience;
pub mod server;
pub mod transcript;
pub mod wire;
pub mod words;

/// The Rust of the front page runs.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
