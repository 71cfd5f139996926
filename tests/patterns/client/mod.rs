//! The patterns of `scrubjay-client`, each over every kind of place: the store in this process, a server of
//! each kind, and a Valkey Cluster of three. A *process* is here whatever has connections, single flight and
//! chance of its own; those of one test share nothing but the place.
//!
//! No test measures time. What must still be there has a TTL far longer than the test; what must go has a
//! short one and is waited for.

mod causal;
mod limits;
mod reading;
mod steps;
mod writing;

use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use scrubjay_client::backend::{Backend, Embedded, Remote};
use scrubjay_client::pattern::Setting;
use scrubjay_client::wire::Connector;
use scrubjay_tests::cluster::Cluster;
use scrubjay_tests::patience::{Deadline, GENEROUS};
use scrubjay_tests::server::{self, Server};

use crate::database::Database;

/// How many tasks come at once, over [`PROCESSES`].
const CALLERS: usize = 24;
const PROCESSES: usize = 3;
const LONG: Duration = Duration::from_secs(600);
const SHORT: Duration = Duration::from_millis(30);

/// What runs behind a column of the table.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Column {
    Embedded,
    Server(server::Backend),
    Cluster,
}

impl Column {
    pub(crate) const ALL: [Self; 5] = [
        Self::Embedded,
        Self::Server(server::Backend::Scrubjay),
        Self::Server(server::Backend::Redis),
        Self::Server(server::Backend::Valkey),
        Self::Cluster,
    ];

    pub(crate) fn name(self) -> String {
        match self {
            Self::Embedded => "embedded".to_owned(),
            Self::Server(backend) => backend.to_string(),
            Self::Cluster => "Valkey Cluster".to_owned(),
        }
    }

    /// The program it takes, if it is not ours.
    pub(crate) fn reference(self) -> Option<server::Backend> {
        match self {
            Self::Embedded | Self::Server(server::Backend::Scrubjay) => None,
            Self::Server(backend) => Some(backend),
            Self::Cluster => Some(server::Backend::Valkey),
        }
    }
}

/// A place that processes share, and the database beside it.
struct World<P> {
    place: P,
    database: Arc<Database>,
}

/// Where a process can reach a backend.
trait Place: Send + Sync {
    type Backend: Backend + Clone;

    /// For one more process.
    fn reach(&self) -> impl Future<Output = Self::Backend> + Send;

    /// Takes it away, if it is no part of this process; whether it is away.
    fn end(self) -> bool;
}

impl Place for Embedded {
    type Backend = Self;

    async fn reach(&self) -> Self {
        self.clone()
    }

    fn end(self) -> bool {
        false
    }
}

struct Single(Server);
struct Several(Cluster);

impl Place for Single {
    type Backend = Remote;

    async fn reach(&self) -> Remote {
        let url = format!("redis://{}", self.0.address());
        let client = Connector::server(url).response_timeout(GENEROUS).connect().await;
        Remote::new(client.unwrap_or_else(|error| panic!("{error}\n{}", self.0.log())))
    }

    fn end(self) -> bool {
        drop(self.0);
        true
    }
}

impl Place for Several {
    type Backend = Remote;

    async fn reach(&self) -> Remote {
        let client = Connector::cluster(self.0.urls()).response_timeout(GENEROUS).connect().await;
        Remote::new(client.unwrap_or_else(|error| panic!("{error}\n{}", self.0.nodes()[0].server.log())))
    }

    fn end(self) -> bool {
        drop(self.0);
        true
    }
}

impl<P: Place> World<P> {
    async fn backend(&self) -> P::Backend {
        self.place.reach().await
    }

    /// A pattern in each of several processes.
    async fn processes<T>(&self, make: impl Fn(P::Backend) -> T) -> Vec<T> {
        let mut made = Vec::new();
        for _ in 0..PROCESSES {
            made.push(make(self.backend().await));
        }
        made
    }
}

type Running = Pin<Box<dyn Future<Output = ()>>>;

/// A pattern, and the tests of it on a place of each kind.
pub(crate) struct Pattern {
    pub(crate) name: &'static str,
    embedded: fn(World<Embedded>) -> Running,
    single: fn(World<Single>) -> Running,
    several: fn(World<Several>) -> Running,
}

/// The same function for each kind of place.
macro_rules! pattern {
    ($name:literal, $test:path) => {
        Pattern {
            name: $name,
            embedded: |world| Box::pin($test(world)),
            single: |world| Box::pin($test(world)),
            several: |world| Box::pin($test(world)),
        }
    };
}

pub(crate) const PATTERNS: [Pattern; 15] = [
    pattern!("steps", steps::steps),
    pattern!("cache-aside", reading::cache_aside),
    pattern!("read-through", reading::read_through),
    pattern!("fail-safe", reading::fail_safe),
    pattern!("nothing older", causal::nothing_older),
    pattern!("outage", reading::outage),
    pattern!("negative", reading::negative),
    pattern!("refresh-ahead", reading::refresh_ahead),
    pattern!("lease", reading::lease),
    pattern!("dead holder", reading::dead_holder),
    pattern!("tags", reading::tags),
    pattern!("write-through", writing::write_through),
    pattern!("write-behind", writing::write_behind),
    pattern!("rate limit", limits::rate_limit),
    pattern!("lock", limits::lock),
];

/// Runs a pattern's tests.
pub(crate) fn run(pattern: &Pattern, column: Column, folder: &Path) -> Result<(), String> {
    let database = Arc::new(Database::create(folder));
    // Threads, so that what may happen at once does.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    match column {
        Column::Embedded => {
            let place = Embedded::default();
            runtime.block_on((pattern.embedded)(World { place, database }));
        }
        Column::Server(backend) => {
            let place = Single(Server::start(backend)?);
            runtime.block_on((pattern.single)(World { place, database }));
        }
        Column::Cluster => {
            let place = Several(Cluster::start()?);
            runtime.block_on((pattern.several)(World { place, database }));
        }
    }
    Ok(())
}

fn setting() -> Setting {
    Setting::new().ttl(LONG).lease_wait(GENEROUS)
}

/// A loader of a user's name.
fn load(
    database: &Arc<Database>,
    id: u32,
) -> impl FnOnce() -> std::future::Ready<Result<Option<String>, String>> + Send + use<> {
    let database = Arc::clone(database);
    move || std::future::ready(Ok(database.load(id)))
}

/// Asks again and again until it is so.
async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let deadline = Deadline::after(GENEROUS);
    while !is_so().await {
        assert!(!deadline.is_over(), "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
