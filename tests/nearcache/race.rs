//! Many who write and many who read through their near caches, over a way that delays, cuts and falls silent.
//!
//! Each writer counts: it writes its number under several keys, and last under a *marker*. Whoever has read a
//! marker has thereby heeded every notice that was sent before it on the same connection, so whatever of that
//! writer is read *then* must be as new. That is asserted, and no timing is. With prefixes a server tells of
//! several changes at once, perhaps after a reply: there it is only asserted that nobody goes back behind
//! what a notice has outdated, and that all end at the last number.
//!
//! The same readers on redis-rs' own cache are for comparison. How often those read what is outdated is
//! printed.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, PushKind, Value};
use scrubjay::random::Random;
use scrubjay::time::Clock;
use scrubjay_client::codec::Raw;
use scrubjay_client::near::{NearCache, Tracking};
use scrubjay_client::wire::{Connector, Event};
use scrubjay_tests::patience::GENEROUS;
use scrubjay_tests::server::Server;
use tokio::task::JoinSet;

use crate::cache::{Near, until_async};
use crate::proxy::{Proxy, Weather};
use crate::{run, servers};

const WRITERS: usize = 3;
const KEYS: usize = 4;
const READERS_PER_CACHE: usize = 3;
const NUMBERS: u64 = 400;

fn key(writer: usize, number: usize) -> String {
    format!("w{writer}:k{number}")
}

fn marker(writer: usize) -> String {
    format!("w{writer}:marker")
}

/// What all know.
struct Scene {
    clock: Clock,
    /// When each writer last began to write its marker, in microseconds.
    written_at: [AtomicU64; WRITERS],
    is_over: AtomicBool,
    reads: AtomicUsize,
    failures: AtomicUsize,
    /// From a write to its notice, in microseconds.
    delays: Mutex<Vec<u64>>,
}

impl Scene {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            clock: Clock::system(),
            written_at: Default::default(),
            is_over: AtomicBool::new(false),
            reads: AtomicUsize::new(0),
            failures: AtomicUsize::new(0),
            delays: Mutex::default(),
        })
    }
}

fn patient_config() -> AsyncConnectionConfig {
    AsyncConnectionConfig::new().set_connection_timeout(Some(GENEROUS)).set_response_timeout(Some(GENEROUS))
}

async fn connect(address: SocketAddr, config: AsyncConnectionConfig, rest: &str) -> MultiplexedConnection {
    let client = redis::Client::open(format!("redis://{address}{rest}")).expect("an address");
    client.get_multiplexed_async_connection_with_config(&config).await.expect("a connection")
}

/// Writes numbers, straight to the server.
async fn write(scene: Arc<Scene>, server: SocketAddr, writer: usize) {
    let mut connection = connect(server, patient_config(), "").await;
    let mut random = Random::seeded(writer as u64);
    for number in 1..=NUMBERS {
        for place in 0..KEYS {
            let mut set = redis::cmd("SET");
            set.arg(key(writer, place)).arg(number).exec_async(&mut connection).await.expect("SET");
        }
        scene.written_at[writer].store(scene.clock.monotonic_micros(), SeqCst);
        let mut set = redis::cmd("SET");
        set.arg(marker(writer)).arg(number).exec_async(&mut connection).await.expect("SET");
        tokio::time::sleep(Duration::from_micros(random.below(2000))).await;
    }
}

/// What a cache was told of, by key: numbers below are outdated.
type Floors = Mutex<HashMap<String, Floor>>;

#[derive(Clone, Copy, Default)]
struct Floor {
    /// The highest that was read.
    read: u64,
    /// What may not be undercut.
    told: u64,
}

/// A cache whose notices are watched.
async fn near(scene: &Arc<Scene>, address: SocketAddr, tracking: Tracking) -> (Near, Arc<Floors>) {
    let floors = Arc::new(Floors::default());
    let hear = {
        let (floors, scene) = (Arc::clone(&floors), Arc::clone(scene));
        move |event: Event<'_>| {
            let Event::Push { push, .. } = event else { return };
            let (PushKind::Invalidate, [Value::Array(keys)]) = (&push.kind, &push.data[..]) else { return };
            for key in keys {
                let Value::BulkString(key) = key else { continue };
                let key = String::from_utf8_lossy(key).into_owned();
                // The cache has heeded it already. What was read before, and came before it, is outdated.
                if let Some(floor) = floors.lock().expect("the floors").get_mut(&key) {
                    floor.told = floor.told.max(floor.read);
                }
                for writer in (0..WRITERS).filter(|&writer| marker(writer) == key) {
                    let began = scene.written_at[writer].load(SeqCst);
                    let delay = scene.clock.monotonic_micros().saturating_sub(began);
                    scene.delays.lock().expect("the delays").push(delay);
                }
            }
        }
    };
    let connector = Connector::server(format!("redis://{address}"))
        .heartbeat(Duration::from_millis(100))
        .response_timeout(Duration::from_millis(400))
        .connect_timeout(Duration::from_millis(400))
        .backoff(Duration::from_millis(1), Duration::from_millis(20))
        .breaker(20, Duration::from_millis(20))
        .on_event(hear);
    let mut cache = None;
    until_async("it connects, with so little patience", async || {
        let builder = NearCache::builder(Raw).tracking(tracking.clone());
        cache = builder.connect(connector.clone()).await.ok();
        cache.is_some()
    })
    .await;
    (cache.expect("it is there by now"), floors)
}

/// The number under a key; none if the server cannot be asked now.
async fn number(scene: &Scene, cache: &Near, floors: &Floors, key: &str) -> Option<u64> {
    let told = floors.lock().expect("the floors").get(key).map_or(0, |floor| floor.told);
    scene.reads.fetch_add(1, SeqCst);
    let Ok(value) = cache.get(key).await else {
        scene.failures.fetch_add(1, SeqCst);
        // A way that is bad gets no better by being asked all the time.
        tokio::time::sleep(Duration::from_millis(1)).await;
        return None;
    };
    let number = value.map_or(0, |value| value.parse().expect("a number"));
    assert!(number >= told, "{key} was {told} when a notice outdated that, and is read as {number} after it");
    let mut floors = floors.lock().expect("the floors");
    let floor = floors.entry(key.to_owned()).or_default();
    floor.read = floor.read.max(number);
    Some(number)
}

async fn read(scene: Arc<Scene>, cache: Near, floors: Arc<Floors>, is_causal: bool, seed: u64) {
    let mut random = Random::seeded(seed);
    while !scene.is_over.load(SeqCst) {
        let writer = random.below(WRITERS as u64) as usize;
        if let Some(least) = number(&scene, &cache, &floors, &marker(writer)).await {
            for place in 0..KEYS {
                let Some(number) = number(&scene, &cache, &floors, &key(writer, place)).await else { break };
                assert!(
                    !is_causal || number >= least,
                    "{} is read as {number} after its marker was read as {least}",
                    key(writer, place)
                );
            }
        }
        tokio::task::yield_now().await;
    }
}

/// A cache writes a key of its own, and reads what it has written, or newer.
async fn write_own(scene: Arc<Scene>, cache: Near, own: usize) {
    let mut key = format!("own{own}");
    let mut renamed = 0;
    let mut written = 0_u64;
    while !scene.is_over.load(SeqCst) {
        match cache.set(&key, (written + 1).to_string(), None).await {
            Ok(()) => written += 1,
            Err(_) => {
                // It may yet be executed, after one that follows: nothing can be said of this key any more.
                renamed += 1;
                (key, written) = (format!("own{own}:{renamed}"), 0);
                continue;
            }
        }
        for _ in 0..3 {
            if let Ok(value) = cache.get(&key).await {
                let number: u64 = value.map_or(0, |value| value.parse().expect("a number"));
                assert!(number >= written, "{key} was written as {written} and is read as {number}");
            }
            tokio::time::sleep(Duration::from_micros(300)).await;
        }
    }
}

const WEATHER: Weather = Weather { delay_micros: 3000, cut_one_in: 400, silence_one_in: 2500 };

#[test]
fn nobody_reads_what_is_outdated_over_a_bad_way() {
    for server in servers() {
        run(async {
            let scene = Scene::new();
            let proxy = Proxy::start(server.address(), WEATHER, 7).await;
            let (mut writers, mut others) = (JoinSet::new(), JoinSet::new());
            let mut caches = Vec::new();
            let prefixes = vec![b"w".to_vec(), b"own".to_vec()];
            let trackings =
                [Tracking::Default, Tracking::OptIn, Tracking::Broadcast(prefixes), Tracking::Default];
            for (at, tracking) in trackings.into_iter().enumerate() {
                let is_causal = !matches!(tracking, Tracking::Broadcast(_));
                let (cache, floors) = near(&scene, proxy.address, tracking).await;
                for reader in 0..READERS_PER_CACHE {
                    let seed = (at * READERS_PER_CACHE + reader) as u64;
                    let (scene, cache, floors) = (Arc::clone(&scene), cache.clone(), Arc::clone(&floors));
                    others.spawn(read(scene, cache, floors, is_causal, seed));
                }
                others.spawn(write_own(Arc::clone(&scene), cache.clone(), at));
                caches.push(cache);
            }
            proxy.set_bad(true);
            for writer in 0..WRITERS {
                writers.spawn(write(Arc::clone(&scene), server.address(), writer));
            }
            finish(writers).await;
            proxy.set_bad(false);

            for cache in &caches {
                for writer in 0..WRITERS {
                    let keys = (0..KEYS).map(|place| key(writer, place)).chain([marker(writer)]);
                    for key in keys {
                        let last = Some(NUMBERS.to_string());
                        let what = format!("all end at the last number, {key}");
                        until_async(&what, async || cache.get(&key).await.is_ok_and(|value| value == last))
                            .await;
                    }
                }
            }
            scene.is_over.store(true, SeqCst);
            finish(others).await;
            report(&server, &scene, &proxy, &caches);
        });
    }
}

/// Waits for all, and fails as they fail.
async fn finish(mut tasks: JoinSet<()>) {
    while let Some(task) = tasks.join_next().await {
        if let Err(error) = task {
            std::panic::resume_unwind(error.into_panic());
        }
    }
}

fn report(server: &Server, scene: &Scene, proxy: &Proxy, caches: &[Near]) {
    let mut delays = std::mem::take(&mut *scene.delays.lock().expect("the delays"));
    delays.sort_unstable();
    let at = |part: f64| {
        let delay = delays.get((delays.len().saturating_sub(1) as f64 * part) as usize);
        delay.map_or(0.0, |&micros| micros as f64 / 1000.0)
    };
    let (cuts, silences) = proxy.harm();
    let sum = |count: fn(&scrubjay_client::near::Stats) -> u64| -> u64 {
        caches.iter().map(|cache| count(&cache.stats())).sum()
    };
    println!(
        "{:?}: {} reads ({} failed), {} hits, {} notices, {} fills discarded, {} disconnects of {cuts} cuts \
         and {silences} silences; from a write to its heeded notice {:.2} ms (median), {:.2} ms (99 %), \
         {:.2} ms (longest)",
        server.backend,
        scene.reads.load(SeqCst),
        scene.failures.load(SeqCst),
        sum(|stats| stats.hits),
        sum(|stats| stats.invalidations),
        sum(|stats| stats.fills_discarded),
        sum(|stats| stats.disconnects),
        at(0.5),
        at(0.99),
        at(1.0),
    );
    assert!(cuts > 0 && sum(|stats| stats.disconnects) > 0, "the way was not bad");
    assert!(
        sum(|stats| stats.hits) > 0 && sum(|stats| stats.invalidations) > 0,
        "nothing was put to the test"
    );
}

/// Evidence rather than proof: what it prints may be any number, and differs from run to run.
#[test]
fn redis_rs_own_cache_is_put_to_the_same_test() {
    for server in servers() {
        run(async {
            let scene = Scene::new();
            // Its connection does not come back by itself, so this way only delays.
            let weather = Weather { cut_one_in: 0, silence_one_in: 0, ..WEATHER };
            let proxy = Proxy::start(server.address(), weather, 7).await;
            let outdated = Arc::new(AtomicUsize::new(0));
            let (mut writers, mut readers) = (JoinSet::new(), JoinSet::new());
            for cache in 0..4 {
                let config = patient_config().set_cache_config(redis::caching::CacheConfig::new());
                let connection = connect(proxy.address, config, "/?protocol=resp3").await;
                for reader in 0..READERS_PER_CACHE {
                    let (scene, outdated) = (Arc::clone(&scene), Arc::clone(&outdated));
                    let seed = (cache * READERS_PER_CACHE + reader) as u64;
                    readers.spawn(read_by_redis_rs(scene, connection.clone(), outdated, seed));
                }
            }
            proxy.set_bad(true);
            for writer in 0..WRITERS {
                writers.spawn(write(Arc::clone(&scene), server.address(), writer));
            }
            finish(writers).await;
            scene.is_over.store(true, SeqCst);
            finish(readers).await;
            let (reads, outdated) = (scene.reads.load(SeqCst), outdated.load(SeqCst));
            println!("{:?}, redis-rs' cache-aio: {reads} reads, {outdated} of them outdated", server.backend);
            assert!(reads > 1000, "it was hardly tried");
        });
    }
}

async fn read_by_redis_rs(
    scene: Arc<Scene>,
    mut connection: MultiplexedConnection,
    outdated: Arc<AtomicUsize>,
    seed: u64,
) {
    let mut random = Random::seeded(seed);
    let mut number = async |key: String| {
        scene.reads.fetch_add(1, SeqCst);
        let number: Option<u64> =
            redis::cmd("GET").arg(key).query_async(&mut connection).await.expect("a number");
        number.unwrap_or(0)
    };
    while !scene.is_over.load(SeqCst) {
        let writer = random.below(WRITERS as u64) as usize;
        let least = number(marker(writer)).await;
        for place in 0..KEYS {
            if number(key(writer, place)).await < least {
                outdated.fetch_add(1, SeqCst);
            }
        }
        tokio::task::yield_now().await;
    }
}
