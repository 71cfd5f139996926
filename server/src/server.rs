//! A server from bind to stop, as a library offers it.

use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Weak};

use scrubjay::Store;
use tokio::sync::Notify;

use crate::apply::{Listening, Move, eviction, limits};
use crate::config::{self, Config, EventClasses, Presence, Settings};
use crate::observe::commandlog::CommandLog;
use crate::observe::monitor::Monitor;
use crate::observe::stats::Stats;
use crate::pubsub::{Mailboxes, Notifications, Registry};
use crate::session::clients::Clients;
use crate::session::pause::Pause;
use crate::shared::{Busy, Shared, Shutdown, Start};
use crate::{housekeeping, maintenance, net};

/// A server that listens, and serves once it is [run](Server::run). Clients may connect before; they wait.
///
/// ```
/// use std::io::{Read, Write};
/// use std::net::TcpStream;
/// use std::sync::{Arc, Weak};
///
/// use scrubjay::Store;
/// use scrubjay_server::{Server, config::Config};
///
/// // A store of this program, which clients may use as well.
/// let store = Arc::new(Store::default());
/// store.set("greeting", "hello")?;
///
/// let config = Config::default().with("bind", "127.0.0.1")?.with("port", "0")?;
/// let server = Server::with_store(Arc::clone(&store), config)?;
/// let (port, stop) = (server.port(), server.stop_handle());
/// let serving = std::thread::spawn(|| server.run());
///
/// let mut client = TcpStream::connect(("127.0.0.1", port))?;
/// client.write_all(b"GET greeting\r\n")?;
/// let mut reply = [0; 11];
/// client.read_exact(&mut reply)?;
/// assert_eq!(&reply, b"$5\r\nhello\r\n");
///
/// stop.stop();
/// serving.join().expect("it does not panic")?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub struct Server {
    shared: Arc<Shared>,
    tcp: Vec<std::net::TcpListener>,
    #[cfg(unix)]
    unix: Option<net::UnixListener>,
}

impl Server {
    /// Listens as `config` says, with a store of its own.
    ///
    /// # Errors
    /// When an address cannot be listened on.
    pub fn bind(config: Config) -> io::Result<Self> {
        let settings = config.settings();
        let databases = u16::try_from(settings.databases).map_err(|_| {
            io::Error::new(io::ErrorKind::InvalidInput, "there can be at most 65535 databases")
        })?;
        let (policy, tuning) = eviction(&settings);
        let store = Store::builder()
            .databases(databases)
            .max_memory(usize::try_from(settings.maxmemory).unwrap_or(usize::MAX))
            .policy(policy)
            .tuning(tuning)
            .limits(limits(&settings))
            .build();
        Self::new(Arc::new(store), config)
    }

    /// Listens as `config` says and serves `store`, which the rest of the process goes on using: what it
    /// writes has every effect that a client's write has. The store's own limits hold, not those of `config`.
    ///
    /// # Errors
    /// When an address cannot be listened on.
    pub fn with_store(store: Arc<Store>, config: Config) -> io::Result<Self> {
        config.store_is(&store);
        Self::new(store, config)
    }

    fn new(store: Arc<Store>, config: Config) -> io::Result<Self> {
        let settings = config.settings();
        let (tcp, port) = listen(&settings)?;
        if tcp.is_empty() && settings.bind.iter().next().is_some() {
            return Err(io::Error::new(
                io::ErrorKind::AddrNotAvailable,
                "Configured to not listen anywhere, exiting.",
            ));
        }
        if !tcp.is_empty() {
            config.port_is(port);
        }
        store.set_active_expiry(!settings.import_mode);
        #[cfg(unix)]
        let unix = {
            let mode = Some(settings.unixsocketperm).filter(|mode| *mode != 0);
            settings.path(&settings.unixsocket).map(|path| net::listen_unix(&path, mode)).transpose()?
        };
        let threads = usize::from(config.io_threads());
        let start = Start {
            at_ms: store.clock().now(),
            run_id: run_id(),
            replication_id: run_id(),
            used_bytes: store.used_bytes(),
            port,
            threads,
        };
        let mail_has_come: Vec<_> = (0..threads).map(|_| Arc::new(Notify::new())).collect();
        let shared = Arc::new_cyclic(|me| Shared {
            store,
            config,
            clients: Clients::default(),
            registry: Registry::default(),
            mail: Mailboxes::new(mail_has_come.iter().cloned().map(|thread| move || thread.notify_one())),
            mail_has_come,
            notifications: Notifications::new(Weak::clone(me)),
            stats: Stats::new(threads),
            #[cfg(feature = "script")]
            scripts: crate::script::Scripts::new(threads),
            command_log: CommandLog::default(),
            monitor: Monitor::default(),
            start,
            listening: Listening::default(),
            shutdown: Shutdown::default(),
            pause: Arc::new(Pause::default()),
            busy: Busy::default(),
            trust_checksums: AtomicBool::new(false),
        });
        Ok(Self {
            shared,
            tcp,
            #[cfg(unix)]
            unix,
        })
    }

    /// The TCP port, also when `port 0` had the system pick it; 0 for none.
    pub fn port(&self) -> u16 {
        self.shared.start.port
    }

    /// What ends [`run`](Self::run) from another thread. It may be used before, too.
    pub fn stop_handle(&self) -> StopHandle {
        StopHandle(Arc::clone(&self.shared))
    }

    /// What all clients of this server share.
    #[doc(hidden)]
    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Serves until a client says `SHUTDOWN`, or somebody [stops](StopHandle::stop) it. Signals are the
    /// caller's.
    ///
    /// # Errors
    /// When threads or their runtimes cannot be started.
    pub fn run(self) -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        self.shared.notify(self.shared.config.settings().notify_keyspace_events);
        let threads = Arc::new(net::Threads::start(&self.shared)?);
        runtime.block_on(async {
            let listeners = Listeners {
                shared: Arc::clone(&self.shared),
                threads: Arc::clone(&threads),
                tasks: Vec::new(),
            };
            tokio::spawn(listeners.accept(self.tcp));
            #[cfg(unix)]
            if let Some(listener) = self.unix {
                tokio::spawn(net::accept_unix(listener, Arc::clone(&self.shared), Arc::clone(&threads)));
            }
            tokio::spawn(maintenance::give_back(Arc::clone(&self.shared)));
            tokio::spawn(housekeeping::keep(Arc::clone(&self.shared)));
            self.shared.shutdown.wait().await;
            io::Result::Ok(())
        })?;
        // Ends the accepting tasks, so that the threads have one owner again and no new work.
        drop(runtime);
        if let Some(threads) = Arc::into_inner(threads) {
            threads.stop();
        }
        // The store may be used on.
        self.shared.notify(EventClasses::default());
        Ok(())
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("port", &self.port()).finish_non_exhaustive()
    }
}

/// Ends a server from another thread. See [`Server::stop_handle`].
#[derive(Clone)]
pub struct StopHandle(Arc<Shared>);

impl StopHandle {
    /// Has [`Server::run`] return soon: commands under way are finished, clients are disconnected, the port
    /// is given back and the threads have ended when it does. The store stays.
    pub fn stop(&self) {
        self.0.shutdown.ask();
    }
}

impl fmt::Debug for StopHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StopHandle").field("port", &self.0.start.port).finish()
    }
}

/// The TCP listeners of a server that runs.
struct Listeners {
    shared: Arc<Shared>,
    threads: Arc<net::Threads>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Listeners {
    /// Accepts clients, wherever `CONFIG SET` says, for ever.
    async fn accept(mut self, first: Vec<std::net::TcpListener>) {
        let Some(mut requests) = self.shared.listening.requests() else { return };
        if let Err(error) = self.serve(first) {
            tracing::warn!("Failed to listen: {error}");
        }
        while let Some(Move { settings, answer }) = requests.recv().await {
            // Whoever asked may have given up; then nobody needs to know.
            let _ = answer.send(self.move_to(&settings).await);
        }
    }

    /// Closes the listeners there are, and opens others. After an error those of before are open again.
    async fn move_to(&mut self, settings: &Settings) -> io::Result<()> {
        for task in self.tasks.drain(..) {
            task.abort();
            // The socket is closed when the task is gone.
            let _ = task.await;
        }
        // At the start port 0 is one that the system picks; later it means, as in Valkey, none.
        let listen = |settings: &Settings| match settings.port {
            0 => Ok(Vec::new()),
            _ => listen(settings).map(|(listeners, _)| listeners),
        };
        match listen(settings) {
            Ok(listeners) => self.serve(listeners),
            Err(error) => {
                if let Err(error) = listen(&self.shared.config.settings()).and_then(|old| self.serve(old)) {
                    tracing::warn!("Failed to listen as before: {error}");
                }
                Err(error)
            }
        }
    }

    fn serve(&mut self, listeners: Vec<std::net::TcpListener>) -> io::Result<()> {
        for listener in listeners {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            let accepting = net::accept_tcp(listener, Arc::clone(&self.shared), Arc::clone(&self.threads));
            self.tasks.push(tokio::spawn(accepting));
        }
        Ok(())
    }
}

/// Listens on every address that `bind` names; an optional one (`-::1`) may fail.
fn listen(settings: &Settings) -> io::Result<(Vec<std::net::TcpListener>, u16)> {
    let mut port = settings.port;
    let backlog = i32::try_from(settings.tcp_backlog).unwrap_or(i32::MAX);
    let mut listeners = Vec::new();
    for (name, presence) in settings.bind.iter() {
        match resolve(name, port).and_then(|address| net::listen_tcp(address, backlog)) {
            Ok(listener) => {
                // With port 0 the system picks one for the first address; the others take the same.
                port = listener.local_addr()?.port();
                listeners.push(listener);
            }
            Err(_) if presence == Presence::Optional => {}
            Err(error) => {
                let why = config::system_text(&error);
                let text = format!("Could not create server TCP listening socket {name}:{port}: bind: {why}");
                return Err(io::Error::new(error.kind(), text));
            }
        }
    }
    let port = if listeners.is_empty() { 0 } else { port };
    Ok((listeners, port))
}

fn resolve(name: &str, port: u16) -> io::Result<SocketAddr> {
    let name = match name {
        "*" => "0.0.0.0",
        "::*" => "::",
        name => name,
    };
    (name, port).to_socket_addrs()?.next().ok_or_else(|| io::ErrorKind::AddrNotAvailable.into())
}

/// 40 hexadecimal digits that no other run has.
fn run_id() -> String {
    let mut random = scrubjay::random::Random::from_os();
    (0..40).map(|_| char::from_digit(random.below(16) as u32, 16).expect("invariant: below 16")).collect()
}
