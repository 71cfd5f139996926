//! What a server tells of changes while a sequence runs: events, and to who caches.

use std::collections::{BTreeMap, BTreeSet};

use scrubjay_tests::patience::GENEROUS;
use scrubjay_tests::server::Server;
use scrubjay_tests::wire::{Client, Reply};

/// Told when a key or a field is found to be over, or gone for it, and of what is told otherwise then.
/// When that is found differs.
const ABOUT_TIME: [&str; 4] = ["expired", "hexpired", "del", "new"];

/// Who hears of all events of a server.
pub(crate) struct Listener(Client);

/// The events of each key, in their order.
pub(crate) type Heard = BTreeMap<String, Vec<String>>;

impl Listener {
    pub(crate) fn subscribe(server: &Server) -> Result<Self, String> {
        let mut client = server.connect();
        for line in ["CONFIG SET notify-keyspace-events AKEnm", "PSUBSCRIBE __key*@*__:*"] {
            let reply = client.typed(line).map_err(|why| why.to_string())?;
            if reply.is_error() {
                return Err(format!("{line}: {reply}"));
            }
        }
        Ok(Self(client))
    }

    /// What was told so far, of each key on its own channel and on those of the events.
    pub(crate) fn heard(&mut self) -> Result<Heard, String> {
        self.0.send(&["PING"]).map_err(|why| why.to_string())?;
        let mut heard = Heard::new();
        loop {
            let reply = self.0.read(GENEROUS).map_err(|why| format!("who listens reads {why}"))?;
            let parts: Vec<_> =
                reply.elements().unwrap_or_default().iter().filter_map(Reply::bytes).collect();
            let [b"pmessage", _, channel, payload] = parts[..] else { return Ok(heard) };
            let at = channel.windows(3).position(|part| part == b"__:").ok_or("a channel without a name")?;
            let (prefix, name) = (channel[..at].escape_ascii(), channel[at + 3..].escape_ascii());
            // Each channel's messages have an order of their own with which the other's agrees.
            let (of, event) = match channel.starts_with(b"__keyevent") {
                true => (format!("{prefix} {}", payload.escape_ascii()), name.to_string()),
                false => (format!("{prefix} {name}"), payload.escape_ascii().to_string()),
            };
            heard.entry(of).or_default().push(event);
        }
    }
}

/// Who caches what every key holds, and is told of each that changes.
pub(crate) struct Cacher(Client);

impl Cacher {
    pub(crate) fn track(server: &Server) -> Result<Self, String> {
        let mut client = server.connect();
        for line in ["HELLO 3", "CLIENT TRACKING ON BCAST"] {
            let reply = client.typed(line).map_err(|why| why.to_string())?;
            if reply.is_error() {
                return Err(format!("{line}: {reply}"));
            }
        }
        Ok(Self(client))
    }

    /// The keys that it was told of so far; `*` where it was told of all.
    pub(crate) fn stale(&mut self) -> Result<BTreeSet<String>, String> {
        self.0.send(&["PING"]).map_err(|why| why.to_string())?;
        let mut stale = BTreeSet::new();
        loop {
            let reply = self.0.read(GENEROUS).map_err(|why| format!("who caches reads {why}"))?;
            let Some([_, keys]) = reply.elements() else { return Ok(stale) };
            match keys.elements() {
                Some(keys) => stale
                    .extend(keys.iter().filter_map(Reply::bytes).map(|key| key.escape_ascii().to_string())),
                None => drop(stale.insert("*".to_owned())),
            }
        }
    }
}

/// Whether the same keys were told of, but for those of which something was over; if not, which were not.
pub(crate) fn stale_alike(
    ours: &BTreeSet<String>,
    theirs: &BTreeSet<String>,
    heard: [&Heard; 2],
) -> Result<(), String> {
    let over: BTreeSet<&str> = heard
        .into_iter()
        .flatten()
        .filter(|(_, events)| events.iter().any(|event| event.ends_with("expired")))
        .filter_map(|(of, _)| of.split_once(' '))
        .map(|(_, key)| key)
        .collect();
    let differs: Vec<_> =
        ours.symmetric_difference(theirs).filter(|key| !over.contains(key.as_str())).collect();
    if differs.is_empty() {
        return Ok(());
    }
    Err(format!(
        "who caches is told of one side alone: {differs:?}\nby Scrubjay {ours:?}\nby Valkey   {theirs:?}"
    ))
}

/// Whether as much was heard of every key; if not, what was.
pub(crate) fn alike(ours: &Heard, theirs: &Heard) -> Result<(), String> {
    let nothing = Vec::new();
    for key in ours.keys().chain(theirs.keys()) {
        let [our, their] = [ours, theirs].map(|heard| heard.get(key).unwrap_or(&nothing));
        if our != their && beside_time(our, their) != beside_time(their, our) {
            return Err(format!(
                "of {key}\nScrubjay tells {}\nValkey tells   {}",
                our.join(" "),
                their.join(" ")
            ));
        }
    }
    Ok(())
}

/// The events, but for what depends on when time was found to be over if it was.
fn beside_time<'h>(heard: &'h [String], other: &[String]) -> Vec<&'h str> {
    let over = heard.iter().chain(other).any(|event| event.ends_with("expired"));
    let counts = |event: &&str| !over || !ABOUT_TIME.contains(event);
    heard.iter().map(String::as_str).filter(counts).collect()
}
