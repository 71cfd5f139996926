//! What COMMAND says about our commands is what Valkey says about its own: INFO, DOCS, and the keys of
//! every command line that the transcripts type. With `compat redis-8.0` INFO is Redis's, but for what is
//! listed; of DOCS `tests/compat` compares what is no prose.
#![forbid(unsafe_code)]

mod calls;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use scrubjay_tests::server::{Backend, Server, references, workspace};
use scrubjay_tests::transcript::Transcript;
use scrubjay_tests::wire::{Client, Reply};
use scrubjay_tests::words::join;

struct Pair {
    _servers: [Server; 2],
    ours: Client,
    theirs: Client,
    /// Our commands and subcommands, `client|list` for example.
    names: Vec<String>,
}

impl Pair {
    fn start() -> Option<Self> {
        Self::with(Backend::Valkey, &[])
    }

    /// Ours as Redis, and Redis 8.0.
    fn redis() -> Option<Self> {
        let is_8_0 = |version: &String| version.starts_with("8.0.");
        let there =
            references().contains(&Backend::Redis) && Backend::Redis.version().is_ok_and(|v| is_8_0(&v));
        if there { Self::with(Backend::Redis, &["--compat", "redis-8.0"]) } else { None }
    }

    fn with(reference: Backend, arguments: &[&str]) -> Option<Self> {
        if !references().contains(&reference) {
            return None;
        }
        let servers = [(Backend::Scrubjay, arguments), (reference, &[])].map(|(backend, arguments)| {
            Server::start_with(backend, arguments).unwrap_or_else(|why| panic!("{why}"))
        });
        let [mut ours, mut theirs] = servers.each_ref().map(Server::connect);
        for client in [&mut ours, &mut theirs] {
            client.typed("HELLO 3").expect("a greeting");
        }
        let list = ours.typed("COMMAND LIST").expect("a reply");
        let mut names: Vec<String> =
            list.elements().expect("a list of names").iter().filter_map(Reply::text).collect();
        // No other server has our own.
        names.retain(|name| name.split('|').next() != Some("scrubjay"));
        names.sort();
        assert!(!names.is_empty(), "COMMAND LIST names nothing");
        Some(Self { _servers: servers, ours, theirs, names })
    }

    /// Asks both the same and returns what differs once `trim` has taken away what may.
    fn difference(&mut self, words: &[Vec<u8>], trim: impl Fn(Reply) -> Reply) -> Option<String> {
        let ours = trim(self.ours.command(words).expect("a reply"));
        let theirs = trim(self.theirs.command(words).expect("a reply"));
        (ours != theirs).then(|| format!("> {}\n{}", join(words), first_difference(&ours, &theirs)))
    }
}

/// The first lines that differ, with a few above them: the replies are long.
fn first_difference(ours: &Reply, theirs: &Reply) -> String {
    const SHOWN: usize = 4;
    let (ours, theirs) = (ours.to_string(), theirs.to_string());
    let alike = ours.lines().zip(theirs.lines()).take_while(|(ours, theirs)| ours == theirs).count();
    let from =
        |text: &str| text.lines().skip(alike).take(SHOWN).fold(String::new(), |all, line| all + line + "\n");
    let above: Vec<_> = ours.lines().take(alike).skip(alike.saturating_sub(SHOWN)).collect();
    format!("{}\nScrubjay says\n{}the other says\n{}", above.join("\n"), from(&ours), from(&theirs))
}

fn question(words: &[&str], more: &[Vec<u8>]) -> Vec<Vec<u8>> {
    words.iter().map(|word| word.as_bytes().to_vec()).chain(more.iter().cloned()).collect()
}

#[test]
fn command_info_is_valkeys() {
    let Some(mut pair) = Pair::start() else { return };
    let names = pair.names.clone();
    let known: BTreeSet<&str> = names.iter().map(String::as_str).collect();
    let trim = |reply| with_subcommands_of(&known, reply);
    let differences: Vec<_> = names
        .iter()
        .filter_map(|name| pair.difference(&question(&["COMMAND", "INFO", name], &[]), trim))
        .collect();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// Of a container in COMMAND INFO, the subcommands that we have, in one order: each is asked for by itself
/// too.
fn with_subcommands_of(known: &BTreeSet<&str>, reply: Reply) -> Reply {
    let Reply::Array(mut commands) = reply else { return reply };
    if let Some(Reply::Array(fields)) = commands.first_mut()
        && let Some(Reply::Array(subcommands)) = fields.get_mut(9)
    {
        subcommands.retain(|one| {
            let name = one.elements().and_then(|fields| fields.first()).and_then(Reply::text);
            name.is_some_and(|name| known.contains(name.as_str()))
        });
        subcommands.sort();
    }
    Reply::Array(commands)
}

/// The same with its sets in one order: Redis has others than Valkey.
fn sorted(reply: Reply) -> Reply {
    match reply {
        Reply::Array(elements) => Reply::Array(elements.into_iter().map(sorted).collect()),
        Reply::Set(elements) => {
            let mut elements: Vec<_> = elements.into_iter().map(sorted).collect();
            elements.sort();
            Reply::Set(elements)
        }
        other => other,
    }
}

/// Where our commands behave as Valkey's, and COMMAND INFO of Redis says otherwise.
const OTHER_THAN_REDIS: &[(&[&str], &str)] = &[
    (
        &["client|getname", "client|getredir", "client|id", "client|no-evict", "client|no-touch", "select"],
        "may be called while a script is busy",
    ),
    (&["client|setinfo", "client|setname"], "may be called while a script is busy"),
    (&["client|caching", "client|reply"], "may be called while a script is busy; one is refused after MULTI"),
    (&["multi", "watch"], "are refused after MULTI, which then fails"),
    (&["memory|purge", "memory|malloc-stats"], "may be called while data is loaded"),
    (&["script|exists", "script|flush"], "may be called on a stale replica"),
    (&["script|debug"], "takes the name of an engine"),
    (&["georadius", "georadiusbymember"], "says that what it does to its keys depends on the call"),
    (&["hgetex", "hsetex"], "say less, or other things, of what they do to their keys"),
    (&["httl", "hpttl"], "give no hint that their answers vary"),
];

#[test]
fn command_info_is_rediss_where_it_passes_for_redis() {
    let Some(mut pair) = Pair::redis() else { return };
    let names = pair.names.clone();
    let other = |name: &str| OTHER_THAN_REDIS.iter().any(|(names, _)| names.contains(&name));
    let same: BTreeSet<&str> = names.iter().map(String::as_str).filter(|name| !other(name)).collect();
    let mut differences = Vec::new();
    for name in &names {
        let ask = question(&["COMMAND", "INFO", name], &[]);
        let difference = pair.difference(&ask, |reply| sorted(with_subcommands_of(&same, reply)));
        if other(name) {
            assert!(difference.is_some(), "{name} is Redis's, and stands in the list");
        } else {
            differences.extend(difference);
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn command_docs_are_valkeys() {
    let Some(mut pair) = Pair::start() else { return };
    let names = pair.names.clone();
    let known: BTreeSet<&str> = names.iter().map(String::as_str).collect();
    let ours = |entry: &(Reply, Reply)| entry.0.text().is_some_and(|name| known.contains(name.as_str()));
    let trim = |reply: Reply| match reply {
        Reply::Map(mut commands) => {
            for (_, docs) in &mut commands {
                let Reply::Map(fields) = docs else { continue };
                for (field, value) in fields {
                    if let (Some(b"subcommands"), Reply::Map(subcommands)) = (field.bytes(), value) {
                        subcommands.retain(ours);
                        subcommands.sort();
                    }
                }
            }
            Reply::Map(commands)
        }
        other => other,
    };
    let differences: Vec<_> = names
        .iter()
        .filter_map(|name| pair.difference(&question(&["COMMAND", "DOCS", name], &[]), trim))
        .collect();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn keys_are_found_where_valkey_finds_them() {
    let Some(mut pair) = Pair::start() else { return };
    let mut lines = BTreeSet::new();
    read(&workspace().join("tests/commands"), &mut lines);
    assert!(!lines.is_empty(), "the transcripts type nothing");
    let known: BTreeSet<Vec<u8>> = pair.names.iter().map(|name| name.as_bytes().to_vec()).collect();
    let mut differences = Vec::new();
    for line in lines
        .iter()
        .filter(|line| line.first().is_some_and(|name| known.contains(&name.to_ascii_lowercase())))
    {
        // A subcommand we do not have is another command there and an unknown one here.
        let container = line[0].to_ascii_lowercase();
        let is_container = known.iter().any(|name| name.starts_with(&[&container[..], b"|"].concat()));
        let full = line.get(1).map(|sub| [&container, &b"|"[..], &sub.to_ascii_lowercase()].concat());
        if is_container && full.is_none_or(|full| !known.contains(&full)) {
            continue;
        }
        for ask in ["GETKEYS", "GETKEYSANDFLAGS"] {
            differences.extend(pair.difference(&question(&["COMMAND", ask], line), |reply| reply));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

fn read(folder: &Path, lines: &mut BTreeSet<Vec<Vec<u8>>>) {
    for entry in fs::read_dir(folder).expect("readable").flatten() {
        let path = entry.path();
        if path.is_dir() {
            read(&path, lines);
        } else if path.extension().is_some_and(|extension| extension == "txt") {
            let text = fs::read_to_string(&path).expect("readable");
            let transcript = Transcript::parse(&text);
            lines.extend(transcript.unwrap_or_else(|why| panic!("{}: {why}", path.display())).commands());
        }
    }
}
