//! Sockets and threads: the only async code. It moves bytes; what they mean is decided in
//! [`command`](crate::command).
//!
//! Each thread runs a single-threaded runtime of its own and serves the connections it was handed until they
//! close, so a session never moves and needs no locks. Nothing here awaits while a shard is locked.

mod connection;
mod listener;
mod socket;
mod thread;

#[cfg(unix)]
pub(crate) use listener::{UnixListener, accept_unix, listen_unix};
pub(crate) use listener::{accept_tcp, listen_tcp};
pub(crate) use thread::Threads;
