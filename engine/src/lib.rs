//! Scrubjay's engine: a cache that lives in your process.
#![deny(unsafe_code)]

pub mod error;
pub mod time;

pub mod shard;
pub mod store;
pub mod types;

pub use error::{OutOfMemory, WrongType};
pub use store::{Key, Scope, Store, View};
