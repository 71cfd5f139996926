//! What the server is for clients: Valkey 9.1, Redis 8.0 with `compat redis-8.0`, and Valkey that passes for
//! Redis with `extended-redis-compatibility`. Each is held against the real one, and so is the report of what
//! would not run everywhere.
#![forbid(unsafe_code)]

mod identity;
mod options;
mod report;

use std::collections::BTreeSet;

use scrubjay_tests::server::{Backend, Server, references};
use scrubjay_tests::wire::{Client, Reply};

/// As what a Scrubjay is started.
const AS_REDIS: &[&str] = &["--compat", "redis-8.0"];

/// A server of ours and what it is like, if that can be had here.
struct Pair {
    _servers: [Server; 2],
    ours: Client,
    theirs: Client,
}

impl Pair {
    /// Ours as Valkey, and Valkey.
    fn valkey() -> Option<Self> {
        Self::start(&[], Backend::Valkey)
    }

    /// Ours as Redis, and Redis 8.0; another Redis has other commands.
    fn redis() -> Option<Self> {
        let version = references().contains(&Backend::Redis).then(|| Backend::Redis.version())?;
        if !version.as_deref().is_ok_and(|version| version.starts_with("8.0.")) {
            eprintln!("not compared with Redis 8.0: here is {version:?}");
            return None;
        }
        Self::start(AS_REDIS, Backend::Redis)
    }

    fn start(arguments: &[&str], backend: Backend) -> Option<Self> {
        if !references().contains(&backend) {
            return None;
        }
        let ours = Server::start_with(Backend::Scrubjay, arguments).unwrap_or_else(|why| panic!("{why}"));
        let theirs = Server::start(backend).unwrap_or_else(|why| panic!("{why}"));
        let servers = [ours, theirs];
        let [ours, theirs] = servers.each_ref().map(Server::connect);
        Some(Self { _servers: servers, ours, theirs })
    }

    /// What both answer.
    fn ask<W: AsRef<[u8]>>(&mut self, words: &[W]) -> [Reply; 2] {
        [&mut self.ours, &mut self.theirs].map(|client| client.command(words).expect("a reply"))
    }
}

/// All commands, and subcommands as `client|list`.
fn names(client: &mut Client) -> BTreeSet<String> {
    let list = client.typed("COMMAND LIST").expect("a reply");
    // A module's names may be in capitals.
    let lower = |name: &Reply| name.text().map(|name| name.to_lowercase());
    list.elements().expect("names").iter().filter_map(lower).collect()
}

/// No other server has it, so nobody is asked.
fn is_ours(name: &str) -> bool {
    name.split('|').next() == Some("scrubjay")
}

/// The value of a field, of a map of RESP3 or of a list of names and values.
fn field<'a>(map: &'a Reply, name: &str) -> &'a Reply {
    let found = match map {
        Reply::Map(pairs) => {
            pairs.iter().find(|(key, _)| key.text().as_deref() == Some(name)).map(|pair| &pair.1)
        }
        other => {
            let mut pairs = other.elements().expect("a map").chunks(2);
            pairs.find(|pair| pair[0].text().as_deref() == Some(name)).map(|pair| &pair[1])
        }
    };
    found.unwrap_or_else(|| panic!("no {name} in {map}"))
}
