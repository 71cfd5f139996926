//! Scrubjay's engine: a cache that lives in your process.
//!
//! ```
//! use std::time::Duration;
//! use scrubjay::{Policy, Store};
//!
//! let store = Store::builder().max_memory(64 << 20).policy(Policy::AllKeysS3Fifo).build();
//!
//! store.set("greeting", "hello")?;
//! store.set_for("session:1", "alice", Duration::from_secs(30))?;
//!
//! // Lent to a closure, without a copy ...
//! let length = store.get_with("greeting", |value| value.len())?;
//! assert_eq!(length, Some(5));
//! // ... or handed out, to keep.
//! let alice = store.get("session:1")?.expect("30 seconds have not passed");
//! assert_eq!(&*alice, b"alice");
//!
//! // Several keys at once: nobody sees half of it.
//! store.set_many(&[("a", "1"), ("b", "2")])?;
//! assert_eq!(store.remove_many(&["a", "b", "c"]), 2);
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! A [`Store`] is the keyspace of Redis and Valkey: byte strings as keys, exact expiry in milliseconds, eviction by a byte
//! budget, 16 databases. It is shared by reference between threads. `scrubjay-server` serves the same store to clients
//! while the program goes on using it, and whoever [observes](Store::observe) it hears of every change, whoever made it.
//!
//! # The map, from the outside in
//!
//! - [`store`]: many shards and threads. Routes keys, takes locks, opens [`View`]s, makes room, settles.
//! - [`types`]: what a value is. Does not know what a key is.
//! - [`shard`]: one keyspace, `&mut self`, `now` as an argument: entries, expiry, eviction, walking, accounts. Does not know
//!   what a value means.
//! - [`collections`]: containers that know neither keys nor time: the bucket table, the timing wheel, rings.
//! - [`raw`]: the slab and the buckets; the only `unsafe` code.
//! - [`time`], [`random`], [`sync`], [`error`]: the only clock, the only chance, the only names of locks, what can fail.
//!
//! # What is absent
//!
//! No sockets, no protocol, no async runtime, no global allocator, and no thread that was not asked for. What can be
//! done later is done by [`Store::maintain`], in short steps, by whoever calls it; nothing is wrong if nobody does.
#![deny(unsafe_code)]

pub mod store;

pub mod types;

pub mod shard;

pub mod collections;

pub mod raw;

pub mod error;
pub mod random;
pub mod sync;
pub mod time;

pub use error::{OutOfMemory, StringError, WrongType};
pub use raw::shared::SharedBytes;
pub use shard::change::{Change, Event};
pub use shard::evict::{LfuTuning, Policy, Tuning};
pub use store::{Builder, Deadline, Flush, Key, Lookup, Meta, Observer, Scope, Store, Text, View};
