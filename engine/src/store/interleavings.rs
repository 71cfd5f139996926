//! Model checks of locking and settling: shuttle runs each of these under thousands of interleavings of its
//! threads.
//!
//! `RUSTFLAGS='--cfg shuttle' cargo test -p scrubjay --lib`; a failure prints the schedule that repeats it.

use shuttle::thread;

use super::taker::Taker;
use super::{Deadline, Flush, Lookup, Observer, Scope, Store, Watch};
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
                        // Refused, if the limit below has come and the others have passed it.
                        let _ = store.set_many(&order.each_ref().map(|key| (key, "value")));
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

#[test]
fn who_comes_to_keys_one_by_one_is_alone_with_them_and_waits_for_nobody_for_ever() {
    shuttle::check_random(
        || {
            let store = store();
            let keys = keys(&store);
            let scripts = [("1", [2, 0, 1]), ("2", [1, 2, 0])].map(|(value, order)| {
                let (store, keys) = (Arc::clone(&store), keys.clone());
                thread::spawn(move || {
                    let keys = order.map(|at: usize| store.key(0, keys[at].as_bytes()));
                    let mut view = store.view(Scope::Growing(&keys[..1]), 1_000);
                    let mut seen = Vec::new();
                    for key in keys {
                        view.reach(&[key]);
                        seen.push(
                            view.string(key, Lookup::Peek).expect("no other type").map(|text| text.to_vec()),
                        );
                        view.set(key, value.as_bytes(), Deadline::Clear, Event::Set);
                    }
                    assert!(seen.iter().all(|value| *value == seen[0]), "{seen:?}");
                })
            });
            let writer = {
                let (store, keys) = (Arc::clone(&store), keys.clone());
                thread::spawn(move || {
                    store.set_many(&keys.each_ref().map(|key| (key, "3"))).expect("there is no limit");
                })
            };
            let everything = {
                let store = Arc::clone(&store);
                thread::spawn(move || drop(store.view(Scope::All, 1_000).flush(None, Flush::Async)))
            };
            for _ in 0..2 {
                let seen = store.get_many(&keys);
                assert!(seen.iter().all(|value| *value == seen[0]), "{seen:?}");
            }
            let threads = scripts.into_iter().chain([writer, everything]);
            threads.for_each(|thread| thread.join().expect("no thread panics"));
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

/// Nobody stands on a line, and no shard remembers anybody.
fn nobody_is_left(store: &Store) {
    // Whoever could not be struck off at once is now.
    store.drop_removed();
    assert_eq!(store.waited_keys(), (0, 0));
}

#[test]
fn what_comes_while_somebody_begins_to_wait_is_his() {
    shuttle::check_random(
        || {
            let store = store();
            let [a, b, _] = keys(&store);
            let taker = Taker::of(&store, &[&b, &a]);
            let writer = {
                let (store, a) = (Arc::clone(&store), a.clone());
                thread::spawn(move || store.set(&a, "1").expect("there is no limit"))
            };
            let registration = taker.begin(&store);
            writer.join().expect("no thread panics");
            assert_eq!(taker.took(), Some((a.clone(), Some("1".to_owned()))));
            assert!(!store.contains(&a));
            assert_eq!(taker.woken(), usize::from(registration.is_some()));
            registration.into_iter().for_each(|registration| store.forget(registration));
            nobody_is_left(&store);
        },
        SCHEDULES,
    );
}

#[test]
fn of_two_that_come_one_is_taken_and_one_stays() {
    shuttle::check_random(
        || {
            let store = store();
            let [a, b, _] = keys(&store);
            let taker = Taker::of(&store, &[&a, &b]);
            let registration = taker.begin(&store);
            let writers = [&a, &b].map(|key| {
                let (store, key) = (Arc::clone(&store), key.clone());
                thread::spawn(move || store.set(&key, "1").expect("there is no limit"))
            });
            // Off the lines while the others come: as whoever was woken does.
            let waker = {
                let (store, taker) = (Arc::clone(&store), Arc::clone(&taker));
                thread::spawn(move || {
                    while taker.woken() == 0 {
                        thread::yield_now();
                    }
                    registration.into_iter().for_each(|registration| store.forget(registration));
                })
            };
            writers.into_iter().for_each(|thread| thread.join().expect("no thread panics"));
            waker.join().expect("no thread panics");
            let (taken, _) = taker.took().expect("two came");
            let left = if taken == a { &b } else { &a };
            assert!(store.contains(left) && !store.contains(&taken));
            assert_eq!(taker.woken(), 1);
            nobody_is_left(&store);
        },
        SCHEDULES,
    );
}

#[test]
fn who_gives_up_has_taken_or_has_not() {
    shuttle::check_random(
        || {
            let store = store();
            let [a, b, c] = keys(&store);
            let taker = Taker::of(&store, &[&a, &b]);
            let next = Taker::of(&store, &[&c, &a]);
            let writer = {
                let (store, a) = (Arc::clone(&store), a.clone());
                thread::spawn(move || store.set(&a, "1").expect("there is no limit"))
            };
            let registration = taker.begin(&store);
            let leaver = {
                let (store, taker) = (Arc::clone(&store), Arc::clone(&taker));
                thread::spawn(move || {
                    let left = taker.give_up();
                    registration.into_iter().for_each(|registration| store.forget(registration));
                    left
                })
            };
            let waits = next.begin(&store);
            writer.join().expect("no thread panics");
            let left = leaver.join().expect("no thread panics");
            // Whoever is still in the line has it; never both, never nobody.
            assert_eq!((taker.took().is_some(), next.took().is_some()), (!left, left));
            assert!(!store.contains(&a));
            waits.into_iter().for_each(|registration| store.forget(registration));
            nobody_is_left(&store);
        },
        SCHEDULES,
    );
}

#[test]
fn a_chain_over_shards_goes_to_its_end_whoever_comes_last() {
    shuttle::check_random(
        || {
            let store = store();
            let [a, b, c] = keys(&store);
            let movers =
                [Taker::mover(&store, &a, &b), Taker::mover(&store, &b, &c), Taker::of(&store, &[&c])];
            let mut threads: Vec<_> = movers
                .iter()
                .map(|mover| {
                    let (store, mover) = (Arc::clone(&store), Arc::clone(mover));
                    thread::spawn(move || mover.begin(&store))
                })
                .collect();
            let writer = {
                let (store, a) = (Arc::clone(&store), a.clone());
                thread::spawn(move || {
                    store.set(&a, "1").expect("there is no limit");
                    None
                })
            };
            threads.push(writer);
            let registrations: Vec<_> =
                threads.into_iter().filter_map(|thread| thread.join().expect("no thread panics")).collect();
            assert_eq!(movers[2].took(), Some((c.clone(), Some("1".to_owned()))));
            assert!([&a, &b, &c].iter().all(|key| !store.contains(key)));
            registrations.into_iter().for_each(|registration| store.forget(registration));
            nobody_is_left(&store);
        },
        SCHEDULES,
    );
}

#[test]
fn movers_in_a_circle_do_not_wait_for_each_other() {
    shuttle::check_random(
        || {
            let store = store();
            let [a, b, c] = keys(&store);
            let circle = [(&a, &b), (&b, &c), (&c, &a)];
            let movers = circle.map(|(from, to)| Taker::mover(&store, from, to));
            let mut registrations: Vec<_> =
                movers[..2].iter().filter_map(|mover| mover.begin(&store)).collect();
            let writers = [&a, &b].map(|key| {
                let (store, key) = (Arc::clone(&store), key.clone());
                thread::spawn(move || store.set(&key, key.clone()).expect("there is no limit"))
            });
            registrations.extend(movers[2].begin(&store));
            store.get_many(&[&c, &a]);
            writers.into_iter().for_each(|thread| thread.join().expect("no thread panics"));
            // Each of the three has moved something once, and of two values none was lost but by being
            // written over.
            assert!(movers.iter().all(|mover| mover.took().is_some()));
            assert!([&a, &b, &c].iter().any(|key| store.contains(key)));
            registrations.into_iter().for_each(|registration| store.forget(registration));
            nobody_is_left(&store);
        },
        SCHEDULES,
    );
}

/// Adds one to a number as long as somebody else has changed it meanwhile.
fn increment_by_watching(store: &Store, name: &str) {
    let key = store.key(0, name.as_bytes());
    loop {
        let watch = Watch::new();
        store.watch(&watch, &[key]);
        let number = store.get(name).expect("a string").map_or(0, |text| text.len());
        let mut view = store.view(Scope::Key(&key), 1_000);
        let holds = view.holds_still(&watch);
        if holds {
            view.set(key, &vec![b'1'; number + 1], Deadline::Clear, Event::Set);
        }
        view.unwatch(&watch);
        drop(view);
        if holds {
            return;
        }
    }
}

#[test]
fn who_watches_loses_no_change_of_others() {
    shuttle::check_random(
        || {
            let store = store();
            let [a, b, _] = keys(&store);
            let mut threads: Vec<_> = (0..3)
                .map(|_| {
                    let (store, a) = (Arc::clone(&store), a.clone());
                    thread::spawn(move || increment_by_watching(&store, &a))
                })
                .collect();
            let other = Arc::clone(&store);
            threads.push(thread::spawn(move || other.set(&b, "1").expect("there is no limit")));
            threads.into_iter().for_each(|thread| thread.join().expect("no thread panics"));
            assert_eq!(store.get(&a).expect("a string").map(|text| text.len()), Some(3));
            assert_eq!(store.watched_keys(), 0);
        },
        SCHEDULES,
    );
}

/// Two keys of different shards, either of which is written only while the other is empty.
#[test]
fn what_is_watched_cannot_change_beside_what_is_written() {
    shuttle::check_random(
        || {
            let store = store();
            let [a, b, _] = keys(&store);
            let writers = [(a.clone(), b.clone()), (b.clone(), a.clone())].map(|(watched, written)| {
                let store = Arc::clone(&store);
                thread::spawn(move || {
                    let [watched, written] = [&watched, &written].map(|key| store.key(0, key.as_bytes()));
                    let watch = Watch::new();
                    store.watch(&watch, &[watched]);
                    let mut view = store.view(Scope::Keys(&[watched, written]), 1_000);
                    let holds = view.holds_still(&watch);
                    if holds {
                        view.set(written, b"1", Deadline::Clear, Event::Set);
                    }
                    view.unwatch(&watch);
                    holds
                })
            });
            let wrote = writers.map(|thread| thread.join().expect("no thread panics"));
            assert!(wrote[0] || wrote[1]);
            assert_eq!([&b, &a].map(|key| store.contains(key)), wrote);
        },
        SCHEDULES,
    );
}
