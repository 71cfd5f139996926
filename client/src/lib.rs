//! Caching patterns and a near cache for Scrubjay, Redis and Valkey.
#![forbid(unsafe_code)]
