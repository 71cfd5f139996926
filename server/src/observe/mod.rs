//! What the server tells of itself: statistics, `INFO`, the log.

pub mod commandlog;
pub mod info;
pub mod latency;
pub mod log;
pub mod portability;
pub mod process;
pub mod rate;
pub mod spikes;
pub mod stats;
