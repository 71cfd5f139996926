//! The blocking client.

use std::thread;

use redis::{Commands, ErrorKind, RedisResult, Script, ServerErrorKind};
use scrubjay_tests::server::Server;

use super::client;
use crate::{Outcome, Scenario};

pub(super) const SCENARIOS: &[Scenario] = &[
    (
        "Blocking: pipelines, atomic ones, errors in them; transactions with WATCH from many threads",
        pipelines,
    ),
    ("Blocking: scripts, known and forgotten; iterators; errors by their kinds", scripts),
    ("Blocking: messages of channels and patterns", messages),
];

fn pipelines(server: &Server) -> Outcome {
    for protocol in ["resp2", "resp3"] {
        let client = client(server, protocol);
        let mut connection = client.get_connection()?;
        let () = redis::cmd("FLUSHALL").query(&mut connection)?;
        let (first, all): (String, Vec<String>) = redis::pipe()
            .atomic()
            .set("k", "v")
            .ignore()
            .get("k")
            .rpush("list", &["a", "b"])
            .ignore()
            .lrange("list", 0, -1)
            .query(&mut connection)?;
        assert_eq!((first.as_str(), all), ("v", vec!["a".to_owned(), "b".to_owned()]));
        let wrong: RedisResult<()> =
            redis::pipe().atomic().set("before", 1).incr("list", 1).set("after", 1).query(&mut connection);
        assert!(wrong.is_err());
        let there: usize = connection.exists(&["before", "after"])?;
        assert_eq!(there, 2, "what fails in a transaction undoes nothing");

        const THREADS: usize = 4;
        const TIMES: usize = 25;
        thread::scope(|scope| {
            let workers: Vec<_> = (0..THREADS)
                .map(|_| {
                    scope.spawn(|| -> RedisResult<()> {
                        let mut connection = client.get_connection()?;
                        for _ in 0..TIMES {
                            let (_,): (usize,) =
                                redis::transaction(&mut connection, &["counter"], |connection, pipe| {
                                    let seen: Option<usize> = connection.get("counter")?;
                                    pipe.set("counter", seen.unwrap_or(0) + 1)
                                        .ignore()
                                        .get("counter")
                                        .query(connection)
                                })?;
                        }
                        Ok(())
                    })
                })
                .collect();
            workers.into_iter().try_for_each(|worker| worker.join().expect("no thread panics"))
        })?;
        let counted: usize = connection.get("counter")?;
        assert_eq!(counted, THREADS * TIMES);
    }
    Ok(())
}

fn scripts(server: &Server) -> Outcome {
    let mut connection = client(server, "resp3").get_connection()?;
    let script = Script::new("return {KEYS[1], redis.call('INCRBY', KEYS[1], ARGV[1])}");
    for expected in [5, 10] {
        let (key, value): (String, i64) = script.key("n").arg(5).invoke(&mut connection)?;
        assert_eq!((key.as_str(), value), ("n", expected));
    }
    // It is loaded again by itself.
    let () = redis::cmd("SCRIPT").arg("FLUSH").query(&mut connection)?;
    let (_, value): (String, i64) = script.key("n").arg(5).invoke(&mut connection)?;
    assert_eq!(value, 15);

    let pairs: Vec<(String, i64)> = (0..500).map(|number| (format!("key:{number}"), number)).collect();
    let () = connection.mset(&pairs)?;
    let mut walked: Vec<String> =
        connection.scan_match::<_, String>("key:*")?.collect::<RedisResult<Vec<_>>>()?;
    walked.sort();
    walked.dedup();
    assert_eq!(walked.len(), 500);

    let () = connection.set("text", "no number")?;
    let wrong: RedisResult<i64> = connection.incr("text", 1);
    let wrong = wrong.expect_err("it is no number");
    assert_eq!(wrong.kind(), ErrorKind::Server(ServerErrorKind::ResponseError));
    assert_eq!(wrong.detail(), Some("value is not an integer or out of range"));
    let wrong: RedisResult<usize> = connection.lpush("text", 1);
    assert_eq!(wrong.expect_err("it is no list").code(), Some("WRONGTYPE"));
    let wrong: RedisResult<()> = redis::cmd("EVALSHA").arg("0".repeat(40)).arg(0).query(&mut connection);
    assert_eq!(wrong.expect_err("nobody knows it").kind(), ErrorKind::Server(ServerErrorKind::NoScript));
    Ok(())
}

fn messages(server: &Server) -> Outcome {
    let client = client(server, "resp2");
    let (mut listens, mut says) = (client.get_connection()?, client.get_connection()?);
    let mut messages = listens.as_pubsub();
    messages.subscribe("news")?;
    messages.psubscribe("w*")?;
    let heard: usize = says.publish("news", "one")?;
    assert_eq!(heard, 1);
    let _: usize = says.publish("weather", "two")?;
    let first = messages.get_message()?;
    assert_eq!((first.get_channel_name(), first.get_payload::<String>()?.as_str()), ("news", "one"));
    let second = messages.get_message()?;
    assert!(second.from_pattern());
    assert_eq!(second.get_pattern::<String>()?, "w*");
    messages.unsubscribe("news")?;
    let heard: usize = says.publish("news", "three")?;
    assert_eq!(heard, 0);
    Ok(())
}
