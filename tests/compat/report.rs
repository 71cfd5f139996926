//! SCRUBJAY PORTABILITY: who used what, and who would refuse it.

use scrubjay_tests::patience::{GENEROUS, poll};
use scrubjay_tests::server::{Backend, Server};
use scrubjay_tests::wire::{Client, Reply};

use crate::{AS_REDIS, field};

fn start(arguments: &[&str]) -> Server {
    Server::start_with(Backend::Scrubjay, arguments).unwrap_or_else(|why| panic!("{why}"))
}

fn report(client: &mut Client) -> Reply {
    client.typed("SCRUBJAY PORTABILITY").expect("a report")
}

/// Command, option and calls of each use.
fn uses(of: &Reply) -> Vec<String> {
    let line = |one: &Reply| {
        let option = field(one, "option").text().map(|option| format!(" {option}")).unwrap_or_default();
        let command = field(one, "command").text().expect("a name");
        format!("{command}{option} {}", field(one, "calls").integer().expect("a number"))
    };
    field(of, "uses").elements().expect("uses").iter().map(line).collect()
}

/// Whatever way a command takes, it is counted once for each time that it runs, and for its client.
#[test]
fn every_way_to_a_command_is_counted() {
    let server = start(&[]);
    let mut client = server.connect();
    for line in [
        "CLIENT SETNAME me",
        "CLIENT SETINFO LIB-NAME mine",
        "SET k v",
        "SET k ifeq",
        "GET k",
        "SET k w IFEQ v",
        "HEXPIRE h 10 FIELDS 1 a",
        "MULTI",
        "HEXPIRE h 10 FIELDS 1 a",
        "EXEC",
        "EVAL \"return redis.call('hexpire', 'h', 10, 'fields', 1, 'a')\" 0",
        "EVAL \"return redis.pcall('vadd', 'k')\" 0",
        "HEXPIRE h",
        "VADD k",
        "NOTHING",
    ] {
        client.typed(line).expect("a reply");
    }
    let expected = ["set IFEQ 1", "hexpire 3", "vadd 2"];
    let report = report(&mut server.connect());
    assert_eq!(uses(&report), expected);
    let clients = field(&report, "clients").elements().expect("clients");
    let [only] = clients else { panic!("{report}") };
    assert_eq!(uses(only), expected);
    for (name, value) in [("name", "me"), ("lib-name", "mine"), ("lib-ver", "")] {
        assert_eq!(field(only, name).text().as_deref(), Some(value));
    }
    let refused = |server: &str| field(field(field(&report, "servers"), server), "refused").integer();
    let calls = |server: &str| field(field(field(&report, "servers"), server), "calls").integer();
    assert_eq!((refused("redis-7.2"), calls("redis-7.2")), (Some(3), Some(6)));
    assert_eq!((refused("redis-8.0"), calls("redis-8.0")), (Some(1), Some(1)));
    assert_eq!((refused("valkey-8.1"), calls("valkey-8.1")), (Some(2), Some(5)));
    assert_eq!((refused("valkey-9.1"), calls("valkey-9.1")), (Some(1), Some(2)));
}

#[test]
fn who_has_left_is_remembered() {
    let server = start(&[]);
    for at in 0..200 {
        let mut client = server.connect();
        client.typed(&format!("CLIENT SETNAME client-{at}")).expect("a reply");
        client.typed("DELIFEQ k v").expect("a reply");
    }
    let mut client = server.connect();
    let last = poll(GENEROUS, || {
        let report = report(&mut client);
        let clients = field(&report, "clients").elements().expect("clients").to_vec();
        let all_have_left = clients.iter().all(|one| field(one, "connected").integer() == Some(0));
        assert_eq!(uses(&report), ["delifeq 200"]);
        (clients.len() == 128 && all_have_left).then_some(clients)
    });
    let clients = last.expect("as many as are remembered");
    assert!(clients.iter().all(|one| uses(one) == ["delifeq 1"]));
}

#[test]
fn what_is_hidden_is_reported_as_well() {
    let server = start(AS_REDIS);
    let mut client = server.connect();
    for line in
        ["DELIFEQ k v", "SCRIPT SHOW x", "SET k v IFEQ w", "COMMANDLOG GET 1 slow", "HGETEX h FIELDS 1 a"]
    {
        client.typed(line).expect("a reply");
    }
    let report = report(&mut client);
    assert_eq!(field(&report, "compat").text().as_deref(), Some("redis-8.0"));
    let mut seen = uses(&report);
    seen.sort();
    assert_eq!(seen, ["commandlog 1", "delifeq 1", "hgetex 1", "script|show 1", "set IFEQ 1"]);
}
