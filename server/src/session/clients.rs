//! All clients: what `CLIENT LIST` shows of each and what `CLIENT KILL` needs to end one from another thread.
//!
//! A client's own thread is the only writer of its figures, so plain relaxed stores do; anybody may read
//! them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{
    AtomicBool, AtomicI64, AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering::Relaxed,
};

use dashmap::DashMap;
use parking_lot::Mutex;
use scrubjay::Watch;
use tokio::sync::Notify;

use super::blocked::Blocked;
use super::tracking::Tracks;
use crate::config::{Config, OutputLimit};
use crate::observe::portability::Tally;
use crate::pubsub::Kind;
use crate::resp::Protocol;

/// Bytes of replies that `client-output-buffer-limit` does not count, as in Valkey, whose clients have a
/// buffer of this size that is part of them.
pub const OUTPUT_UNCOUNTED_BYTES: usize = 16 * 1024;

/// Where a connection comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Peer {
    /// TCP: the client's address and ours.
    Tcp(SocketAddr, SocketAddr),
    /// The UNIX socket of this path.
    Unix(String),
}

impl Peer {
    /// Whether the client is on this machine.
    pub fn is_local(&self) -> bool {
        match self {
            Self::Tcp(peer, _) => peer.ip().to_canonical().is_loopback(),
            Self::Unix(_) => true,
        }
    }

    /// The client's address, as `CLIENT LIST` shows it and `CLIENT KILL` takes it.
    pub fn address(&self) -> String {
        match self {
            Self::Tcp(peer, _) => peer.to_string(),
            // Valkey takes `path:0` for the address and sees in its colon an address of IPv6.
            Self::Unix(path) => format!("[{path}:0]:0"),
        }
    }

    /// Our own address on this connection.
    pub fn local_address(&self) -> String {
        match self {
            Self::Tcp(_, local) => local.to_string(),
            Self::Unix(_) => self.address(),
        }
    }

    /// The client's address without the port; none on a UNIX socket.
    pub fn ip(&self) -> Option<String> {
        match self {
            Self::Tcp(peer, _) => Some(peer.ip().to_string()),
            Self::Unix(_) => None,
        }
    }
}

/// What a client has told of itself, rarely: `CLIENT SETNAME`, `CLIENT SETINFO`, `CLIENT CAPA`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// `CLIENT SETNAME`.
    pub name: Vec<u8>,
    /// `CLIENT SETINFO LIB-NAME`.
    pub lib_name: Vec<u8>,
    /// `CLIENT SETINFO LIB-VER`.
    pub lib_ver: Vec<u8>,
}

/// What others may see of one client.
#[derive(Debug)]
pub struct Client {
    /// Never used again in this process.
    pub id: u64,
    /// Where it comes from.
    pub peer: Peer,
    /// The socket's file descriptor number, where the system has such.
    pub fd: i64,
    /// The thread that serves it.
    pub thread: usize,
    /// Which inbox of its thread is its own.
    pub slot: AtomicU32,
    /// When it connected, in milliseconds since the epoch.
    pub since_ms: u64,
    /// The names it gave itself.
    pub names: Mutex<Names>,
    /// What it has used that not every server has.
    pub tally: Mutex<Tally>,
    /// When it last asked for something, in milliseconds since the epoch.
    pub active_ms: AtomicU64,
    /// The selected database.
    pub db: AtomicU16,
    /// 2 or 3.
    pub protocol: AtomicU8,
    /// The `CommandId` of its last command, `u16::MAX` before the first.
    pub last_command: AtomicU16,
    /// Commands run.
    pub commands: AtomicU64,
    /// Bytes read from it.
    pub bytes_in: AtomicU64,
    /// Bytes written to it.
    pub bytes_out: AtomicU64,
    /// Bytes of its query buffer in use, and allocated.
    pub query_used: AtomicU64,
    /// See `query_used`.
    pub query_allocated: AtomicU64,
    /// Bytes that the arguments of a request that came in part have taken so far.
    pub half_read: AtomicU64,
    /// Bytes of replies not yet sent.
    pub output_pending: AtomicU64,
    /// Values shared with the store among the replies not yet sent.
    pub output_shared: AtomicU64,
    /// Bytes that the output buffer holds in memory, large values that it shares with the store included.
    pub output_memory: AtomicU64,
    /// The most bytes of replies that ever left in one go.
    pub output_peak: AtomicU64,
    /// Bytes that the connection takes in all.
    pub memory: AtomicU64,
    /// Since when more replies have waited than the soft limit allows, in milliseconds since the epoch; 0 for
    /// not. Written by whoever calls [`Clients::tend`].
    over_soft_since_ms: AtomicU64,
    /// `CLIENT NO-EVICT`.
    pub no_evict: AtomicBool,
    /// `READONLY`: it would read from a replica.
    pub reads_only: AtomicBool,
    /// `CLIENT NO-TOUCH`.
    pub no_touch: AtomicBool,
    /// `CLIENT IMPORT-SOURCE`.
    pub import_source: AtomicBool,
    /// `CLIENT CAPA redirect`.
    pub capa_redirect: AtomicBool,
    /// It is between `MULTI` and the end of the transaction.
    pub in_transaction: AtomicBool,
    /// Commands queued in a transaction; -1 before its first one, and its first `WATCH`.
    pub queued: AtomicI64,
    /// Bytes that these commands take.
    pub queued_bytes: AtomicU64,
    /// How many channels, patterns and shard channels it is subscribed to.
    subscriptions: [AtomicU32; Kind::ALL.len()],
    /// It is shown every command: `MONITOR`.
    pub monitors: AtomicBool,
    /// `CLIENT TRACKING`.
    pub tracking: Tracks,
    /// What it watches.
    pub watch: Mutex<Option<Arc<Watch>>>,
    /// What it waits for, while it waits for keys.
    pub blocked: Mutex<Option<Arc<Blocked>>>,
    /// It waits in front of its next request: `CLIENT PAUSE`.
    pub postponed: AtomicBool,
    /// Somebody asked to end it.
    pub killed: AtomicBool,
    /// It was killed because it does not read its replies.
    pub over_output_limit: AtomicBool,
    /// Wakes its connection to look at `killed`, and at how its waiting has ended.
    pub wake: Notify,
}

impl Client {
    /// A client just connected.
    pub fn new(id: u64, peer: Peer, fd: i64, thread: usize, now: u64) -> Self {
        Self {
            id,
            peer,
            fd,
            thread,
            slot: AtomicU32::new(0),
            since_ms: now,
            names: Mutex::default(),
            tally: Mutex::default(),
            active_ms: AtomicU64::new(now),
            db: AtomicU16::new(0),
            protocol: AtomicU8::new(2),
            last_command: AtomicU16::new(u16::MAX),
            commands: AtomicU64::new(0),
            bytes_in: AtomicU64::new(0),
            bytes_out: AtomicU64::new(0),
            query_used: AtomicU64::new(0),
            query_allocated: AtomicU64::new(0),
            half_read: AtomicU64::new(0),
            output_pending: AtomicU64::new(0),
            output_shared: AtomicU64::new(0),
            output_memory: AtomicU64::new(0),
            output_peak: AtomicU64::new(0),
            memory: AtomicU64::new(0),
            over_soft_since_ms: AtomicU64::new(0),
            no_evict: AtomicBool::new(false),
            reads_only: AtomicBool::new(false),
            no_touch: AtomicBool::new(false),
            import_source: AtomicBool::new(false),
            capa_redirect: AtomicBool::new(false),
            in_transaction: AtomicBool::new(false),
            queued: AtomicI64::new(-1),
            queued_bytes: AtomicU64::new(0),
            subscriptions: [const { AtomicU32::new(0) }; Kind::ALL.len()],
            monitors: AtomicBool::new(false),
            tracking: Tracks::default(),
            watch: Mutex::new(None),
            blocked: Mutex::new(None),
            postponed: AtomicBool::new(false),
            killed: AtomicBool::new(false),
            over_output_limit: AtomicBool::new(false),
            wake: Notify::new(),
        }
    }

    /// Ends the connection soon, from any thread; see [`Clients::kill`].
    fn kill(&self) {
        self.killed.store(true, Relaxed);
        self.wake.notify_one();
    }

    /// The protocol it speaks.
    #[inline]
    pub fn protocol(&self) -> Protocol {
        match self.protocol.load(Relaxed) {
            3 => Protocol::Resp3,
            _ => Protocol::Resp2,
        }
    }

    /// It has said `MULTI` or `WATCH`.
    pub fn begins_transactions(&self) {
        if self.queued.load(Relaxed) < 0 {
            self.queued.store(0, Relaxed);
        }
    }

    /// Whether it waits, for keys or for the end of a pause.
    pub fn waits(&self) -> bool {
        self.postponed.load(Relaxed) || self.blocked.lock().is_some()
    }

    /// How many keys it watches. Who has found that one has changed watches no more.
    pub fn watched(&self) -> usize {
        let watch = self.watch.lock();
        watch.as_ref().filter(|watch| !watch.is_touched()).map_or(0, |watch| watch.len())
    }

    /// How many names of a kind it is subscribed to.
    pub fn subscriptions(&self, kind: Kind) -> u32 {
        self.subscriptions[kind as usize].load(Relaxed)
    }

    /// It is subscribed to so many names of a kind.
    pub fn set_subscriptions(&self, kind: Kind, count: usize) {
        self.subscriptions[kind as usize].store(count.try_into().unwrap_or(u32::MAX), Relaxed);
    }

    /// Whether it is subscribed to anything.
    #[inline]
    pub fn is_subscriber(&self) -> bool {
        self.subscriptions.iter().any(|count| count.load(Relaxed) > 0)
    }

    /// What it waits for, if it waits for keys.
    pub fn blocked(&self) -> Option<Arc<Blocked>> {
        self.blocked.lock().clone()
    }

    /// Seconds since it last asked for something, or took a reply.
    pub fn idle_seconds(&self, now: u64) -> u64 {
        (now / 1000).saturating_sub(self.active_ms.load(Relaxed) / 1000)
    }

    /// Seconds since it connected.
    pub fn age_seconds(&self, now: u64) -> u64 {
        (now / 1000).saturating_sub(self.since_ms / 1000)
    }

    /// Whether more replies than `limit` allows have waited for longer than it allows.
    fn stays_over(&self, limit: OutputLimit, now: u64) -> bool {
        let over = limit.soft_bytes > 0 && self.output_pending.load(Relaxed) > limit.soft_bytes;
        let since = self.over_soft_since_ms.load(Relaxed);
        if !over || since == 0 {
            self.over_soft_since_ms.store(if over { now } else { 0 }, Relaxed);
            return false;
        }
        now.saturating_sub(since) > limit.soft_seconds.saturating_mul(1000)
    }
}

/// Counts on a figure that has one writer: a plain load and store.
pub(crate) fn count(figure: &AtomicU64, more: u64) {
    figure.store(figure.load(Relaxed).wrapping_add(more), Relaxed);
}

/// Every connected client, by id.
#[derive(Debug, Default)]
pub struct Clients {
    by_id: DashMap<u64, Arc<Client>>,
    last_id: AtomicU64,
}

impl Clients {
    /// The next client's id.
    pub fn next_id(&self) -> u64 {
        self.last_id.fetch_add(1, Relaxed) + 1
    }

    /// Lists a client.
    pub fn add(&self, client: Arc<Client>) {
        self.by_id.insert(client.id, client);
    }

    /// Strikes a client off the list.
    pub fn remove(&self, id: u64) {
        self.by_id.remove(&id);
    }

    /// Ends a client, which is off the list at once; whether it was still on it.
    pub fn kill(&self, id: u64) -> bool {
        let Some((_, client)) = self.by_id.remove(&id) else { return false };
        client.kill();
        true
    }

    /// Ends the clients that have been silent for longer than `timeout` and wait for nothing (neither keys
    /// nor messages nor commands of others), and those that have left more replies unread, for longer,
    /// than the soft limit of `client-output-buffer-limit` allows. To be called about once a second.
    pub fn tend(&self, config: &Config, now: u64) {
        let timeout = u64::from(config.timeout());
        let limits = config.client_output_buffer_limit();
        let over = |client: &Client| {
            let subscriber = client.is_subscriber();
            let limit = if subscriber { limits.pubsub } else { limits.normal };
            if client.stays_over(limit, now) {
                client.over_output_limit.store(true, Relaxed);
                return true;
            }
            let listens = subscriber || client.monitors.load(Relaxed);
            timeout > 0 && client.idle_seconds(now) > timeout && !listens && !client.waits()
        };
        // Collected first: the map's shards are locked while it is walked.
        let ids: Vec<u64> =
            self.by_id.iter().filter(|entry| over(entry.value())).map(|entry| *entry.key()).collect();
        for id in ids {
            self.kill(id);
        }
    }

    /// The client of this id.
    pub fn get(&self, id: u64) -> Option<Arc<Client>> {
        self.by_id.get(&id).map(|client| Arc::clone(&client))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// Shows all of them, in no order. Nothing may be done to the list meanwhile.
    pub fn for_each(&self, mut show: impl FnMut(&Client)) {
        self.by_id.iter().for_each(|entry| show(entry.value()));
    }

    /// All of them, oldest first.
    pub fn all(&self) -> Vec<Arc<Client>> {
        let mut all: Vec<_> = self.by_id.iter().map(|entry| Arc::clone(entry.value())).collect();
        all.sort_by_key(|client| client.id);
        all
    }
}
