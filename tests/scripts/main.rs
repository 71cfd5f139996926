//! Scripts as applications have them: each, called as its head says, answers as it does on Valkey.
//!
//! The heads hold the commands, one per line after `-->`; `CALL` is an EVALSHA of the script itself.
#![forbid(unsafe_code)]

mod libraries;

use std::path::Path;

use scrubjay_tests::server::{Backend, Server};
use scrubjay_tests::wire::{Client, Reply};

/// What the commands in a script's head answer, each with its words.
fn run(client: &mut Client, script: &str) -> Vec<(String, Reply)> {
    let mut ask = |words: &[&str]| client.command(words).unwrap_or_else(|why| panic!("{words:?}: {why:?}"));
    ask(&["FLUSHALL"]);
    let loaded = ask(&["SCRIPT", "LOAD", script]);
    let digest = loaded.text().unwrap_or_else(|| panic!("{loaded:?}"));
    let commands = script.lines().filter_map(|line| line.strip_prefix("--> "));
    commands
        .map(|line| {
            let mut words: Vec<&str> = line.split(' ').collect();
            if words[0] == "CALL" {
                words.splice(0..1, ["EVALSHA", &digest]);
            }
            (line.to_owned(), ask(&words))
        })
        .collect()
}

#[test]
fn scripts_of_applications_answer_as_on_valkey() {
    let start = |backend| Server::start(backend).unwrap_or_else(|why| panic!("{why}"));
    let (ours, theirs) = (start(Backend::Scrubjay), start(Backend::Valkey));
    for protocol in ["2", "3"] {
        let (mut our_client, mut their_client) = (ours.connect(), theirs.connect());
        for client in [&mut our_client, &mut their_client] {
            client.command(&["HELLO", protocol]).expect("an answer");
        }
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/corpus");
        let mut count = 0;
        for entry in std::fs::read_dir(folder).expect("the scripts are there") {
            let path = entry.expect("a readable folder").path();
            let script = std::fs::read_to_string(&path).expect("a readable script");
            let (ours, theirs) = (run(&mut our_client, &script), run(&mut their_client, &script));
            assert!(theirs.len() > 2, "{} says no commands", path.display());
            for (ours, theirs) in ours.iter().zip(&theirs) {
                assert_eq!(ours, theirs, "{}, RESP{protocol}", path.display());
            }
            count += 1;
        }
        assert!(count > 20, "only {count} scripts");
    }
}
