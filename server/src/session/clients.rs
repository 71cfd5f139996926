//! All clients: what `CLIENT LIST` shows of each and what `CLIENT KILL` needs to end one from another thread.
//!
//! A client's own thread is the only writer of its figures, so plain relaxed stores do; anybody may read them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU16, AtomicU64, Ordering::Relaxed};

use dashmap::DashMap;
use parking_lot::Mutex;
use tokio::sync::Notify;

/// Where a connection comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Peer {
    /// TCP: the client's address and ours.
    Tcp(SocketAddr, SocketAddr),
    /// The UNIX socket of this path.
    Unix(String),
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
    /// When it connected, in milliseconds since the epoch.
    pub since_ms: u64,
    /// The names it gave itself.
    pub names: Mutex<Names>,
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
    /// Bytes of replies not yet sent.
    pub output_pending: AtomicU64,
    /// `CLIENT NO-EVICT`.
    pub no_evict: AtomicBool,
    /// `CLIENT NO-TOUCH`.
    pub no_touch: AtomicBool,
    /// `CLIENT IMPORT-SOURCE`.
    pub import_source: AtomicBool,
    /// `CLIENT CAPA redirect`.
    pub capa_redirect: AtomicBool,
    /// Somebody asked to end it.
    pub killed: AtomicBool,
    /// Wakes its connection to look at `killed`.
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
            since_ms: now,
            names: Mutex::default(),
            active_ms: AtomicU64::new(now),
            db: AtomicU16::new(0),
            protocol: AtomicU8::new(2),
            last_command: AtomicU16::new(u16::MAX),
            commands: AtomicU64::new(0),
            bytes_in: AtomicU64::new(0),
            bytes_out: AtomicU64::new(0),
            query_used: AtomicU64::new(0),
            query_allocated: AtomicU64::new(0),
            output_pending: AtomicU64::new(0),
            no_evict: AtomicBool::new(false),
            no_touch: AtomicBool::new(false),
            import_source: AtomicBool::new(false),
            capa_redirect: AtomicBool::new(false),
            killed: AtomicBool::new(false),
            wake: Notify::new(),
        }
    }

    /// Ends the connection soon, from any thread.
    pub fn kill(&self) {
        self.killed.store(true, Relaxed);
        self.wake.notify_one();
    }
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

    /// All of them, oldest first.
    pub fn all(&self) -> Vec<Arc<Client>> {
        let mut all: Vec<_> = self.by_id.iter().map(|entry| Arc::clone(entry.value())).collect();
        all.sort_by_key(|client| client.id);
        all
    }
}
