//! Scrubjay's server: a [`Store`](scrubjay::Store) for clients of Redis and Valkey.
//!
//! ```
//! use scrubjay_server::{Server, config::Config};
//!
//! let config = Config::default().with("bind", "127.0.0.1")?.with("port", "0")?.with("maxmemory", "100mb")?;
//! let server = Server::bind(config)?;
//! println!("redis://127.0.0.1:{}/", server.port());
//! # server.stop_handle().stop();
//! server.run()?; // until a client says SHUTDOWN, or a handle stops it
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! - [`Server::bind`] makes a server with a store of its own, [`Server::with_store`] one for a store that
//!   this program goes on using.
//! - [`TestServer`] is a server on a port of its own that ends when it is dropped.
//! - [`Scripts`] runs Lua scripts and functions on a store, with a server or without one; [`Publisher`] sends
//!   messages to a server's subscribers.
//! - [`config`] is every parameter, by the name it has in configuration files.
//!
//! # The map of the source, in the order a request travels
//!
//! - `net`: sockets and threads; the only async code.
//! - `resp`: bytes to arguments and replies to bytes; no I/O, nothing of ours.
//! - `session`: one client, and what others see of it.
//! - `script`: programs that clients send; feature `script`, on by default.
//! - `pubsub`: messages, who wants which, and the way they take.
//! - `tracking`: who keeps what it has read, and is told when that is no longer so.
//! - `command`: one item per command, and the machinery that reads their declarations.
//! - `embed`: what a program has of all this without a socket.
//! - [`config`]: one item per parameter.
//! - `observe`: what the server tells of itself.
//! - `apply`: what a running server does when parameters change; `housekeeping`: what it does by the clock;
//!   `maintenance`: what keeps the store tidy.
//! - `glob`: the patterns that several commands take.
//!
//! The server owns every word that goes over the wire and no data: that is the engine's. The modules without
//! a link that can be reached are for the `scrubjay` binary and this workspace's tests, and no part of what
//! the crate promises.
#![forbid(unsafe_code)]

mod apply;
#[doc(hidden)]
pub mod command;
pub mod config;
mod embed;
#[doc(hidden)]
pub mod error;
#[doc(hidden)]
pub mod glob;
mod housekeeping;
mod maintenance;
mod net;
#[doc(hidden)]
pub mod observe;
#[doc(hidden)]
pub mod pubsub;
#[doc(hidden)]
pub mod resp;
#[cfg(feature = "script")]
#[doc(hidden)]
pub mod script;
mod server;
#[doc(hidden)]
pub mod session;
#[doc(hidden)]
pub mod shared;
mod test_server;
#[doc(hidden)]
pub mod tracking;

pub use embed::Publisher;
#[cfg(feature = "script")]
pub use embed::{ScriptCall, ScriptError, Scripts, Value};
pub use server::{Server, StopHandle};
pub use test_server::TestServer;
