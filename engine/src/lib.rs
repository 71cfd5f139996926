//! Scrubjay's engine: a cache that lives in your process.
#![deny(unsafe_code)]

#[doc(hidden)]
pub mod raw;
