//! The threads that serve connections and run commands: one single-threaded runtime each.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io::{self, Write};
use std::rc::{Rc, Weak};
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
use crate::session::clients::{Client, Peer};
use crate::session::{Session, meanwhile};
use crate::shared::Shared;

/// Bytes read at once.
const READ_BYTES: usize = 64 * 1024;

/// What the connections of one thread share.
pub(super) struct Thread {
    index: usize,
    pub(super) shared: Arc<Shared>,
    /// Where bytes are read into and requests are parsed.
    pub(super) buffer: Spare<Box<[u8]>>,
    /// The arguments of the batch of requests being run.
    pub(super) requests: Spare<Vec<ArgList>>,
    /// Its connections, and some that have ended.
    connections: RefCell<Vec<Weak<RefCell<Connection>>>>,
    /// Connections that were handed over and are not served yet.
    take: RefCell<mpsc::UnboundedReceiver<Handoff>>,
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

    /// Serves a connection that was handed over from now on.
    fn begin(self: &Rc<Self>, Handoff { stream, peer, fd }: Handoff) {
        let Ok(socket) = stream.register() else {
            self.load.fetch_sub(1, Relaxed);
            return;
        };
        let shared = &self.shared;
        let now = shared.store.clock().now();
        let client = Arc::new(Client::new(shared.clients.next_id(), peer, fd, self.index, now));
        shared.clients.add(Arc::clone(&client));
        self.stats().accepted.add(1);
        let inbox = self.inboxes.open(Arc::clone(&client));
        let session = Session::new(client, inbox, shared.config.password().is_none());
        let connection = Rc::new(RefCell::new(Connection::new(socket, Rc::clone(self), session)));
        let mut connections = self.connections.borrow_mut();
        if connections.len() == connections.capacity() {
            connections.retain(|connection| connection.strong_count() > 0);
        }
        connections.push(Rc::downgrade(&connection));
        tokio::task::spawn_local(Connection::serve(connection));
    }

    /// Serves all of its connections once, but for the one whose command takes so long that the runtime has
    /// to wait.
    fn serve_by_hand(self: &Rc<Self>) {
        while let Ok(handoff) = self.take.borrow_mut().try_recv() {
            self.begin(handoff);
        }
        let connections = self.connections.borrow().clone();
        for connection in connections.iter().filter_map(Weak::upgrade) {
            if let Ok(mut connection) = connection.try_borrow_mut() {
                connection.turn_by_hand();
            }
        }
    }
}

/// Something that one at a time uses, again and again. Who finds it in use makes another one.
pub(super) struct Spare<T> {
    spare: Cell<Option<T>>,
    make: fn() -> T,
}

impl<T> Spare<T> {
    fn new(make: fn() -> T) -> Self {
        Self { spare: Cell::new(None), make }
    }

    pub(super) fn take(&self) -> T {
        self.spare.take().unwrap_or_else(self.make)
    }

    pub(super) fn put_back(&self, used: T) {
        self.spare.set(Some(used));
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
            Self::Tcp(stream) => Socket::tcp(tokio::net::TcpStream::from_std(stream)?),
            #[cfg(unix)]
            Self::Unix(stream) => Socket::unix(tokio::net::UnixStream::from_std(stream)?),
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
            let counted = Arc::clone(shared);
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .on_thread_unpark(move || counted.stats.block(index).cycles.add(1))
                .build()?;
            let (shared, thread_load) = (Arc::clone(shared), Arc::clone(&load));
            let handle = std::thread::Builder::new().name(format!("scrubjay-{index}")).spawn(move || {
                let thread = Rc::new(Thread {
                    index,
                    shared,
                    buffer: Spare::new(|| vec![0; READ_BYTES].into()),
                    requests: Spare::new(|| (0..BATCH).map(|_| ArgList::new()).collect()),
                    connections: RefCell::default(),
                    take: RefCell::new(take),
                    inboxes: Inboxes::new(index),
                    load: thread_load,
                });
                let serving = Rc::downgrade(&thread);
                meanwhile::install(Rc::new(move || {
                    if let Some(thread) = serving.upgrade() {
                        thread.serve_by_hand();
                    }
                }));
                let local = LocalSet::new();
                if index == 0 {
                    local.spawn_local(maintenance::expire(Arc::clone(&thread.shared)));
                }
                local.spawn_local(deliver(Rc::clone(&thread)));
                local.block_on(&runtime, serve_all(thread));
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
async fn serve_all(thread: Rc<Thread>) {
    while let Some(handoff) = poll_fn(|cx| thread.take.borrow_mut().poll_recv(cx)).await {
        thread.begin(handoff);
    }
}
