//! The threads that serve connections and run commands: one single-threaded runtime each.

use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread::JoinHandle;

use tokio::sync::mpsc;
use tokio::task::LocalSet;

use super::connection::{BATCH, Connection};
use super::socket::Socket;
use crate::maintenance;
use crate::observe::stats::Block;
use crate::pubsub::inbox::Inboxes;
use crate::resp::ArgList;
use crate::session::Session;
use crate::session::clients::{Client, Peer};
use crate::shared::Shared;

/// Bytes read at once.
const READ_BYTES: usize = 64 * 1024;

/// What the connections of one thread share.
pub(super) struct Thread {
    index: usize,
    pub(super) shared: Arc<Shared>,
    /// Where bytes are read into and requests are parsed.
    pub(super) buffer: RefCell<Box<[u8]>>,
    /// The arguments of the batch of requests being run.
    pub(super) requests: RefCell<Vec<ArgList>>,
    /// Messages for its connections.
    pub(super) inboxes: Rc<Inboxes>,
    /// How many connections the thread serves or is about to.
    pub(super) load: Arc<AtomicUsize>,
}

impl Thread {
    /// Puts what has come for this thread into its connections' inboxes. Those it is for run afterwards.
    pub(super) fn deliver(&self) {
        self.inboxes.deliver(&self.shared);
    }

    pub(super) fn stats(&self) -> &Block {
        self.shared.stats.block(self.index)
    }
}

/// A connection on its way from the listener to the thread that will serve it.
pub(crate) struct Handoff {
    /// The stream, not yet known to any runtime.
    pub(crate) stream: Stream,
    /// Where it comes from.
    pub(crate) peer: Peer,
    /// Its file descriptor number, 0 where the system has none.
    pub(crate) fd: i64,
}

/// A stream not yet known to any runtime.
pub(crate) enum Stream {
    Tcp(std::net::TcpStream),
    #[cfg(unix)]
    Unix(std::os::unix::net::UnixStream),
}

impl Stream {
    /// Writes without waiting for more than the socket's own buffer.
    pub(crate) fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.write_all(bytes),
            #[cfg(unix)]
            Self::Unix(stream) => stream.write_all(bytes),
        }
    }

    /// Makes the stream known to the runtime of this thread.
    fn register(self) -> io::Result<Socket> {
        Ok(match self {
            Self::Tcp(stream) => Socket::Tcp(tokio::net::TcpStream::from_std(stream)?),
            #[cfg(unix)]
            Self::Unix(stream) => Socket::Unix(tokio::net::UnixStream::from_std(stream)?),
        })
    }
}

/// The threads that serve connections.
pub(crate) struct Threads {
    workers: Vec<Worker>,
}

struct Worker {
    hand: mpsc::UnboundedSender<Handoff>,
    load: Arc<AtomicUsize>,
    handle: JoinHandle<()>,
}

impl Threads {
    /// Starts `shared.start.threads` of them.
    pub(crate) fn start(shared: &Arc<Shared>) -> io::Result<Self> {
        let worker = |index| {
            let (hand, take) = mpsc::unbounded_channel();
            let load = Arc::new(AtomicUsize::new(0));
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let (shared, thread_load) = (Arc::clone(shared), Arc::clone(&load));
            let handle = std::thread::Builder::new().name(format!("scrubjay-{index}")).spawn(move || {
                let thread = Rc::new(Thread {
                    index,
                    shared,
                    buffer: RefCell::new(vec![0; READ_BYTES].into()),
                    requests: RefCell::new((0..BATCH).map(|_| ArgList::new()).collect()),
                    inboxes: Inboxes::new(index),
                    load: thread_load,
                });
                let local = LocalSet::new();
                if index == 0 {
                    local.spawn_local(maintenance::expire(Arc::clone(&thread.shared)));
                }
                local.spawn_local(deliver(Rc::clone(&thread)));
                local.block_on(&runtime, serve_all(thread, take));
            })?;
            Ok(Worker { hand, load, handle })
        };
        Ok(Self { workers: (0..shared.start.threads).map(worker).collect::<io::Result<_>>()? })
    }

    /// Hands a connection to the thread with the fewest.
    pub(crate) fn hand(&self, handoff: Handoff) {
        let least = self.workers.iter().min_by_key(|worker| worker.load.load(Relaxed));
        let least = least.expect("invariant: there is at least one thread");
        least.load.fetch_add(1, Relaxed);
        // A thread that is gone is one that shuts down, and then the connection closes with it.
        let _ = least.hand.send(handoff);
    }

    /// How many connections were handed over and are served, or will be.
    pub(crate) fn connections(&self) -> usize {
        self.workers.iter().map(|worker| worker.load.load(Relaxed)).sum()
    }

    /// Ends all threads and waits for them; their connections close.
    pub(crate) fn stop(self) {
        let handles: Vec<_> = self.workers.into_iter().map(|worker| worker.handle).collect();
        for handle in handles {
            // A panic has been told of by its own thread.
            let _ = handle.join();
        }
    }
}

/// Delivers messages whenever other threads say that there are some, for ever.
async fn deliver(thread: Rc<Thread>) {
    let come = Arc::clone(&thread.shared.mail_has_come[thread.index]);
    loop {
        come.notified().await;
        thread.deliver();
    }
}

/// Serves whatever is handed over, until the listener is gone.
async fn serve_all(thread: Rc<Thread>, mut take: mpsc::UnboundedReceiver<Handoff>) {
    while let Some(Handoff { stream, peer, fd }) = take.recv().await {
        let Ok(socket) = stream.register() else {
            thread.load.fetch_sub(1, Relaxed);
            continue;
        };
        let shared = &thread.shared;
        let now = shared.store.clock().now();
        let client = Arc::new(Client::new(shared.clients.next_id(), peer, fd, thread.index, now));
        thread.stats().accepted.add(1);
        shared.clients.add(Arc::clone(&client));
        let inbox = thread.inboxes.open(Arc::clone(&client));
        let session = Session::new(client, inbox, shared.config.password().is_none());
        let connection = Connection::new(socket, Rc::clone(&thread), session);
        tokio::task::spawn_local(connection.serve());
    }
}
