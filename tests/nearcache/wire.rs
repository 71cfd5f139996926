//! The connections alone.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use redis::{Value, cmd};
use scrubjay_client::wire::{Connector, Error, Event, Reason};

use crate::{patient, run, servers, until, url};

#[derive(Debug, Clone, PartialEq)]
enum Heard {
    Connected(u64, bool),
    Invalidated(u64, Option<Vec<u8>>),
    Ended(u64, Reason),
}

fn heard(event: &Event<'_>) -> Option<Heard> {
    match event {
        Event::Connected { life, refused } => Some(Heard::Connected(life.generation(), refused.is_none())),
        Event::Ended { life } => Some(Heard::Ended(life.generation(), life.end()?.reason)),
        Event::Push { life, push } => match &push.data[..] {
            [Value::Array(keys)] => match &keys[..] {
                [Value::BulkString(key)] => Some(Heard::Invalidated(life.generation(), Some(key.clone()))),
                _ => None,
            },
            _ => Some(Heard::Invalidated(life.generation(), None)),
        },
        _ => None,
    }
}

fn bytes(text: &str) -> Value {
    Value::BulkString(text.as_bytes().to_vec())
}

#[test]
fn a_connection_that_is_lost_is_made_anew_in_another_life() {
    for server in servers() {
        run(async {
            let log = Arc::new(Mutex::new(Vec::new()));
            let client = {
                let log = Arc::clone(&log);
                patient(Connector::server(url(&server)))
                    .greeting(vec![cmd("CLIENT").arg("TRACKING").arg("ON").take()])
                    .backoff(Duration::from_millis(1), Duration::from_millis(20))
                    .on_event(move |event| log.lock().expect("the log").extend(heard(&event)))
                    .connect()
                    .await
                    .expect("a connection")
            };
            let has = |wanted: Heard| log.lock().expect("the log").contains(&wanted);
            client.send(b"k", cmd("SET").arg("k").arg("1").take()).await.expect("SET");
            let read = client.send(b"k", cmd("GET").arg("k").take()).await.expect("GET");
            assert_eq!(read, bytes("1"));

            let mut other = server.connect();
            other.typed("SET k 2").expect("SET");
            until("the notice comes", || has(Heard::Invalidated(1, Some(b"k".to_vec())))).await;
            other.typed("FLUSHALL").expect("FLUSHALL");
            until("the null notice comes", || has(Heard::Ended(1, Reason::Flushed))).await;
            other.typed("CLIENT KILL TYPE normal SKIPME yes").expect("CLIENT KILL");
            until("the loss is seen", || has(Heard::Ended(2, Reason::Lost))).await;
            until("it is connected again", || has(Heard::Connected(3, true))).await;

            let mut commands = redis::pipe();
            commands.cmd("GET").arg("k").cmd("NO-SUCH").cmd("PING");
            let answer = client.exchange(b"k", &commands).await.expect("an answer");
            assert!(matches!(
                &answer.values[..],
                [Value::Nil, Value::ServerError(_), Value::SimpleString(_)]
            ));
            assert!(answer.life.is_some_and(|life| life.generation() == 3 && life.is_going_on()));
            assert_eq!(
                *log.lock().expect("the log"),
                [
                    Heard::Connected(1, true),
                    Heard::Invalidated(1, Some(b"k".to_vec())),
                    Heard::Ended(1, Reason::Flushed),
                    Heard::Invalidated(1, None),
                    Heard::Ended(2, Reason::Lost),
                    Heard::Connected(3, true),
                ],
                "{}",
                server.log()
            );
        });
    }
}

#[test]
fn what_a_server_refuses_and_what_is_not_there_are_told_apart() {
    for server in servers() {
        run(async {
            let client = patient(Connector::server(url(&server)))
                .greeting(vec![cmd("NO-SUCH")])
                .connect()
                .await
                .expect("a connection, whatever it thinks of the greeting");
            let refused = client.send(b"k", cmd("NO-SUCH")).await;
            assert!(matches!(&refused, Err(error @ Error::Refused(_)) if !error.is_outage()), "{refused:?}");
            let all = client.send_to_all(&cmd("PING")).await;
            assert!(matches!(&all[..], [(_, Ok(Value::SimpleString(pong)))] if pong == "PONG"), "{all:?}");

            drop(server);
            let away = client.send(b"k", cmd("PING")).await;
            assert!(matches!(&away, Err(error) if error.is_outage()), "{away:?}");
        });
    }
    let nobody = run(Connector::server("redis://127.0.0.1:1").connect());
    assert!(matches!(nobody, Err(Error::Unreachable(..))));
    let nonsense = run(Connector::server("no address").connect());
    assert!(matches!(nonsense, Err(Error::Address(_))));
}
