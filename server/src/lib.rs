//! Scrubjay's server: bytes to commands to the engine, and back.
//!
//! # The map, in the order a request travels
//!
//! - [`net`]: sockets and threads; the only async code.
//! - [`resp`]: bytes to arguments and replies to bytes; no I/O, nothing of ours.
//! - [`session`]: one client, and what others see of it.
//! - [`command`]: one item per command, and the machinery that reads their declarations.
//! - [`config`]: one item per parameter.
//! - [`observe`]: what the server tells of itself.
//! - `apply`: what a running server does when parameters change; `housekeeping`: what it does by the clock.
//! - [`glob`]: the patterns that several commands take.
//!
//! The server owns every word that goes over the wire and no data: that is the engine's.
#![forbid(unsafe_code)]

mod apply;
pub mod command;
pub mod config;
pub mod error;
pub mod glob;
mod housekeeping;
mod net;
pub mod observe;
pub mod resp;
mod server;
pub mod session;
pub mod shared;
mod test_server;

pub use server::{Server, StopHandle};
pub use test_server::TestServer;
