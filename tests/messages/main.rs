//! Many who publish and many who listen, on several threads: each message reaches exactly those whom its
//! publisher was told of, in the order of its publisher, and whoever does not read holds nobody back.
//! Those who monitor are shown what Valkey shows (`monitored.txt`), in the order of each client and key.
#![forbid(unsafe_code)]

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

use scrubjay_tests::granted::{figure, read, server, typed};
use scrubjay_tests::patience::{GENEROUS, poll};
use scrubjay_tests::server::{Backend, Server};
use scrubjay_tests::wire::{Client, Reply, Silence, encode};

/// The kind of a message and its last part: what was published, or of a confirmation the count.
fn message(reply: &Reply) -> Option<(String, &Reply)> {
    match reply {
        Reply::Array(parts) | Reply::Push(parts) => Some((parts.first()?.text()?, parts.last()?)),
        _ => None,
    }
}

/// The two numbers of a message.
fn numbers(text: &Reply) -> (usize, usize) {
    let text = text.text().expect("a message");
    let (publisher, number) = text.split_once(' ').expect("two numbers");
    (publisher.parse().expect("a number"), number.parse().expect("a number"))
}

#[test]
fn what_many_publish_all_get_once_and_in_order() {
    const PUBLISHERS: usize = 3;
    const CHANNELS: usize = 3;
    /// What each publisher publishes to each channel.
    const EACH: usize = 400;
    // What is listened to, and how many of the channels that are.
    let listened =
        [("SUBSCRIBE c0 c1 c2", 3), ("PSUBSCRIBE c*", 1), ("SUBSCRIBE c1", 1), ("PSUBSCRIBE ?2 c[2]", 2)];
    // To each channel: one that listens to all, the pattern of all, and its own listeners.
    let receivers = |channel: usize| 3 * [2, 3, 4][channel];
    let server = server(&["--io-threads", "4"]);
    let expected = |line: &str| match line {
        "SUBSCRIBE c1" => EACH,
        "PSUBSCRIBE ?2 c[2]" => 2 * EACH,
        _ => CHANNELS * EACH,
    };
    let subscribers: Vec<(Client, &str)> = (0..3)
        .flat_map(|round| listened.map(|(line, count)| (round, line, count)))
        .map(|(round, line, count)| {
            let mut client = server.connect();
            if round == 1 {
                typed(&mut client, "HELLO 3");
            }
            client.send(&line.split(' ').collect::<Vec<_>>()).expect("the server reads");
            (0..count).for_each(|_| drop(read(&mut client)));
            (client, line)
        })
        .collect();
    std::thread::scope(|scope| {
        for publisher in 0..PUBLISHERS {
            let mut client = server.connect();
            scope.spawn(move || {
                for start in (0..EACH * CHANNELS).step_by(16) {
                    let batch = start..(start + 16).min(EACH * CHANNELS);
                    for number in batch.clone() {
                        let (channel, text) =
                            (format!("c{}", number % CHANNELS), format!("{publisher} {number}"));
                        client.send(&["PUBLISH", &channel, &text]).expect("the server reads");
                    }
                    for number in batch {
                        let count = read(&mut client).integer().expect("a count");
                        assert_eq!(count, receivers(number % CHANNELS), "{publisher} {number}");
                    }
                }
            });
        }
        for (mut client, line) in subscribers {
            scope.spawn(move || {
                let mut got: HashMap<usize, Vec<usize>> = HashMap::new();
                for _ in 0..PUBLISHERS * expected(line) {
                    let reply = read(&mut client);
                    let (publisher, number) = numbers(message(&reply).expect("a message").1);
                    got.entry(publisher).or_default().push(number);
                }
                for (publisher, got) in got {
                    // Each pattern that matches brings a message of its own.
                    assert!(got.is_sorted(), "out of order for {line}, from {publisher}: {got:?}");
                    assert_eq!(got.len(), expected(line), "for {line}, from {publisher}");
                    let once = if line == "PSUBSCRIBE ?2 c[2]" { 2 } else { 1 };
                    let twins = got.chunk_by(|a, b| a == b).all(|same| same.len() == once);
                    assert!(twins, "lost or twice for {line}, from {publisher}: {got:?}");
                }
                // And nothing else.
                let pong = typed(&mut client, "PING");
                assert!(message(&pong).is_none_or(|(kind, _)| kind == "pong"), "{pong}");
            });
        }
    });
}

/// Who comes and goes gets all that is published in between, and nothing after it has left: together exactly
/// as many messages as the publishers were told.
#[test]
fn who_comes_and_goes_gets_what_is_published_in_between() {
    const PUBLISHERS: usize = 2;
    const ROUNDS: usize = 60;
    let server = server(&["--io-threads", "3"]);
    let more = AtomicBool::new(true);
    let publish = |publisher: usize| {
        let mut client = server.connect();
        let (mut number, mut told) = (0, 0);
        while more.load(SeqCst) {
            for _ in 0..5 {
                let text = format!("{publisher} {number}");
                client.send(&["PUBLISH", "c", &text]).expect("the server reads");
                number += 1;
            }
            told += (0..5).map(|_| read(&mut client).integer().expect("a count")).sum::<i64>();
        }
        told
    };
    let listen = |index: usize| {
        let mut client = server.connect();
        let pushes = index.is_multiple_of(2);
        if pushes {
            typed(&mut client, "HELLO 3");
        }
        let mut count = 0;
        for round in 0..ROUNDS {
            client.send(&["SUBSCRIBE", "c"]).expect("the server reads");
            let mut next: [Option<usize>; PUBLISHERS] = [None; PUBLISHERS];
            // Some leave at once, some in the middle.
            let stays = round % 4 * 3;
            let mut left = false;
            for read_so_far in 0.. {
                if read_so_far == 1 + stays && !left {
                    client.send(&["UNSUBSCRIBE"]).expect("the server reads");
                    left = true;
                }
                let reply = read(&mut client);
                let (kind, what) = message(&reply).unwrap_or_else(|| panic!("no message: {reply}"));
                match kind.as_str() {
                    "subscribe" => assert_eq!(read_so_far, 0, "a message before the confirmation"),
                    "unsubscribe" => break,
                    _ => {
                        let (publisher, number) = numbers(what);
                        let gap = next[publisher].is_some_and(|next| next != number);
                        assert!(!gap, "of {publisher}: {number} after {:?}", next[publisher]);
                        next[publisher] = Some(number + 1);
                        count += 1;
                    }
                }
            }
            // A client that has left reads replies, and they come alone.
            assert_eq!(typed(&mut client, "PING"), Reply::Simple(b"PONG".to_vec()));
        }
        count
    };
    let (got, told) = std::thread::scope(|scope| {
        let publishers: Vec<_> = (0..PUBLISHERS).map(|index| scope.spawn(move || publish(index))).collect();
        let listeners: Vec<_> = (0..6).map(|index| scope.spawn(move || listen(index))).collect();
        let got: Vec<_> = listeners.into_iter().map(|thread| thread.join()).collect();
        more.store(false, SeqCst);
        let told: i64 = publishers.into_iter().map(|thread| thread.join().expect("no panic")).sum();
        (got.into_iter().map(|got| got.expect("no panic")).sum::<i64>(), told)
    });
    assert_eq!(got, told);
    assert_eq!(figure(&mut server.connect(), "pubsub_channels"), 0);
}

/// Messages come between replies, and never within one.
#[test]
fn pushes_come_between_replies() {
    const MESSAGES: usize = 2000;
    let server = server(&["--io-threads", "2"]);
    let (mut listener, mut publisher) = (server.connect(), server.connect());
    typed(&mut listener, "HELLO 3");
    let (long, short) = ("v".repeat(20_000), "w".repeat(200));
    for value in [&long, &short, &long, &short] {
        listener.command(&["RPUSH", "list", value]).expect("a reply");
    }
    typed(&mut listener, "PSUBSCRIBE *");
    let thread = std::thread::spawn(move || {
        let mut requests = Vec::new();
        for number in 0..MESSAGES {
            let text = if number % 10 == 0 { "m".repeat(20_000) } else { number.to_string() };
            requests.extend(encode(&["PUBLISH", "c", &text]));
            if number % 20 == 0 {
                publisher.send_bytes(&std::mem::take(&mut requests)).expect("the server reads");
            }
        }
        publisher.send_bytes(&requests).expect("the server reads");
        (0..MESSAGES).for_each(|_| assert_eq!(read(&mut publisher), Reply::Integer(1)));
    });
    let (mut messages, mut replies) = (0, 0);
    while messages < MESSAGES {
        listener.send_bytes(&encode(&["LRANGE", "list", "0", "-1"]).repeat(5)).expect("the server reads");
        let due = replies + 5;
        while replies < due {
            match read(&mut listener) {
                Reply::Array(parts) => {
                    let lengths = parts.iter().map(|part| part.bytes().map_or(0, <[u8]>::len));
                    assert!(lengths.eq([20_000, 200, 20_000, 200]));
                    replies += 1;
                }
                Reply::Push(parts) if parts.len() == 4 => {
                    let text = parts[3].text().expect("a message");
                    let right =
                        if messages % 10 == 0 { text.len() == 20_000 } else { text == messages.to_string() };
                    assert!(right, "message {messages}: {text}");
                    messages += 1;
                }
                other => panic!("unexpected: {other}"),
            }
        }
    }
    thread.join().expect("no panic");
}

#[test]
fn who_does_not_read_is_cut_off_and_holds_nobody_back() {
    const MESSAGES: usize = 12_000;
    let limit = "pubsub 1000000 0 0";
    let server = server(&["--io-threads", "2", "--client-output-buffer-limit", limit]);
    let mut publisher = server.connect();
    let disconnections = "client_output_buffer_limit_disconnections";
    let (mut deaf, mut other) = (server.connect(), server.connect());
    typed(&mut deaf, "SUBSCRIBE c");
    typed(&mut other, "SUBSCRIBE c");
    let got = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&got);
    let reader = std::thread::spawn(move || {
        for number in 0..MESSAGES {
            let reply = read(&mut other);
            let text = message(&reply).expect("a message").1.text().expect("text");
            assert_eq!(text.trim_start_matches('x'), number.to_string());
            counted.store(number + 1, SeqCst);
        }
        other
    });
    for start in (0..MESSAGES).step_by(50) {
        // Well-behaved clients are never far behind; the deaf one is for good.
        for number in start..start + 50 {
            publisher.send(&["PUBLISH", "c", &format!("{}{number}", "x".repeat(1000))]).expect("it reads");
        }
        (0..50).for_each(|_| drop(read(&mut publisher)));
        poll(GENEROUS, || (got.load(SeqCst) >= start).then_some(())).expect("the other reads");
    }
    let mut other = reader.join().expect("no panic");
    poll(GENEROUS, || (figure(&mut publisher, disconnections) == 1).then_some(())).expect("it is cut off");
    poll(GENEROUS, || (figure(&mut publisher, "pubsub_clients") == 1).then_some(())).expect("it is gone");
    assert_eq!(typed(&mut publisher, "PUBLISH c end"), Reply::Integer(1));
    assert_eq!(message(&read(&mut other)).expect("a message").1.text().as_deref(), Some("end"));
    let end = std::iter::from_fn(|| Some(deaf.read(GENEROUS))).find_map(Result::err);
    assert!(matches!(end, Some(Silence::Closed)), "{end:?}");

    // What is too much for too long is too much as well; normal clients have a limit of their own.
    typed(&mut publisher, "CONFIG SET client-output-buffer-limit 'normal 1000 0 0 pubsub 0 100000 1'");
    let mut deaf = server.connect();
    typed(&mut deaf, "PSUBSCRIBE c");
    let big = "x".repeat(100_000);
    let cut_off = || {
        publisher.command(&["PUBLISH", "c", &big]).expect("a reply");
        read(&mut other);
        (figure(&mut publisher, disconnections) == 2).then_some(())
    };
    poll(GENEROUS, cut_off).expect("it is cut off");
    assert_eq!(typed(&mut publisher, "PUBSUB NUMSUB c").elements().expect("two")[1], Reply::Integer(1));
}

/// What one program publishes to its server's clients, who are many and gone before they have read it.
#[test]
fn who_goes_away_in_the_middle_leaves_nothing_behind() {
    let server = server(&["--io-threads", "2"]);
    let mut publisher = server.connect();
    let used = |client: &mut Client| figure(client, "used_memory");
    typed(&mut publisher, "PUBLISH c x");
    let before = used(&mut publisher);
    for _ in 0..20 {
        let clients: Vec<Client> = (0..20)
            .map(|_| {
                let mut client = server.connect();
                client.send(&["SUBSCRIBE", "c", "d", "e"]).expect("the server reads");
                client.send(&["PSUBSCRIBE", "c*"]).expect("the server reads");
                client
            })
            .collect();
        publisher.send_bytes(&encode(&["PUBLISH", "c", &"x".repeat(5000)]).repeat(50)).expect("it reads");
        drop(clients);
        (0..50).for_each(|_| assert!(read(&mut publisher).integer().is_some()));
    }
    let gone = |client: &mut Client| {
        ["pubsub_channels", "pubsub_patterns", "pubsub_clients"].iter().all(|name| figure(client, name) == 0)
    };
    poll(GENEROUS, || gone(&mut publisher).then_some(())).expect("all are gone");
    poll(GENEROUS, || (used(&mut publisher) < before + 500_000).then_some(())).expect("and their memory");
    assert_eq!(typed(&mut publisher, "PUBLISH c x"), Reply::Integer(0));
}

/// The lines that a monitor reads until it is shown `ECHO end`: no moments, and names instead of addresses.
fn lines_until_the_end(monitor: &mut Client, names: &HashMap<String, &str>) -> Vec<String> {
    let mut lines = Vec::new();
    loop {
        let line = read(monitor).text().expect("a line");
        let (moment, shown) = line.split_once(' ').expect("a moment");
        let (seconds, micros) = moment.split_once('.').expect("seconds and microseconds");
        assert!(seconds.parse::<u64>().is_ok() && micros.len() == 6, "{line}");
        let (from, words) = shown.strip_prefix('[').and_then(|rest| rest.split_once("] ")).expect("who");
        let (db, address) = from.split_once(' ').expect("a database and an address");
        if words == r#""ECHO" "end""# {
            return lines;
        }
        lines.push(format!("[{db} {}] {words}", names.get(address).unwrap_or(&address)));
    }
}

fn address(client: &mut Client) -> String {
    let info = typed(client, "CLIENT INFO").text().expect("text");
    info.split(' ').find_map(|field| field.strip_prefix("addr=")).expect("an address").to_owned()
}

/// Whoever serves them may come to it later.
#[test]
fn who_has_been_killed_gets_nothing_from_then_on() {
    let server = server(&["--io-threads", "2"]);
    let mut client = server.connect();
    for _ in 0..100 {
        let mut listeners: Vec<Client> = (0..6).map(|_| server.connect()).collect();
        for (listener, line) in
            listeners.iter_mut().zip(["SUBSCRIBE a b", "PSUBSCRIBE *", "SSUBSCRIBE a"].into_iter().cycle())
        {
            typed(listener, line);
        }
        // The second channel's confirmation is not waited for.
        poll(GENEROUS, || {
            (typed(&mut client, "PUBSUB NUMSUB b").elements()?[1] == Reply::Integer(2)).then_some(())
        })
        .expect("all have subscribed");
        assert_eq!(typed(&mut client, "PUBLISH a x"), Reply::Integer(4));
        assert_eq!(typed(&mut client, "CLIENT KILL TYPE pubsub"), Reply::Integer(6));
        for line in ["PUBLISH a x", "PUBLISH b x", "SPUBLISH a x", "PUBSUB NUMPAT"] {
            assert_eq!(typed(&mut client, line), Reply::Integer(0), "{line}");
        }
        assert_eq!(typed(&mut client, "PUBSUB CHANNELS"), Reply::Array(Vec::new()));
    }
}

#[test]
fn a_monitor_is_shown_what_valkey_shows() {
    /// Who does what. The one that waits is not answered at once.
    const DONE: &str = include_str!("monitored.txt");
    let shown = |backend: Backend| {
        let arguments: &[&str] = &["--enable-debug-command", "yes"];
        let server = Server::start_with(backend, arguments).unwrap_or_else(|why| panic!("{why}"));
        let mut clients: HashMap<&str, Client> = ["a", "b", "w"].map(|name| (name, server.connect())).into();
        let mut names: HashMap<String, &str> =
            clients.iter_mut().map(|(name, client)| (address(client), *name)).collect();
        let mut monitor = server.connect();
        typed(&mut monitor, "MONITOR");
        let mut has_waited = false;
        for (name, line) in DONE.trim().lines().map(|line| line.trim().split_once(": ").expect("who")) {
            let client = clients.entry(name).or_insert_with(|| server.connect());
            if name == "w" && std::mem::replace(&mut has_waited, true) {
                read(client);
            }
            client.send(&scrubjay_tests::words::split(line).expect("words")).expect("the server reads");
            if name == "w" {
                let mut other = server.connect();
                let waits = || (figure(&mut other, "blocked_clients") == 1).then_some(());
                poll(GENEROUS, waits).expect("it waits");
                continue;
            }
            read(client);
        }
        names.insert(address(clients.get_mut("n").expect("it came")), "n");
        typed(clients.get_mut("a").expect("it is there"), "ECHO end");
        let mut lines = lines_until_the_end(&mut monitor, &names);
        lines.retain(|line| {
            !line.ends_with(r#""INFO" "everything""#) && !line.ends_with(r#""CLIENT" "INFO""#)
        });
        lines
    };
    let (ours, theirs) = (shown(Backend::Scrubjay), shown(Backend::Valkey));
    assert!(theirs.len() > 60, "{theirs:#?}");
    for (number, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
        assert_eq!(ours, theirs, "line {number}");
    }
    assert_eq!(ours.len(), theirs.len());
}

#[test]
fn a_monitor_is_shown_the_commands_of_each_client_and_of_each_key_in_order() {
    const CLIENTS: usize = 4;
    const EACH: usize = 400;
    let server = server(&["--io-threads", "2"]);
    let mut monitors = [server.connect(), server.connect()];
    monitors.iter_mut().for_each(|monitor| drop(typed(monitor, "MONITOR")));
    // What each command made of the one key, told by the server.
    let counts: Vec<Vec<i64>> = std::thread::scope(|scope| {
        let count = |client: usize| {
            let mut connection = server.connect();
            scope.spawn(move || {
                let count = |number| {
                    let line = format!("INCRBY k {}", client * EACH + number + 1);
                    typed(&mut connection, &line).integer().expect("a number")
                };
                (0..EACH).map(count).collect()
            })
        };
        let threads: Vec<_> = (0..CLIENTS).map(count).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    typed(&mut server.connect(), "ECHO end");
    let lines = monitors.each_mut().map(|monitor| lines_until_the_end(monitor, &HashMap::new()));
    assert_eq!(lines[0], lines[1], "both are shown the same");
    assert_eq!(lines[0].len(), CLIENTS * EACH);
    let mut next = [0; CLIENTS];
    let mut sum = 0;
    for line in &lines[0] {
        let more: usize =
            line.trim_end_matches('"').rsplit('"').next().expect("a word").parse().expect("a number");
        let (client, number) = ((more - 1) / EACH, (more - 1) % EACH);
        assert_eq!(number, next[client], "out of order: {line}");
        next[client] += 1;
        sum += more as i64;
        assert_eq!(counts[client][number], sum, "not in the order of the key: {line}");
    }
}

#[test]
fn a_monitor_that_does_not_read_is_cut_off_and_holds_nobody_back() {
    let server = server(&["--io-threads", "2", "--client-output-buffer-limit", "normal 1000000 0 0"]);
    let (mut deaf, mut client) = (server.connect(), server.connect());
    typed(&mut deaf, "MONITOR");
    let big = "x".repeat(100_000);
    let disconnections = "client_output_buffer_limit_disconnections";
    let cut_off = || {
        (0..20).for_each(|_| {
            assert_eq!(client.command(&["SET", "k", &big]).expect("a reply"), Reply::Simple(b"OK".to_vec()))
        });
        (figure(&mut client, disconnections) == 1).then_some(())
    };
    poll(GENEROUS, cut_off).expect("it is cut off");
    poll(GENEROUS, || (figure(&mut client, "connected_clients") == 1).then_some(())).expect("it is gone");
    let end = std::iter::from_fn(|| Some(deaf.read(GENEROUS))).find_map(Result::err);
    assert!(matches!(end, Some(Silence::Closed)), "{end:?}");
}
