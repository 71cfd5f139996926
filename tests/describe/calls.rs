//! Calls that no transcript types: of the wrong length, and of words thrown together.

use std::cell::RefCell;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::Pair;

#[test]
fn a_call_of_the_wrong_length_is_refused_in_valkeys_words() {
    let Some(mut pair) = Pair::start() else { return };
    for name in pair.names.clone() {
        let info = pair.ours.command(&["COMMAND", "INFO", &name]).expect("a description");
        let arity =
            info.elements().and_then(|infos| infos.first()?.elements()?.get(1)?.integer()).expect("an arity");
        let least = usize::try_from(arity.unsigned_abs()).expect("a small number");
        let words: Vec<&str> = name.split('|').collect();
        // From the bare name to one word too few, and, where there is a most, one too many.
        let mut lengths: Vec<usize> = (words.len()..least).collect();
        if arity > 0 {
            lengths.push(least + 1);
        }
        for length in lengths {
            let mut call = words.clone();
            call.resize(length, "x");
            let ours = pair.ours.command(&call).expect("a reply");
            let theirs = pair.theirs.command(&call).expect("a reply");
            assert_eq!(ours.to_string(), theirs.to_string(), "{call:?}");
            assert!(ours.is_error(), "{call:?} was run: {ours}");
        }
    }
}

#[test]
fn the_keys_of_random_words_are_those_that_valkey_sees() {
    // What the key specifications look for, numbers good and bad, and words that mean nothing.
    const WORDS: &[&str] = &[
        "a",
        "b",
        "",
        "0",
        "1",
        "2",
        "3",
        "01",
        "1a",
        "-1",
        "+1",
        " 1",
        "4294967297",
        "get",
        "GET",
        "set",
        "incrby",
        "overflow",
        "u8",
        "ex",
        "ifeq",
        "store",
        "STOREDIST",
        "by",
        "limit",
        "streams",
        "STREAMS",
        "block",
        "count",
        "group",
        "noack",
        "keys",
        "KEYS",
        "auth",
        "auth2",
        "left",
    ];
    let Some(pair) = Pair::start() else { return };
    let names = pair.names.clone();
    let pair = RefCell::new(pair);
    let call = (prop::sample::select(names), prop::collection::vec(prop::sample::select(WORDS), 0..10));
    let config = Config { cases: 3000, failure_persistence: None, ..Config::default() };
    let result = TestRunner::new(config).run(&call, |(name, arguments)| {
        let mut words = vec!["COMMAND", "GETKEYSANDFLAGS"];
        words.extend(name.split('|'));
        words.extend(arguments);
        let mut pair = pair.borrow_mut();
        let ours = pair.ours.command(&words).expect("a reply");
        let theirs = pair.theirs.command(&words).expect("a reply");
        prop_assert_eq!(ours.to_string(), theirs.to_string(), "{:?}", words);
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}
