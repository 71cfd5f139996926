//! A HyperLogLog's bytes are Valkey's, so that it can be carried from one to the other: the same keys are
//! built on both, in both forms, and every byte compared.
#![forbid(unsafe_code)]

use scrubjay_tests::server::{Backend, Server, references};
use scrubjay_tests::wire::{Client, Reply};
use scrubjay_tests::words::escape;

/// Elements of a key, and how many are added before its bytes are compared again.
const KEYS: &[(usize, usize)] = &[(1, 1), (40, 1), (300, 7), (1500, 50), (6000, 250), (30_000, 3000)];
/// Sparse bytes allowed: never, the default, and more than Valkey would ever do well with.
const LIMITS: &[&str] = &["0", "60", "3000", "16000"];

struct Pair {
    servers: [Server; 2],
    clients: [Client; 2],
}

impl Pair {
    fn start() -> Option<Self> {
        let valkey = references().into_iter().find(|backend| *backend == Backend::Valkey)?;
        let servers = [valkey, Backend::Scrubjay].map(|backend| Server::start(backend).expect("a server"));
        let clients = servers.each_ref().map(Server::connect);
        Some(Self { servers, clients })
    }

    /// What both say, if they agree.
    fn ask(&mut self, words: &[&[u8]]) -> Reply {
        let [valkey, scrubjay] =
            self.clients.each_mut().map(|client| client.command(words).expect("a reply"));
        let shown: Vec<_> = words.iter().take(4).map(|word| escape(word)).collect();
        assert!(valkey == scrubjay, "{shown:?}: {valkey:?} of Valkey, {scrubjay:?} of Scrubjay");
        valkey
    }

    /// One says it and the other is told.
    fn carry(&mut self, from: usize, key: &[u8]) {
        let value = self.clients[from].command(&[b"GET", key]).expect("a reply");
        let bytes = value.bytes().expect("a string").to_vec();
        self.clients[1 - from].command(&[b"SET".as_slice(), key, &bytes]).expect("a reply");
    }
}

fn element(key: usize, number: usize) -> Vec<u8> {
    // Of many lengths, some of them with bytes that are no text, and some that many keys share.
    let mut element = format!("{}:{number}", if number.is_multiple_of(3) { 0 } else { key }).into_bytes();
    element.resize(element.len() + number % 23, (number % 256) as u8);
    element
}

#[test]
fn the_same_elements_make_the_same_bytes() {
    let Some(mut pair) = Pair::start() else { return };
    let mut names = Vec::new();
    for limit in LIMITS {
        pair.ask(&[b"CONFIG", b"SET", b"hll-sparse-max-bytes", limit.as_bytes()]);
        for (index, (count, step)) in KEYS.iter().enumerate() {
            let key = format!("{limit}:{count}").into_bytes();
            let elements: Vec<_> = (0..*count).map(|number| element(index, number)).collect();
            for batch in elements.chunks(*step) {
                let words: Vec<&[u8]> =
                    [&b"PFADD"[..], &key].into_iter().chain(batch.iter().map(Vec::as_slice)).collect();
                pair.ask(&words);
                pair.ask(&[b"GET", &key]);
                pair.ask(&[b"PFCOUNT", &key]);
            }
            pair.ask(&[b"GET", &key]);
            pair.ask(&[b"PFDEBUG", b"ENCODING", &key]);
            let last: Vec<&[u8]> = [&b"PFADD"[..], &key].into_iter().chain([&elements[0][..]]).collect();
            assert_eq!(pair.ask(&last), Reply::Integer(0), "seen before");
            names.push(key);
        }
    }

    // What one has made the other reads and goes on with.
    for key in &names {
        for from in [0, 1] {
            pair.carry(from, key);
            pair.ask(&[b"PFCOUNT", key]);
            pair.ask(&[b"PFADD", key, b"carried", &[from as u8]]);
            pair.ask(&[b"GET", key]);
        }
    }

    // Together, pair by pair, into a key that is not there yet and into one that is.
    for limit in ["40", "3000"] {
        pair.ask(&[b"CONFIG", b"SET", b"hll-sparse-max-bytes", limit.as_bytes()]);
        for (index, a) in names.iter().enumerate() {
            let b = &names[(index * 7 + 5) % names.len()];
            pair.ask(&[b"PFCOUNT", a, b]);
            pair.ask(&[b"DEL", b"merged"]);
            pair.ask(&[b"PFMERGE", b"merged", a, b]);
            pair.ask(&[b"GET", b"merged"]);
            pair.ask(&[b"PFMERGE", b"sum", b]);
            pair.ask(&[b"GET", b"sum"]);
            pair.ask(&[b"PFCOUNT", b"sum"]);
        }
    }
    for key in &names {
        pair.ask(&[b"PFDEBUG", b"GETREG", key]);
        pair.ask(&[b"GET", key]);
    }
    drop(pair.servers);
}
