//! Clients that misbehave: slow, cut off, too large, in too great a hurry, deaf. Whatever one of them does,
//! the server answers what can be answered, keeps its memory within bounds, and serves the others.
#![forbid(unsafe_code)]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use scrubjay_tests::granted::server;
use scrubjay_tests::patience::{GENEROUS, pause, poll};
use scrubjay_tests::server::Server;
use scrubjay_tests::wire::{Client, Reply, Silence, encode};

const MIB: u64 = 1 << 20;

/// A bare socket, for what a well-behaved client cannot do.
fn socket(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.address()).expect("the server accepts");
    stream.set_read_timeout(Some(GENEROUS)).expect("a timeout can be set");
    stream.set_write_timeout(Some(GENEROUS)).expect("a timeout can be set");
    stream
}

fn text(reply: Result<Reply, Silence>) -> String {
    reply.unwrap_or_else(|silence| panic!("{silence}")).to_string()
}

/// A field of INFO, or of a line of CLIENT LIST, as a number.
fn figure(text: &str, name: &str) -> u64 {
    let mut words = text.split([' ', '\r', '\n', '"', '\\']);
    let found = words.find_map(|word| word.strip_prefix(name)?.strip_prefix([':', '=']));
    found.and_then(|found| found.parse().ok()).unwrap_or_else(|| panic!("no {name} in {text}"))
}

fn info(client: &mut Client, name: &str) -> u64 {
    let reply = client.typed("INFO everything").expect("a reply");
    figure(&reply.text().expect("text"), name)
}

/// Waits until only the client that asks is connected.
fn is_alone(client: &mut Client) {
    poll(GENEROUS, || (info(client, "connected_clients") == 1).then_some(())).expect("the others are gone");
}

#[test]
fn a_request_that_comes_byte_by_byte_is_answered_and_others_meanwhile() {
    let server = server(&[]);
    let (mut slow, mut other) = (server.connect(), server.connect());
    let mut bytes = encode(&["SET", "key", "some\r\nvalue"]);
    bytes.extend_from_slice(b"GET key\r\n");
    for (index, byte) in bytes.iter().enumerate() {
        slow.send_bytes(&[*byte]).expect("the server reads");
        if index % 8 == 0 {
            assert_eq!(text(other.command(&["PING"])), "+PONG");
        }
    }
    assert_eq!(text(slow.read(GENEROUS)), "+OK");
    assert_eq!(text(slow.read(GENEROUS)), r#""some\r\nvalue""#);
}

#[test]
fn clients_that_are_cut_off_leave_nothing_behind() {
    let server = server(&[]);
    let mut watcher = server.connect();
    let whole = encode(&["SET", "key", "value"]);
    for length in 0..whole.len() {
        let mut cut = socket(&server);
        // With a reply that is not read, the system resets the connection in place of closing it.
        if length % 2 == 0 {
            cut.write_all(b"PING\r\n").expect("the server reads");
        }
        cut.write_all(&whole[..length]).expect("the server reads");
    }
    let mut half_way = socket(&server);
    half_way.write_all(b"*2\r\n$4\r\nECHO\r\n$100000000\r\n").expect("the server reads");
    half_way.write_all(&vec![b'x'; 3_000_000]).expect("the server reads");
    drop(half_way);
    // The last of them may not even be accepted yet.
    let cut = whole.len() as u64 + 1;
    poll(GENEROUS, || (info(&mut watcher, "total_connections_received") > cut).then_some(()))
        .expect("all were served");
    is_alone(&mut watcher);
    assert_eq!(text(watcher.command(&["GET", "key"])), "$-1");
}

#[test]
fn what_is_announced_and_does_not_come_takes_no_memory() {
    let server = server(&[]);
    let mut watcher = server.connect();
    let before = info(&mut watcher, "used_memory");
    let claims: [&[u8]; 2] = [b"*1\r\n$500000000\r\nx", b"*2000000000\r\n$1\r\nx\r\n"];
    let clients: Vec<_> = (0..50)
        .map(|index| {
            let mut client = socket(&server);
            client.write_all(claims[index % 2]).expect("the server reads");
            client
        })
        .collect();
    poll(GENEROUS, || (info(&mut watcher, "connected_clients") == 51).then_some(())).expect("all are served");
    let grown = info(&mut watcher, "used_memory").saturating_sub(before);
    // About a MiB for each that announced a large argument: what is reserved on a client's word alone.
    assert!(grown < 60 * MIB, "{grown} bytes for 50 clients");
    drop(clients);
    is_alone(&mut watcher);
}

#[test]
fn what_is_too_large_is_refused_and_the_refusal_can_be_read() {
    let server = server(&["--proto-max-bulk-len", "1mb"]);
    let endless = vec![b'x'; 8_000_000];
    for (request, answer) in [
        (&b"*2\r\n$4\r\nECHO\r\n$1048577\r\n"[..], "invalid bulk length"),
        (b"*2147483648\r\n", "invalid multibulk length"),
        (b"*1\r\nPING\r\n", "expected '$', got 'P'"),
        (b"", "too big inline request"),
    ] {
        let mut client = socket(&server);
        client.write_all(b"PING\r\n").expect("the server reads");
        // The client goes on sending what it began; that the server has closed must not take the answer away.
        let endless = [request, &endless].concat();
        let mut sending = client.try_clone().expect("a socket can be cloned");
        std::thread::scope(|scope| {
            scope.spawn(|| {
                // Whether all of it leaves is up to the moment in which the server closes.
                let _ = sending.write_all(&endless);
                let _ = sending.shutdown(std::net::Shutdown::Write);
            });
            let mut answered = String::new();
            client.read_to_string(&mut answered).expect("an end, and no reset");
            assert_eq!(answered, format!("+PONG\r\n-ERR Protocol error: {answer}\r\n"));
        });
    }
}

#[test]
fn a_request_may_not_outgrow_the_query_buffer_limit() {
    let server = server(&["--client-query-buffer-limit", "1mb"]);
    let mut watcher = server.connect();
    let mut client = socket(&server);
    let mut request = b"*2\r\n$4\r\nECHO\r\n$3000000\r\n".to_vec();
    request.resize(3_000_000, b'x');
    // The server closes somewhere on the way.
    let _ = client.write_all(&request);
    let mut answered = Vec::new();
    let _ = client.read_to_end(&mut answered);
    assert!(answered.is_empty());
    poll(GENEROUS, || (info(&mut watcher, "client_query_buffer_limit_disconnections") == 1).then_some(()))
        .expect("it is counted");
    // What is whole may be any number of requests.
    let pipeline = encode(&["STRLEN", &"x".repeat(100_000)]).repeat(30);
    watcher.send_bytes(&pipeline).expect("the server reads");
    for _ in 0..30 {
        assert_eq!(text(watcher.read(GENEROUS)), ":0");
    }
}

#[test]
fn a_hundred_thousand_requests_in_one_write_are_answered_in_order() {
    let server = server(&[]);
    let words: Vec<String> = (0..100_000).map(|index: u32| index.to_string()).collect();
    let requests: Vec<u8> = words.iter().flat_map(|word| encode(&["ECHO", word])).collect();
    let expected: String = words.iter().map(|word| format!("${}\r\n{word}\r\n", word.len())).collect();
    let mut writing = socket(&server);
    let mut reading = writing.try_clone().expect("a socket can be cloned");
    std::thread::scope(|scope| {
        scope.spawn(|| writing.write_all(&requests).expect("the server reads"));
        let mut replies = vec![0; expected.len()];
        reading.read_exact(&mut replies).expect("all replies");
        assert!(replies == expected.as_bytes(), "the replies are not those to the requests");
    });
}

#[test]
fn replies_that_nobody_reads_take_little_memory_and_are_all_there_when_they_are_read() {
    let server = server(&[]);
    let mut watcher = server.connect();
    let big = 4_000_000;
    assert_eq!(text(watcher.command(&["SET", "big", &"x".repeat(big)])), "+OK");
    let before = info(&mut watcher, "used_memory");
    let mut deaf = server.connect();
    deaf.typed("CLIENT SETNAME deaf").expect("a reply");
    // Copies, which are the reply's own, and the stored value itself, which replies share.
    let mut requests = encode(&["GETRANGE", "big", "0", "-2"]);
    requests.extend_from_slice(&encode(&["GET", "big"]));
    deaf.send_bytes(&requests.repeat(300)).expect("requests are small");
    let line = poll(GENEROUS, || {
        let line = watcher.typed("CLIENT LIST NAME deaf").ok()?.text()?;
        (figure(&line, "obl") > MIB / 2).then_some(line)
    });
    let line = line.expect("replies wait");
    assert!(figure(&line, "tot-mem") < 16 * MIB, "{line}");
    let grown = info(&mut watcher, "used_memory").saturating_sub(before);
    assert!(grown < 16 * MIB, "{grown} bytes wait for one client");
    // Enough to show that nothing was lost; two gigabytes more would show the same.
    for index in 0..4 {
        for length in [big - 1, big] {
            let reply = deaf.read(GENEROUS).unwrap_or_else(|why| panic!("reply {index}: {why}"));
            assert_eq!(reply.bytes().map(<[u8]>::len), Some(length));
        }
    }
}

#[test]
fn who_does_not_read_is_disconnected_where_a_limit_says_so() {
    let server = server(&["--client-output-buffer-limit", "normal 200000 0 0"]);
    let mut watcher = server.connect();
    let count = "client_output_buffer_limit_disconnections";
    assert_eq!(text(watcher.command(&["SET", "value", &"x".repeat(15_000)])), "+OK");
    let requests = encode(&["GETRANGE", "value", "0", "-1"]).repeat(4000);

    let mut deaf = server.connect();
    // The server may close before it has read all of them.
    let _ = deaf.send_bytes(&requests);
    poll(GENEROUS, || (info(&mut watcher, count) == 1).then_some(())).expect("the hard limit");

    let soft = watcher.typed("CONFIG SET client-output-buffer-limit 'normal 0 100000 1'");
    assert_eq!(text(soft), "+OK");
    let mut deaf = server.connect();
    let _ = deaf.send_bytes(&requests);
    poll(GENEROUS, || (info(&mut watcher, count) == 2).then_some(())).expect("the soft limit");
    is_alone(&mut watcher);
}

#[test]
fn a_client_that_does_not_read_can_be_killed() {
    let server = server(&[]);
    let mut watcher = server.connect();
    assert_eq!(text(watcher.command(&["SET", "big", &"x".repeat(1_000_000)])), "+OK");
    let mut deaf = server.connect();
    deaf.typed("CLIENT SETNAME deaf").expect("a reply");
    deaf.send_bytes(&encode(&["GETRANGE", "big", "0", "-2"]).repeat(100)).expect("requests are small");
    poll(GENEROUS, || {
        let line = watcher.typed("CLIENT LIST NAME deaf").ok()?.text()?;
        (figure(&line, "obl") > 0).then_some(())
    })
    .expect("replies wait");
    assert_eq!(text(watcher.typed("CLIENT KILL NAME deaf")), ":1");
    assert_eq!(text(watcher.typed("CLIENT KILL NAME deaf")), ":0");
    is_alone(&mut watcher);
    let end = poll(GENEROUS, || deaf.read(Duration::from_secs(1)).err());
    assert_eq!(end, Some(Silence::Closed));
}

#[test]
fn idle_clients_are_disconnected_and_busy_ones_are_not() {
    let server = server(&["--timeout", "1"]);
    let (mut idle, mut busy) = (server.connect(), server.connect());
    let closed = poll(GENEROUS, || {
        assert_eq!(text(busy.command(&["PING"])), "+PONG");
        pause(Duration::from_millis(50));
        (idle.read(Duration::from_millis(1)) == Err(Silence::Closed)).then_some(())
    });
    closed.expect("the idle client is disconnected");
    assert_eq!(text(busy.command(&["PING"])), "+PONG");
}

#[test]
fn clients_beyond_the_most_are_told_so_and_a_place_that_is_given_up_is_free() {
    let server = server(&["--maxclients", "5"]);
    let mut watcher = server.connect();
    is_alone(&mut watcher);
    let mut clients: Vec<_> = (0..4).map(|_| server.connect()).collect();
    for client in &mut clients {
        assert_eq!(text(client.command(&["PING"])), "+PONG");
    }
    for _ in 0..3 {
        let mut refused = server.connect();
        assert_eq!(text(refused.read(GENEROUS)), "-ERR max number of clients reached");
        assert_eq!(refused.read(GENEROUS), Err(Silence::Closed));
    }
    assert_eq!(info(&mut watcher, "rejected_connections"), 3);
    clients.pop();
    poll(GENEROUS, || {
        let mut next = server.connect();
        // Refused, it may be closed before it reads why.
        (next.command(&["PING"]) == Ok(Reply::Simple(b"PONG".to_vec()))).then_some(())
    })
    .expect("there is a place");
}

#[test]
fn connections_may_come_and_go_in_numbers() {
    let server = server(&[]);
    let mut watcher = server.connect();
    for round in 0..20 {
        let mut clients: Vec<_> = (0..100).map(|_| server.connect()).collect();
        for (index, client) in clients.iter_mut().enumerate() {
            if index % 3 != 0 {
                client.send(&["PING"]).expect("the server reads");
            }
            if index % 3 == 2 {
                assert_eq!(text(client.read(GENEROUS)), "+PONG", "round {round}");
            }
        }
    }
    is_alone(&mut watcher);
}
