//! Limits and locks: however many ask from however many processes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use scrubjay_client::pattern::lock::{Lock, LockError};
use scrubjay_client::pattern::rate_limit::{Quota, RateLimit};
use scrubjay_tests::patience::GENEROUS;

use super::reading::at_once;
use super::{CALLERS, LONG, Place, World, setting, until};

pub(super) async fn rate_limit<P: Place>(world: World<P>) {
    // One an hour comes back: none while the test runs.
    let quota = Quota::per(10, Duration::from_secs(10 * 3600));
    let processes = world.processes(|backend| RateLimit::new(backend, "login:", quota)).await;
    let given = Arc::new(AtomicUsize::new(0));
    at_once(CALLERS, |caller| {
        let (process, given) = (processes[caller % processes.len()].clone(), Arc::clone(&given));
        async move {
            let taken = process.take("ada").await.expect("it is reached");
            given.fetch_add(usize::from(taken.allowed), SeqCst);
            assert_eq!(taken.allowed, taken.retry_after.is_zero());
        }
    })
    .await;
    assert_eq!(given.load(SeqCst), 10, "of {CALLERS}");
    let refused = processes[0].take("ada").await.expect("it is reached");
    assert_eq!((refused.allowed, refused.remaining), (false, 0));
    assert!(
        refused.retry_after > Duration::from_secs(1800) && refused.retry_after <= Duration::from_secs(3600)
    );
    // All or none, and each key has its own.
    assert!(processes[0].take_many("charles", 7).await.expect("it is reached").allowed);
    let refused = processes[1].take_many("charles", 4).await.expect("it is reached");
    assert_eq!((refused.allowed, refused.remaining), (false, 3));
    assert!(processes[2].take_many("charles", 3).await.expect("it is reached").allowed);

    let quick = RateLimit::new(world.backend().await, "quick:", Quota::per(1, Duration::from_millis(20)));
    assert!(quick.take("k").await.expect("it is reached").allowed);
    until("the next permit comes", async || quick.take("k").await.expect("it is reached").allowed).await;
}

pub(super) async fn lock<P: Place>(world: World<P>) {
    let locks = world.processes(|backend| Lock::new(backend, setting().prefix("job:").lease_ttl(LONG))).await;
    // What the lock protects, which nobody may do two of at once, and which remembers the largest fence.
    let inside = Arc::new(AtomicUsize::new(0));
    let largest = Arc::new(AtomicU64::new(0));
    at_once(CALLERS, |caller| {
        let lock = locks[caller % locks.len()].clone();
        let (inside, largest) = (Arc::clone(&inside), Arc::clone(&largest));
        async move {
            let guard = lock.acquire("nightly", GENEROUS * 3).await.expect("each has its turn");
            assert_eq!(inside.fetch_add(1, SeqCst), 0, "one at a time");
            let before = largest.swap(guard.fence(), SeqCst);
            assert!(guard.fence() > before, "{} after {before}", guard.fence());
            tokio::task::yield_now().await;
            inside.fetch_sub(1, SeqCst);
            assert!(guard.release().await.expect("it is reached"));
        }
    })
    .await;

    // A holder who dies; his token has no power over the next one's lock.
    let mortal =
        Lock::new(world.backend().await, setting().prefix("job:").lease_ttl(Duration::from_millis(50)));
    let dead = mortal.try_acquire("nightly").await.expect("it is reached").expect("it is free");
    let next = locks[0].acquire("nightly", GENEROUS).await.expect("his time is over");
    assert!(next.fence() > dead.fence());
    assert!(!dead.extend(LONG).await.expect("it is reached"));
    assert!(!dead.release().await.expect("it is reached"));
    assert!(locks[1].try_acquire("nightly").await.expect("it is reached").is_none());
    assert!(next.extend(LONG).await.expect("it is reached"));
    assert!(matches!(locks[1].acquire("nightly", Duration::ZERO).await, Err(LockError::Taken)));

    // Work that takes longer than the lock's time keeps it; names may hold anything.
    let guard = mortal.try_acquire("}{%odd").await.expect("it is reached").expect("it is free");
    let first = guard.fence();
    let worked = guard.run(async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        locks[2].try_acquire("}{%odd").await.expect("it is reached").is_none()
    });
    match worked.await {
        Ok(kept) => assert!(kept, "it was extended"),
        // On a machine so busy that no third of 50 ms was to be had, it is at least not told otherwise.
        Err(error) => assert!(matches!(error, LockError::Lost)),
    }
    let second = locks[2].acquire("}{%odd", GENEROUS).await.expect("it is free");
    assert!(second.fence() > first);
}
