//! What a server says of itself.

use std::collections::BTreeMap;

use scrubjay_tests::patience::{GENEROUS, poll};
use scrubjay_tests::wire::{Client, Reply};

use crate::{Pair, field};

/// What HELLO says of the server, and not of the connection.
fn greeting(client: &mut Client) -> Vec<String> {
    let hello = client.typed("HELLO 3").expect("a greeting");
    let Reply::Map(pairs) = &hello else { panic!("{hello}") };
    let mut lines: Vec<String> =
        pairs.iter().map(|(name, _)| name.text().expect("a name")).filter(|name| name != "id").collect();
    for name in ["server", "version", "mode", "role"] {
        lines.push(format!("{name} {}", field(&hello, name)));
    }
    lines
}

/// The fields of each section of INFO.
fn info(client: &mut Client, section: &str) -> BTreeMap<String, BTreeMap<String, String>> {
    let Ok(Reply::Bulk(text) | Reply::Verbatim(_, text)) = client.command(&["INFO", section]) else {
        panic!("INFO is text")
    };
    let text = String::from_utf8(text).expect("text");
    let mut sections: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
    let mut title = String::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        match (line.strip_prefix("# "), line.split_once(':')) {
            (Some(name), _) => title = name.to_owned(),
            (None, Some((name, value))) => {
                sections.entry(title.clone()).or_default().insert(name.to_owned(), value.to_owned());
            }
            (None, None) => panic!("no field: {line}"),
        }
    }
    sections
}

/// Fields that only one of the two has, and why.
const DIFFERENCES: &[(&str, &str, &str)] = &[
    ("Server", "scrubjay_version", "our own version; the others are those that clients ask for"),
    ("Threads", "io_thread_0", "our threads do more than read and write"),
    ("Keysizes", "db0_distrib_strings_sizes", "nobody has asked for it yet"),
    ("Modules", "module", "there are no modules here"),
];

#[test]
fn as_redis_it_greets_and_informs_as_redis() {
    let Some(mut pair) = Pair::redis() else { return };
    assert_eq!(greeting(&mut pair.ours), greeting(&mut pair.theirs));
    pair.ask(&["SET", "k", "v"]);
    let [ours, theirs] = [&mut pair.ours, &mut pair.theirs].map(|client| info(client, "everything"));
    let names = |sections: &BTreeMap<String, BTreeMap<String, String>>| {
        let known = |section: &str, field: &str| {
            DIFFERENCES.iter().any(|(in_section, name, _)| (*in_section, *name) == (section, field))
        };
        // What there is of these is a matter of what was called.
        let counted = |section: &&String| !section.ends_with("stats");
        let mut names: Vec<String> = Vec::new();
        for section in sections.keys().filter(counted) {
            let fields = sections[section].keys().filter(|field| !known(section, field));
            names.extend(fields.map(|field| format!("{section}: {field}")));
        }
        names
    };
    assert_eq!(names(&ours), names(&theirs));
    for same in ["redis_version", "redis_mode", "atomicvar_api"] {
        assert_eq!(ours["Server"][same], theirs["Server"][same], "{same}");
    }
    assert_eq!(ours["Keyspace"]["db0"], theirs["Keyspace"]["db0"]);
}

#[test]
fn as_redis_it_shows_scripts_redis() {
    let Some(mut pair) = Pair::redis() else { return };
    const NAMES: &str = "
        local names = {}
        for name, value in pairs(redis) do
            local known = type(value) == 'function' and 'function' or tostring(value)
            names[#names + 1] = 'redis.' .. name .. ' ' .. known
        end
        for name in pairs(_G) do names[#names + 1] = name end
        table.sort(names)
        return names";
    let [ours, theirs] = pair.ask(&["EVAL", NAMES, "0"]);
    assert_eq!(ours.to_string(), theirs.to_string());
    assert!(ours.to_string().contains("redis.REDIS_VERSION 8.0."), "{ours}");
    for called in [
        "return redis.pcall('nothing')",
        "return redis.pcall('set', 'k')",
        "return redis.pcall('subscribe', 'c')",
        "return redis.pcall('delifeq', 'k', 'v')",
        "return redis.pcall('set', 'k', 'v', 'ifeq', 'v')",
        "return redis.call('nothing')",
        "return redis.call('set', 'k')",
        "return redis.call('lpush', KEYS[1])",
        "error('of its own')",
        "return server.call('get', 'k')",
        "return redis.acl_check_cmd('delifeq', 'k', 'v')",
        "return redis.call()",
        "return redis.pcall('object', 'nothing')",
        "return redis.setresp()",
        "return redis.log()",
        "return redis.set_repl()",
    ] {
        let [ours, theirs] = pair.ask(&["EVAL", called, "0"]);
        assert_eq!(ours.to_string(), theirs.to_string(), "{called}");
        let Reply::Bulk(sha) = pair.ask(&["SCRIPT", "LOAD", called])[0].clone() else { panic!("a digest") };
        let [ours, theirs] = pair.ask(&[b"EVALSHA".as_slice(), &sha, b"0"]);
        assert_eq!(ours.to_string(), theirs.to_string(), "{called} by its digest");
    }
    for library in [
        "#!lua name=one\nredis.register_function('f', function() return redis.call('nothing') end)",
        "#!lua name=two\nredis.register_function('g')",
        "#!lua name=two\nserver.register_function('g', function() end)",
        "#!lua name=two\nredis.register_function{function_name = 'g', callback = 1}",
    ] {
        let [ours, theirs] = pair.ask(&["FUNCTION", "LOAD", library]);
        assert_eq!(ours.to_string(), theirs.to_string(), "{library}");
    }
    let [ours, theirs] = pair.ask(&["FCALL", "f", "0"]);
    assert_eq!(ours.to_string(), theirs.to_string());
}

#[test]
fn valkey_that_passes_for_redis_does_so_as_far_as_valkey() {
    let Some(mut pair) = Pair::valkey() else { return };
    for passes in ["no", "yes", "no"] {
        pair.ask(&["CONFIG", "SET", "extended-redis-compatibility", passes]);
        assert_eq!(greeting(&mut pair.ours), greeting(&mut pair.theirs), "{passes}");
        let [ours, theirs] = [&mut pair.ours, &mut pair.theirs].map(|client| {
            let mut server = info(client, "server").remove("Server").expect("a section");
            server.retain(|field, _| {
                field.ends_with("_mode") || field.ends_with("version") || field == "server_name"
            });
            server.remove("scrubjay_version");
            server.remove("gcc_version");
            server
        });
        assert_eq!(ours, theirs, "{passes}");
        // Ours draws nothing before it.
        let [ours, theirs] = pair
            .ask(&["LOLWUT"])
            .map(|drawn| drawn.text().expect("text").replace("ver. ", "ver.").trim().to_owned());
        assert!(theirs.ends_with(&ours), "{passes}: {ours}");
    }
}

#[test]
fn who_is_busy_says_who_it_is() {
    let redis = Pair::redis();
    for (pair, passes) in [(Pair::valkey(), "yes"), (redis, "no")] {
        let Some(mut pair) = pair else { continue };
        let mut said = Vec::new();
        let mut scripts = pair._servers.each_ref().map(scrubjay_tests::server::Server::connect);
        for (client, script) in [&mut pair.ours, &mut pair.theirs].into_iter().zip(&mut scripts) {
            // Redis does not know of it, which is no matter.
            client.command(&["CONFIG", "SET", "extended-redis-compatibility", passes]).expect("a reply");
            client.command(&["CONFIG", "SET", "busy-reply-threshold", "1"]).expect("a reply");
            script.send(&["EVAL", "while true do end", "0"]).expect("sent");
            let busy = poll(GENEROUS, || {
                let reply = client.command(&["GET", "k"]).expect("a reply").to_string();
                reply.starts_with("-BUSY").then_some(reply)
            });
            said.push(busy.expect("it is busy"));
            said.push(client.command(&["FUNCTION", "KILL"]).expect("a reply").to_string());
            client.command(&["SCRIPT", "KILL"]).expect("a reply");
            script.read(GENEROUS).expect("the script's end");
        }
        assert_eq!(said[..2], said[2..]);
    }
}
