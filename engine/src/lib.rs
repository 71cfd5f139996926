//! Scrubjay's engine: a cache that lives in your process.
#![deny(unsafe_code)]

pub mod collections;
pub mod error;
pub mod random;
pub mod raw;
pub mod sync;
pub mod time;

pub mod shard;
pub mod store;
pub mod types;

pub use error::{OutOfMemory, WrongType};
pub use store::{Builder, Deadline, Flush, Key, Lookup, Meta, Observer, Scope, Store, Text, View};
