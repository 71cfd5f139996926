//! A server from bind to stop, as a library offers it.

use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use scrubjay::Store;
use tokio::sync::Notify;

use crate::config::{Config, Presence};
use crate::net;
use crate::observe::stats::Stats;
use crate::session::clients::Clients;
use crate::shared::{Shared, Shutdown, Start};

/// A server that listens, and serves once it is [run](Server::run). Clients may connect before; they wait.
///
/// ```
/// use std::io::{Read, Write};
/// use std::net::TcpStream;
/// use std::sync::Arc;
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
        let store = Arc::new(Store::default());
        Self::with_store(store, config)
    }

    /// Listens as `config` says and serves `store`, which the rest of the process goes on using: what it writes has every
    /// effect that a client's write has.
    ///
    /// # Errors
    /// When an address cannot be listened on.
    pub fn with_store(store: Arc<Store>, config: Config) -> io::Result<Self> {
        let (tcp, port) = listen(&config)?;
        if !tcp.is_empty() {
            config.port_is(port);
        }
        #[cfg(unix)]
        let unix = {
            let settings = config.settings();
            let mode = Some(settings.unixsocketperm).filter(|mode| *mode != 0);
            settings.path(&settings.unixsocket).map(|path| net::listen_unix(&path, mode)).transpose()?
        };
        let threads = usize::from(config.io_threads());
        let start = Start { at_ms: store.clock().now(), run_id: run_id(), port, threads };
        let shared = Shared {
            store,
            config,
            clients: Clients::default(),
            stats: Stats::new(threads),
            start,
            shutdown: Shutdown::default(),
        };
        Ok(Self {
            shared: Arc::new(shared),
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
    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Serves until `SHUTDOWN`, a signal to end, or [`Shutdown::ask`].
    ///
    /// # Errors
    /// When threads or their runtimes cannot be started.
    pub fn run(self) -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let threads = Arc::new(net::Threads::start(&self.shared)?);
        runtime.block_on(async {
            for listener in self.tcp {
                let listener = tokio::net::TcpListener::from_std(listener)?;
                tokio::spawn(net::accept_tcp(listener, Arc::clone(&self.shared), Arc::clone(&threads)));
            }
            #[cfg(unix)]
            if let Some(listener) = self.unix {
                tokio::spawn(net::accept_unix(listener, Arc::clone(&self.shared), Arc::clone(&threads)));
            }
            tokio::spawn(maintain(Arc::clone(&self.shared)));
            self.shared.shutdown.wait().await;
            io::Result::Ok(())
        })?;
        // Ends the accepting tasks, so that the threads have one owner again and no new work.
        drop(runtime);
        if let Some(threads) = Arc::into_inner(threads) {
            threads.stop();
        }
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
    /// Has [`Server::run`] return soon: commands under way are finished, clients are disconnected, the port is given back and
    /// the threads have ended when it does. The store stays.
    pub fn stop(&self) {
        self.0.shutdown.ask();
    }
}

impl fmt::Debug for StopHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StopHandle").field("port", &self.0.start.port).finish()
    }
}

/// The longest rest between two rounds of maintenance: a wall clock that jumps is noticed after so long.
const REST_MAX: Duration = Duration::from_millis(100);
/// Memory given back to the allocator that is worth asking it to give it back to the system.
const TRIM_BYTES: usize = 16 * 1024 * 1024;

/// Keeps the store tidy: what has expired is given back when its deadline comes, not when somebody looks.
async fn maintain(shared: Arc<Shared>) {
    let store = &shared.store;
    let due = Arc::new(Notify::new());
    let waker = Arc::clone(&due);
    store.on_due(Arc::new(move || waker.notify_one()));
    let mut most_bytes = 0;
    loop {
        let now = store.clock().now();
        let rest = match store.maintain(now).next {
            Some(next) => Duration::from_millis(next.saturating_sub(now)).min(REST_MAX),
            None => REST_MAX,
        };
        if rest.is_zero() {
            tokio::task::yield_now().await;
            continue;
        }
        let used = store.accounted_bytes();
        most_bytes = used.max(most_bytes);
        if most_bytes - used > TRIM_BYTES.max(used / 16) {
            scrubjay::raw::heap::trim();
            most_bytes = used;
        }
        // Woken early when a nearer deadline is given; else the rest is over, which is no error.
        let _ = tokio::time::timeout(rest, due.notified()).await;
    }
}

/// Listens on every address that `bind` names; an optional one (`-::1`) may fail.
fn listen(config: &Config) -> io::Result<(Vec<std::net::TcpListener>, u16)> {
    let mut port = config.port();
    let backlog = i32::try_from(config.tcp_backlog()).unwrap_or(i32::MAX);
    let mut listeners = Vec::new();
    let addresses = config.bind();
    for (name, presence) in addresses.iter() {
        match resolve(name, port).and_then(|address| net::listen_tcp(address, backlog)) {
            Ok(listener) => {
                // With port 0 the system picks one for the first address; the others take the same.
                port = listener.local_addr()?.port();
                listeners.push(listener);
            }
            Err(_) if presence == Presence::Optional => {}
            Err(error) => return Err(error),
        }
    }
    match (listeners.is_empty(), addresses.iter().next()) {
        (true, Some(_)) => Err(io::ErrorKind::AddrNotAvailable.into()),
        (true, None) => Ok((listeners, 0)),
        (false, _) => Ok((listeners, port)),
    }
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
