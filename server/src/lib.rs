//! Scrubjay's server: bytes to commands to the engine, and back.
#![forbid(unsafe_code)]
