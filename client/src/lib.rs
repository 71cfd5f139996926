//! Caching patterns and a near cache for Scrubjay, Redis and Valkey.
//!
//! # The map of the source
//!
//! - [`codec`]: how values become bytes.
#![forbid(unsafe_code)]

pub mod codec;
