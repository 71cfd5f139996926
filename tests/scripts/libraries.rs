//! What `FUNCTION DUMP` writes on one server, the other one restores.

use scrubjay_tests::server::{Backend, Server};
use scrubjay_tests::wire::{Client, Reply};

fn ask(client: &mut Client, words: &[&[u8]]) -> Reply {
    client.command(words).unwrap_or_else(|why| panic!("{words:?}: {why:?}"))
}

/// Libraries short and long, of text that can be compressed and text that cannot.
fn libraries() -> Vec<Vec<u8>> {
    let mut noise = 0x2545_f491_4f6c_dd1d_u64;
    let mut letter = || {
        noise ^= noise << 13;
        noise ^= noise >> 7;
        noise ^= noise << 17;
        char::from(b'a' + (noise % 26) as u8)
    };
    [0, 10, 100, 20_000, 70_000]
        .iter()
        .enumerate()
        .flat_map(|(at, len)| {
            let same = "x".repeat(*len);
            let other: String = (0..*len).map(|_| letter()).collect();
            [(format!("same{at}"), same), (format!("other{at}"), other)]
        })
        .map(|(name, text)| {
            format!(
                "#!lua name={name}\nserver.register_function{{function_name='{name}', description='of {name}', \
                 flags={{'no-writes'}}, callback=function(keys, args) return '{text}' .. args[1] end}}"
            )
            .into_bytes()
        })
        .collect()
}

/// Everything there is, by name: Valkey lists its libraries in the order of a table.
fn list(client: &mut Client) -> Vec<String> {
    let reply = ask(client, &[b"FUNCTION", b"LIST", b"WITHCODE"]);
    let mut all: Vec<_> =
        reply.elements().expect("a list").iter().map(|library| format!("{library:?}")).collect();
    all.sort();
    all
}

#[test]
fn dumped_libraries_go_from_one_server_to_the_other() {
    let start = |backend| Server::start(backend).unwrap_or_else(|why| panic!("{why}"));
    let (ours, theirs) = (start(Backend::Scrubjay), start(Backend::Valkey));
    let ok = Reply::Simple(b"OK".to_vec());
    for compression in [&b"yes"[..], b"no"] {
        for (from, to) in [(&ours, &theirs), (&theirs, &ours)] {
            let (mut from, mut to) = (from.connect(), to.connect());
            for client in [&mut from, &mut to] {
                ask(client, &[b"FUNCTION", b"FLUSH"]);
                ask(client, &[b"CONFIG", b"SET", b"rdbcompression", compression]);
            }
            for library in libraries() {
                let name = ask(&mut from, &[b"FUNCTION", b"LOAD", &library]);
                assert!(matches!(name, Reply::Bulk(_)), "{name:?}");
            }
            let payload = ask(&mut from, &[b"FUNCTION", b"DUMP"]);
            let payload = payload.bytes().expect("a payload");
            assert_eq!(ask(&mut to, &[b"FUNCTION", b"RESTORE", payload]), ok);
            assert!(ask(&mut to, &[b"FUNCTION", b"RESTORE", payload]).is_error(), "they are there already");
            assert_eq!(ask(&mut to, &[b"FUNCTION", b"RESTORE", payload, b"REPLACE"]), ok);
            assert_eq!(ask(&mut to, &[b"FUNCTION", b"RESTORE", payload, b"FLUSH"]), ok);
            let listed = list(&mut from);
            assert_eq!((list(&mut to), listed.len()), (listed, 10));
            for function in [&b"same3"[..], b"other3", b"SAME0"] {
                let call = [&b"FCALL_RO"[..], function, b"0", b"!"];
                assert_eq!(ask(&mut to, &call), ask(&mut from, &call));
            }
        }
    }
}
