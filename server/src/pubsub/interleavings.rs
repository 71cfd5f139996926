//! Model checks of the way of a message: shuttle runs each of these under thousands of interleavings of its
//! threads.
//!
//! `RUSTFLAGS='--cfg shuttle' cargo test -p scrubjay-server --lib pubsub`; a failure prints the schedule that
//! repeats it.

use std::sync::Arc;

use bytes::Bytes;
use scrubjay::sync::{Mutex, atomic::AtomicBool, atomic::Ordering::SeqCst};
use shuttle::sync::mpsc::{Receiver, Sender, channel};
use shuttle::thread;

use super::mailbox::{Mail, Mailboxes};
use super::{Kind, Recipient, Registry};
use crate::resp::{Output, Protocol};

const SCHEDULES: usize = 2_000;
const TO: Recipient = Recipient { slot: 0, client: 1 };

/// A server of two threads with one client, on the second of them.
struct World {
    registry: Registry,
    mail: Mailboxes,
}

impl World {
    /// The server, and where its second thread sleeps until it is woken.
    fn new() -> (Arc<Self>, Receiver<()>) {
        let (wake, sleep): (Sender<()>, _) = channel();
        let wakers = [None, Some(Mutex::new(wake))];
        let mail = Mailboxes::new(wakers.map(|waker| {
            move || {
                // Nobody sleeps there any more when the test is over.
                let _ = waker.as_ref().expect("only the second thread has a client").lock().send(());
            }
        }));
        (Arc::new(Self { registry: Registry::default(), mail }), sleep)
    }

    fn publish(&self, channel: &str, payload: &str) -> usize {
        self.registry.publish(Kind::Channel, channel.as_bytes(), payload.as_bytes(), |message, to| {
            self.mail.post(message, to);
        })
    }

    fn join(&self, kind: Kind, name: &'static str) {
        self.registry.join(kind, &Bytes::from_static(name.as_bytes()), 1, TO);
    }

    fn leave(&self, kind: Kind, name: &'static str) {
        self.registry.leave(kind, &Bytes::from_static(name.as_bytes()), 1, TO);
    }

    /// The payloads of what has come for the client.
    fn read(&self) -> Vec<String> {
        let mail = self.mail.take(1, Mail::default());
        let payload = |post: &super::mailbox::Post| {
            assert_eq!(**post.to, [TO]);
            let mut output = Output::new();
            post.message.write(&mut output, Protocol::Resp3);
            let text = String::from_utf8(output.into_vec()).expect("it was text");
            text.trim_end().rsplit("\r\n").next().expect("a message has lines").to_owned()
        };
        mail.posts.iter().map(payload).collect()
    }
}

#[test]
fn a_sleeper_is_woken_for_every_message_and_reads_those_of_each_publisher_in_order() {
    let check = || {
        let (world, sleep) = World::new();
        world.join(Kind::Channel, "c");
        world.join(Kind::Pattern, "p*");
        // One posts under a lock as a transaction does, and wakes when the lock is gone.
        let store = Arc::new(Mutex::new(()));
        let publishers: Vec<_> = ["a", "b"]
            .into_iter()
            .map(|name| {
                let (world, store) = (Arc::clone(&world), Arc::clone(&store));
                thread::spawn(move || {
                    let locked = (name == "a").then(|| store.lock());
                    assert_eq!(world.publish("c", &format!("{name}1")), 1);
                    assert_eq!(world.publish("pc", &format!("{name}2")), 1);
                    drop(locked);
                    world.mail.wake();
                    assert_eq!(world.publish("c", &format!("{name}3")), 1);
                    world.mail.wake();
                })
            })
            .collect();
        let mut read = Vec::new();
        // Were a wake-up lost, nobody would be left to send one, and shuttle would call that a deadlock.
        while read.len() < 6 {
            sleep.recv().expect("the world is still there");
            read.extend(world.read());
        }
        publishers.into_iter().for_each(|publisher| publisher.join().expect("it does not panic"));
        for name in ["a", "b"] {
            let of_one: Vec<_> = read.iter().filter(|payload| payload.starts_with(name)).collect();
            assert_eq!(of_one, [&format!("{name}1"), &format!("{name}2"), &format!("{name}3")]);
        }
    };
    shuttle::check_random(check, SCHEDULES);
}

#[test]
fn nothing_is_lost_after_a_confirmation_and_nothing_comes_after_the_next() {
    let check = || {
        let (world, _sleep) = World::new();
        let flag = || Arc::new(AtomicBool::new(false));
        let (confirmed, leaving, left) = (flag(), flag(), flag());
        let publisher = {
            let world = Arc::clone(&world);
            let [confirmed, leaving, left] = [&confirmed, &leaving, &left].map(Arc::clone);
            thread::spawn(move || {
                let mut counted = Vec::new();
                for payload in ["1", "2", "3", "4"] {
                    let (listens, had_left) = (confirmed.load(SeqCst), left.load(SeqCst));
                    let receivers = world.publish("c", payload);
                    let listens = listens && !leaving.load(SeqCst);
                    assert!(receivers == 1 || !listens, "a message is lost");
                    assert!(receivers == 0 || !had_left, "a message for one who has left");
                    if receivers == 1 {
                        counted.push(payload.to_owned());
                    }
                    world.mail.wake();
                }
                counted
            })
        };
        world.join(Kind::Channel, "c");
        confirmed.store(true, SeqCst);
        let mut read = world.read();
        leaving.store(true, SeqCst);
        world.leave(Kind::Channel, "c");
        // What is read now stands before the confirmation of the end.
        read.extend(world.read());
        left.store(true, SeqCst);
        let counted = publisher.join().expect("it does not panic");
        assert_eq!(world.read(), Vec::<String>::new(), "a message after the last confirmation");
        assert_eq!(read, counted, "all that were counted, and no others");
        assert!(world.registry.is_empty());
    };
    shuttle::check_random(check, SCHEDULES);
}
