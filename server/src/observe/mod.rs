//! What the server tells of itself: statistics, `INFO`, the log.

pub mod commandlog;
pub mod info;
pub mod latency;
pub mod log;
pub mod monitor;
pub mod process;
pub mod rate;
pub mod stats;
