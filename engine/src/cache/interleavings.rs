//! Model checks of the embedded cache: shuttle runs each of these under thousands of interleavings of its
//! threads.
//!
//! `RUSTFLAGS='--cfg shuttle' cargo test -p scrubjay --lib`; a failure prints the schedule that repeats it.

use shuttle::thread;

use super::{Cache, Claim, Compute, Loaded};
use crate::sync::Arc;
use crate::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use crate::time::ManualClock;

const SCHEDULES: usize = 2_000;

type Small = Cache<u32, usize>;

/// Few shards, so that threads meet.
fn cache(max: u64) -> Small {
    Cache::builder()
        .clock(ManualClock::new(1_000))
        .seed(1)
        .max_entries(max)
        .shards(2)
        .hasher(ahash::RandomState::with_seeds(1, 2, 3, 4))
        .build()
}

/// Runs these at once, and returns when all are done.
fn at_once(acts: Vec<Box<dyn FnOnce() + Send>>) {
    let threads: Vec<_> = acts.into_iter().map(thread::spawn).collect();
    threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
}

#[test]
fn a_key_is_loaded_once_and_nobody_waits_for_ever() {
    shuttle::check_random(
        || {
            let (cache, loads) = (cache(10), Arc::new(AtomicUsize::new(0)));
            let act = || -> Box<dyn FnOnce() + Send> {
                let (cache, loads) = (cache.clone(), Arc::clone(&loads));
                Box::new(move || {
                    let value = cache.get_or_insert_with(&1, || {
                        thread::yield_now();
                        loads.fetch_add(1, SeqCst)
                    });
                    assert_eq!(value, 0);
                })
            };
            at_once(vec![act(), act(), act()]);
            assert_eq!(loads.load(SeqCst), 1);
        },
        SCHEDULES,
    );
}

#[test]
fn a_load_that_is_given_up_is_taken_over() {
    shuttle::check_random(
        || {
            let cache = cache(10);
            let quitter = cache.clone();
            let gives_up = Box::new(move || {
                if let Claim::Load(ticket) = quitter.claim(&1) {
                    thread::yield_now();
                    drop(ticket);
                }
            });
            let act = |value| -> Box<dyn FnOnce() + Send> {
                let cache = cache.clone();
                Box::new(move || assert!(cache.get_or_insert_with(&1, || value) >= 7))
            };
            at_once(vec![gives_up, act(7), act(8)]);
            assert!(cache.get(&1).is_some_and(|value| value >= 7));
        },
        SCHEDULES,
    );
}

/// What everything else is there for: a source changes, its key is invalidated, and from then on nobody who
/// asks is told what was before, whatever was being loaded meanwhile.
#[test]
fn who_asks_after_an_invalidation_is_told_what_is() {
    type Forget = fn(&Small);
    let ways: [Forget; 4] = [
        |cache| _ = cache.invalidate(&1),
        Small::clear,
        |cache| _ = cache.invalidate_if(|_, _| true),
        |cache| cache.compute(1, |_| Compute::Remove),
    ];
    for forget in ways {
        shuttle::check_random(
            move || {
                let (cache, source) = (cache(10), Arc::new(AtomicUsize::new(0)));
                let reader = || -> Box<dyn FnOnce() + Send> {
                    let (cache, source) = (cache.clone(), Arc::clone(&source));
                    Box::new(move || {
                        for _ in 0..2 {
                            cache.get_or_insert_with(&1, || {
                                let read = source.load(SeqCst);
                                thread::yield_now();
                                read
                            });
                        }
                    })
                };
                let writer = {
                    let (cache, source) = (cache.clone(), Arc::clone(&source));
                    Box::new(move || {
                        source.store(1, SeqCst);
                        forget(&cache);
                        assert_eq!(cache.get_or_insert_with(&1, || source.load(SeqCst)), 1);
                    })
                };
                at_once(vec![reader(), reader(), writer]);
                assert_eq!(cache.get(&1), Some(1));
            },
            SCHEDULES,
        );
    }
}

#[test]
fn a_failure_reaches_all_who_wait() {
    shuttle::check_random(
        || {
            let cache = cache(10);
            let Claim::Load(ticket) = cache.claim(&1) else { panic!("nobody else is there") };
            let Claim::Wait(pending) = cache.claim(&1) else { panic!("somebody is at it") };
            at_once(vec![
                Box::new(move || _ = ticket.fail(super::Failure::new("down"))),
                Box::new(move || assert!(matches!(pending.wait(), Some(Loaded::Failed(_))))),
            ]);
        },
        SCHEDULES,
    );
}

#[test]
fn the_bound_holds_at_every_moment_and_nothing_is_refused() {
    shuttle::check_random(
        || {
            let cache = cache(2);
            let act = |keys: [u32; 3]| -> Box<dyn FnOnce() + Send> {
                let cache = cache.clone();
                Box::new(move || {
                    for key in keys {
                        assert!(cache.insert_as(key, 0, &super::Terms::new()));
                        assert!(cache.weight() <= 2);
                    }
                })
            };
            let resizer = cache.clone();
            at_once(vec![act([1, 2, 3]), act([4, 5, 1]), Box::new(move || resizer.resize(2))]);
            assert!(cache.weight() <= 2);
        },
        SCHEDULES,
    );
}

#[test]
fn computing_loses_no_step() {
    shuttle::check_random(
        || {
            let cache = cache(10);
            let act = || -> Box<dyn FnOnce() + Send> {
                let cache = cache.clone();
                Box::new(move || cache.compute(1, |count| Compute::Put(count.map_or(1, |count| count + 1))))
            };
            at_once(vec![act(), act(), act()]);
            assert_eq!(cache.get(&1), Some(3));
        },
        SCHEDULES,
    );
}
