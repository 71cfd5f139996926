//! What the byte slab buys over a box for each entry: 16-byte keys and 64-byte values, visited in a random
//! order, as a hash table would.

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use scrubjay::raw::Handle;
use scrubjay::raw::shared::SharedBytes;
use scrubjay::raw::slab::{ByteSlab, Meta, NewValue, ValueRef};

type Slab = ByteSlab<SharedBytes>;

/// What one would write without a slab; the key and the value in one allocation each.
struct Boxed {
    meta: Meta,
    key: Box<[u8]>,
    value: Box<[u8]>,
}

const ENTRIES: usize = 1 << 20;
const META: Meta = Meta { kind: 0, encoding: 0, clock: 0, deadline: None };

fn key(n: usize) -> [u8; 16] {
    let mut key = *b"key:............";
    key[8..].copy_from_slice(&n.to_le_bytes());
    key
}

fn slab_of(entries: usize) -> (Slab, Vec<Handle>) {
    let mut slab = Slab::new();
    let handles = (0..entries).map(|n| slab.insert(&key(n), META, NewValue::Inline(&[7; 64]))).collect();
    (slab, handles)
}

fn boxed(n: usize) -> Box<Boxed> {
    Box::new(Boxed { meta: META, key: key(n).into(), value: [7; 64].into() })
}

/// An order that a prefetcher cannot guess: the high bits of a congruential generator.
fn next(at: &mut usize) -> usize {
    *at = at.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*at >> 33) % ENTRIES
}

fn read_slab(slab: &Slab, handle: Handle) -> usize {
    let entry = slab.get(handle);
    let ValueRef::Inline(value) = entry.value() else { return 0 };
    usize::from(entry.key()[9]) + usize::from(value[60])
}

fn read_box(entry: &Boxed) -> usize {
    usize::from(entry.key[9]) + usize::from(entry.value[60]) + usize::from(entry.meta.kind)
}

fn read(c: &mut Criterion) {
    let (slab, handles) = slab_of(ENTRIES);
    let boxes: Vec<_> = (0..ENTRIES).map(boxed).collect();
    let mut at = 0;

    // What is read decides what is read next, so that the processor cannot work ahead.
    let mut group = c.benchmark_group("read one after the other");
    group.bench_function("slab", |b| b.iter(|| at ^= read_slab(&slab, handles[next(&mut at)])));
    group.bench_function("boxes", |b| b.iter(|| at ^= read_box(&boxes[next(&mut at)])));
    group.finish();

    let mut group = c.benchmark_group("read 16, known before");
    group.bench_function("slab, prefetched", |b| {
        b.iter(|| {
            let batch = [(); 16].map(|()| handles[next(&mut at)]);
            batch.iter().for_each(|&handle| slab.prefetch(handle));
            batch.iter().map(|&handle| read_slab(&slab, handle)).sum::<usize>()
        });
    });
    group.bench_function("boxes", |b| {
        b.iter(|| (0..16).map(|_| read_box(&boxes[next(&mut at)])).sum::<usize>());
    });
    group.finish();

    let mut group = c.benchmark_group("read, in the cache");
    group.bench_function("slab", |b| b.iter(|| read_slab(&slab, handles[next(&mut at) % 64])));
    group.bench_function("boxes", |b| b.iter(|| read_box(&boxes[next(&mut at) % 64])));
    group.finish();
}

fn write(c: &mut Criterion) {
    let mut group = c.benchmark_group("remove one, insert another");
    let (mut slab, mut handles) = slab_of(ENTRIES);
    let mut at = 0;
    group.bench_function("slab", |b| {
        b.iter(|| {
            let n = next(&mut at);
            slab.remove(handles[n]);
            handles[n] = slab.insert(&key(n), META, NewValue::Inline(&[8; 64]));
        });
    });
    let mut boxes: Vec<_> = (0..ENTRIES).map(|n| Some(boxed(n))).collect();
    group.bench_function("boxes", |b| {
        b.iter(|| {
            let n = next(&mut at);
            boxes[n] = None;
            boxes[n] = Some(boxed(n));
        });
    });
    group.finish();

    let mut group = c.benchmark_group("fill with 65536 and drop");
    group.sample_size(10);
    group.bench_function("slab", |b| b.iter(|| slab_of(ENTRIES / 16)));
    group.bench_function("boxes", |b| b.iter(|| (0..ENTRIES / 16).map(boxed).collect::<Vec<_>>()));
    group.finish();
}

fn compact(c: &mut Criterion) {
    let mut group = c.benchmark_group("compact");
    group.sample_size(10);
    group.bench_function("per 1000 entries moved", |b| {
        b.iter_batched_ref(
            || {
                let (mut slab, handles) = slab_of(ENTRIES / 16);
                handles.iter().step_by(2).for_each(|&handle| drop(slab.remove(handle)));
                slab
            },
            |slab| slab.compact(1000, |_, _, _| {}),
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

criterion_group!(benches, read, write, compact);
criterion_main!(benches);
