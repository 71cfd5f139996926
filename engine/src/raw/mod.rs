//! The only folder that may use `unsafe`; everything in it has a safe face.

pub mod bucket;
