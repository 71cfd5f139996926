//! Scrubjay's engine: a cache that lives in your process.
#![deny(unsafe_code)]

pub mod collections;
pub mod raw;
