//! The promise that all reading patterns make, tried at random: once a write has returned, no read that
//! begins later, in whatever process, is given what was there before. Loaders are slow between the database
//! and the cache, some of them fail, values go stale, and everybody does everything at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use scrubjay::random::Random;
use scrubjay_client::backend::Backend;
use scrubjay_client::codec::Raw;
use scrubjay_client::pattern::cache_aside::CacheAside;
use scrubjay_client::pattern::lease::Leased;
use scrubjay_client::pattern::tags::Tagged;
use scrubjay_client::pattern::write_through::WriteThrough;

use super::reading::at_once;
use super::{CALLERS, LONG, Place, World, setting};

const KEYS: usize = 3;
const STEPS: usize = 60;

/// A database of numbers that only grow.
#[derive(Default)]
struct Row {
    now: AtomicU64,
    /// No read that begins now may be given less.
    settled: AtomicU64,
}

impl Row {
    fn change(&self) -> u64 {
        self.now.fetch_add(1, SeqCst) + 1
    }

    fn settle(&self, number: u64) {
        self.settled.fetch_max(number, SeqCst);
    }

    /// A load that has read what there was, and takes its time.
    async fn load(self: Arc<Self>, chance: u64) -> Result<u64, &'static str> {
        let number = self.now.load(SeqCst);
        tokio::time::sleep(Duration::from_micros(chance % 3_000)).await;
        if chance.is_multiple_of(5) { Err("down") } else { Ok(number) }
    }
}

/// A pattern as this test uses it.
trait Subject: Send + Sync + 'static {
    fn read(&self, key: usize, row: Arc<Row>, chance: u64) -> impl Future<Output = Option<u64>> + Send;
    fn write(&self, key: usize, row: &Row) -> impl Future<Output = ()> + Send;
}

/// All tasks read and write all rows through the processes' patterns.
async fn race<S: Subject>(processes: Vec<S>) {
    let processes: Arc<[S]> = processes.into();
    let rows: Arc<[Arc<Row>]> = (0..KEYS).map(|_| Arc::default()).collect();
    let reads = Arc::new(AtomicU64::new(0));
    at_once(CALLERS, |caller| {
        let (processes, rows, reads) = (Arc::clone(&processes), Arc::clone(&rows), Arc::clone(&reads));
        let mut random = Random::seeded(caller as u64);
        async move {
            let process = &processes[caller % processes.len()];
            for _ in 0..STEPS {
                let key = random.below(KEYS as u64) as usize;
                let row = &rows[key];
                if random.chance(0.1) {
                    process.write(key, row).await;
                    continue;
                }
                let settled = row.settled.load(SeqCst);
                if let Some(number) = process.read(key, Arc::clone(row), random.next_u64()).await {
                    assert!(number >= settled, "{number}, and {settled} had been settled");
                    reads.fetch_add(1, SeqCst);
                }
            }
        }
    })
    .await;
    assert!(reads.load(SeqCst) > (CALLERS * STEPS / 4) as u64, "they read something");
}

fn number(value: Option<String>) -> Option<u64> {
    value.map(|value| value.parse().expect("a number"))
}

impl<B: Backend> Subject for CacheAside<String, B, Raw> {
    async fn read(&self, key: usize, row: Arc<Row>, chance: u64) -> Option<u64> {
        let load = move || async move { row.load(chance).await.map(|number| Some(number.to_string())) };
        self.get(&key.to_string(), load).await.ok().and_then(number)
    }

    async fn write(&self, key: usize, row: &Row) {
        let changed = row.change();
        self.remove(&key.to_string()).await.expect("it is reached");
        row.settle(changed);
    }
}

impl<B: Backend> Subject for Leased<String, B, Raw> {
    async fn read(&self, key: usize, row: Arc<Row>, chance: u64) -> Option<u64> {
        let load = move || async move { row.load(chance).await.map(|number| Some(number.to_string())) };
        self.get(&key.to_string(), load).await.ok().and_then(number)
    }

    async fn write(&self, key: usize, row: &Row) {
        let changed = row.change();
        self.remove(&key.to_string()).await.expect("it is reached");
        row.settle(changed);
    }
}

impl<B: Backend> Subject for Tagged<String, B, Raw> {
    async fn read(&self, key: usize, row: Arc<Row>, chance: u64) -> Option<u64> {
        let load = move || async move { row.load(chance).await.map(|number| Some(number.to_string())) };
        // Some name the tag that a value has, others one more, so that they know less of it.
        let own = format!("row {key}");
        let tags: &[&str] = if chance.is_multiple_of(2) { &[&own] } else { &[&own, "all"] };
        self.get(&key.to_string(), tags, load).await.ok().and_then(number)
    }

    async fn write(&self, key: usize, row: &Row) {
        let changed = row.change();
        self.invalidate(&format!("row {key}")).await.expect("it is reached");
        row.settle(changed);
    }
}

impl<B: Backend> Subject for WriteThrough<String, B, Raw> {
    async fn read(&self, key: usize, row: Arc<Row>, chance: u64) -> Option<u64> {
        let load =
            move || async move { row.load(chance).await.map(|number| Some((number.to_string(), number))) };
        self.get(&key.to_string(), load).await.ok().and_then(number)
    }

    async fn write(&self, key: usize, row: &Row) {
        let changed = row.change();
        tokio::task::yield_now().await;
        self.put(&key.to_string(), Some(&changed.to_string()), changed).await.expect("it is reached");
        row.settle(changed);
    }
}

pub(super) async fn nothing_older<P: Place>(world: World<P>) {
    // Stale all the time, so that everything that serves what is stale does so.
    let brief = setting().ttl(Duration::from_millis(3)).stale_for(LONG).retry_after(Duration::from_millis(2));
    let brief = brief.soft_timeout(Duration::from_millis(1)).hard_timeout(Duration::from_millis(2));
    race(world.processes(|backend| CacheAside::new(backend, Raw, setting().prefix("a:"))).await).await;
    let aside = world.processes(|backend| CacheAside::new(backend, Raw, brief.clone().prefix("b:"))).await;
    race(aside).await;
    race(world.processes(|backend| Leased::new(backend, Raw, setting().prefix("l:"))).await).await;
    race(world.processes(|backend| Leased::new(backend, Raw, brief.clone().prefix("m:"))).await).await;
    race(world.processes(|backend| Tagged::new(backend, Raw, brief.clone().prefix("t:"))).await).await;
    race(world.processes(|backend| WriteThrough::new(backend, Raw, setting().prefix("w:"))).await).await;
}
