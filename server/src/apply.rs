//! What a running server does when its parameters change.
//!
//! Most parameters are read where they are used and need nothing. Where a change can fail it is tried before
//! anything else sees the new value, and what `CONFIG SET` answers then are Valkey's words.

use std::io;
use std::time::Duration;

use parking_lot::Mutex;
use scrubjay::shard::evict::{LfuTuning, Policy, Tuning};
use scrubjay::{Limits, View};
use tokio::sync::mpsc;

use crate::config::{Apply, Effect, Reason, Settings};
use crate::observe::{log, process};
use crate::shared::Shared;

/// A running server, through the view of the command that changes it: it may hold every lock there is.
pub(crate) struct Running<'a, 's> {
    pub(crate) shared: &'a Shared,
    pub(crate) view: &'a mut View<'s>,
}

impl Apply for Running<'_, '_> {
    fn apply(&mut self, effect: Effect, old: &Settings, new: &Settings) -> Result<(), Reason> {
        match effect {
            Effect::Memory => {
                let (policy, tuning) = eviction(new);
                self.view.set_max_memory(usize::try_from(new.maxmemory).unwrap_or(usize::MAX));
                self.view.set_policy(policy, tuning);
                let used = self.shared.store.accounted_bytes() as u64;
                if new.maxmemory != 0 && new.maxmemory < used {
                    tracing::warn!(
                        "WARNING: the new maxmemory value set via CONFIG SET ({}) is smaller than the current memory \
                            usage ({used}). This will result in key eviction and/or the inability to accept new write \
                            commands depending on the maxmemory-policy.",
                        new.maxmemory
                    );
                }
                Ok(())
            }
            Effect::MaxClients => process::allow_clients(new.maxclients.into()).map_err(|fewer| {
                format!(
                    "The operating system is not able to handle the specified number of clients, try with {fewer}"
                )
                .into()
            }),
            Effect::Listen => self.shared.listening.move_to(new.clone()).map_err(|error| {
                tracing::warn!("Could not listen as the new configuration says: {error}");
                match old.port == new.port {
                    true => "Failed to bind to specified addresses.".into(),
                    false => "Unable to listen on this port. Check server logs.".into(),
                }
            }),
            Effect::Log => {
                log::set_level(new.loglevel);
                Ok(())
            }
            Effect::ImportMode => {
                self.shared.store.set_active_expiry(!new.import_mode);
                Ok(())
            }
            Effect::Limits => {
                // What DEBUG has set stays as it is.
                let threshold = self.view.store_limits().list_packed_threshold;
                let mut limits = limits(new);
                limits.list_packed_threshold = threshold;
                self.view.set_limits(limits);
                Ok(())
            }
            Effect::Threads => Err("the number of threads is fixed at the start in Scrubjay".into()),
            Effect::Events => {
                self.shared.notifications.publish(self.view, new.notify_keyspace_events);
                Ok(())
            }
            Effect::Tracking => {
                self.shared.tracking.set_keys_max(new.tracking_table_max_keys);
                Ok(())
            }
            // Read at each use, or about things of which there are none yet.
            Effect::None
            | Effect::ClientMemory
            | Effect::Background
            | Effect::Password
            | Effect::Latency => Ok(()),
        }
    }
}

/// Up to where the engine holds collections in their small forms.
pub(crate) fn limits(settings: &Settings) -> Limits {
    let size = |bound: u64| usize::try_from(bound).unwrap_or(usize::MAX);
    let mut limits = Limits::default();
    limits.hash_max_listpack_entries = size(settings.hash_max_listpack_entries);
    limits.hash_max_listpack_value = size(settings.hash_max_listpack_value);
    limits.list_max_listpack_size =
        i32::try_from(settings.list_max_listpack_size).expect("invariant: the table bounds it");
    limits.list_compress_depth = settings.list_compress_depth;
    limits.set_max_intset_entries = size(settings.set_max_intset_entries);
    limits.set_max_listpack_entries = size(settings.set_max_listpack_entries);
    limits.set_max_listpack_value = size(settings.set_max_listpack_value);
    limits.zset_max_listpack_entries = size(settings.zset_max_listpack_entries);
    limits.zset_max_listpack_value = size(settings.zset_max_listpack_value);
    limits.stream_node_max_bytes = size(settings.stream_node_max_bytes);
    limits.stream_node_max_entries = size(settings.stream_node_max_entries);
    limits.hll_sparse_max_bytes = size(settings.hll_sparse_max_bytes);
    limits
}

/// The engine's name for an eviction policy, and what the policy is told.
pub(crate) fn eviction(settings: &Settings) -> (Policy, Tuning) {
    let policy = Policy::from_name(settings.maxmemory_policy.name());
    let mut tuning = Tuning::default();
    tuning.samples = settings.maxmemory_samples as usize;
    tuning.lfu = LfuTuning::new(settings.lfu_log_factor, settings.lfu_decay_time);
    (policy.expect("invariant: both name the same policies"), tuning)
}

/// The way to whoever listens: it alone can close a port, and does so before it opens the next, since the two
/// may be in each other's way.
#[derive(Debug)]
pub struct Listening {
    send: mpsc::UnboundedSender<Move>,
    /// Until the server runs.
    take: Mutex<Option<mpsc::UnboundedReceiver<Move>>>,
}

/// A request to listen as these settings say, and where to send what came of it.
#[derive(Debug)]
pub(crate) struct Move {
    pub(crate) settings: Settings,
    pub(crate) answer: std::sync::mpsc::SyncSender<io::Result<()>>,
}

impl Default for Listening {
    fn default() -> Self {
        let (send, take) = mpsc::unbounded_channel();
        Self { send, take: Mutex::new(Some(take)) }
    }
}

/// Binding a socket takes microseconds, resolving a name may take longer.
const PATIENCE: Duration = Duration::from_secs(10);

impl Listening {
    /// The requests, for the one who listens.
    pub(crate) fn requests(&self) -> Option<mpsc::UnboundedReceiver<Move>> {
        self.take.lock().take()
    }

    /// Listens elsewhere. After an error it listens where it did before.
    fn move_to(&self, settings: Settings) -> io::Result<()> {
        let (answer, answered) = std::sync::mpsc::sync_channel(1);
        let gone = |_| io::Error::from(io::ErrorKind::NotConnected);
        self.send.send(Move { settings, answer }).map_err(|_| io::ErrorKind::NotConnected)?;
        answered.recv_timeout(PATIENCE).map_err(gone)?
    }
}
