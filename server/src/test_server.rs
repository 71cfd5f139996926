//! A server for tests: one line starts it, and it is gone when it goes out of scope.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use scrubjay::Store;

use crate::config::Config;
use crate::embed::Publisher;
#[cfg(feature = "script")]
use crate::embed::Scripts;
use crate::server::{Server, StopHandle};

/// A server for tests: its own port on loopback, its own store, gone when dropped.
///
/// It accepts connections from the moment it is there. Any number of them may run side by side, as tests do.
/// When one is dropped its clients are disconnected, its threads have ended and its port is free.
///
/// ```
/// use scrubjay_server::TestServer;
/// use std::io::{Read, Write};
///
/// let server = TestServer::start();
/// server.store().set("greeting", "hello")?; // What the test knows beforehand ...
///
/// // ... its client finds. (A real one connects to `server.url()`.)
/// let mut client = std::net::TcpStream::connect(("127.0.0.1", server.port()))?;
/// client.write_all(b"GET greeting\r\nSET answer 42\r\n")?;
/// let mut replies = [0; 16];
/// client.read_exact(&mut replies)?;
/// assert_eq!(&replies, b"$5\r\nhello\r\n+OK\r\n");
///
/// // And what the client did, the test sees.
/// assert!(server.store().contains("answer"));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub struct TestServer {
    store: Arc<Store>,
    port: u16,
    unix_socket: Option<PathBuf>,
    stop: StopHandle,
    publisher: Publisher,
    #[cfg(feature = "script")]
    scripts: Scripts,
    thread: Option<JoinHandle<()>>,
}

impl TestServer {
    /// Starts a server with the default parameters.
    ///
    /// # Panics
    /// When there is no port to be had on loopback.
    pub fn start() -> Self {
        Self::with_config(Config::default())
    }

    /// Starts a server with these parameters, on loopback and a port that the system picks, whatever they say
    /// of that.
    ///
    /// ```
    /// use scrubjay_server::{TestServer, config::Config};
    ///
    /// let small = Config::default().with("maxmemory", "1mb")?.with("maxmemory-policy", "allkeys-lru")?;
    /// let server = TestServer::with_config(small);
    /// # assert_eq!(server.store().max_memory(), 1 << 20);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    /// When there is no port to be had on loopback, or a UNIX socket cannot be made where the parameters say.
    pub fn with_config(config: Config) -> Self {
        Self::run(Server::bind(config.on_loopback()))
    }

    /// The same for a store that the test has built, with a [manual clock](scrubjay::time::ManualClock) for
    /// example.
    ///
    /// # Panics
    /// As [`with_config`](Self::with_config).
    pub fn with_store(store: Arc<Store>, config: Config) -> Self {
        Self::run(Server::with_store(store, config.on_loopback()))
    }

    fn run(server: std::io::Result<Server>) -> Self {
        let server = server.unwrap_or_else(|error| panic!("no server on loopback: {error}"));
        let settings = server.shared().config.settings();
        Self {
            store: Arc::clone(&server.shared().store),
            port: server.port(),
            unix_socket: settings.path(&settings.unixsocket),
            stop: server.stop_handle(),
            publisher: server.publisher(),
            #[cfg(feature = "script")]
            scripts: server.scripts(),
            thread: Some(std::thread::spawn(move || server.run().expect("threads to serve with"))),
        }
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where to connect: `redis://127.0.0.1:PORT/`.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// The UNIX socket, if the parameter `unixsocket` asked for one.
    pub fn unix_socket(&self) -> Option<&std::path::Path> {
        self.unix_socket.as_deref()
    }

    /// What publishes messages to its clients.
    pub fn publisher(&self) -> &Publisher {
        &self.publisher
    }

    /// Its scripts and functions.
    #[cfg(feature = "script")]
    pub fn scripts(&self) -> &Scripts {
        &self.scripts
    }

    /// The store it serves; what the test writes here, clients see.
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.stop.stop();
        if let Some(thread) = self.thread.take() {
            // Its panic has been told of on its own thread.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for TestServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TestServer({})", self.url())
    }
}
