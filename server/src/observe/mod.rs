//! What the server tells of itself: statistics, `INFO`.

pub mod stats;
