//! How a [`Client`] is set up, and what it tells of.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use redis::{Cmd, ConnectionInfo, IntoConnectionInfo, ProtocolVersion, PushInfo, RedisError};
use scrubjay::random::Random;
use scrubjay::sync::Mutex;
use scrubjay::time::Clock;

use super::backoff::Backoff;
use super::client::Client;
use super::error::Error;
use super::life::{Life, Node};

/// What happens on the connections. Handed over while it happens: see [`Connector::on_event`].
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A node was reached, and greeted.
    Connected {
        /// What begins now.
        life: &'a Arc<Life>,
        /// The first error that the greeting was answered with.
        refused: Option<&'a RedisError>,
    },
    /// A node says something unasked: a notice of tracking, a message of a channel.
    Push {
        /// The life it came in.
        life: &'a Arc<Life>,
        /// What it says.
        push: &'a PushInfo,
    },
    /// A life is over; it knows why. Comes once for each.
    Ended {
        /// The life.
        life: &'a Arc<Life>,
    },
    /// Slots have another owner. The life of the old one has ended.
    SlotsMoved {
        /// Who had them.
        from: &'a Node,
        /// Who has them.
        to: &'a Node,
        /// How many.
        slots: usize,
    },
}

type Handler = Arc<dyn Fn(Event<'_>) + Send + Sync>;

/// What holds for all connections of a client.
pub(crate) struct Plan {
    pub(crate) connect_timeout: Duration,
    pub(crate) response_timeout: Duration,
    pub(crate) heartbeat: Duration,
    pub(crate) backoff: Backoff,
    pub(crate) breaker_failures: u32,
    pub(crate) breaker_pause: Duration,
    pub(crate) tries: u32,
    pub(crate) topology_refresh: Duration,
    pub(crate) greeting: Vec<Cmd>,
    pub(crate) handler: Option<Handler>,
    pub(crate) clock: Clock,
    pub(crate) random: Mutex<Random>,
}

impl Clone for Plan {
    /// The same, with chances of its own.
    fn clone(&self) -> Self {
        let Self { greeting, handler, clock, random, .. } = self;
        let (greeting, handler, clock) = (greeting.clone(), handler.clone(), clock.clone());
        let random = Mutex::new(Random::seeded(random.lock().next_u64()));
        Self { greeting, handler, clock, random, ..*self }
    }
}

impl Plan {
    pub(crate) fn tell(&self, event: Event<'_>) {
        if let Some(handler) = &self.handler {
            handler(event);
        }
    }

    /// How long to wait after so many failures in a row.
    pub(crate) fn pause(&self, failures: u32) -> Duration {
        self.backoff.pause(failures, &mut self.random.lock())
    }
}

/// A client's parameters. Each but the address has a default; the methods are named as the fields.
///
/// ```no_run
/// # async fn connect() -> Result<(), scrubjay_client::wire::Error> {
/// use scrubjay_client::wire::Connector;
///
/// let client = Connector::server("redis://127.0.0.1:6379").connect().await?;
/// let reply = client.send(b"greeting", redis::cmd("GET").arg("greeting").take()).await?;
/// # let _ = reply;
/// # Ok(()) }
/// ```
#[derive(Clone)]
#[must_use = "it does nothing until it is told to connect"]
pub struct Connector {
    urls: Vec<String>,
    is_cluster: bool,
    plan: Plan,
}

impl Connector {
    /// One server, at a `redis://` or `unix://` URL.
    pub fn server(url: impl Into<String>) -> Self {
        Self::new(vec![url.into()], false)
    }

    /// A Valkey (or Redis) Cluster, some of whose nodes are at these URLs. The others are found through them.
    /// User, password and so on are those of the first URL, for all nodes.
    pub fn cluster<U: Into<String>>(urls: impl IntoIterator<Item = U>) -> Self {
        Self::new(urls.into_iter().map(Into::into).collect(), true)
    }

    fn new(urls: Vec<String>, is_cluster: bool) -> Self {
        Self {
            urls,
            is_cluster,
            plan: Plan {
                connect_timeout: Duration::from_secs(2),
                response_timeout: Duration::from_secs(2),
                heartbeat: Duration::from_secs(1),
                backoff: Backoff { first: Duration::from_millis(20), max: Duration::from_secs(2) },
                breaker_failures: 8,
                breaker_pause: Duration::from_millis(500),
                tries: 8,
                topology_refresh: Duration::from_secs(2),
                greeting: Vec::new(),
                handler: None,
                clock: Clock::system(),
                random: Mutex::new(Random::from_os()),
            },
        }
    }

    /// How long a connection may take to be made. Default 2 s.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.plan.connect_timeout = timeout;
        self
    }

    /// How long an answer may take. Default 2 s.
    pub fn response_timeout(mut self, timeout: Duration) -> Self {
        self.plan.response_timeout = timeout;
        self
    }

    /// How often each node is asked whether it is still there. Default 1 s. A connection that is dead without
    /// a sign is noticed after this and the response timeout; until then its silence is taken for "nothing
    /// has changed".
    pub fn heartbeat(mut self, pause: Duration) -> Self {
        self.plan.heartbeat = pause;
        self
    }

    /// The pauses between tries to reach a node: `first`, then twice as long each time up to `max`, up to
    /// half of each taken off by chance. Default 20 ms and 2 s.
    pub fn backoff(mut self, first: Duration, max: Duration) -> Self {
        self.plan.backoff = Backoff { first, max };
        self
    }

    /// After so many failed requests in a row a node is sent none for `pause`, and then one at a time until
    /// it answers. 0 failures: never. Default 8 and 500 ms.
    pub fn breaker(mut self, failures: u32, pause: Duration) -> Self {
        (self.plan.breaker_failures, self.plan.breaker_pause) = (failures, pause);
        self
    }

    /// How often a command is sent at most while a cluster says MOVED, ASK, TRYAGAIN or CLUSTERDOWN.
    /// Default 8.
    pub fn tries(mut self, tries: u32) -> Self {
        self.plan.tries = tries.max(1);
        self
    }

    /// How often a cluster is asked who owns what, besides whenever it says MOVED. Default 2 s. A slot that
    /// moves while nothing is asked of it is noticed after at most this.
    pub fn topology_refresh(mut self, pause: Duration) -> Self {
        self.plan.topology_refresh = pause;
        self
    }

    /// Commands that each new connection begins with. What the server refuses of them is told by
    /// [`Event::Connected`], and the connection is used nevertheless.
    pub fn greeting(mut self, commands: Vec<Cmd>) -> Self {
        self.plan.greeting = commands;
        self
    }

    /// Who is told of events, before those who are already. Called in the task that reads the connection,
    /// before anything that comes after the event in the stream is looked at: it must be quick, and not
    /// block. A near cache is told before its connector's own handlers: what they hear of it has heeded.
    pub fn on_event(mut self, handler: impl Fn(Event<'_>) + Send + Sync + 'static) -> Self {
        let earlier = self.plan.handler.take();
        self.plan.handler = Some(Arc::new(move |event: Event<'_>| {
            handler(event);
            if let Some(earlier) = &earlier {
                earlier(event);
            }
        }));
        self
    }

    /// Which clock the breaker and the [ends](super::End) of lives are dated by. Default: the system's.
    pub fn clock(mut self, clock: impl Into<Clock>) -> Self {
        self.plan.clock = clock.into();
        self
    }

    /// Makes chance (the pauses) repeat itself.
    pub fn seed(mut self, seed: u64) -> Self {
        self.plan.random = Mutex::new(Random::seeded(seed));
        self
    }

    /// Connects, to the server or to the first node that answers and to all it knows of. Must be called
    /// within a tokio runtime, which then runs the connections until the last clone of the client is dropped.
    ///
    /// # Errors
    /// [`Error::Address`] for URLs that cannot be used; [`Error::Unreachable`] when nobody answers.
    pub async fn connect(self) -> Result<Client, Error> {
        let seeds = self.urls.iter().map(|url| info(url)).collect::<Result<Vec<_>, _>>()?;
        Client::connect(Arc::new(self.plan), seeds, self.is_cluster).await
    }
}

/// The same address, spoken to in RESP3.
fn info(url: &str) -> Result<ConnectionInfo, Error> {
    let info = url.into_connection_info().map_err(|error| Error::Address(format!("{url}: {error}")))?;
    let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
    Ok(info.set_redis_settings(settings))
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the URLs, which may hold passwords.
        f.debug_struct("Connector")
            .field("servers", &self.urls.len())
            .field("is_cluster", &self.is_cluster)
            .field("connect_timeout", &self.plan.connect_timeout)
            .field("response_timeout", &self.plan.response_timeout)
            .finish_non_exhaustive()
    }
}
