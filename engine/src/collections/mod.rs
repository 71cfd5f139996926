//! Collections the rest of the engine is built from. None of them knows what a key or a value is.

pub mod table;
