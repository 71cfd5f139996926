//! Measurements of Scrubjay, alone and beside others.
fn main() {}
