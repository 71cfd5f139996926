//! The rules of the house, as tests: what the tree promises a reader is so.
//!
//! They read the sources as text. That is coarse, and enough: none of them has to understand Rust to see that
//! a module names one it should not know.
#![forbid(unsafe_code)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use scrubjay_tests::server::{Backend, Server, workspace};
use scrubjay_tests::transcript::Transcript;
use scrubjay_tests::wire::Reply;

/// What a module of a crate may not import, and why not.
struct Arrow {
    module: &'static str,
    not: &'static [&'static str],
    why: &'static str,
}

/// `store`, `cache` -> `shard` -> `collections` -> `raw`; `types` -> `collections`.
const ENGINE: &[Arrow] = &[
    Arrow {
        module: "raw",
        not: &["collections", "types", "shard", "store", "cache"],
        why: "the folder of unsafe code is the lowest",
    },
    Arrow {
        module: "collections",
        not: &["types", "shard", "store", "cache"],
        why: "a collection does not know what is kept in it",
    },
    Arrow {
        module: "types",
        not: &["dump", "shard", "store", "cache"],
        why: "a type does not know what a key is",
    },
    Arrow {
        module: "dump",
        not: &["shard", "store", "cache"],
        why: "a payload is a value, wherever it is kept",
    },
    Arrow {
        module: "shard",
        not: &["dump", "types", "store", "cache"],
        why: "a shard does not know what a hash is",
    },
    Arrow {
        module: "time",
        not: &["raw", "collections", "types", "shard", "store", "cache"],
        why: "time knows nothing",
    },
    Arrow {
        module: "random",
        not: &["raw", "collections", "types", "shard", "store", "cache"],
        why: "chance knows nothing",
    },
    Arrow {
        module: "sync",
        not: &["raw", "collections", "types", "shard", "store", "cache", "time", "random"],
        why: "the names of locks are nothing but names",
    },
];

/// `net` -> `session`, `command` -> engine.
const SERVER: &[Arrow] = &[
    Arrow {
        module: "resp",
        not: &["command", "config", "error", "net", "observe", "pubsub", "server", "session", "shared"],
        why: "the protocol imports nothing of ours",
    },
    Arrow {
        module: "config",
        not: &["command", "net", "server", "session"],
        why: "parameters are a table, whoever reads them",
    },
    Arrow { module: "session", not: &["net", "server"], why: "a client's state does not know its socket" },
    Arrow {
        module: "pubsub",
        not: &["command", "net", "observe", "server"],
        why: "a message does not know what made it, nor how its bytes travel",
    },
    Arrow { module: "command", not: &["net", "server"], why: "a command does not know how its bytes travel" },
    Arrow { module: "observe", not: &["net", "server"], why: "figures are read, whoever serves them" },
];

/// `pattern` -> `backend` -> `wire`; `blocking` -> `near` -> `wire`; both to `codec`.
const CLIENT: &[Arrow] = &[
    Arrow {
        module: "wire",
        not: &["backend", "blocking", "codec", "near", "pattern"],
        why: "a connection does not know what its answers are for",
    },
    Arrow {
        module: "codec",
        not: &["backend", "blocking", "near", "pattern", "wire"],
        why: "bytes are bytes, wherever they go",
    },
    Arrow {
        module: "near",
        not: &["backend", "blocking", "pattern"],
        why: "patterns may stand on a near cache, and it on none of them",
    },
    Arrow {
        module: "backend",
        not: &["blocking", "codec", "near", "pattern"],
        why: "a place does not know who keeps what there",
    },
    Arrow { module: "pattern", not: &["wire"], why: "a pattern does not know where values are kept" },
];

#[test]
fn imports_go_one_way() {
    let mut wrong = Vec::new();
    for (part, arrows) in [("engine", ENGINE), ("server", SERVER), ("client", CLIENT)] {
        for source in sources(part) {
            // Tests and benches of a crate use it from outside.
            let Ok(inside) = source.path.strip_prefix(workspace().join(part).join("src")) else { continue };
            let first =
                inside.iter().next().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let module = first.trim_end_matches(".rs");
            for arrow in arrows.iter().filter(|arrow| arrow.module == module) {
                for (number, line) in source.code() {
                    for other in
                        imported(&line).intersection(&arrow.not.iter().map(|&name| name.into()).collect())
                    {
                        wrong.push(source.at(number, &format!("names crate::{other}, but {}", arrow.why)));
                    }
                }
            }
        }
    }
    assert_none(&wrong);
}

/// The modules at the root of the crate that a line names.
fn imported(line: &str) -> BTreeSet<String> {
    let word = |text: &str| -> String {
        text.chars().take_while(|letter| letter.is_ascii_alphanumeric() || *letter == '_').collect()
    };
    let mut names = BTreeSet::new();
    for (at, root) in line.match_indices("crate::") {
        let rest = &line[at + root.len()..];
        match rest.strip_prefix('{') {
            // `use crate::{a::B, c}`: commas inside of inner braces only add names that are no modules.
            Some(list) => names.extend(list.split(',').map(|item| word(item.trim()))),
            None => drop(names.insert(word(rest))),
        }
    }
    names
}

#[test]
fn unsafe_code_stays_in_its_folder() {
    let mut wrong = Vec::new();
    for source in ALL.iter().flat_map(|part| sources(part)) {
        if source.path.starts_with(workspace().join("engine/src/raw")) {
            continue;
        }
        for (number, line) in source.code() {
            // Every other piece between quotes is text.
            let outside_text = line.split('"').step_by(2).collect::<Vec<_>>().join(" ");
            if words(&outside_text).any(|word| word == "unsafe") {
                wrong.push(source.at(number, "unsafe code belongs in engine/src/raw"));
            }
        }
    }
    for root in ["server/src/lib.rs", "server/src/main.rs", "client/src/lib.rs", "tests/src/lib.rs"] {
        if !fs::read_to_string(workspace().join(root))
            .is_ok_and(|text| text.contains("#![forbid(unsafe_code)]"))
        {
            wrong.push(format!("{root}: #![forbid(unsafe_code)] is missing"));
        }
    }
    assert_none(&wrong);
}

#[test]
fn only_one_file_asks_the_system_for_the_time() {
    let mut wrong = Vec::new();
    for source in ["engine", "server", "client"].iter().flat_map(|part| sources(part)) {
        if source.path == workspace().join("engine/src/time.rs") {
            continue;
        }
        for (number, line) in source.code() {
            let asks =
                ["Instant::now", "SystemTime::now", "thread::sleep", "disallowed_methods", ".elapsed()"];
            if let Some(asks) = asks.iter().find(|asks| line.contains(**asks)) {
                wrong.push(source.at(number, &format!("{asks} belongs in engine/src/time.rs")));
            }
        }
    }
    assert_none(&wrong);
}

#[test]
fn only_one_file_of_the_engine_names_locks() {
    let mut wrong = Vec::new();
    for source in sources("engine") {
        if !source.path.starts_with(workspace().join("engine/src"))
            || source.path == workspace().join("engine/src/sync.rs")
        {
            continue;
        }
        for (number, line) in source.code() {
            let locks =
                ["parking_lot", "sync::Mutex", "sync::RwLock", "sync::Condvar", "sync::Once", "sync::mpsc"];
            let ours = line.contains("crate::sync");
            if let Some(lock) = locks.iter().find(|lock| line.contains(**lock) && !ours) {
                wrong.push(source.at(number, &format!("{lock} belongs in engine/src/sync.rs")));
            }
        }
    }
    assert_none(&wrong);
}

#[test]
fn every_file_says_what_it_is() {
    let starts = |source: &Source| source.text.starts_with("//! ");
    let silent = ALL.iter().flat_map(|part| sources(part)).filter(|source| !starts(source));
    assert_none(
        &silent
            .map(|source| source.at(1, "does not start with a //! that says its idea"))
            .collect::<Vec<_>>(),
    );
}

#[test]
fn nothing_is_left_for_later() {
    // In pieces, lest this file find itself.
    let marks =
        [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("X", "XX"), concat!("unimpl", "emented!")];
    let marks = marks.into_iter().chain([concat!("to", "do!"), concat!("#[ig", "nore")]);
    let marks: Vec<_> = marks.collect();
    let mut wrong = Vec::new();
    for source in ALL.iter().flat_map(|part| sources(part)) {
        for (index, line) in source.text.lines().enumerate() {
            let found = |mark: &&&str| match mark.chars().all(char::is_alphabetic) {
                true => words(line).any(|word| word == **mark),
                false => line.contains(**mark),
            };
            if let Some(mark) = marks.iter().find(found) {
                wrong.push(source.at(index + 1, &format!("{mark}: do it, or write an issue")));
            }
        }
    }
    assert_none(&wrong);
}

#[test]
fn lines_fit_a_page() {
    const COLUMNS: usize = 110;
    let mut wrong = Vec::new();
    for source in ALL.iter().flat_map(|part| sources(part)) {
        for (index, line) in source.text.lines().enumerate() {
            // Text for the wire stays in one piece, and so does an address or the row of a table.
            let row = line.trim_start().trim_start_matches(['/', '!']).trim_start().starts_with('|');
            let literal = line.contains('"') || line.ends_with('\\');
            let unbreakable = literal || line.contains("://") || row;
            if line.chars().count() > COLUMNS && !unbreakable {
                wrong.push(source.at(index + 1, &format!("has more than {COLUMNS} columns")));
            }
        }
    }
    assert_none(&wrong);
}

#[test]
fn every_command_has_a_transcript() {
    let mut typed = BTreeSet::new();
    for file in files(&workspace().join("tests/commands"), "txt") {
        let transcript = Transcript::parse(&fs::read_to_string(&file).expect("readable"));
        for words in transcript.unwrap_or_else(|why| panic!("{}: {why}", file.display())).commands() {
            let word = |index: usize| {
                words.get(index).map(|word: &Vec<u8>| String::from_utf8_lossy(word).to_ascii_lowercase())
            };
            typed.extend(word(0));
            typed.insert(format!("{}|{}", word(0).unwrap_or_default(), word(1).unwrap_or_default()));
        }
    }
    let server = Server::start(Backend::Scrubjay).unwrap_or_else(|why| panic!("{why}"));
    let commands = server.connect().typed("COMMAND LIST").expect("a reply");
    let commands = commands.elements().expect("a list of names").iter().filter_map(Reply::text);
    let silent = commands.filter(|command| !typed.contains(command));
    assert_none(&silent.map(|command| format!("{command}: no transcript types it")).collect::<Vec<_>>());
}

/// The folders of our own sources.
const ALL: [&str; 5] = ["engine", "server", "client", "tests", "benches"];

struct Source {
    path: PathBuf,
    text: String,
}

impl Source {
    /// The lines of code with their numbers, without comments and without the unit tests at the end.
    fn code(&self) -> Vec<(usize, String)> {
        let lines = self.text.lines().take_while(|line| !line.starts_with("#[cfg(test)]")).enumerate();
        lines
            .map(|(index, line)| (index + 1, line.split("//").next().unwrap_or_default().to_owned()))
            .collect()
    }

    fn at(&self, line: usize, what: &str) -> String {
        let path = self.path.strip_prefix(workspace()).unwrap_or(&self.path);
        format!("{}:{line}: {what}", path.display())
    }
}

fn sources(part: &str) -> Vec<Source> {
    let files = files(&workspace().join(part), "rs").into_iter();
    files.map(|path| Source { text: fs::read_to_string(&path).expect("a readable source"), path }).collect()
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|ending| ending == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|letter: char| !letter.is_alphanumeric() && letter != '_')
}

fn assert_none(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
