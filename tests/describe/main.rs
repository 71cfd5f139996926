//! What COMMAND says about our commands is what Valkey says about its own: INFO, DOCS, and the keys of every
//! command line that the transcripts type.
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
        if !references().contains(&Backend::Valkey) {
            return None;
        }
        let servers = [Backend::Scrubjay, Backend::Valkey]
            .map(|one| Server::start(one).unwrap_or_else(|why| panic!("{why}")));
        let [mut ours, mut theirs] = servers.each_ref().map(Server::connect);
        for client in [&mut ours, &mut theirs] {
            client.typed("HELLO 3").expect("a greeting");
        }
        let list = ours.typed("COMMAND LIST").expect("a reply");
        let mut names: Vec<String> =
            list.elements().expect("a list of names").iter().filter_map(Reply::text).collect();
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
    format!("{}\nScrubjay says\n{}Valkey says\n{}", above.join("\n"), from(&ours), from(&theirs))
}

fn question(words: &[&str], more: &[Vec<u8>]) -> Vec<Vec<u8>> {
    words.iter().map(|word| word.as_bytes().to_vec()).chain(more.iter().cloned()).collect()
}

#[test]
fn command_info_is_valkeys() {
    let Some(mut pair) = Pair::start() else { return };
    let names = pair.names.clone();
    let known: BTreeSet<&str> = names.iter().map(String::as_str).collect();
    // Of a container, the subcommands that we have, in one order: each is asked for by itself too.
    let trim = |reply: Reply| match reply {
        Reply::Array(mut commands) => {
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
        other => other,
    };
    let differences: Vec<_> = names
        .iter()
        .filter_map(|name| pair.difference(&question(&["COMMAND", "INFO", name], &[]), trim))
        .collect();
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
