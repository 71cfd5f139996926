//! Scrubjay as a library: a store that a program and its server's clients share, and servers for tests.
#![forbid(unsafe_code)]

mod messages;
mod scripts;

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use scrubjay::time::ManualClock;
use scrubjay::{Change, End, Event, Log, Policy, Store};
use scrubjay_server::config::Config;
use scrubjay_server::{Server, TestServer};
use scrubjay_tests::patience::{GENEROUS, poll};
use scrubjay_tests::wire::{Client, Reply};

const SHORT: Duration = Duration::from_millis(30);

fn connect(server: &TestServer) -> Client {
    Client::connect(address(server)).expect("it listens")
}

fn address(server: &TestServer) -> SocketAddr {
    ([127, 0, 0, 1], server.port()).into()
}

fn ask(client: &mut Client, line: &str) -> Reply {
    client.typed(line).unwrap_or_else(|silence| panic!("{line}: {silence:?}"))
}

/// Servers of one program may pass for different ones, for scripts too, which run on threads of theirs.
#[test]
fn each_server_passes_for_its_own() {
    let config = Config::default().with("compat", "redis-8.0").expect("a valid value");
    let (redis, valkey) = (TestServer::with_config(config), TestServer::start());
    let [mut redis, mut valkey] = [&redis, &valkey].map(connect);
    for _ in 0..2 {
        assert!(ask(&mut redis, "DELIFEQ k v").is_error());
        assert_eq!(ask(&mut valkey, "DELIFEQ k v"), Reply::Integer(0));
        let version = "EVAL \"return redis.REDIS_VERSION\" 0";
        assert_eq!([ask(&mut redis, version), ask(&mut valkey, version)], [bulk("8.0.6"), bulk("7.2.4")]);
    }
    assert!(Config::default().with("compat", "redis-7.2").is_err());
}

fn bulk(text: &str) -> Reply {
    Reply::Bulk(text.into())
}

/// The value of a field of INFO.
fn info(client: &mut Client, field: &str) -> Option<u64> {
    let text = ask(client, "INFO").text().expect("a text");
    let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':').map(str::to_owned));
    line?.parse().ok()
}

/// What an observer has heard so far.
#[derive(Default)]
struct Heard(Mutex<Vec<(String, Event)>>);

impl Heard {
    fn observe(store: &Store) -> Arc<Self> {
        let heard = Arc::<Self>::default();
        let hear = Arc::clone(&heard);
        store.observe(Arc::new(move |changes: &Log| {
            let mut list = hear.0.lock().expect("not poisoned");
            for change in changes.iter() {
                if let Change::Key { key, event, .. } = change {
                    list.push((String::from_utf8_lossy(key).into_owned(), event));
                }
            }
        }));
        heard
    }

    fn so_far(&self) -> Vec<(String, Event)> {
        self.0.lock().expect("not poisoned").clone()
    }
}

/// A thread of the program and clients stand in one line.
#[test]
fn who_waits_is_served_by_whoever_comes() {
    let server = TestServer::start();
    let (store, mut client) = (Arc::clone(server.store()), connect(&server));
    let blocked = |client: &mut Client, count| {
        poll(GENEROUS, || (info(client, "blocked_clients") == Some(count)).then_some(())).expect("it waits");
    };
    let mut waits = connect(&server);
    waits.send(&["BLMOVE", "jobs", "done", "LEFT", "RIGHT", "0"]).expect("it reads");
    blocked(&mut client, 1);
    let worker = {
        let store = Arc::clone(&store);
        thread::spawn(move || store.list("jobs").pop_waiting(End::Right, Some(GENEROUS)))
    };
    // The program serves a client, and its own thread if that is in the line already.
    store.list("jobs").push_right(["wash"]).expect("no limit");
    assert_eq!(waits.read(GENEROUS).expect("a reply"), bulk("wash"));
    assert_eq!(ask(&mut client, "LRANGE done 0 -1"), Reply::Array(vec![bulk("wash")]));
    // A client serves the thread.
    assert_eq!(ask(&mut client, "RPUSH jobs cut"), Reply::Integer(1));
    assert_eq!(worker.join().expect("it does not panic"), Ok(Some(b"cut".to_vec())));
    assert_eq!(store.list("jobs").pop_waiting(End::Left, Some(SHORT)), Ok(None));
    assert_eq!(store.waited_keys(), (0, 0));
}

#[test]
fn what_the_program_writes_clients_see_at_once_and_the_other_way_round() {
    let server = TestServer::start();
    let (store, mut client) = (server.store(), connect(&server));
    for round in 0..100 {
        store.set("key", format!("ours {round}")).expect("no limit");
        assert_eq!(ask(&mut client, "GET key"), bulk(&format!("ours {round}")));
        ask(&mut client, &format!("SET key \"theirs {round}\""));
        assert_eq!(store.get("key").expect("a string").expect("set"), format!("theirs {round}"));
    }
    store.set_many(&[("a", "1"), ("b", "2")]).expect("no limit");
    assert_eq!(ask(&mut client, "MGET a b c"), Reply::Array(vec![bulk("1"), bulk("2"), Reply::NullBulk]));
    assert_eq!(ask(&mut client, "DEL a b"), Reply::Integer(2));
    assert_eq!(store.get_many(&["a", "b"]), [None, None]);
    assert!(store.remove("key"));
    assert_eq!(ask(&mut client, "EXISTS key"), Reply::Integer(0));
}

#[test]
fn a_deadline_holds_whoever_gave_it() {
    let clock = ManualClock::new(1_700_000_000_000);
    let store = Arc::new(Store::builder().clock(clock.clone()).build());
    let heard = Heard::observe(&store);
    let server = TestServer::with_store(Arc::clone(&store), Config::default());
    let mut client = connect(&server);

    store.set_for("ours", "1", SHORT).expect("no limit");
    ask(&mut client, "SET theirs 1 PX 31");
    assert_eq!(ask(&mut client, "PTTL ours"), Reply::Integer(30));
    assert_eq!(store.ttl("theirs").flatten(), Some(Duration::from_millis(31)));
    clock.advance(SHORT);
    assert_eq!(ask(&mut client, "GET ours"), Reply::NullBulk);
    assert!(store.contains("theirs"));
    clock.advance(Duration::from_millis(1));
    assert!(!store.contains("theirs"));
    assert_eq!(store.stats().expired, 2);
    let expired = |key: &str| (key.to_owned(), Event::Expired);
    let told: Vec<_> = heard.so_far().into_iter().filter(|(_, event)| *event == Event::Expired).collect();
    assert_eq!(told, [expired("ours"), expired("theirs")]);
}

#[test]
fn the_server_gives_back_what_nobody_asks_for_again() {
    let server = TestServer::start();
    let heard = Heard::observe(server.store());
    server.store().set_for("brief", vec![b'x'; 1 << 20], SHORT).expect("no limit");
    let mut events = Vec::new();
    let gone = poll(GENEROUS, || {
        events = heard.so_far();
        (events.len() == 3).then_some(())
    });
    assert!(gone.is_some(), "{events:?}");
    let brief = |event| ("brief".to_owned(), event);
    assert_eq!(events, [Event::Set, Event::Expire, Event::Expired].map(brief));
    assert!(server.store().stats().used_bytes < 1 << 20);
}

#[test]
fn observers_hear_of_all_writes_in_their_order() {
    let server = TestServer::start();
    let (store, mut client) = (server.store(), connect(&server));
    let heard = Heard::observe(store);
    store.set("k", "1").expect("no limit");
    ask(&mut client, "INCR k");
    ask(&mut client, "APPEND k 0");
    store.expire("k", GENEROUS);
    ask(&mut client, "PERSIST k");
    ask(&mut client, "GET k");
    ask(&mut client, "RENAME k l");
    store.remove("l");
    let events: Vec<_> =
        heard.so_far().into_iter().map(|(key, event)| format!("{} {key}", event.name())).collect();
    let expected =
        ["set k", "incrby k", "append k", "expire k", "persist k", "rename_from k", "rename_to l", "del l"];
    assert_eq!(events, expected);

    // Many writers of one key: the last that was heard of is the one that holds.
    heard.0.lock().expect("not poisoned").clear();
    thread::scope(|scope| {
        for writer in 0..4 {
            let (store, mut client) = (Arc::clone(store), connect(&server));
            scope.spawn(move || {
                for _ in 0..250 {
                    if writer % 2 == 0 {
                        let _there = store.remove("contended");
                    } else {
                        ask(&mut client, "SET contended 1");
                    }
                }
            });
        }
    });
    let last = heard.so_far().pop().expect("there were 500 sets at least");
    assert_eq!(last.1 == Event::Set, store.contains("contended"));
    let dels = heard.so_far().iter().filter(|(_, event)| *event == Event::Del).count();
    assert_eq!(heard.so_far().len() - dels, 500, "each set was told of");
}

#[test]
fn one_memory_limit_holds_for_both() {
    const LIMIT: usize = 4 << 20;
    let store = Arc::new(Store::builder().max_memory(LIMIT).policy(Policy::AllKeysLru).build());
    let heard = Heard::observe(&store);
    let server = TestServer::with_store(Arc::clone(&store), Config::default());
    let mut client = connect(&server);
    let value = "x".repeat(1000);
    for index in 0..5_000 {
        store.set(format!("ours:{index}"), &value).expect("there is enough to evict");
        assert_eq!(ask(&mut client, &format!("SET theirs:{index} {value}")), Reply::Simple(b"OK".to_vec()));
        assert!(store.used_bytes() <= LIMIT + LIMIT / 100, "after {index}: {}", store.used_bytes());
    }
    let stats = store.stats();
    assert!(stats.evicted > 5_000, "{stats:?}");
    assert!(stats.keys > 1_000, "{stats:?}");
    let evicted = heard.so_far().iter().filter(|(_, event)| *event == Event::Evicted).count();
    assert_eq!(evicted as u64, stats.evicted);

    let full = Arc::new(Store::builder().max_memory(1).build());
    let server = TestServer::with_store(Arc::clone(&full), Config::default());
    // As in Valkey, what is written when the limit is reached may pass it, and then nothing more comes in.
    assert_eq!(full.set("k", "v"), Ok(()));
    assert_eq!(full.set("k", "v"), Err(scrubjay::OutOfMemory));
    let refused = ask(&mut connect(&server), "SET k v").to_string();
    assert!(refused.starts_with("-OOM "), "{refused}");
}

#[test]
fn figures_count_what_both_did() {
    let server = TestServer::start();
    let (store, mut client) = (server.store(), connect(&server));
    for index in 0..100 {
        store.set(format!("ours:{index}"), "1").expect("no limit");
        ask(&mut client, &format!("SET theirs:{index} 1 EX 1000"));
    }
    assert_eq!(ask(&mut client, "DBSIZE"), Reply::Integer(200));
    assert_eq!(store.len(), 200);

    let mut found = Vec::new();
    let mut cursor = "0".to_owned();
    loop {
        let reply = ask(&mut client, &format!("SCAN {cursor} COUNT 7"));
        let [next, keys] = reply.elements().expect("a cursor and keys") else { panic!("{reply}") };
        found.extend(keys.elements().expect("keys").iter().filter_map(Reply::text));
        cursor = next.text().expect("a number");
        if cursor == "0" {
            break;
        }
    }
    found.sort();
    found.dedup();
    assert_eq!(found.len(), 200);

    let before = store.stats();
    assert_eq!((before.keys, before.keys_with_deadline), (200, 100));
    assert!(store.get("ours:1").expect("a string").is_some());
    assert!(store.get("nowhere").expect("a string").is_none());
    ask(&mut client, "GET ours:1");
    ask(&mut client, "GET nowhere");
    let after = store.stats();
    assert_eq!((after.hits - before.hits, after.misses - before.misses), (2, 2));
    assert_eq!(info(&mut client, "keyspace_hits"), Some(after.hits));
    assert_eq!(info(&mut client, "keyspace_misses"), Some(after.misses));

    store.clear();
    assert_eq!(ask(&mut client, "DBSIZE"), Reply::Integer(0));
    assert_eq!(ask(&mut client, "RANDOMKEY"), Reply::NullBulk);
}

#[test]
fn servers_run_side_by_side_each_with_its_own_keys() {
    let servers: Vec<_> = (0..8).map(|_| TestServer::start()).collect();
    thread::scope(|scope| {
        for server in &servers {
            scope.spawn(|| {
                let mut client = connect(server);
                ask(&mut client, &format!("SET port {}", server.port()));
                assert_eq!(ask(&mut client, "DBSIZE"), Reply::Integer(1));
                assert_eq!(ask(&mut client, "GET port"), bulk(&server.port().to_string()));
                let port = format!("redis://127.0.0.1:{}/", server.port());
                assert_eq!(server.url(), port);
            });
        }
    });
}

#[test]
fn dropping_a_server_disconnects_its_clients_and_frees_its_port() {
    let server = TestServer::start();
    let at = address(&server);
    let store = Arc::clone(server.store());
    let mut idle = connect(&server);
    let mut half = connect(&server);
    half.send_bytes(b"*2\r\n$3\r\nGET\r\n$100\r\nhalf a req").expect("sent");
    let busy = thread::spawn(move || {
        let mut client = Client::connect(at).expect("it listens");
        let mut answered = 0;
        while client.command(&["INCR", "counter"]).is_ok() {
            answered += 1;
        }
        answered
    });
    poll(GENEROUS, || store.contains("counter").then_some(())).expect("the busy client has begun");
    drop(server);

    assert!(TcpStream::connect(at).is_err(), "nobody listens");
    assert!(idle.command(&["PING"]).is_err());
    assert!(half.read(GENEROUS).is_err());
    let answered: i64 = busy.join().expect("it does not panic");
    let counted: i64 = store
        .get_with("counter", |value| String::from_utf8_lossy(value).parse())
        .expect("a string")
        .expect("it is there")
        .expect("a number");
    assert!(counted == answered || counted == answered + 1, "{answered} answers, {counted} counted");
    // The store is the program's, and goes on.
    store.set("after", "the server").expect("no limit");
    assert_eq!(Arc::strong_count(&store), 1, "nothing of the server is left to hold it");
    TcpListener::bind(at).expect("the port is free");
}

#[test]
fn a_server_ends_when_told_to_and_when_a_client_says_so() {
    let loopback = || Config::default().on_loopback();
    let server = Server::bind(loopback()).expect("a port");
    let (at, stop) = (SocketAddr::from(([127, 0, 0, 1], server.port())), server.stop_handle());
    let serving = thread::spawn(|| server.run());
    assert_eq!(ask(&mut Client::connect(at).expect("it listens"), "PING"), Reply::Simple(b"PONG".to_vec()));
    stop.stop();
    serving.join().expect("no panic").expect("no error");
    assert!(TcpStream::connect(at).is_err());
    stop.stop(); // Once more does no harm.

    // Told before it runs, it does not begin.
    let server = Server::bind(loopback()).expect("a port");
    server.stop_handle().stop();
    server.run().expect("no error");

    let server = TestServer::start();
    let mut client = connect(&server);
    client.send(&["SHUTDOWN", "NOSAVE"]).expect("sent");
    assert!(client.read(GENEROUS).is_err(), "it says nothing, and closes");
    drop(server);
}

#[test]
fn one_store_behind_two_servers() {
    let store = Arc::new(Store::default());
    let [one, other] = [(); 2].map(|()| TestServer::with_store(Arc::clone(&store), Config::default()));
    ask(&mut connect(&one), "SET key value");
    drop(one);
    assert_eq!(ask(&mut connect(&other), "GET key"), bulk("value"));
}

#[cfg(unix)]
#[test]
fn a_unix_socket_leads_to_the_same_store() {
    use std::io::{Read, Write};
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("scrubjay.sock");
    let config =
        Config::default().with("unixsocket", path.to_str().expect("a plain path")).expect("a parameter");
    let server = TestServer::with_config(config);
    assert_eq!(server.unix_socket(), Some(&*path));
    server.store().set("greeting", "hello").expect("no limit");
    let mut stream = std::os::unix::net::UnixStream::connect(&path).expect("it listens");
    stream.write_all(b"GET greeting\r\n").expect("sent");
    let mut reply = [0; 11];
    stream.read_exact(&mut reply).expect("an answer");
    assert_eq!(&reply, b"$5\r\nhello\r\n");
    drop(server);
    assert!(!path.exists(), "the file goes with the server");
}
