//! Every command tells of the changes that it tells of in Valkey, about the same keys and in the same order,
//! and changes keys for the same watchers.
//!
//! `lines.txt` holds what is done, each line to the same keys. Nothing is recorded: both servers are asked.
#![forbid(unsafe_code)]

use std::fmt::Write;
use std::net::SocketAddr;
use std::time::Duration;

use scrubjay_server::config::Config;
use scrubjay_tests::patience::{GENEROUS, pause, poll};
use scrubjay_tests::server::{Backend, Server};
use scrubjay_tests::wire::{Client, Reply};

const LINES: &str = include_str!("lines.txt");

/// What a server said of one line.
#[derive(PartialEq)]
struct Said {
    failed: bool,
    events: Vec<String>,
    touched: Vec<String>,
}

/// A server, with whoever watches one of its keys.
struct Side {
    client: Client,
    /// Who waits while others do something.
    waiting: Client,
    listener: Listener,
    watchers: Vec<(String, Client)>,
}

fn ask(client: &mut Client, line: &str) -> Reply {
    client.typed(line).unwrap_or_else(|silence| panic!("{line}: {silence}"))
}

impl Side {
    fn connect(address: SocketAddr, listener: Listener, watched: &[&str]) -> Self {
        let connect = || Client::connect(address).expect("it listens");
        let watcher = |name: &str| {
            let mut client = connect();
            let (db, key) = name.split_once(':').expect("a database and a key");
            ask(&mut client, &format!("SELECT {db}"));
            (key.to_owned(), client)
        };
        let named = |name: &&str| (name.to_string(), watcher(name).1);
        let watchers = watched.iter().map(named).collect();
        Self { client: connect(), waiting: connect(), listener, watchers }
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
        self.listener.drain(&mut self.client);
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
        let events = self.listener.drain(&mut self.client);
        let mut touched = Vec::new();
        for (name, watcher) in &mut self.watchers {
            ask(watcher, "MULTI");
            ask(watcher, "PING");
            if ask(watcher, "EXEC").is_null() {
                touched.push(name.clone());
            }
        }
        Said { failed, events, touched }
    }
}

/// Who hears of events.
enum Listener {
    Subscriber(Client),
    Observer(std::sync::Arc<observer::Heard>),
}

impl Listener {
    fn subscribe(address: SocketAddr) -> Self {
        let mut client = Client::connect(address).expect("it listens");
        let classes = ask(&mut client, "CONFIG SET notify-keyspace-events AEnm");
        assert!(!classes.is_error(), "{classes}");
        ask(&mut client, "PSUBSCRIBE __key*@*__:*");
        Self::Subscriber(client)
    }

    /// What was heard since this was last asked.
    fn drain(&mut self, other: &mut Client) -> Vec<String> {
        let client = match self {
            Self::Subscriber(client) => client,
            Self::Observer(heard) => {
                // Whatever a command leaves to be told is told before the next reply.
                ask(other, "PING");
                return heard.take();
            }
        };
        client.send(&["PING"]).expect("it reads");
        let mut events = Vec::new();
        loop {
            let reply = client.read(GENEROUS).expect("a message");
            let parts: Vec<_> = reply.elements().expect("an array").iter().filter_map(Reply::text).collect();
            match &parts[..] {
                [kind, _, channel, key] if kind == "pmessage" => {
                    let rest = channel.strip_prefix("__keyevent@").expect("a channel of events");
                    let (db, event) = rest.split_once("__:").expect("a channel of events");
                    events.push(format!("{event} {db}:{key}"));
                }
                _ => return events,
            }
        }
    }
}

mod observer {
    use std::sync::{Arc, Mutex};

    use scrubjay::{Change, Log, Observer, Store};

    #[derive(Default)]
    pub(super) struct Heard(Mutex<Vec<String>>);

    impl Observer for Heard {
        fn changed(&self, changes: &Log) {
            let mut list = self.0.lock().expect("not poisoned");
            for change in changes.iter() {
                if let Change::Key { db, key, event } | Change::Told { db, key, event } = change {
                    list.push(format!("{} {db}:{}", event.name(), String::from_utf8_lossy(key)));
                }
            }
        }

        fn asks_for_asides(&self) -> bool {
            true
        }
    }

    impl Heard {
        pub(super) fn observe(store: &Store) -> Arc<Self> {
            let heard = Arc::<Self>::default();
            store.observe(heard.clone());
            heard
        }

        pub(super) fn take(&self) -> Vec<String> {
            std::mem::take(&mut self.0.lock().expect("not poisoned"))
        }
    }
}

#[test]
fn every_line_tells_what_it_tells_in_valkey() {
    if !scrubjay_tests::server::references().contains(&Backend::Valkey) {
        return;
    }
    let valkey = Server::start(Backend::Valkey).expect("Valkey");
    let debugged = Config::default().with("enable-debug-command", "yes").expect("a parameter");
    let scrubjay = scrubjay_server::TestServer::with_config(debugged);
    let heard = observer::Heard::observe(scrubjay.store());
    let lines = LINES.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let (prepared, lines): (Vec<_>, Vec<_>) = lines.partition(|line| line.starts_with("= "));
    let prepared: Vec<_> = prepared.iter().map(|line| &line[2..]).collect();
    let watched =
        ["0:s", "0:n", "0:l", "0:st", "0:z", "0:h", "0:x", "0:t", "0:hll", "0:no", "0:to", "1:s", "1:no"];
    let address = SocketAddr::from(([127, 0, 0, 1], scrubjay.port()));
    let mut theirs = Side::connect(valkey.address(), Listener::subscribe(valkey.address()), &watched);
    let mut ours = Side::connect(address, Listener::Observer(heard), &watched);
    let mut report = String::new();
    for line in &lines {
        let (fails, line) = match line.strip_prefix("! ") {
            Some(line) => (true, line),
            None => (false, *line),
        };
        let (them, us) = (theirs.run(&prepared, line), ours.run(&prepared, line));
        if std::env::var_os("SHOW").is_some() {
            eprintln!("> {line}\n    {} | {}", them.events.join(", "), them.touched.join(" "));
        }
        if them.failed != fails {
            let _ = writeln!(report, "> {line}\n  fails in Valkey: {}", them.failed);
        }
        if them == us {
            continue;
        }
        let _ = writeln!(report, "> {line}");
        for (who, said) in [("Valkey", them), ("Scrubjay", us)] {
            let Said { failed, events, touched } = said;
            let (events, touched) = (events.join(", "), touched.join(" "));
            let _ = writeln!(report, "  {who:8} failed {failed}; told {events}; touched {touched}");
        }
    }
    assert!(report.is_empty(), "{} lines\n{report}", lines.len());
}
