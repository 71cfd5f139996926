//! Many clients that wait for keys, on several threads: nothing is lost, nothing is there twice, and what one
//! producer pushes comes out in its order, whoever gives up, is woken, or goes away in between.
#![forbid(unsafe_code)]

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use scrubjay_tests::granted::{figure, server, typed};
use scrubjay_tests::patience::{Deadline, GENEROUS, pause, poll};
use scrubjay_tests::wire::{Client, Reply};

const PRODUCERS: usize = 4;
const QUEUES: usize = 3;
/// What each producer pushes to each queue.
const EACH: usize = 400;

/// Nobody waits, and no key is waited for.
fn nobody_waits(client: &mut Client) {
    let idle = |client: &mut Client| {
        ["blocked_clients", "clients_in_timeout_table", "total_blocking_keys", "total_blocking_keys_on_nokey"]
            .iter()
            .all(|name| figure(client, name) == 0)
    };
    poll(GENEROUS, || idle(client).then_some(())).expect("nobody is left on a line");
}

/// What a consumer has got: of each producer and queue the numbers, in the order in which they came.
#[derive(Default)]
struct Got(HashMap<(usize, usize), Vec<usize>>);

impl Got {
    fn take(&mut self, element: &Reply) {
        let text = element.text().expect("an element");
        let mut parts = text.split(' ').map(|part| part.parse().expect("a number"));
        let mut part = || parts.next().expect("three parts");
        let (producer, queue, number) = (part(), part(), part());
        self.0.entry((producer, queue)).or_default().push(number);
    }

    /// Takes what there is in a reply of one of the commands that wait; how many elements.
    fn take_all(&mut self, reply: &Reply) -> usize {
        match reply {
            Reply::Bulk(_) => {
                self.take(reply);
                1
            }
            Reply::Array(parts) => match &parts[1] {
                Reply::Array(elements) => {
                    elements.iter().for_each(|element| self.take(element));
                    elements.len()
                }
                element => {
                    self.take(element);
                    1
                }
            },
            Reply::NullArray => 0,
            Reply::Error(text) if text.starts_with(b"UNBLOCKED") => 0,
            other => panic!("unexpected: {other}"),
        }
    }
}

#[test]
fn what_many_push_many_take_once_and_in_order() {
    let server = server(&["--io-threads", "4"]);
    let expected = PRODUCERS * QUEUES * EACH;
    let taken = AtomicUsize::new(0);
    let more = || taken.load(SeqCst) < expected;
    let produce = |producer: usize| {
        let (mut client, mut unread) = (server.connect(), 0);
        for number in 0..EACH {
            for queue in 0..QUEUES {
                let element = format!("{producer} {queue} {number}");
                // What a mover waits for, and what a consumer waits for itself.
                let name = if queue == 0 { "in".to_owned() } else { format!("queue{queue}") };
                client.send(&["RPUSH", &name, &element]).expect("the server reads");
                unread += 1;
            }
            // To the last: a connection that is closed with replies in it takes requests along.
            if number % 16 == producer || number + 1 == EACH {
                (0..std::mem::take(&mut unread)).for_each(|_| {
                    client.read(GENEROUS).expect("a reply to each push");
                });
                pause(Duration::from_micros(300));
            }
        }
    };
    let consume = |line: &str| {
        let (mut client, mut got) = (server.connect(), Got::default());
        while more() {
            let count = got.take_all(&typed(&mut client, line));
            taken.fetch_add(count, SeqCst);
        }
        got
    };
    let relay = |line: &str| {
        let mut client = server.connect();
        while more() {
            typed(&mut client, line);
        }
        Got::default()
    };
    let disturb = || {
        let mut client = server.connect();
        let mut id = 0;
        while more() {
            id = id % 40 + 1;
            let how = if id % 2 == 0 { "TIMEOUT" } else { "ERROR" };
            typed(&mut client, &format!("CLIENT UNBLOCK {id} {how}"));
            // One that begins to wait, and is gone.
            let mut gone = server.connect();
            gone.send(&["BLMOVE", "nothing", "in", "LEFT", "LEFT", "0"]).expect("the server reads");
        }
    };
    let all: Vec<Got> = std::thread::scope(|scope| {
        let consumers = [
            "BLPOP queue1 queue2 out 0.05",
            "BLPOP out queue2 0.002",
            "BLMPOP 0.01 3 queue2 queue1 out LEFT COUNT 3",
            "BLPOP queue2 queue1 0.01",
            "BLMPOP 0.05 1 out LEFT COUNT 2",
        ];
        let threads: Vec<_> = consumers
            .into_iter()
            .map(|line| scope.spawn(move || consume(line)))
            .chain(
                ["BLMOVE in between LEFT RIGHT 0.01", "BLMOVE between out LEFT RIGHT 0.002"]
                    .into_iter()
                    .map(|line| scope.spawn(move || relay(line))),
            )
            .collect();
        scope.spawn(disturb);
        (0..PRODUCERS).for_each(|producer| drop(scope.spawn(move || produce(producer))));
        threads.into_iter().map(|thread| thread.join().expect("no thread panics")).collect()
    });
    let mut numbers: HashMap<(usize, usize), Vec<usize>> = HashMap::new();
    for Got(got) in all {
        for (from, got) in got {
            assert!(got.is_sorted(), "out of order from producer and queue {from:?}: {got:?}");
            numbers.entry(from).or_default().extend(got);
        }
    }
    assert_eq!(numbers.len(), PRODUCERS * QUEUES);
    for (from, mut got) in numbers {
        got.sort_unstable();
        assert!(got.iter().copied().eq(0..EACH), "lost or twice, from producer and queue {from:?}: {got:?}");
    }
    let mut client = server.connect();
    assert_eq!(typed(&mut client, "DBSIZE"), Reply::Integer(0));
    nobody_waits(&mut client);
}

#[test]
fn who_goes_away_while_it_waits_takes_nothing_along() {
    let server = server(&["--io-threads", "2"]);
    let mut client = server.connect();
    let came = figure(&mut client, "total_connections_received");
    for round in 0..40 {
        let waiting: Vec<Client> = (0..10)
            .map(|index| {
                let mut client = server.connect();
                let key = format!("k{}", index % 3);
                client.send(&["BLPOP", "k", &key, "0"]).expect("the server reads");
                client
            })
            .collect();
        if round % 2 == 0 {
            poll(GENEROUS, || (figure(&mut client, "blocked_clients") == 10).then_some(()))
                .expect("all wait");
        }
        drop(waiting);
        nobody_waits(&mut client);
    }
    // What they sent is done even where nobody waited for it: none of it may be on its way still.
    poll(GENEROUS, || (figure(&mut client, "total_connections_received") == came + 400).then_some(()))
        .expect("all have come");
    poll(GENEROUS, || (figure(&mut client, "connected_clients") == 1).then_some(())).expect("all have gone");
    assert_eq!(typed(&mut client, "RPUSH k 1 2 3"), Reply::Integer(3));
    assert_eq!(typed(&mut client, "LLEN k"), Reply::Integer(3));
}

/// Whoever serves them may come to it later.
#[test]
fn who_has_been_killed_takes_nothing_along() {
    let server = server(&["--io-threads", "2"]);
    let mut client = server.connect();
    for _ in 0..100 {
        let waiting: Vec<Client> = (0..4)
            .map(|_| {
                let mut client = server.connect();
                client.send(&["BLPOP", "k", "0"]).expect("the server reads");
                client
            })
            .collect();
        poll(GENEROUS, || (figure(&mut client, "blocked_clients") == 4).then_some(())).expect("all wait");
        assert_eq!(typed(&mut client, "CLIENT KILL TYPE normal"), Reply::Integer(4));
        assert_eq!(typed(&mut client, "RPUSH k 1 2"), Reply::Integer(2));
        assert_eq!(typed(&mut client, "LPOP k 3").elements().map(<[Reply]>::len), Some(2));
        drop(waiting);
        nobody_waits(&mut client);
    }
}

#[test]
fn who_times_out_again_and_again_leaves_nothing_behind() {
    let server = server(&[]);
    let mut client = server.connect();
    let memory = |client: &mut Client| {
        let text = typed(client, "INFO memory").text().expect("text");
        let used = text.lines().find_map(|line| line.strip_prefix("used_memory:")).expect("a figure");
        used.parse::<u64>().expect("a number")
    };
    let mut waits = server.connect();
    typed(&mut waits, "BLPOP a b c 0.001");
    let before = memory(&mut client);
    for round in 0..300 {
        waits.send(&["BLPOP", "a", "b", &format!("c{round}"), "0.001"]).expect("the server reads");
    }
    (0..300).for_each(|_| assert!(waits.read(GENEROUS).expect("a reply").is_null()));
    nobody_waits(&mut client);
    assert!(memory(&mut client) <= before + 64 * 1024);
}

/// As exact as a timer of a millisecond is; Valkey looks ten times a second.
#[test]
fn nobody_is_woken_before_its_time_nor_long_after() {
    let server = server(&[]);
    let mut client = server.connect();
    for millis in [1_u64, 5, 20, 100] {
        let line = format!("BLPOP k {}", millis as f64 / 1000.0);
        // The machine may be busy; it cannot be early.
        let took = (0..5).map(|_| {
            let deadline = Deadline::after(GENEROUS);
            assert!(typed(&mut client, &line).is_null());
            GENEROUS - deadline.left()
        });
        let least = took.min().expect("five of them");
        let wanted = Duration::from_millis(millis);
        assert!(least >= wanted && least < wanted + Duration::from_millis(60), "{least:?} for {wanted:?}");
    }
}

#[test]
fn who_waits_is_not_idle_and_may_not_send_without_end() {
    let server = server(&["--timeout", "1", "--client-query-buffer-limit", "1mb"]);
    let (mut waits, mut talks) = (server.connect(), server.connect());
    waits.send(&["BLPOP", "k", "0"]).expect("the server reads");
    talks.send(&["BLPOP", "other", "0"]).expect("the server reads");
    // What is sent meanwhile is kept, up to the limit.
    let chunk = vec![b'x'; 300_000];
    let sent = (0..100).take_while(|_| talks.send(&[&b"ECHO"[..], &chunk]).is_ok()).count();
    assert!(sent < 100, "30 MB went through a limit of 1 MB");
    pause(Duration::from_millis(3_500));
    let mut client = server.connect();
    assert_eq!(figure(&mut client, "blocked_clients"), 1);
    assert_eq!(typed(&mut client, "RPUSH k v"), Reply::Integer(1));
    let reply = waits.read(GENEROUS).expect("it was not closed");
    assert_eq!(reply.elements().map(<[Reply]>::len), Some(2));
}

#[test]
fn a_server_with_clients_that_wait_ends_when_it_is_told_to() {
    let mut server = server(&["--io-threads", "2"]);
    let waiting: Vec<Client> = (0..8)
        .map(|_| {
            let mut client = server.connect();
            client.send(&["BLMOVE", "a", "b", "LEFT", "LEFT", "0"]).expect("the server reads");
            client
        })
        .collect();
    let mut client = server.connect();
    poll(GENEROUS, || (figure(&mut client, "blocked_clients") == 8).then_some(())).expect("all wait");
    client.send(&["SHUTDOWN", "NOSAVE"]).expect("the server reads");
    for mut client in waiting {
        client.read(GENEROUS).expect_err("closed without a reply");
    }
    poll(GENEROUS, || server.has_ended().then_some(())).expect("it ends");
}
