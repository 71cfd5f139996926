//! What all clients and threads of one server share.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use scrubjay::Store;

pub use crate::apply::Listening;
use crate::config::Config;
use crate::observe::commandlog::CommandLog;
use crate::observe::monitor::{Event, Monitor, Sample};
use crate::observe::stats::Stats;
use crate::session::clients::Clients;

/// What all clients and threads of one server share.
pub struct Shared {
    /// The keyspace.
    pub store: Arc<Store>,
    /// The parameters.
    pub config: Config,
    /// Who is connected.
    pub clients: Clients,
    /// What has happened so far, counted per thread.
    pub stats: Stats,
    /// Commands that were slow or large.
    pub command_log: CommandLog,
    /// What held the server up.
    pub monitor: Monitor,
    /// Facts that hold from start to end.
    pub start: Start,
    /// The way to whoever listens, for `CONFIG SET port` and `bind`.
    pub listening: Listening,
    /// Set once, by `SHUTDOWN` or a signal; wakes whoever waits for it.
    pub shutdown: Shutdown,
    /// Whether RESTORE takes a payload's checksum for right: `DEBUG SET-SKIP-CHECKSUM-VALIDATION`.
    pub trust_checksums: AtomicBool,
}

impl Shared {
    /// Records what held the server up, if it did so for long enough.
    pub fn note_latency(&self, event: Event, nanos: u64) {
        let (millis, threshold) = (nanos / 1_000_000, self.config.latency_monitor_threshold());
        if threshold > 0 && millis >= threshold {
            let at_seconds = self.store.clock().now() / 1000;
            self.monitor.add(event, Sample { at_seconds, millis });
        }
    }
}

/// Facts about this server that hold from start to end.
#[derive(Debug)]
pub struct Start {
    /// When it started, in milliseconds since the epoch.
    pub at_ms: u64,
    /// 40 random hexadecimal digits.
    pub run_id: String,
    /// As many, that name the history of the data.
    pub replication_id: String,
    /// Bytes the store held at that time.
    pub used_bytes: usize,
    /// The TCP port it listens on; 0 for none.
    pub port: u16,
    /// How many threads run commands.
    pub threads: usize,
}

/// The way to end the server from anywhere in it.
#[derive(Debug, Default)]
pub struct Shutdown {
    asked: AtomicBool,
    wake: tokio::sync::Notify,
}

impl Shutdown {
    /// Ends the server soon.
    pub fn ask(&self) {
        self.asked.store(true, std::sync::atomic::Ordering::Release);
        self.wake.notify_waiters();
    }

    /// Returns once somebody has asked.
    pub async fn wait(&self) {
        let notified = self.wake.notified();
        tokio::pin!(notified);
        // Enabled before the look, so that asking between the look and the wait is not missed.
        notified.as_mut().enable();
        if !self.asked.load(std::sync::atomic::Ordering::Acquire) {
            notified.await;
        }
    }
}
