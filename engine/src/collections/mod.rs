//! Containers that the rest of the engine is built from. None of them knows what a key, a value or a command
//! is.

pub mod deque;
pub mod dict;
pub mod flat;
pub mod ghost;
pub mod intset;
pub mod lzf;
pub mod packed;
pub mod ranked;
pub mod ring;
pub mod table;
pub mod wheel;
