//! What a server tells of changes while a sequence runs.

use std::collections::BTreeMap;

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
