//! Nobody sees the middle of what is one step: a transaction, a script, an MSET, a transaction of the program
//! that the server runs in. Clients on several threads, and threads of the program, write and look at the
//! same time.
#![forbid(unsafe_code)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;

use scrubjay::{Scope, Store};
use scrubjay_server::TestServer;
use scrubjay_server::config::Config;
use scrubjay_tests::wire::{Client, Reply};

/// What each writer writes, and how often others look meanwhile at least.
const TIMES: usize = 300;
/// Of a bank, and what each has at the beginning.
const ACCOUNTS: usize = 8;
const DEPOSIT: i64 = 100;

/// A server of four threads, whose store the test uses as well.
struct Shared {
    store: Arc<Store>,
    server: TestServer,
}

impl Shared {
    fn start() -> Self {
        let config = Config::parse("io-threads 4").expect("well-formed");
        let store = Arc::new(Store::builder().shards(8).build());
        let server = TestServer::with_store(Arc::clone(&store), config);
        Self { store, server }
    }

    fn connect(&self) -> Client {
        Client::connect(([127, 0, 0, 1], self.server.port()).into()).expect("it listens")
    }
}

fn ask(client: &mut Client, line: &str) -> Reply {
    let reply = client.typed(line).unwrap_or_else(|silence| panic!("{line}: {silence:?}"));
    assert!(!reply.is_error(), "{line}: {reply}");
    reply
}

fn texts(reply: &Reply) -> Vec<Option<String>> {
    reply.elements().expect("an array").iter().map(Reply::text).collect()
}

/// Runs all of `writers` while each of `readers` looks again and again, to the end and often enough.
fn side_by_side(writers: Vec<Box<dyn FnOnce() + Send>>, readers: Vec<Box<dyn FnMut() + Send>>) {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let writers: Vec<_> = writers.into_iter().map(|writer| scope.spawn(writer)).collect();
        let over = &over;
        let readers: Vec<_> = readers
            .into_iter()
            .map(|mut reader| {
                scope.spawn(move || {
                    let mut looks = 0;
                    while looks < TIMES || !over.load(SeqCst) {
                        reader();
                        looks += 1;
                    }
                })
            })
            .collect();
        let written: Vec<_> = writers.into_iter().map(thread::ScopedJoinHandle::join).collect();
        over.store(true, SeqCst);
        readers.into_iter().for_each(|reader| reader.join().expect("what it saw was whole"));
        written.into_iter().for_each(|writer| writer.expect("it wrote to the end"));
    });
}

#[test]
fn what_is_written_in_one_step_is_seen_as_one() {
    let server = Shared::start();
    ask(&mut server.connect(), "MSET a 0 b 0 c 0");
    let script =
        "local n = ARGV[1] server.call('set', KEYS[1], n) server.call('mset', KEYS[2], n, KEYS[3], n)";
    let lines: [fn(&str, usize) -> Vec<String>; 4] = [
        |_, number| vec![format!("MSET a {number} b {number} c {number}")],
        |script, number| vec![format!("EVAL \"{script}\" 3 a b c {number}")],
        |_, number| {
            let sets = ["a", "b", "c"].map(|key| format!("SET {key} {number}"));
            ["MULTI".to_owned()].into_iter().chain(sets).chain(["EXEC".to_owned()]).collect()
        },
        // Comes to keys that it has not declared, in an order that is nobody else's.
        |_, number| {
            let each = "for key in string.gmatch('cab', '.') do server.call('set', key, ARGV[1]) end";
            vec![format!("EVAL \"{each}\" 0 {number}")]
        },
    ];
    let mut writers: Vec<Box<dyn FnOnce() + Send>> = Vec::new();
    for (writer, lines) in lines.into_iter().enumerate() {
        let mut client = server.connect();
        writers.push(Box::new(move || {
            for number in 0..TIMES {
                for line in lines(script, writer * TIMES + number) {
                    ask(&mut client, &line);
                }
            }
        }));
    }
    let store = Arc::clone(&server.store);
    writers.push(Box::new(move || {
        for number in 0..TIMES {
            let number = (9 * TIMES + number).to_string();
            store.set_many(&["a", "b", "c"].map(|key| (key, &number))).expect("there is no limit");
        }
    }));

    let looks = [
        "MGET a b c",
        "EVAL \"return server.call('mget', 'a', 'b', 'c')\" 0",
        "EVAL \"local get = server.call return {get('get', 'b'), get('get', 'c'), get('get', 'a')}\" 1 b",
    ];
    let mut readers: Vec<Box<dyn FnMut() + Send>> = Vec::new();
    for look in looks {
        let mut client = server.connect();
        readers.push(Box::new(move || {
            let seen = texts(&ask(&mut client, look));
            assert!(seen[0] == seen[1] && seen[1] == seen[2], "{look} shows {seen:?}");
        }));
    }
    let mut client = server.connect();
    readers.push(Box::new(move || {
        for line in ["MULTI", "GET a", "GET b", "GET c"] {
            ask(&mut client, line);
        }
        let seen = texts(&ask(&mut client, "EXEC"));
        assert!(seen[0] == seen[1] && seen[1] == seen[2], "a transaction shows {seen:?}");
    }));
    let store = Arc::clone(&server.store);
    readers.push(Box::new(move || {
        let seen = store.get_many(&["a", "b", "c"]);
        assert!(seen[0] == seen[1] && seen[1] == seen[2], "the program sees {seen:?}");
    }));
    side_by_side(writers, readers);
}

/// An account by chance, without any: each writer goes through them in a way of its own.
fn account(writer: usize, number: usize) -> String {
    format!("account:{}", (writer * 5 + number * (2 * writer + 3)) % ACCOUNTS)
}

#[test]
fn no_money_is_made_or_lost() {
    let server = Shared::start();
    let names: Vec<String> = (0..ACCOUNTS).map(|number| format!("account:{number}")).collect();
    for name in &names {
        server.store.set(name, DEPOSIT.to_string()).expect("there is no limit");
    }
    let script = "if tonumber(server.call('get', KEYS[1])) < 1 then return 0 end \
                  server.call('decr', KEYS[1]) server.call('incr', KEYS[2]) return 1";

    let mut writers: Vec<Box<dyn FnOnce() + Send>> = Vec::new();
    for writer in 0..2 {
        // As careful clients do it: look, and write only if nothing has changed meanwhile.
        let mut client = server.connect();
        writers.push(Box::new(move || {
            for number in 0..TIMES {
                let (from, to) = (account(writer, number), account(writer + 1, number + 1));
                ask(&mut client, &format!("WATCH {from} {to}"));
                let has = ask(&mut client, &format!("GET {from}")).text().expect("a number");
                ask(&mut client, "MULTI");
                if has != "0" {
                    ask(&mut client, &format!("DECR {from}"));
                    ask(&mut client, &format!("INCR {to}"));
                }
                ask(&mut client, "EXEC");
            }
        }));
        let mut client = server.connect();
        writers.push(Box::new(move || {
            for number in 0..TIMES {
                let (from, to) = (account(writer + 2, number), account(writer + 3, number + 1));
                ask(&mut client, &format!("EVAL \"{script}\" 2 {from} {to}"));
            }
        }));
        let store = Arc::clone(&server.store);
        writers.push(Box::new(move || {
            for number in 0..TIMES {
                let (from, to) = (account(writer + 4, number), account(writer + 5, number + 1));
                let [from, to] = [&from, &to].map(|name| store.key(0, name.as_bytes()));
                let moved = store.transaction(&[from, to], |view| {
                    let left = view.increment(from, -1).expect("a number");
                    let target = if left < 0 { from } else { to };
                    view.increment(target, 1).expect("a number");
                });
                moved.expect("there is no limit");
            }
        }));
    }

    let all = names.join(" ");
    let sum = |seen: Vec<Option<String>>| -> i64 {
        seen.iter()
            .map(|number| number.as_ref().expect("it is there").parse::<i64>().expect("a number"))
            .sum()
    };
    let mut readers: Vec<Box<dyn FnMut() + Send>> = Vec::new();
    let (mut client, line) = (server.connect(), format!("MGET {all}"));
    readers.push(Box::new(move || {
        let seen = texts(&ask(&mut client, &line));
        assert!(seen.iter().flatten().all(|number| !number.starts_with('-')), "{seen:?}");
        assert_eq!(sum(seen), ACCOUNTS as i64 * DEPOSIT);
    }));
    let store = Arc::clone(&server.store);
    let keep = names.clone();
    readers.push(Box::new(move || {
        let seen = store.get_many(&keep).into_iter();
        let seen = seen.map(|number| number.map(|text| String::from_utf8_lossy(&text).into_owned()));
        assert_eq!(sum(seen.collect()), ACCOUNTS as i64 * DEPOSIT);
    }));
    side_by_side(writers, readers);
    assert_eq!(server.store.watched_keys(), 0);
    let now = server.store.clock().now();
    assert_eq!(server.store.view(Scope::All, now).len(0).0, ACCOUNTS);
}
