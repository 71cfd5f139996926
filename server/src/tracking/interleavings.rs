//! Model checks of reading and remembering against changing and telling: shuttle runs each of these under
//! thousands of interleavings of its threads, and finds what goes wrong if a step is out of its place.
//!
//! `RUSTFLAGS='--cfg shuttle' cargo test -p scrubjay-server --lib tracking`; a failure prints the schedule
//! that repeats it.

use std::sync::{Arc, Weak};

use scrubjay::time::ManualClock;
use scrubjay::{Change, Deadline, Event, Flush, Log, Lookup, Scope, Store};
use shuttle::thread;

use super::{Tracking, encoded};
use crate::pubsub::message::Message;
use crate::pubsub::{Audience, Mailboxes, Recipient};

const SCHEDULES: usize = 2_000;
const NOW: u64 = 1_000;
const CLIENT: u64 = 1;

/// What is done out of its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flaw {
    Nothing,
    /// What was read is remembered when its lock is gone.
    RemembersLate,
    /// What has come is taken behind the reply alone.
    TakesMailLate,
    /// All is forgotten after everybody has been told so.
    TellsOfFlushFirst,
}

/// What a client that tracks reads on its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Item {
    /// The value of the key; none if there is no key.
    Value(Option<i64>),
    /// Forget it.
    Invalidation,
}

/// A server of one thread with one client.
struct World {
    store: Arc<Store>,
    tracking: Tracking,
    mail: Mailboxes,
    flaw: Flaw,
}

impl World {
    fn new(flaw: Flaw) -> Arc<Self> {
        let clock = ManualClock::new(NOW).clock();
        let store = Arc::new(Store::builder().clock(clock).shards(2).databases(1).seed(1).build());
        let tracking = Tracking::new(&store, Weak::new(), 0);
        let world = Arc::new(Self { store, tracking, mail: Mailboxes::new([|| ()]), flaw });
        let watched = Arc::downgrade(&world);
        world.store.observe(Arc::new(move |changes: &Log| {
            let world = watched.upgrade().expect("it is there while something changes");
            changes.iter().for_each(|change| world.changed(change));
        }));
        world
    }

    fn changed(&self, change: Change<'_>) {
        match change {
            Change::Key { key, .. } => {
                let clients = self.tracking.forget(self.store.key(0, key));
                clients.iter().for_each(|_| self.tell());
            }
            Change::Flushed(_) if self.flaw == Flaw::TellsOfFlushFirst => {
                self.tell();
                self.tracking.forget_all();
            }
            Change::Flushed(_) => {
                self.tracking.forget_all();
                self.tell();
            }
            _ => {}
        }
    }

    fn tell(&self) {
        let mut audience = Audience::default();
        audience.add(0, Recipient { slot: 0, client: CLIENT });
        self.mail.post(&Message::invalidation(&encoded(&[b"k"]), false), &audience);
    }

    fn take_mail(&self, connection: &mut Vec<Item>) {
        let mail = self.mail.take(0, Default::default());
        connection.extend(mail.posts.iter().map(|_| Item::Invalidation));
    }

    /// `GET k`.
    fn read(&self, connection: &mut Vec<Item>) {
        let key = self.store.key(0, b"k");
        let mut view = self.store.view(Scope::Key(&key), NOW);
        if self.flaw != Flaw::TakesMailLate {
            self.take_mail(connection);
        }
        let text = view.string(key, Lookup::Read).expect("it is a string");
        let value = text.map(|text| str::from_utf8(text.bytes()).expect("it is text").parse());
        connection.push(Item::Value(value.map(|value| value.expect("it is a number"))));
        if self.flaw == Flaw::RemembersLate {
            drop(view);
            self.tracking.remember(key, CLIENT);
        } else {
            self.tracking.remember(key, CLIENT);
            drop(view);
        }
        self.take_mail(connection);
    }

    fn write(&self, value: i64) {
        let key = self.store.key(0, b"k");
        let mut view = self.store.view(Scope::Key(&key), NOW);
        view.set(key, value.to_string().as_bytes(), Deadline::Clear, Event::Set);
    }

    fn value(&self) -> Option<i64> {
        self.store
            .get("k")
            .expect("it is a string")
            .map(|text| str::from_utf8(&text).expect("it is text").parse().expect("it is a number"))
    }
}

/// Whoever reads keeps nothing that is no longer so, and reads of each change before what it has become.
fn check_reader(world: &World, connection: &[Item]) {
    let mut kept = None;
    for item in connection {
        match *item {
            Item::Invalidation => kept = None,
            Item::Value(value) => {
                assert!(
                    kept.is_none_or(|kept| kept == value),
                    "a change was not told of before: {connection:?}"
                );
                kept = Some(value);
            }
        }
    }
    assert!(kept.is_none_or(|kept| kept == world.value()), "a change was never told of: {connection:?}");
}

fn writers(flaw: Flaw) {
    let check = move || {
        let world = World::new(flaw);
        let writers: Vec<_> = [[1, 2], [3, 4]]
            .into_iter()
            .map(|values| {
                let world = Arc::clone(&world);
                thread::spawn(move || values.into_iter().for_each(|value| world.write(value)))
            })
            .collect();
        let mut connection = Vec::new();
        (0..3).for_each(|_| world.read(&mut connection));
        writers.into_iter().for_each(|writer| writer.join().expect("it does not panic"));
        world.take_mail(&mut connection);
        check_reader(&world, &connection);
        // A value that was read after the last change is not taken back.
        world.read(&mut connection);
        let remembered = world.tracking.keys();
        world.take_mail(&mut connection);
        assert_eq!((remembered, connection.last()), (1, Some(&Item::Value(world.value()))));
    };
    shuttle::check_random(check, SCHEDULES);
}

fn flush(flaw: Flaw) {
    let check = move || {
        let world = World::new(flaw);
        let flusher = {
            let world = Arc::clone(&world);
            thread::spawn(move || {
                world.write(1);
                world.store.view(Scope::Walk, NOW).flush(None, Flush::Sync);
            })
        };
        let writer = {
            let world = Arc::clone(&world);
            thread::spawn(move || world.write(2))
        };
        let mut connection = Vec::new();
        for _ in 0..3 {
            world.read(&mut connection);
        }
        [flusher, writer].into_iter().for_each(|thread| thread.join().expect("it does not panic"));
        world.take_mail(&mut connection);
        // What is kept now is told of when it changes.
        let kept = !matches!(connection.last(), Some(Item::Invalidation));
        assert!(!kept || world.tracking.keys() == 1, "what is kept is not remembered: {connection:?}");
    };
    shuttle::check_random(check, SCHEDULES);
}

#[test]
fn no_change_passes_between_a_read_and_its_being_remembered() {
    writers(Flaw::Nothing);
}

#[test]
#[should_panic(expected = "told of")]
fn it_would_if_what_was_read_were_remembered_without_its_lock() {
    writers(Flaw::RemembersLate);
}

#[test]
#[should_panic(expected = "a change was not told of before")]
fn a_value_would_pass_the_change_that_made_it_if_mail_were_taken_behind_replies_alone() {
    writers(Flaw::TakesMailLate);
}

#[test]
fn a_flush_leaves_nobody_with_what_is_not_remembered() {
    flush(Flaw::Nothing);
}

#[test]
#[should_panic(expected = "what is kept is not remembered")]
fn it_would_if_it_were_told_of_before_all_is_forgotten() {
    flush(Flaw::TellsOfFlushFirst);
}
