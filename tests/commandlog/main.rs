//! The command log holds what Valkey's holds: which commands, with which words, and how large each was.
//!
//! `lines.txt` holds what is done. Nothing is recorded: both servers are asked. What differs from run to run
//! is not compared: when it was, how long it took, and from which port.
#![forbid(unsafe_code)]

use std::fmt::Write;
use std::net::SocketAddr;

use scrubjay_server::config::Config;
use scrubjay_tests::patience::{GENEROUS, poll};
use scrubjay_tests::server::{Backend, Server};
use scrubjay_tests::wire::{Client, Reply};
use scrubjay_tests::words;

const LINES: &str = include_str!("lines.txt");

const KINDS: [&str; 3] = ["slow", "large-request", "large-reply"];

fn ask(client: &mut Client, line: &str) -> Reply {
    client.typed(line).unwrap_or_else(|silence| panic!("{line}: {silence}"))
}

/// A server, with who does things, who waits, and who looks into the logs and is not in them.
struct Side {
    client: Client,
    waiting: Client,
    observer: Client,
}

impl Side {
    fn connect(address: SocketAddr) -> Self {
        let connect = || Client::connect(address).expect("it listens");
        Self { client: connect(), waiting: connect(), observer: connect() }
    }

    /// Logs everything from now on, or nothing.
    fn log(&mut self, threshold: i64) {
        let set = format!(
            "CONFIG SET slowlog-log-slower-than {threshold} commandlog-request-larger-than {threshold} \
             commandlog-reply-larger-than {threshold}"
        );
        assert!(!ask(&mut self.observer, &set).is_error());
    }

    /// What the logs hold, the oldest first, without what this very look has left there.
    fn take(&mut self) -> Vec<String> {
        self.log(-1);
        let mut all = Vec::new();
        for kind in KINDS {
            let entries = ask(&mut self.observer, &format!("COMMANDLOG GET -1 {kind}"));
            let shown = entries.elements().expect("an array").iter().rev().map(|entry| masked(kind, entry));
            all.extend(shown.filter(|entry| !entry.contains("commandlog-reply-larger-than")));
            ask(&mut self.observer, &format!("COMMANDLOG RESET {kind}"));
        }
        all
    }

    fn run(&mut self, line: &str) -> Vec<String> {
        let split = |step| words::split(step).unwrap_or_else(|why| panic!("{line}: {why}"));
        self.log(0);
        if let Some(bytes) = line.strip_prefix("~ ") {
            self.client.send_bytes(&split(bytes).concat()).expect("it reads");
            self.finish(line);
            return self.take();
        }
        let mut steps = line.split(" ; ");
        let waits = line.strip_prefix("@ ").and_then(|_| steps.next());
        if let Some(step) = waits {
            self.waiting.send(&split(&step[2..])).expect("it reads");
            self.log(-1);
            let blocked = || {
                let info = ask(&mut self.observer, "INFO clients").text()?;
                info.contains("blocked_clients:1").then_some(())
            };
            poll(GENEROUS, blocked).expect("it waits");
            self.log(0);
        }
        steps.for_each(|step| self.client.send(&split(step)).expect("it reads"));
        if waits.is_some() {
            self.waiting.read(GENEROUS).expect("it is served");
        }
        self.finish(line);
        self.take()
    }

    /// Reads what has come, whatever it was.
    fn finish(&mut self, line: &str) {
        let over = Reply::Bulk(b"over".to_vec());
        self.client.send(&["ECHO", "over"]).expect("it reads");
        while self.client.read(GENEROUS).unwrap_or_else(|why| panic!("{line}: {why}")) != over {}
    }
}

/// An entry on one line.
fn masked(kind: &str, entry: &Reply) -> String {
    let parts = entry.elements().expect("an entry");
    let [id, _, value, words, address, name] = parts else { panic!("six parts: {entry}") };
    let words: Vec<_> = words.elements().expect("words").iter().filter_map(Reply::text).collect();
    // HELLO names the modules, and Valkey has one.
    let differs = kind == "slow" || kind == "large-reply" && words[0] == "HELLO";
    let value = value.integer().filter(|_| !differs).map(|bytes| format!(" {bytes}")).unwrap_or_default();
    let address = address.text().expect("an address");
    let host = address.rsplit_once(':').expect("a port").0;
    let id = id.integer().expect("a number");
    format!("{kind} #{id}{value} {words:?} {host} {:?}", name.text().expect("a name"))
}

#[test]
fn every_line_is_logged_as_in_valkey() {
    if !scrubjay_tests::server::references().contains(&Backend::Valkey) {
        return;
    }
    let valkey = Server::start_with(Backend::Valkey, &["--enable-debug-command", "yes"]).expect("Valkey");
    // Whoever is served is logged behind whoever served it, where one thread runs both.
    let config = Config::default().with("io-threads", "1").expect("a parameter");
    let config = config.with("enable-debug-command", "yes").expect("a parameter");
    let scrubjay = scrubjay_server::TestServer::with_config(config);
    let mut theirs = Side::connect(valkey.address());
    let mut ours = Side::connect(SocketAddr::from(([127, 0, 0, 1], scrubjay.port())));
    for side in [&mut theirs, &mut ours] {
        side.take();
    }
    let mut report = String::new();
    for line in LINES.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (them, us) = (theirs.run(line), ours.run(line));
        if std::env::var_os("SHOW").is_some() {
            eprintln!("> {line}\n    {}", them.join("\n    "));
        }
        if them != us {
            let _ = writeln!(report, "> {line}");
            let only = |these: &[String], those: &[String]| -> Vec<String> {
                these.iter().filter(|entry| !those.contains(entry)).cloned().collect()
            };
            for (who, entries) in [("Valkey", only(&them, &us)), ("Scrubjay", only(&us, &them))] {
                let _ = writeln!(report, "  {who}\n    {}", entries.join("\n    "));
            }
        }
    }
    assert!(report.is_empty(), "{report}");
}
