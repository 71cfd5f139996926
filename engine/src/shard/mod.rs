//! One keyspace, single-threaded: `&mut self`, `now` as an argument, never locks.

pub mod change;
