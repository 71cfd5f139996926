//! What the process really holds after the sizes of values have churned, against what the store says it does.
//!
//! In a process of its own, since it reads the resident set of the whole process and sets the allocator up
//! for it.
#![cfg(all(target_os = "linux", target_env = "gnu"))]

use scrubjay::random::Random;
use scrubjay::raw::heap;
use scrubjay::{Policy, Store};

/// About what lives at a time.
const LIVE_BYTES: usize = 32 << 20;

/// The resident set, in bytes.
fn resident() -> usize {
    const PAGE_BYTES: usize = 4096;
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux has it");
    let pages: usize = statm.split(' ').nth(1).and_then(|word| word.parse().ok()).expect("a number");
    pages * PAGE_BYTES
}

/// A size between both, the logarithm evenly distributed.
fn size(random: &mut Random, least: usize, most: usize) -> usize {
    (least as f64 * (most as f64 / least as f64).powf(random.f64())) as usize
}

/// Ten rounds, each with values of other sizes: some keys are overwritten, some removed, some come back.
fn churn(name: &str, store: &Store, live_bytes: usize, sizes: &[(usize, usize)]) -> f64 {
    let value = vec![b'v'; sizes.iter().map(|(_, most)| *most).max().unwrap_or(0)];
    let start = resident();
    let mut random = Random::seeded(7);
    let (mut worst, mut most_keys): (f64, u64) = (0.0, 0);
    for round in 0..10 {
        let (least, most) = sizes[round % sizes.len()];
        // As many keys as hold about so much with sizes like these; ever the same names, so that they are
        // overwritten.
        let mean = if least == most {
            most as f64
        } else {
            (most - least) as f64 / (most as f64 / least as f64).ln()
        };
        let keys = (live_bytes as f64 / mean) as u64;
        for _ in 0..keys * 2 {
            let key = format!("key:{:012}", random.below(keys));
            if random.chance(0.2) {
                store.remove(&key);
            } else {
                store
                    .set(&key, &value[..size(&mut random, least, most)])
                    .expect("no limit, or something to evict");
            }
        }
        // Keys that this round did not know are gone, but for some that stay on as they are.
        for key in keys..most_keys {
            if random.chance(0.9) {
                store.remove(format!("key:{key:012}"));
            }
        }
        most_keys = most_keys.max(keys);
        while store.maintain(store.clock().now()).next.is_some_and(|next| next <= store.clock().now()) {}
        let before = resident();
        heap::trim();
        let (used, now) = (store.used_bytes(), resident());
        let ratio = (now.saturating_sub(start)) as f64 / used as f64;
        worst = worst.max(ratio);
        println!(
            "{name} round {round} ({least}..{most}): used {} MB, resident {} MB, before trimming {} MB, ratio {ratio:.3}",
            used >> 20,
            (now - start) >> 20,
            before.saturating_sub(start) >> 20
        );
    }
    store.clear();
    store.maintain(store.clock().now());
    heap::trim();
    println!(
        "{name} cleared: used {} KB, resident {} KB",
        store.used_bytes() >> 10,
        resident().saturating_sub(start) >> 10
    );
    worst
}

#[test]
fn resident_memory_is_what_the_store_says() {
    heap::configure_process();
    let scenarios: [(&str, &[(usize, usize)]); 2] = [
        ("middle", &[(4096, 32768), (20_000, 20_000), (5_000, 100_000), (4_200, 6_000)]),
        ("all", &[(16, 1 << 20), (200, 2000), (4096, 1 << 20), (1000, 10_000)]),
    ];
    for (name, sizes) in scenarios {
        let store = Store::builder().seed(1).build();
        let worst = churn(name, &store, LIVE_BYTES, sizes);
        assert!(worst <= 1.05, "{name}: {worst:.3}");
    }
    let store = Store::builder().seed(1).max_memory(LIVE_BYTES * 3 / 4).policy(Policy::AllKeysLru).build();
    let worst =
        churn("evicting", &store, LIVE_BYTES, &[(16, 1 << 20), (100, 300), (4096, 65536), (100, 10_000)]);
    assert!(worst <= 1.05, "evicting: {worst:.3}");
}
