//! The embedded cache by itself, with quick_cache and moka beside it.
//!
//! `cargo bench -p scrubjay-benches --bench cache [-- FILTER]`
//!
//! For a comparison, taken in turns and against more, see the subcommand `embedded`.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

type Key = [u8; 16];
type Value = [u8; 64];

const ENTRIES: u64 = 1_000_000;

fn key(number: u64) -> Key {
    let mut key = [0; 16];
    key[..8].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
    key[8..].copy_from_slice(&number.to_le_bytes());
    key
}

/// What the caches are called by, so that each line below is written once.
trait Cache {
    const NAME: &'static str;
    fn new(entries: u64) -> Self;
    fn get(&self, key: &Key) -> Option<Value>;
    fn insert(&self, key: Key, value: Value);
    fn get_or_insert(&self, key: Key, value: Value) -> Value;
}

impl Cache for scrubjay::Cache<Key, Value> {
    const NAME: &'static str = "Scrubjay";

    fn new(entries: u64) -> Self {
        Self::with_entries(entries)
    }

    fn get(&self, key: &Key) -> Option<Value> {
        self.get(key)
    }

    fn insert(&self, key: Key, value: Value) {
        self.insert(key, value);
    }

    fn get_or_insert(&self, key: Key, value: Value) -> Value {
        self.get_or_insert_with(&key, || value)
    }
}

impl Cache for quick_cache::sync::Cache<Key, Value> {
    const NAME: &'static str = "quick_cache";

    fn new(entries: u64) -> Self {
        Self::new(entries as usize)
    }

    fn get(&self, key: &Key) -> Option<Value> {
        self.get(key)
    }

    fn insert(&self, key: Key, value: Value) {
        self.insert(key, value);
    }

    fn get_or_insert(&self, key: Key, value: Value) -> Value {
        self.get_or_insert_with(&key, || Ok::<_, std::convert::Infallible>(value)).expect("it cannot fail")
    }
}

impl Cache for moka::sync::Cache<Key, Value, ahash::RandomState> {
    const NAME: &'static str = "moka";

    fn new(entries: u64) -> Self {
        moka::sync::Cache::builder().max_capacity(entries).build_with_hasher(ahash::RandomState::new())
    }

    fn get(&self, key: &Key) -> Option<Value> {
        self.get(key)
    }

    fn insert(&self, key: Key, value: Value) {
        self.insert(key, value);
    }

    fn get_or_insert(&self, key: Key, value: Value) -> Value {
        self.get_with(key, || value)
    }
}

fn cache<C: Cache>(c: &mut Criterion) {
    let mut group = c.benchmark_group(C::NAME);
    group.throughput(Throughput::Elements(1));
    let mut random = fastrand::Rng::with_seed(7);
    let mut there = move || key(random.u64(..ENTRIES));
    let filled = C::new(2 * ENTRIES);
    (0..ENTRIES).for_each(|number| filled.insert(key(number), [0; 64]));
    group.bench_function("get, hit", |b| {
        b.iter_batched(&mut there, |key| filled.get(&key), BatchSize::LargeInput);
    });
    let mut absent = ENTRIES..;
    group.bench_function("get, miss", |b| {
        b.iter_batched(|| absent.next().map(key), |key| filled.get(&key?), BatchSize::LargeInput);
    });
    group.bench_function("insert in place", |b| {
        b.iter_batched(&mut there, |key| filled.insert(key, [1; 64]), BatchSize::LargeInput);
    });
    group.bench_function("get_or_insert_with, hit", |b| {
        b.iter_batched(&mut there, |key| filled.get_or_insert(key, [1; 64]), BatchSize::LargeInput);
    });
    drop(filled);
    let full = C::new(ENTRIES / 2);
    (0..ENTRIES).for_each(|number| full.insert(key(number), [0; 64]));
    let mut fresh = ENTRIES..;
    group.bench_function("insert with eviction", |b| {
        b.iter_batched(
            || key(fresh.next().expect("there is no end of them")),
            |key| full.insert(key, [1; 64]),
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

criterion_group!(
    benches,
    cache::<scrubjay::Cache<Key, Value>>,
    cache::<quick_cache::sync::Cache<Key, Value>>,
    cache::<moka::sync::Cache<Key, Value, ahash::RandomState>>
);
criterion_main!(benches);
