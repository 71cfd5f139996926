//! The engine by itself: what a call costs with no server around it.
//!
//! `cargo bench -p scrubjay-benches --bench engine [-- FILTER]`

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use scrubjay::time::ManualClock;
use scrubjay::{Key, Policy, Scope, Store};

const KEYS: usize = 1_000_000;
/// As many as the server looks up ahead.
const BATCH: usize = 32;

fn key(n: usize) -> [u8; 16] {
    let mut key = *b"key:000000000000";
    for (at, digit) in key[4..].iter_mut().rev().scan(n, |rest, at| {
        let digit = b'0' + (*rest % 10) as u8;
        *rest /= 10;
        Some((at, digit))
    }) {
        *at = digit;
    }
    key
}

/// Keys in an order that no cache has seen coming.
fn shuffled() -> impl FnMut() -> [u8; 16] {
    let mut random = fastrand::Rng::with_seed(7);
    move || key(random.usize(..KEYS))
}

fn filled(value: &[u8]) -> Store {
    let store = Store::default();
    for n in 0..KEYS {
        store.set(key(n), value).expect("there is no limit");
    }
    store
}

fn reads(c: &mut Criterion) {
    let store = filled(&[b'v'; 64]);
    let mut group = c.benchmark_group("get, 1 M keys of 64 bytes");
    group.throughput(Throughput::Elements(1));
    let mut next = shuffled();
    group.bench_function("hit", |b| {
        b.iter_batched(&mut next, |key| store.get_with(key, |value| value.len()), BatchSize::LargeInput);
    });
    group.bench_function("miss", |b| {
        b.iter(|| store.get_with(black_box("nobody has this key"), |value| value.len()));
    });
    group.throughput(Throughput::Elements(BATCH as u64));
    group.bench_function("batch of 32, fetched ahead", |b| {
        b.iter_batched(
            || std::array::from_fn::<_, BATCH, _>(|_| next()),
            |keys| {
                let keys: Vec<Key<'_>> = keys.iter().map(|key| store.key(0, key)).collect();
                store.prefetch(&keys);
                let now = store.clock().now();
                for key in &keys {
                    let mut view = store.view(Scope::Key(key), now);
                    black_box(
                        view.string(*key, scrubjay::Lookup::Read).map(|text| text.map(|text| text.len())),
                    )
                    .expect("a string");
                }
            },
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

fn writes(c: &mut Criterion) {
    let mut group = c.benchmark_group("set, 64 bytes");
    group.throughput(Throughput::Elements(1));
    let store = filled(&[b'v'; 64]);
    let mut next = shuffled();
    group.bench_function("over another, 1 M keys", |b| {
        b.iter_batched(&mut next, |key| store.set(key, [b'w'; 64]), BatchSize::LargeInput);
    });
    group.bench_function("over another, with a deadline", |b| {
        b.iter_batched(
            &mut next,
            |key| store.set_for(key, [b'w'; 64], Duration::from_secs(3600)),
            BatchSize::LargeInput,
        );
    });
    drop(store);
    for (policy, name) in Policy::ALL.into_iter().filter(|(policy, _)| *policy != Policy::NoEviction) {
        let store = Store::builder().max_memory(16 << 20).policy(policy).build();
        let mut n = 0;
        group.bench_function(format!("a new key over the limit, {name}"), |b| {
            b.iter(|| {
                n += 1;
                store.set_for(key(n), [b'v'; 64], Duration::from_secs(3600))
            });
        });
    }
    group.finish();
}

fn expiry(c: &mut Criterion) {
    let mut group = c.benchmark_group("expiry");
    group.sample_size(10).throughput(Throughput::Elements(100_000));
    group.bench_function("100,000 keys within a second", |b| {
        b.iter_batched(
            || {
                let hands = ManualClock::new(1_000_000);
                let store = Store::builder().clock(hands.clock()).build();
                for n in 0..100_000 {
                    let ttl = Duration::from_millis(n as u64 % 1000);
                    store.set_for(key(n), [b'v'; 64], ttl).expect("there is no limit");
                }
                hands.advance(Duration::from_secs(2));
                store
            },
            |store| {
                let now = store.clock().now();
                while store.maintain(now).next.is_some_and(|next| next <= now) {}
                store
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group!(benches, reads, writes, expiry);
criterion_main!(benches);
