//! A near cache's parameters.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use scrubjay::Cache;
use scrubjay::cache::Policy;
use scrubjay::random::Random;
use scrubjay::sync::atomic::{AtomicBool, Ordering::SeqCst};
use scrubjay::time::Clock;
use tracing::warn;

use super::error::Error;
use super::held::{Held, NEVER};
use super::local::{Hearing, Key, Local, Times, sweep_after_lives};
use super::recovery::{Debts, make_good};
use super::requests::Requests;
use super::stats::Mode;
use super::{Core, NearCache};
use crate::codec::Codec;
use crate::wire::{Client, Connector, Event};

/// Which changes the server is asked to tell of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Tracking {
    /// Of every key that was read over the connection, by whatever command.
    #[default]
    Default,
    /// Of the keys that this cache reads, and of no others (CLIENT CACHING YES with each read). For
    /// connections that are used for much else.
    OptIn,
    /// Of every key that begins with one of these, whether it was read or not; of all keys if there is none.
    /// The server remembers nothing. Other keys can be read and written, and are not kept.
    Broadcast(Vec<Vec<u8>>),
}

/// How much is kept in this process.
enum Bound<V> {
    Entries(u64),
    Bytes(u64, Box<dyn Fn(&V) -> u32 + Send + Sync>),
}

/// A near cache's parameters. Each has a default; the methods are named as the fields.
#[must_use = "it does nothing until it is told to connect"]
pub struct Builder<V, C> {
    codec: C,
    bound: Bound<V>,
    policy: Policy,
    ttl: Option<Duration>,
    refresh_after: Option<Duration>,
    absent_ttl: Option<Duration>,
    untracked_ttl: Duration,
    stale_on_error: Duration,
    jitter: f64,
    tracking: Tracking,
    soft_timeout: Option<Duration>,
    hard_timeout: Option<Duration>,
    server_ttl: Option<Duration>,
    debts_max: usize,
    channel: Vec<u8>,
    clock: Clock,
    seed: Option<u64>,
}

impl<V: Clone + Send + Sync + 'static, C: Codec<V>> Builder<V, C> {
    pub(super) fn new(codec: C) -> Self {
        Self {
            codec,
            bound: Bound::Entries(100_000),
            policy: Policy::default(),
            ttl: None,
            refresh_after: None,
            absent_ttl: None,
            untracked_ttl: Duration::from_secs(2),
            stale_on_error: Duration::ZERO,
            jitter: 0.1,
            tracking: Tracking::Default,
            soft_timeout: None,
            hard_timeout: None,
            server_ttl: None,
            debts_max: 10_000,
            channel: b"scrubjay:near".to_vec(),
            clock: Clock::system(),
            seed: None,
        }
    }

    /// How many entries are kept in this process. Default 100,000.
    pub fn max_entries(mut self, entries: u64) -> Self {
        self.bound = Bound::Entries(entries);
        self
    }

    /// How many bytes are kept in this process, keys and the cache's own share included: `owned` says how
    /// many a value owns besides those that lie in place.
    pub fn max_bytes(mut self, bytes: u64, owned: impl Fn(&V) -> u32 + Send + Sync + 'static) -> Self {
        self.bound = Bound::Bytes(bytes, Box::new(owned));
        self
    }

    /// Which entries give way when the cache is full. Default [`Policy::S3Fifo`].
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Values are good for so long, if the server's own TTL does not end before. Default: for as long as
    /// nobody says otherwise.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// After so long a value is read anew, by one, while all are still given the old one. Default: it is not.
    pub fn refresh_after(mut self, age: Duration) -> Self {
        self.refresh_after = Some(age);
        self
    }

    /// That a key has no value is good for so long. Default: as the TTL of values.
    pub fn absent_ttl(mut self, ttl: Duration) -> Self {
        self.absent_ttl = Some(ttl);
        self
    }

    /// How long values are good at a server that does not tell of changes. Default 2 s.
    pub fn untracked_ttl(mut self, ttl: Duration) -> Self {
        self.untracked_ttl = ttl;
        self
    }

    /// For so long after it has expired, or after its connection was lost, a value is served if nothing
    /// better can be had; [`Lookup::source`](super::Lookup::source) says so. Never one that was invalidated:
    /// a server that expires a key says so too, and that cannot be told from any other change. To have
    /// something to serve when a loader fails, let the server keep values for longer than this process does.
    /// Default 0: it is not.
    pub fn stale_on_error(mut self, limit: Duration) -> Self {
        self.stale_on_error = limit;
        self
    }

    /// Up to this share is taken off each TTL by chance, so that what came together does not go together.
    /// Default 0.1.
    ///
    /// # Panics
    /// Unless it is 0 to 1.
    pub fn jitter(mut self, share: f64) -> Self {
        assert!((0.0..=1.0).contains(&share), "a share is 0 to 1, not {share}");
        self.jitter = share;
        self
    }

    /// Which changes the server is asked to tell of. Default [`Tracking::Default`].
    pub fn tracking(mut self, tracking: Tracking) -> Self {
        self.tracking = tracking;
        self
    }

    /// After so long a reader is given what is [stale](Self::stale_on_error), if there is such, while the
    /// request goes on. Default: it waits.
    pub fn soft_timeout(mut self, timeout: Duration) -> Self {
        self.soft_timeout = Some(timeout);
        self
    }

    /// After so long a reader is given up on, while the request goes on. Default: when the connections'
    /// [own timeouts](Connector::response_timeout) are over.
    pub fn hard_timeout(mut self, timeout: Duration) -> Self {
        self.hard_timeout = Some(timeout);
        self
    }

    /// How long the server is to keep values that a loader brought. Default: for ever.
    pub fn server_ttl(mut self, ttl: Duration) -> Self {
        self.server_ttl = Some(ttl);
        self
    }

    /// How many keys are remembered whose writes failed, to be removed at the server when it is back.
    /// Default 10,000.
    pub fn debts_max(mut self, keys: usize) -> Self {
        self.debts_max = keys;
        self
    }

    /// The channel by which clients of this crate tell each other of writes, at servers that do not tell
    /// themselves. Default `scrubjay:near`.
    pub fn channel(mut self, channel: impl Into<Vec<u8>>) -> Self {
        self.channel = channel.into();
        self
    }

    /// Where the cache and the connections read the time. Default: the system's clocks.
    pub fn clock(mut self, clock: impl Into<Clock>) -> Self {
        self.clock = clock.into();
        self
    }

    /// Makes chance (the jitter) repeat itself. Caches of one fleet must not share a seed: the name by which
    /// each knows its own messages is by chance too.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Connects. If the server refuses to tell of changes, see [`Mode`].
    ///
    /// # Errors
    /// As [`Connector::connect`].
    pub async fn connect(mut self, connector: Connector) -> Result<NearCache<V, C>, Error> {
        let mut random = self.seed.map_or_else(Random::from_os, Random::seeded);
        let sender = [random.next_u64().to_le_bytes(), random.next_u64().to_le_bytes()].concat();
        let connector = connector.clock(self.clock.clone());
        let prefixes = match &self.tracking {
            Tracking::Broadcast(prefixes) => prefixes.clone(),
            Tracking::Default | Tracking::OptIn => Vec::new(),
        };
        let debts = Arc::new(Debts::new(self.debts_max));
        let bound = std::mem::replace(&mut self.bound, Bound::Entries(0));
        let entries = entries(bound, self.policy, self.clock.clone());
        let mut attempt = async |mode: Mode| {
            let requests = Requests {
                mode,
                opt_in: self.tracking == Tracking::OptIn,
                broadcast: matches!(self.tracking, Tracking::Broadcast(_)),
                channel: self.channel.clone(),
                sender: sender.clone(),
            };
            let hearing = Hearing {
                mode,
                // Without tracking, nobody tells of some keys only.
                prefixes: if mode == Mode::Tracking { prefixes.clone() } else { Vec::new() },
                sender: sender.clone(),
                channel: self.channel.clone(),
            };
            let random = Random::seeded(random.next_u64());
            let local =
                Arc::new(Local::new(entries.clone(), self.clock.clone(), self.times(), hearing, random));
            let connector = connector.clone().greeting(requests.greeting(&prefixes));
            let (client, accepted) = connect(connector, Arc::clone(&local), Arc::clone(&debts)).await?;
            Ok::<_, Error>((client, local, requests, accepted || mode == Mode::Expiry))
        };
        let mut found = None;
        for mode in [Mode::Tracking, Mode::Messages, Mode::Expiry] {
            let (client, local, requests, accepted) = attempt(mode).await?;
            if accepted {
                found = Some((client, local, requests));
                break;
            }
            warn!(?mode, "the server does not support this way of hearing of changes");
        }
        let (client, local, requests) = found.expect("invariant: expiry needs nobody's consent");
        let core = Arc::new(Core {
            codec: self.codec,
            client,
            local,
            requests,
            soft_timeout: self.soft_timeout,
            hard_timeout: self.hard_timeout,
            server_ttl: self.server_ttl,
            debts,
            tasks: OnceLock::new(),
        });
        let recovering = tokio::spawn(make_good(Arc::downgrade(&core), Arc::clone(&core.debts)));
        let (local, ended) = (Arc::downgrade(&core.local), Arc::clone(&core.local.ended));
        let sweeping = tokio::spawn(sweep_after_lives(local, ended));
        core.tasks.get_or_init(|| [recovering.abort_handle(), sweeping.abort_handle()]);
        Ok(NearCache(core))
    }

    fn times(&self) -> Times {
        Times {
            ttl: micros(self.ttl),
            refresh_after: micros(self.refresh_after),
            absent_ttl: micros(self.absent_ttl),
            untracked_ttl: micros(Some(self.untracked_ttl)),
            stale: micros(Some(self.stale_on_error)),
            jitter: self.jitter,
        }
    }
}

/// The cache in this process.
fn entries<V: 'static>(bound: Bound<V>, policy: Policy, clock: Clock) -> Cache<Key, Held<V>> {
    let builder = Cache::builder().policy(policy).clock(clock);
    match bound {
        Bound::Entries(entries) => builder.max_entries(entries).build(),
        Bound::Bytes(bytes, owned) => {
            let owned = move |key: &Key, held: &Held<V>| {
                let key_bytes = u32::try_from(key.len()).unwrap_or(u32::MAX);
                key_bytes.saturating_add(held.known().into_value().map_or(0, &owned))
            };
            builder.max_bytes(bytes, owned).build()
        }
    }
}

/// Connects; whether the greeting was accepted.
async fn connect<V: Clone + Send + Sync + 'static>(
    connector: Connector,
    local: Arc<Local<V>>,
    debts: Arc<Debts>,
) -> Result<(Client, bool), Error> {
    let accepted = Arc::new(AtomicBool::new(true));
    let hear = {
        let accepted = Arc::clone(&accepted);
        move |event: Event<'_>| {
            local.hear(&event);
            if let Event::Connected { refused, .. } = event {
                accepted.fetch_and(refused.is_none(), SeqCst);
                debts.wake();
            }
        }
    };
    let client = connector.on_event(hear).connect().await?;
    Ok((client, accepted.load(SeqCst)))
}

fn micros(duration: Option<Duration>) -> u64 {
    duration.map_or(NEVER, |duration| u64::try_from(duration.as_micros()).unwrap_or(NEVER))
}

impl<V, C> fmt::Debug for Builder<V, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("ttl", &self.ttl)
            .field("refresh_after", &self.refresh_after)
            .field("absent_ttl", &self.absent_ttl)
            .field("untracked_ttl", &self.untracked_ttl)
            .field("stale_on_error", &self.stale_on_error)
            .field("tracking", &self.tracking)
            .field("soft_timeout", &self.soft_timeout)
            .field("hard_timeout", &self.hard_timeout)
            .finish_non_exhaustive()
    }
}
