//! Commands and options that one of the two servers lacks.

use std::collections::{BTreeMap, BTreeSet};

use scrubjay_tests::wire::{Client, Reply};

use crate::{Pair, field, is_ours, names};

#[test]
fn as_redis_it_has_the_commands_that_both_have() {
    let (Some(mut redis), Some(mut valkey)) = (Pair::redis(), Pair::valkey()) else { return };
    let [as_redis, in_redis] = [&mut redis.ours, &mut redis.theirs].map(names);
    let [as_valkey, in_valkey] = [&mut valkey.ours, &mut valkey.theirs].map(names);
    let both: BTreeSet<_> =
        as_valkey.iter().filter(|name| is_ours(name) || in_redis.contains(*name)).cloned().collect();
    assert_eq!(as_redis, both);
    assert!(as_valkey.iter().all(|name| is_ours(name) || in_valkey.contains(name)));
    let count = redis.ours.typed("COMMAND COUNT").expect("a reply").integer();
    assert_eq!(count, i64::try_from(as_redis.iter().filter(|name| !name.contains('|')).count()).ok());

    // What is hidden is unknown in every way, and refused in Redis's words.
    let hidden: Vec<_> = as_valkey.difference(&as_redis).collect();
    assert!(hidden.iter().any(|name| *name == "delifeq") && hidden.iter().any(|name| *name == "script|show"));
    for name in hidden {
        let mut words: Vec<&str> = name.split('|').collect();
        words.extend(["a", "b"]);
        let [ours, theirs] = redis.ask(&words);
        assert_eq!(ours.to_string(), theirs.to_string(), "{words:?}");
        assert!(ours.to_string().starts_with("-ERR unknown "), "{ours}");
        for ask in [&["COMMAND", "INFO", name][..], &["COMMAND", "DOCS", name]] {
            let [ours, theirs] = redis.ask(ask);
            assert_eq!(ours.to_string(), theirs.to_string(), "{ask:?}");
        }
        let [ours, theirs] = redis.ask(&[&["COMMAND", "GETKEYS"][..], &words].concat());
        assert_eq!(ours.to_string(), theirs.to_string(), "{words:?}");
    }
}

#[test]
fn commands_of_either_that_are_not_here_are_reported() {
    let (Some(mut redis), Some(mut valkey)) = (Pair::redis(), Pair::valkey()) else { return };
    let (in_redis, in_valkey) = (names(&mut redis.theirs), names(&mut valkey.theirs));
    let here = names(&mut valkey.ours);
    for name in in_redis.symmetric_difference(&in_valkey).filter(|name| !here.contains(*name)) {
        let words: Vec<&str> = name.split('|').collect();
        assert!(valkey.ours.command(&words).expect("a reply").is_error(), "{name}");
        let refusers = refusers(&mut valkey.ours, name, None).unwrap_or_else(|| panic!("{name} is not seen"));
        assert_eq!(refusers.contains("redis-8.0"), !in_redis.contains(name), "{name}");
        assert_eq!(refusers.contains("valkey-9.1"), !in_valkey.contains(name), "{name}");
    }
}

/// Calls with an option that not both have: the option as the report names it, and a call.
const CALLS: &[(&str, &[&str])] = &[
    ("IFEQ", &["SET", "k", "v", "IFEQ", "w"]),
    ("start without end", &["BITCOUNT", "k", "0"]),
    ("NX", &["HSETEX", "h", "NX", "FIELDS", "1", "a", "b"]),
    ("XX", &["HSETEX", "h", "XX", "FIELDS", "1", "a", "b"]),
    ("NOVALUES", &["HSCAN", "h", "0", "NOVALUES"]),
    ("+", &["XREAD", "STREAMS", "s", "+"]),
    ("NOSCORES", &["ZSCAN", "z", "0", "NOSCORES"]),
    ("BYPOLYGON", &["GEOSEARCH", "g", "BYPOLYGON", "3", "1", "1", "2", "2", "3", "1"]),
    ("BYPOLYGON", &["GEOSEARCHSTORE", "d", "g", "BYPOLYGON", "3", "1", "1", "2", "2", "3", "1"]),
    ("engine", &["SCRIPT", "DEBUG", "NO", "lua"]),
    ("SAFE", &["SHUTDOWN", "SAFE", "ABORT"]),
    ("FAILOVER", &["SHUTDOWN", "ABORT", "FAILOVER"]),
    ("PRIMARY", &["CLIENT", "LIST", "TYPE", "primary"]),
    ("several options", &["CLIENT", "LIST", "TYPE", "normal", "ID", "99"]),
    ("PRIMARY", &["CLIENT", "KILL", "TYPE", "primary"]),
    ("ID with several", &["CLIENT", "KILL", "ID", "98", "99"]),
];

/// The filters that CLIENT LIST and CLIENT KILL have, each with a value that is no client's.
const FILTERS: &[(&str, &str)] = &[
    ("USER", "default"),
    ("ADDR", "1.2.3.4:5"),
    ("LADDR", "1.2.3.4:5"),
    ("SKIPME", "yes"),
    ("MAXAGE", "100000"),
    ("NAME", "nobody"),
    ("IDLE", "100000"),
    ("FLAGS", "t"),
    ("LIB-NAME", "nothing"),
    ("LIB-VER", "nothing"),
    ("DB", "15"),
    ("CAPA", "r"),
    ("IP", "1.2.3.4"),
    ("NOT-TYPE", "normal"),
    ("NOT-ID", "1"),
    ("NOT-USER", "default"),
    ("NOT-ADDR", "1.2.3.4:5"),
    ("NOT-LADDR", "1.2.3.4:5"),
    ("NOT-NAME", "nobody"),
    ("NOT-FLAGS", "N"),
    ("NOT-LIB-NAME", "nothing"),
    ("NOT-LIB-VER", "nothing"),
    ("NOT-DB", "0"),
    ("NOT-CAPA", "r"),
    ("NOT-IP", "127.0.0.1"),
];

/// All of these calls, with the names of their commands.
fn calls() -> Vec<(String, &'static str, Vec<&'static str>)> {
    let mut calls: Vec<_> = CALLS.iter().map(|(option, words)| (*option, words.to_vec())).collect();
    for (option, value) in FILTERS {
        calls.push((option, vec!["CLIENT", "LIST", option, value]));
        calls.push((option, vec!["CLIENT", "KILL", option, value]));
    }
    let full_name = |words: &[&str]| match words[0] {
        "CLIENT" | "SCRIPT" => words[..2].join("|").to_lowercase(),
        other => other.to_lowercase(),
    };
    calls.into_iter().map(|(option, words)| (full_name(&words), option, words)).collect()
}

#[test]
fn as_redis_it_refuses_the_options_that_redis_refuses() {
    let (Some(mut redis), Some(mut valkey)) = (Pair::redis(), Pair::valkey()) else { return };
    for pair in [&mut redis, &mut valkey] {
        pair.ask(&["GEOADD", "g", "1", "1", "a"]);
        pair.ask(&["ZADD", "z", "1", "a"]);
    }
    for (command, option, words) in calls() {
        let [ours, theirs] = redis.ask(&words);
        if words[..2] == ["CLIENT", "LIST"] && !theirs.is_error() {
            assert!(!ours.is_error(), "{words:?}: {ours}");
        } else {
            assert_eq!(ours.to_string(), theirs.to_string(), "{words:?}");
        }
        let [here, in_valkey] = valkey.ask(&words);
        assert_eq!(here.is_error(), in_valkey.is_error(), "{words:?}: {here} {in_valkey}");
        let expected = theirs.is_error() && !ours.to_string().contains("No shutdown");
        match refusers(&mut valkey.ours, &command, Some(option)) {
            Some(refusers) => {
                assert_eq!(refusers.contains("redis-8.0"), expected, "{words:?}");
                assert!(!refusers.contains("valkey-9.1"), "{words:?}");
            }
            None => assert!(!theirs.is_error(), "{words:?} is not seen"),
        }
        // It is told of, too, where it was refused.
        let seen = refusers(&mut redis.ours, &command, Some(option)).is_some();
        assert_eq!(seen, refusers(&mut valkey.ours, &command, Some(option)).is_some(), "{words:?}");
    }
}

/// The tokens of a command's arguments, each with the one in front of it that it is part of.
fn tokens(args: &Reply, part_of: &str, into: &mut BTreeMap<String, String>) {
    for arg in args.elements().unwrap_or_default() {
        let Reply::Map(fields) = arg else { panic!("{arg}") };
        let of = |name: &str| fields.iter().find(|(key, _)| key.text().as_deref() == Some(name));
        let token = of("token").and_then(|(_, token)| token.text()).unwrap_or_default();
        if !token.is_empty() {
            into.entry(token.clone()).or_insert_with(|| part_of.to_owned());
        }
        if let Some((_, parts)) = of("arguments") {
            tokens(parts, if token.is_empty() { part_of } else { &token }, into);
        }
    }
}

/// Since when a command is there, and the tokens of its arguments.
fn documented(client: &mut Client, name: &str) -> (String, BTreeMap<String, String>) {
    let docs = client.command(&["COMMAND", "DOCS", name]).expect("a reply");
    let docs = field(&docs, name).clone();
    let Reply::Map(fields) = &docs else { panic!("{docs}") };
    let mut found = BTreeMap::new();
    if let Some((_, args)) = fields.iter().find(|(field, _)| field.text().as_deref() == Some("arguments")) {
        tokens(args, "", &mut found);
    }
    (field(&docs, "since").text().expect("a version"), found)
}

#[test]
fn as_redis_it_documents_what_redis_has_and_since_when() {
    let (Some(mut redis), Some(mut valkey)) = (Pair::redis(), Pair::valkey()) else { return };
    for client in [&mut redis.ours, &mut redis.theirs, &mut valkey.theirs] {
        client.typed("HELLO 3").expect("a greeting");
    }
    let calls = calls();
    for name in names(&mut redis.ours).iter().filter(|name| !is_ours(name)) {
        let (as_redis, in_redis) = (documented(&mut redis.ours, name), documented(&mut redis.theirs, name));
        assert_eq!(as_redis, in_redis, "{name}");
        // Every option that one of them has alone is called above.
        let (_, in_valkey) = documented(&mut valkey.theirs, name);
        let alone = |token: &&String| !in_redis.1.contains_key(*token);
        assert!(in_redis.1.keys().all(|token| in_valkey.contains_key(token)), "{name}: more in Redis");
        for option in in_valkey
            .keys()
            .filter(alone)
            .filter(|token| in_valkey[*token].is_empty() || !alone(&&in_valkey[*token]))
        {
            let called = calls.iter().any(|(command, called, _)| command == name && called == option);
            assert!(called, "nobody calls {name} with {option}");
        }
    }
}

/// The releases that refuse something, if it was seen.
pub(crate) fn refusers(client: &mut Client, command: &str, option: Option<&str>) -> Option<BTreeSet<String>> {
    let report = client.command(&["SCRUBJAY", "PORTABILITY"]).expect("a report");
    let uses = field(&report, "uses").elements().expect("uses");
    let one = uses.iter().find(|one| {
        field(one, "command").text().as_deref() == Some(command)
            && field(one, "option").text().as_deref() == option
    })?;
    let refusers = field(one, "refused-by").elements().expect("names");
    Some(refusers.iter().filter_map(Reply::text).collect())
}
