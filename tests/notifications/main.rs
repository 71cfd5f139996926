//! Every command tells of the changes that it tells of in Valkey, about the same keys and in the same order,
//! and changes keys for the same watchers and for the same clients that track.
//!
//! `lines.txt` holds what is done, each line to the same keys. Nothing is recorded: both servers are asked.
#![forbid(unsafe_code)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use scrubjay_server::config::Config;
use scrubjay_tests::patience::{GENEROUS, pause, poll};
use scrubjay_tests::server::{Backend, Server};
use scrubjay_tests::wire::{Client, Reply};

const LINES: &str = include_str!("lines.txt");

/// Keys that somebody watches while a line runs, by their databases.
const WATCHED: [&str; 13] =
    ["0:s", "0:n", "0:l", "0:st", "0:z", "0:h", "0:x", "0:t", "0:hll", "0:no", "0:to", "1:s", "1:no"];

/// What a server said of one line.
#[derive(PartialEq)]
struct Said {
    failed: bool,
    events: Vec<String>,
    touched: Vec<String>,
    /// Keys that one has to forget who has read them, in order.
    forgotten: Vec<String>,
    /// Keys that one is told of who tracks all of them.
    gathered: BTreeSet<String>,
}

/// A server, with whoever watches one of its keys.
struct Side {
    client: Client,
    /// Who waits while others do something.
    waiting: Client,
    listener: Listener,
    watchers: Vec<(String, Client)>,
    reader: Tracker,
    gatherer: Tracker,
}

fn ask(client: &mut Client, line: &str) -> Reply {
    client.typed(line).unwrap_or_else(|silence| panic!("{line}: {silence}"))
}

impl Side {
    fn connect(address: SocketAddr) -> Self {
        let connect = || Client::connect(address).expect("it listens");
        let watcher = |name: &&str| {
            let mut client = connect();
            let (db, _) = name.split_once(':').expect("a database and a key");
            ask(&mut client, &format!("SELECT {db}"));
            (name.to_string(), client)
        };
        let watchers = WATCHED.iter().map(watcher).collect();
        Self {
            client: connect(),
            waiting: connect(),
            listener: Listener::subscribe(address),
            watchers,
            reader: Tracker::connect(address, "CLIENT TRACKING ON"),
            gatherer: Tracker::connect(address, "CLIENT TRACKING ON BCAST"),
        }
    }

    /// Puts everything as it is before each line.
    fn prepare(&mut self, prepared: &[&str]) {
        let all = ["RESET", "FLUSHALL"].iter().chain(prepared);
        for line in all.clone() {
            let words = scrubjay_tests::words::split(line).expect("a command");
            self.client.send(&words).expect("it reads");
        }
        for line in all {
            let reply = self.client.read(GENEROUS).expect("a reply");
            assert!(!reply.is_error(), "{line}: {reply}");
        }
    }

    fn run(&mut self, prepared: &[&str], line: &str) -> Said {
        self.prepare(prepared);
        for (name, watcher) in &mut self.watchers {
            let key = name.split_once(':').expect("a database and a key").1;
            ask(watcher, &format!("WATCH {key}"));
        }
        // What was prepared is told of by now.
        self.listener.drain();
        self.reader.drain();
        self.gatherer.drain();
        ask(&mut self.reader.0, &format!("EXISTS {READ}"));
        let (mut failed, mut waits) = (false, 0);
        for step in line.split(" ; ") {
            if let Some(millis) = step.strip_prefix("~ ") {
                pause(Duration::from_millis(millis.parse().expect("milliseconds")));
                continue;
            }
            match step.strip_prefix("@ ") {
                Some(step) => {
                    let words = scrubjay_tests::words::split(step).expect("a command");
                    self.waiting.send(&words).expect("it reads");
                    waits += 1;
                    let blocked = || {
                        let info = ask(&mut self.client, "INFO clients").text()?;
                        info.contains("blocked_clients:1").then_some(())
                    };
                    poll(GENEROUS, blocked).expect("it waits");
                }
                None => failed |= ask(&mut self.client, step).is_error(),
            }
        }
        for _ in 0..waits {
            failed |= self.waiting.read(GENEROUS).expect("it is served").is_error();
        }
        let events = self.listener.drain();
        let mut touched = Vec::new();
        for (name, watcher) in &mut self.watchers {
            ask(watcher, "MULTI");
            ask(watcher, "PING");
            if ask(watcher, "EXEC").is_null() {
                touched.push(name.clone());
            }
        }
        let forgotten = self.reader.drain();
        let gathered = self.gatherer.drain().into_iter().collect();
        Said { failed, events, touched, forgotten, gathered }
    }
}

/// Keys that somebody has read before a line runs.
const READ: &str = "s n l st st2 si z z2 h he x t hll hll2 geo one sone zone hone no to";

/// Who keeps what it has read.
struct Tracker(Client);

impl Tracker {
    fn connect(address: SocketAddr, how: &str) -> Self {
        let mut client = Client::connect(address).expect("it listens");
        ask(&mut client, "HELLO 3");
        ask(&mut client, how);
        Self(client)
    }

    /// The keys that it was told to forget since this was last asked.
    fn drain(&mut self) -> Vec<String> {
        let Self(client) = self;
        client.send(&["PING"]).expect("it reads");
        let mut keys = Vec::new();
        while let Reply::Push(parts) = client.read(GENEROUS).expect("a message or a reply") {
            assert_eq!(parts[0].text().as_deref(), Some("invalidate"));
            match parts[1].elements() {
                Some(names) => keys.extend(names.iter().filter_map(Reply::text)),
                None => keys.push("(everything)".to_owned()),
            }
        }
        keys
    }
}

/// Who hears of events.
struct Listener(Client);

impl Listener {
    fn subscribe(address: SocketAddr) -> Self {
        let mut client = Client::connect(address).expect("it listens");
        ask(&mut client, "PSUBSCRIBE __key*@*__:*");
        Self(client)
    }

    /// What was heard since this was last asked.
    fn drain(&mut self) -> Vec<String> {
        let Self(client) = self;
        client.send(&["PING"]).expect("it reads");
        let mut events = Vec::new();
        loop {
            let reply = client.read(GENEROUS).expect("a message");
            let parts: Vec<_> = reply.elements().expect("an array").iter().filter_map(Reply::text).collect();
            match &parts[..] {
                [kind, _, channel, payload] if kind == "pmessage" => {
                    let (kind, rest) = channel.split_once('@').expect("a channel of events");
                    let (db, subject) = rest.split_once("__:").expect("a channel of events");
                    events.push(match kind {
                        "__keyevent" => format!("{subject} {db}:{payload}"),
                        _ => format!("{db}:{subject} {payload}"),
                    });
                }
                _ => return events,
            }
        }
    }
}

/// Lines that fail are marked so.
fn marked(line: &str) -> (bool, &str) {
    line.strip_prefix("! ").map_or((false, line), |line| (true, line))
}

/// Both servers, and what was different.
struct Both {
    theirs: Side,
    ours: Side,
    prepared: Vec<&'static str>,
    report: String,
}

impl Both {
    fn ask_for(&mut self, classes: &str) {
        for side in [&mut self.theirs, &mut self.ours] {
            let reply = ask(&mut side.client, &format!("CONFIG SET notify-keyspace-events {classes}"));
            assert!(!reply.is_error(), "{reply}");
        }
    }

    /// Runs a line on both; what Valkey told of it.
    fn compare(&mut self, line: &str) -> Vec<String> {
        let (fails, line) = marked(line);
        let (them, us) = (self.theirs.run(&self.prepared, line), self.ours.run(&self.prepared, line));
        if std::env::var_os("SHOW").is_some() {
            eprintln!("> {line}\n    {} | {}", them.events.join(", "), them.touched.join(" "));
        }
        if them.failed != fails {
            let _ = writeln!(self.report, "> {line}\n  fails in Valkey: {}", them.failed);
        }
        if them != us {
            let _ = writeln!(self.report, "> {line}");
            for (who, said) in [("Valkey", &them), ("Scrubjay", &us)] {
                let Said { failed, events, touched, forgotten, gathered } = said;
                let (events, touched) = (events.join(", "), touched.join(" "));
                let _ = writeln!(self.report, "  {who:8} failed {failed}; told {events}; touched {touched}");
                let _ = writeln!(self.report, "           forgotten {forgotten:?}; gathered {gathered:?}");
            }
        }
        them.events
    }
}

/// A few classes at a time: every event is told by some and not by others, by no two classes alike.
const SOME_CLASSES: [&str; 5] = ["E$lsz", "Eglhxn", "KEgsten", "Kszhtmx", "K$shetn"];

#[test]
fn every_line_tells_what_it_tells_in_valkey() {
    if !scrubjay_tests::server::references().contains(&Backend::Valkey) {
        return;
    }
    let valkey = Server::start_with(Backend::Valkey, &["--enable-debug-command", "yes"]).expect("Valkey");
    let debugged = Config::default().with("enable-debug-command", "yes").expect("a parameter");
    let scrubjay = scrubjay_server::TestServer::with_config(debugged);
    let lines = LINES.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let (prepared, lines): (Vec<_>, Vec<_>) = lines.partition(|line| line.starts_with("= "));
    let address = SocketAddr::from(([127, 0, 0, 1], scrubjay.port()));
    let mut both = Both {
        theirs: Side::connect(valkey.address()),
        ours: Side::connect(address),
        prepared: prepared.iter().map(|line| &line[2..]).collect(),
        report: String::new(),
    };
    // Every event has its line, the first that tells of it.
    let mut of_event = BTreeMap::new();
    both.ask_for("AEnm");
    for line in &lines {
        for told in both.compare(line) {
            let event = told.split(' ').next().expect("an event").to_owned();
            of_event.entry(event).or_insert(*line);
        }
    }
    for classes in SOME_CLASSES {
        both.ask_for(classes);
        for line in of_event.values() {
            both.compare(line);
        }
    }
    assert!(both.report.is_empty(), "{} lines\n{}", lines.len(), both.report);
    assert!(of_event.len() >= 63, "fewer events than there are: {of_event:?}");
}

/// Keys that nobody looks at any more, and those that were in the way.
#[test]
fn a_key_that_goes_by_itself_is_told_of() {
    let references = scrubjay_tests::server::references();
    let valkey = references.contains(&Backend::Valkey).then_some(Backend::Valkey);
    for backend in [Some(Backend::Scrubjay), valkey].into_iter().flatten() {
        let server = Server::start_with(backend, &["--notify-keyspace-events", "Exe"]).expect("a server");
        let (mut client, mut listener) = (server.connect(), Listener::subscribe(server.address()));
        ask(&mut client, "SET later v EX 1000");
        for n in 0..20 {
            ask(&mut client, &format!("SET k{n} v PX 1"));
        }
        let mut told = Vec::new();
        let all = poll(GENEROUS, || {
            told.extend(listener.drain());
            (told.len() >= 20).then_some(())
        });
        told.sort();
        let mut expected: Vec<_> = (0..20).map(|n| format!("expired 0:k{n}")).collect();
        expected.sort();
        assert_eq!((all, &told), (Some(()), &expected), "{backend}");

        // Eviction, whose every victim is told of and gone.
        ask(&mut client, "FLUSHALL");
        for n in 0..200 {
            ask(&mut client, &format!("SETRANGE big{n} 20000 x"));
        }
        ask(&mut client, "CONFIG SET maxmemory-policy allkeys-random");
        let used = ask(&mut client, "INFO memory").text().expect("a text");
        let used = used.lines().find_map(|line| line.strip_prefix("used_memory:")).expect("a field");
        let limit = used.parse::<u64>().expect("a number") - 1_000_000;
        ask(&mut client, &format!("CONFIG SET maxmemory {limit}"));
        ask(&mut client, "SET one v");
        let evicted = listener.drain();
        assert!(!evicted.is_empty(), "{backend}");
        for event in &evicted {
            let key = event.strip_prefix("evicted 0:").unwrap_or_else(|| panic!("{backend}: {event}"));
            assert_eq!(ask(&mut client, &format!("EXISTS {key}")), Reply::Integer(0), "{backend}: {key}");
        }
    }
}

/// What the program does with its store is told to the server's clients, and not once the server is gone.
#[test]
fn the_embedding_program_is_heard_too() {
    let notify = Config::default().with("notify-keyspace-events", "KA").expect("a parameter");
    let store = Arc::new(scrubjay::Store::default());
    let server = scrubjay_server::TestServer::with_store(Arc::clone(&store), notify);
    let address = ([127, 0, 0, 1], server.port()).into();
    let mut listener = Listener::subscribe(address);
    let mut gatherer = Tracker::connect(address, "CLIENT TRACKING ON BCAST");
    let mut reader = Tracker::connect(address, "CLIENT TRACKING ON");
    ask(&mut reader.0, "GET k");
    store.set("k", "v").expect("no limit");
    for tracker in [&mut reader, &mut gatherer] {
        let message = tracker.0.read(GENEROUS).expect("it is woken");
        let keys = message.elements().and_then(|parts| parts[1].elements()).expect("keys");
        assert_eq!(keys[0].text().as_deref(), Some("k"));
    }
    let message = listener.0.read(GENEROUS).expect("it is woken");
    assert_eq!(message.elements().and_then(|parts| parts[2].text()).as_deref(), Some("__keyspace@0__:k"));
    assert!(store.remove("k"));
    let message = listener.0.read(GENEROUS).expect("it is woken");
    assert_eq!(message.elements().and_then(|parts| parts[3].text()).as_deref(), Some("del"));
    drop(server);
    store.set("k", "v").expect("no limit");
}
