//! Scrubjay's server: bytes to commands to the engine, and back.
#![forbid(unsafe_code)]
#![allow(dead_code)]
mod command;
mod error;
