//! The only OS clock.

/// Wall-clock milliseconds since the epoch.
pub fn wall_ms() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the system")]
    let now = std::time::SystemTime::now();
    now.duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_millis() as u64)
}
