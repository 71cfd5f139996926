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
//! assert_eq!(alice, "alice");
//!
//! // Several keys at once: nobody sees half of it.
//! store.set_many(&[("a", "1"), ("b", "2")])?;
//! assert_eq!(store.remove_many(&["a", "b", "c"]), 2);
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! Besides strings there is every data type of Valkey, each behind a handle of its own, complete and without
//! a protocol in between:
//!
//! ```
//! # let store = scrubjay::Store::default();
//! let user = store.hash("user:1");
//! user.set("name", "Ada")?;
//! user.set("visits", "1")?;
//! assert_eq!(user.increment("visits", 1)?, 2);
//!
//! let board = store.sorted_set("board");
//! board.add("alice", 300.0)?;
//! board.add("bob", 200.0)?;
//! assert_eq!(board.rank("alice")?, Some(1));
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! A [`Store`] is the keyspace of Redis and Valkey: byte strings as keys, exact expiry in milliseconds,
//! eviction by a byte budget, 16 databases. It is shared by reference between threads. `scrubjay-server`
//! serves the same store to clients while the program goes on using it, and whoever
//! [observes](Store::observe) it hears of every change, whoever made it.
//!
//! Where keys and values are a program's own types there is [`Cache`]: the same tables, wheels and policies
//! for any `K` and `V`, with single flight, stale values, tags and a warm restart.
//!
//! ```
//! let cache: scrubjay::Cache<u64, String> = scrubjay::Cache::with_entries(10_000);
//! let name = cache.get_or_insert_with(&7, || "seven".to_owned());
//! assert_eq!(name, "seven");
//! ```
//!
//! # What to read next
//!
//! - [`mod@cache`]: the typed cache.
//! - [`Builder`]: the memory limit, the [`Policy`] by which entries go, the clock, the number of locks.
//! - [`Store`]: reading and writing; [`Store::view`] for several steps as one operation.
//! - [`Store::list`], [`Store::set_of`], [`Store::sorted_set`], [`Store::hash`], [`Store::stream`],
//!   [`Store::bitmap`], [`Store::hyperloglog`], [`Store::places`]: the data types.
//! - [`Observer`]: hearing of every change. [`Stats`]: hits, misses, bytes.
//! - [`time::ManualClock`]: tests in which time passes only when they say so.
//!
//! # Giving memory back
//!
//! An expired entry is never seen, but the memory it takes is given back by somebody: operations do some of
//! it on their way, and [`Store::maintain`] does the rest, in short steps, when it is called. A server does
//! that by itself. A program without one may have a thread for it:
//!
//! ```no_run
//! # use std::{sync::Arc, time::Duration};
//! # let store = Arc::new(scrubjay::Store::default());
//! std::thread::spawn(move || loop {
//!     store.maintain(store.clock().now());
//!     std::thread::sleep(Duration::from_millis(100));
//! });
//! ```
//!
//! # The map of the source, from the outside in
//!
//! - [`mod@cache`]: the typed cache; a store of its own kind, upon a table of its own.
//! - `store`: many shards and threads. Routes keys, takes locks, opens [`View`]s, makes room, settles.
//! - [`mod@dump`]: values as bytes, in Valkey's form, and back.
//! - `types`: what a value is. Does not know what a key is.
//! - `shard`: one keyspace, `&mut self`, `now` as an argument: entries, expiry, eviction, walking, accounts.
//!   Does not know what a value means.
//! - `collections`: containers that know neither keys nor time: the tables of handles and of entries in
//!   place, the timing wheel, rings.
//! - `raw`: the slab, the buckets and the groups; the only `unsafe` code.
//! - [`time`], `random`, `sync`, `error`, `integer`, `double`: the only clock, the only chance, the only
//!   names of locks, what can fail, which texts are numbers, how numbers are written.
//!
//! The modules without a link are open to this workspace's server, tests and benchmarks, and no part of what
//! the crate promises.
//!
//! # What is absent
//!
//! No sockets, no protocol, no async runtime, no global allocator, and no thread that was not asked for.
#![deny(unsafe_code)]

#[doc(hidden)]
pub mod store;

pub mod cache;

pub mod dump;

#[doc(hidden)]
pub mod types;

#[doc(hidden)]
pub mod shard;

#[doc(hidden)]
pub mod collections;

#[doc(hidden)]
pub mod raw;

#[doc(hidden)]
pub mod double;
#[doc(hidden)]
pub mod error;
#[doc(hidden)]
pub mod integer;
#[doc(hidden)]
pub mod random;
#[doc(hidden)]
pub mod sync;
pub mod time;

#[doc(inline)]
pub use cache::Cache;
#[doc(inline)]
pub use collections::deque::{End, Side};
#[doc(inline)]
pub use error::{
    CollectionError, HashError, HllError, OutOfMemory, SortedSetError, StreamError, StringError, WrongType,
};
#[doc(inline)]
pub use raw::shared::SharedBytes;
#[doc(inline)]
pub use shard::change::{Change, Event, EventClass, Log};
#[doc(inline)]
pub use shard::evict::{LfuTuning, Policy, Tuning};
#[doc(inline)]
pub use store::{
    AddCounts, BitmapHandle, Builder, Changes, Combination, Deadline, FieldCondition, FieldExpiry,
    FieldPersist, FieldPresence, Flush, GroupStart, HashHandle, HyperLogLogHandle, Key, ListHandle, Lookup,
    Maintained, Meta, Missing, Observer, OwnedChange, PendingEntry, PlacesHandle, Popped, Round, Scope,
    SetHandle, SetOperation, SortedSetHandle, Span, Stats, Step, Store, StreamEntry, StreamHandle, Text,
    Tools, Usage, View, Waker, Watch, ranks_between,
};
#[doc(inline)]
pub use store::{Offer, OwnedKey, Registration, Waiter, Wanted};
#[doc(inline)]
pub use types::sorted_set::Aggregate;
#[doc(inline)]
pub use types::stream::StreamId;
#[doc(inline)]
pub use types::{Encoding, Kind, Limits};

/// Places on the earth: see [`Store::places`].
pub mod geo {
    #[doc(inline)]
    pub use crate::types::geo::{Area, Count, Order, Point, Shape};
}
