//! Clients that keep what they read, on several threads, while many others write in every way: whoever keeps
//! something keeps what is so, and on each connection a value stands behind the news of what it was before.
#![forbid(unsafe_code)]

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

use scrubjay_tests::granted::{read, server, typed};
use scrubjay_tests::patience::{GENEROUS, poll};
use scrubjay_tests::server::Server;
use scrubjay_tests::wire::{Client, Reply, encode};

/// Few keys, so that all meet at each of them.
const KEYS: usize = 12;

fn key(number: usize) -> String {
    format!("k{}", number % KEYS)
}

/// How a client reads.
#[derive(Clone, Copy)]
enum Reads {
    /// `GET`, many at once.
    Each,
    /// Two keys at a time.
    Mget,
    /// `MULTI`, `GET`, `GET`, `EXEC`.
    Transaction,
    /// A script that reads two keys.
    Script,
}

impl Reads {
    const ALL: [Self; 4] = [Self::Each, Self::Mget, Self::Transaction, Self::Script];

    /// Sends a request for keys from `number` on; which keys, and how many replies come before theirs.
    fn ask(self, client: &mut Client, number: usize) -> (Vec<String>, usize) {
        let keys = [key(number), key(number + 5)];
        let [a, b] = keys.each_ref().map(String::as_str);
        let get_both = "return {redis.call('get', KEYS[1]), redis.call('get', KEYS[2])}";
        let (lines, before): (Vec<Vec<&str>>, _) = match self {
            Self::Each => (vec![vec!["GET", a]], 0),
            Self::Mget => (vec![vec!["MGET", a, b]], 0),
            Self::Transaction => (vec![vec!["MULTI"], vec!["GET", a], vec!["GET", b], vec!["EXEC"]], 3),
            Self::Script => (vec![vec!["EVAL", get_both, "2", a, b]], 0),
        };
        let bytes: Vec<u8> = lines.iter().flat_map(|words| encode(words)).collect();
        client.send_bytes(&bytes).expect("the server reads");
        let asked = if matches!(self, Self::Each) { 1 } else { 2 };
        (keys.into_iter().take(asked).collect(), before)
    }
}

/// A client with what it keeps.
struct Keeper {
    client: Client,
    kept: HashMap<String, Reply>,
    /// How often it was told to forget something.
    told: usize,
}

impl Keeper {
    fn connect(server: &Server, how: &str) -> Self {
        let mut client = server.connect();
        typed(&mut client, "HELLO 3");
        typed(&mut client, how);
        Self { client, kept: HashMap::new(), told: 0 }
    }

    /// The next reply; what comes before it is heeded.
    fn reply(&mut self) -> Reply {
        loop {
            match read(&mut self.client) {
                Reply::Push(parts) => self.forget(&parts[1]),
                reply => return reply,
            }
        }
    }

    fn forget(&mut self, what: &Reply) {
        self.told += 1;
        match what.elements() {
            None => self.kept.clear(),
            Some(keys) => keys.iter().filter_map(Reply::text).for_each(|key| drop(self.kept.remove(&key))),
        }
    }

    fn keep(&mut self, key: String, value: Reply) {
        // Whoever finds that a key's time is over is told so behind the reply that says it, as in Valkey.
        if let Some(kept) = self.kept.get(&key)
            && !value.is_null()
        {
            assert_eq!(*kept, value, "{key} has changed, and nobody has said so before");
        }
        self.kept.insert(key, value);
    }

    /// Reads until the others have written all they want.
    fn run(&mut self, reads: Reads, goes_on: &AtomicBool) {
        const AHEAD: usize = 16;
        let mut asked = VecDeque::new();
        let mut number = 0;
        while goes_on.load(SeqCst) || !asked.is_empty() {
            while asked.len() < AHEAD && goes_on.load(SeqCst) {
                asked.push_back(reads.ask(&mut self.client, number));
                number += 1;
            }
            let Some((mut keys, before)) = asked.pop_front() else { continue };
            (0..before).for_each(|_| drop(self.reply()));
            let reply = self.reply();
            match reply.elements() {
                Some(values) => {
                    assert_eq!(values.len(), keys.len(), "{reply}");
                    keys.into_iter().zip(values).for_each(|(key, value)| self.keep(key, value.clone()));
                }
                None => self.keep(keys.remove(0), reply),
            }
        }
    }

    /// What it keeps is so, when all have written.
    fn check(&mut self, other: &mut Client) {
        typed_among_pushes(self, "PING");
        for (key, value) in &self.kept {
            // In RESP2 nothing is another nothing.
            let real = typed(other, &format!("GET {key}"));
            assert!(real == *value || real.is_null() && value.is_null(), "{key} is {real}, kept is {value}");
        }
    }
}

fn typed_among_pushes(keeper: &mut Keeper, line: &str) -> Reply {
    keeper.client.send(&line.split(' ').collect::<Vec<_>>()).expect("the server reads");
    keeper.reply()
}

/// Writes in some way, a different one each time.
fn write(client: &mut Client, writer: usize, number: usize) {
    let (a, b) = (key(number * 7 + writer), key(number * 3 + writer + 1));
    let value = format!("{writer}.{number}");
    match number % 11 {
        0 => drop(typed(client, &format!("MSET {a} {value} {b} {value}"))),
        1 => drop(typed(client, &format!("DEL {a}"))),
        2 => drop(typed(client, &format!("SET {a} {value} PX 1"))),
        3 => {
            for line in
                ["MULTI".to_owned(), format!("SET {a} {value}"), format!("APPEND {b} x"), "EXEC".to_owned()]
            {
                typed(client, &line);
            }
        }
        4 => {
            let script = "redis.call('set', KEYS[1], ARGV[1]) redis.call('set', KEYS[2], ARGV[1])";
            drop(client.command(&["EVAL", script, "2", &a, &b, &value]));
        }
        5 => drop(typed(client, &format!("RENAME {a} {b}"))),
        6 if number.is_multiple_of(7) => drop(typed(client, "FLUSHALL")),
        _ => drop(typed(client, &format!("SET {a} {value}"))),
    }
}

#[test]
fn whoever_keeps_something_keeps_what_is_so() {
    const WRITERS: usize = 3;
    const WRITES: usize = 1_500;
    for how in ["CLIENT TRACKING ON", "CLIENT TRACKING ON OPTOUT", "CLIENT TRACKING ON NOLOOP"] {
        let server = server(&["--io-threads", "3"]);
        let (goes_on, writing) = (AtomicBool::new(true), AtomicUsize::new(WRITERS));
        std::thread::scope(|scope| {
            let keepers: Vec<_> = Reads::ALL
                .into_iter()
                .map(|reads| {
                    let mut keeper = Keeper::connect(&server, how);
                    let goes_on = &goes_on;
                    scope.spawn(move || {
                        keeper.run(reads, goes_on);
                        keeper
                    })
                })
                .collect();
            for writer in 0..WRITERS {
                let (mut client, goes_on, writing) = (server.connect(), &goes_on, &writing);
                scope.spawn(move || {
                    (0..WRITES).for_each(|number| write(&mut client, writer, number));
                    if writing.fetch_sub(1, SeqCst) == 1 {
                        goes_on.store(false, SeqCst);
                    }
                });
            }
            let mut other = server.connect();
            for keeper in keepers {
                let mut keeper = keeper.join().expect("it does not panic");
                // What is about to go by itself has gone.
                poll(GENEROUS, || {
                    let text = typed(&mut other, "INFO keyspace").text()?;
                    (text.contains("expires=0") || !text.contains("db0")).then_some(())
                })
                .expect("what has a deadline perishes");
                keeper.check(&mut other);
                assert!(keeper.told > 0);
            }
        });
    }
}

/// Who tracks by prefix is told of every change before its writer has its reply, and a limit on what is
/// remembered makes nobody keep what is not so.
#[test]
fn nothing_is_kept_that_was_told_of_otherwise() {
    const WRITES: usize = 1_500;
    for (how, limit) in [("CLIENT TRACKING ON BCAST PREFIX k", "0"), ("CLIENT TRACKING ON", "4")] {
        let server = server(&["--io-threads", "3", "--tracking-table-max-keys", limit]);
        let goes_on = AtomicBool::new(true);
        let (mut keeper, mut client) = (Keeper::connect(&server, how), server.connect());
        std::thread::scope(|scope| {
            scope.spawn(|| {
                (0..WRITES).for_each(|number| {
                    drop(typed(&mut client, &format!("SET {} {number}", key(number * 7))))
                });
                goes_on.store(false, SeqCst);
            });
            let mut number = 0;
            while goes_on.load(SeqCst) {
                let key = key(number);
                number += 1;
                let value = typed_among_pushes(&mut keeper, &format!("GET {key}"));
                keeper.kept.insert(key, value);
            }
        });
        keeper.check(&mut server.connect());
        assert!(keeper.told > 0);
    }
}

/// Clients that come, read and go, and others that hear for them.
#[test]
fn those_who_come_and_go_leave_nothing_behind() {
    const ROUNDS: usize = 120;
    let server = server(&["--io-threads", "3"]);
    std::thread::scope(|scope| {
        for worker in 0..4 {
            let server = &server;
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    let (mut listener, mut client) = (server.connect(), server.connect());
                    typed(&mut listener, "HELLO 3");
                    let id = typed(&mut listener, "CLIENT ID").integer().expect("a number");
                    typed(&mut client, "HELLO 3");
                    let how = ["", "BCAST PREFIX w", "NOLOOP", "OPTOUT"][round % 4];
                    typed(&mut client, &format!("CLIENT TRACKING ON REDIRECT {id} {how}"));
                    typed(&mut client, &format!("GET w{worker}"));
                    let mut writer = server.connect();
                    typed(&mut writer, &format!("SET w{worker} {round}"));
                    let told = read(&mut listener);
                    let keys = told.elements().and_then(|parts| parts[1].elements()).expect("keys");
                    assert!(keys[0].text().is_some_and(|key| key.starts_with('w')), "{told}");
                    if round % 3 == 0 {
                        typed(&mut client, "CLIENT TRACKING OFF");
                    }
                }
            });
        }
    });
    let mut client = server.connect();
    poll(GENEROUS, || {
        let text = typed(&mut client, "INFO everything").text()?;
        let nobody = text.contains("\ntracking_clients:0\r") && text.contains("tracking_total_prefixes:0\r");
        nobody.then_some(())
    })
    .expect("all have gone");
}
