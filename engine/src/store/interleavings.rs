//! Model checks of locking and settling: shuttle runs each of these under thousands of interleavings of its
//! threads.
//!
//! `RUSTFLAGS='--cfg shuttle' cargo test -p scrubjay --lib`; a failure prints the schedule that repeats it.

use shuttle::thread;

use super::{Flush, Observer, Scope, Store};
use crate::shard::change::{Change, Event, Log};
use crate::sync::{Arc, Mutex};
use crate::time::ManualClock;

const SCHEDULES: usize = 2_000;

/// Few shards and keys, so that threads meet.
fn store() -> Arc<Store> {
    Arc::new(Store::builder().clock(ManualClock::new(1_000).clock()).shards(3).databases(2).seed(1).build())
}

/// Keys of three different shards.
fn keys(store: &Store) -> [String; 3] {
    let of_shard = |shard: usize| {
        let mut names = (0..).map(|n: u32| format!("key {n}"));
        names
            .find(|name| store.key(0, name.as_bytes()).shard() == shard)
            .expect("some key lies in every shard")
    };
    std::array::from_fn(of_shard)
}

#[test]
fn nobody_waits_for_ever() {
    shuttle::check_random(
        || {
            let store = store();
            let [a, b, c] = keys(&store);
            let orders = [[a.clone(), b.clone()], [b.clone(), a.clone()], [c.clone(), a.clone()]];
            let mut threads: Vec<_> = orders
                .into_iter()
                .map(|order| {
                    let store = Arc::clone(&store);
                    thread::spawn(move || {
                        store
                            .set_many(&order.each_ref().map(|key| (key, "value")))
                            .expect("there is no limit");
                        store.remove_many(&order);
                    })
                })
                .collect();
            let everything = Arc::clone(&store);
            threads.push(thread::spawn(move || {
                everything.view(Scope::All, 1_000).flush(None, Flush::Async);
                everything.view(Scope::Walk, 1_000).len(0);
            }));
            let tidy = Arc::clone(&store);
            threads.push(thread::spawn(move || {
                tidy.maintain(1_000);
                tidy.set_max_memory(1);
                let _ = tidy.make_room(1, 1_000);
            }));
            for thread in threads {
                thread.join().expect("no thread panics");
            }
        },
        SCHEDULES,
    );
}

#[test]
fn nobody_sees_half_of_a_write_to_several_keys() {
    shuttle::check_random(
        || {
            let store = store();
            let keys = keys(&store);
            let writers = ["1", "2"].map(|value| {
                let (store, keys) = (Arc::clone(&store), keys.clone());
                thread::spawn(move || {
                    store.set_many(&keys.each_ref().map(|key| (key, value))).expect("there is no limit");
                })
            });
            let remover = {
                let (store, keys) = (Arc::clone(&store), keys.clone());
                thread::spawn(move || {
                    let removed = store.remove_many(&keys);
                    assert!(removed == 0 || removed == keys.len(), "{removed} of {} were there", keys.len());
                })
            };
            for _ in 0..2 {
                let seen = store.get_many(&keys);
                assert!(seen.iter().all(|value| *value == seen[0]), "{seen:?}");
            }
            writers.into_iter().chain([remover]).for_each(|thread| thread.join().expect("no thread panics"));
        },
        SCHEDULES,
    );
}

/// Plays back what it hears, and so knows which keys are there.
#[derive(Default)]
struct Replay {
    there: Mutex<Vec<Vec<u8>>>,
}

impl Observer for Replay {
    fn changed(&self, changes: &Log) {
        let mut there = self.there.lock();
        for change in changes.iter() {
            let Change::Key { key, event, .. } = change else { panic!("nothing else happens here") };
            let at = there.iter().position(|other| other == key);
            match (event, at) {
                (Event::Set, None) => there.push(key.to_vec()),
                (Event::Set, Some(_)) | (Event::Expire, _) => {}
                // What was not there cannot be removed, expire or be evicted: such news would be late or
                // early.
                (_, at) => drop(there.swap_remove(at.expect("heard of in the order in which it happened"))),
            }
        }
    }
}

#[test]
fn changes_are_told_in_the_order_in_which_they_happen() {
    shuttle::check_random(
        || {
            let store = store();
            let [a, b, _] = keys(&store);
            let replay = Arc::new(Replay::default());
            store.observe(Arc::clone(&replay) as Arc<dyn Observer>);
            let threads: Vec<_> = (0..3)
                .map(|turn| {
                    let (store, a, b) = (Arc::clone(&store), a.clone(), b.clone());
                    thread::spawn(move || match turn {
                        0 => {
                            store.set(&a, "1").expect("there is no limit");
                            store.remove(&b);
                        }
                        1 => {
                            store.set_many(&[(&b, "2"), (&a, "2")]).expect("there is no limit");
                            store.remove_many(&[&a, &b]);
                        }
                        _ => {
                            let ttl = std::time::Duration::from_millis(1);
                            store.set_for(&b, "3", ttl).expect("there is no limit");
                            store.maintain(2_000);
                        }
                    })
                })
                .collect();
            threads.into_iter().for_each(|thread| thread.join().expect("no thread panics"));
            for key in [&a, &b] {
                let heard = replay.there.lock().iter().any(|other| other == key.as_bytes());
                assert_eq!(heard, store.contains(key), "{key}");
            }
        },
        SCHEDULES,
    );
}
