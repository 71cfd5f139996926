//! fred, whose one client is asynchronous, shared and reconnects by itself.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

use fred::clients::SubscriberClient;
use fred::prelude::*;
use fred::types::client::{ClientKillFilter, ClientKillType, Toggle};
use fred::types::config::UnresponsiveConfig;
use fred::types::scan::Scanner;
use fred::types::scripts::{Library, Script};
use fred::types::streams::XReadResponse;
use fred::types::{ClientUnblockFlag, ClusterHash, CustomCommand, RespVersion};
use futures_util::TryStreamExt;
use scrubjay_tests::patience::GENEROUS;
use scrubjay_tests::server::Server as Tested;

use crate::{Outcome, Scenario, on_tokio, until};

pub(crate) const SCENARIOS: &[&[Scenario]] = &[&[
    ("Commands and their replies, custom ones, errors; a pool that many tasks share", |server| {
        on_tokio(commands(server))
    }),
    ("Pipelines as a whole and one by one; transactions, with WATCH, and one that is aborted", |server| {
        on_tokio(pipelines(server))
    }),
    ("SubscriberClient: channels, patterns, shard channels, and after its connection was killed", |server| {
        on_tokio(messages(server))
    }),
    ("Client tracking: by key, by prefix, opted in, from RESP2 to another connection", |server| {
        on_tokio(tracking(server))
    }),
    ("Scripts, known and forgotten; libraries of functions", |server| on_tokio(scripts(server))),
    ("Reconnection: what was under way is sent again, a blocking pop too", |server| {
        on_tokio(reconnection(server))
    }),
    ("Blocking pops, unblocked by another; streams read by a group, claimed and acknowledged", |server| {
        on_tokio(blocking(server))
    }),
    ("Scans of keys, hashes, sets and sorted sets as streams", |server| on_tokio(scans(server))),
]];

const VERSIONS: [RespVersion; 2] = [RespVersion::RESP2, RespVersion::RESP3];

/// What makes clients that are patient, and connect again as often as it takes.
fn builder(server: &Tested, version: &RespVersion) -> Builder {
    let url = format!("redis://{}", server.address());
    let mut builder = Builder::from_config(Config::from_url(&url).expect("a well-formed address"));
    builder
        .with_config(|config| config.version = version.clone())
        .with_connection_config(|config| {
            config.connection_timeout = GENEROUS;
            config.internal_command_timeout = GENEROUS;
            config.max_command_attempts = 10;
            config.unresponsive = UnresponsiveConfig { max_timeout: None, ..UnresponsiveConfig::default() };
        })
        .with_performance_config(|config| config.default_command_timeout = GENEROUS)
        .set_policy(ReconnectPolicy::new_constant(0, 2));
    builder
}

async fn connect(server: &Tested, version: &RespVersion) -> Result<Client, Error> {
    let client = builder(server, version).build()?;
    client.init().await?;
    Ok(client)
}

/// A command that fred has no function for.
async fn custom<R: FromValue>(client: &Client, name: &'static str, arguments: &[&str]) -> Result<R, Error> {
    let command = CustomCommand::new_static(name, ClusterHash::FirstKey, false);
    client.custom(command, arguments.iter().map(|&argument| argument.to_owned()).collect::<Vec<_>>()).await
}

async fn commands(server: &Tested) -> Outcome {
    for version in &VERSIONS {
        let client = connect(server, version).await?;
        let () = client.flushall(false).await?;
        let () = client.set("k", "v", Some(Expiration::EX(600)), Some(SetOptions::NX), false).await?;
        let kept: Option<String> = client.set("k", "w", None, Some(SetOptions::NX), false).await?;
        let replaced: Option<String> = client.set("k", "w", Some(Expiration::KEEPTTL), None, true).await?;
        assert_eq!((kept, replaced.as_deref()), (None, Some("v")));
        let left: i64 = client.ttl("k").await?;
        assert!((590..=600).contains(&left));
        let () = client.set("bytes", &b"\0\xff\r\n"[..], None, None, false).await?;
        assert_eq!(client.get::<Vec<u8>, _>("bytes").await?, b"\0\xff\r\n");
        assert_eq!(client.get::<Option<String>, _>("none").await?, None);
        assert_eq!(client.incr_by_float::<f64, _>("float", 1.5).await?, 1.5);

        let () = client.hset("h", HashMap::from([("x", 1), ("y", 2)])).await?;
        let fields: HashMap<String, i64> = client.hgetall("h").await?;
        assert_eq!(fields, HashMap::from([("x".to_owned(), 1), ("y".to_owned(), 2)]));
        let () = client.rpush("l", vec!["a", "b", "c"]).await?;
        assert_eq!(client.lrange::<Vec<String>, _>("l", 0, -1).await?, ["a", "b", "c"]);
        let () = client.zadd("z", None, None, false, false, vec![(1.5, "a"), (2.0, "b")]).await?;
        let scored: Vec<(String, f64)> = client.zrange("z", 0, -1, None, false, None, true).await?;
        assert_eq!(scored, [("a".to_owned(), 1.5), ("b".to_owned(), 2.0)]);
        let () = client.sadd("s", vec!["a", "b"]).await?;
        assert!(client.sismember::<bool, _, _>("s", "a").await?);
        assert_eq!(custom::<i64>(&client, "BITCOUNT", &["k"]).await?, 6);

        let wrong = client.incr::<i64, _>("h").await.expect_err("it is no number");
        assert_eq!(wrong.kind(), &ErrorKind::InvalidArgument);
        assert!(wrong.details().starts_with("WRONGTYPE Operation against a key"), "{wrong}");
        let wrong = custom::<Value>(&client, "NOSUCH", &["k"]).await.expect_err("nobody knows it");
        assert!(wrong.details().starts_with("ERR unknown command 'NOSUCH'"), "{wrong}");

        let pool = builder(server, version).build_pool(4)?;
        pool.init().await?;
        let tasks: Vec<_> = (0..400)
            .map(|_| {
                let pool = pool.clone();
                tokio::spawn(async move { pool.incr::<i64, _>("counted").await })
            })
            .collect();
        let mut counted = BTreeSet::new();
        for task in tasks {
            counted.insert(task.await.expect("no task panics")?);
        }
        assert!(counted.into_iter().eq(1..=400));
        pool.quit().await?;
        client.quit().await?;
    }
    Ok(())
}

async fn pipelines(server: &Tested) -> Outcome {
    for version in &VERSIONS {
        let client = connect(server, version).await?;
        let () = client.flushall(false).await?;
        let pipeline = client.pipeline();
        let () = pipeline.incr("n").await?;
        let () = pipeline.incr("n").await?;
        assert_eq!(pipeline.all::<(i64, i64)>().await?, (1, 2));
        let () = pipeline.incr("n").await?;
        assert_eq!(pipeline.last::<i64>().await?, 5, "it is sent as often as one asks");
        let pipeline = client.pipeline();
        let () = pipeline.incr("n").await?;
        let () = pipeline.hgetall("n").await?;
        let () = pipeline.incr("n").await?;
        let each = pipeline.try_all::<i64>().await;
        assert_eq!(each.iter().map(|one| one.as_ref().ok()).collect::<Vec<_>>(), [Some(&6), None, Some(&7)]);

        let transaction = client.multi();
        assert!(transaction.get::<Value, _>("n").await?.is_queued());
        let () = transaction.set("n", 10, None, None, false).await?;
        let () = transaction.incr("n").await?;
        assert_eq!(transaction.exec::<(i64, String, i64)>(true).await?, (7, "OK".to_owned(), 11));

        let transaction = client.multi();
        let () = transaction.set("never", 1, None, None, false).await?;
        let unknown = CustomCommand::new_static("NOSUCH", ClusterHash::FirstKey, false);
        let () = transaction.custom(unknown, vec!["never"]).await?;
        let wrong = transaction.exec::<Value>(true).await.expect_err("it has been discarded");
        assert!(wrong.details().starts_with("ERR unknown command 'NOSUCH'"), "{wrong}");
        assert_eq!(client.exists::<i64, _>("never").await?, 0);

        let other = connect(server, version).await?;
        for interfered in [true, false] {
            let () = client.watch("n").await?;
            let seen: i64 = client.get("n").await?;
            if interfered {
                let () = other.incr("n").await?;
            }
            let transaction = client.multi();
            let () = transaction.set("n", seen * 2, None, None, false).await?;
            assert_eq!(transaction.exec::<Value>(true).await?.is_null(), interfered);
        }
        assert_eq!(client.get::<i64, _>("n").await?, 24);
        client.quit().await?;
        other.quit().await?;
    }
    Ok(())
}

async fn messages(server: &Tested) -> Outcome {
    for version in &VERSIONS {
        let listens: SubscriberClient = builder(server, version).build_subscriber_client()?;
        listens.init().await?;
        let mut heard = listens.message_rx();
        let resubscribes = listens.manage_subscriptions();
        let says = connect(server, version).await?;
        listens.subscribe("news").await?;
        listens.psubscribe(vec!["w*", "x*"]).await?;
        listens.ssubscribe("shard").await?;
        assert_eq!(listens.tracked_channels().len() + listens.tracked_patterns().len(), 3);
        for again in [false, true] {
            if again {
                let listeners = vec![ClientKillFilter::Type(ClientKillType::Pubsub)];
                assert_eq!(says.client_kill::<i64>(listeners).await?, 1);
                let again = || async {
                    let channels: HashMap<String, i64> = says.pubsub_numsub("news").await?;
                    let shards: HashMap<String, i64> = says.pubsub_shardnumsub("shard").await?;
                    let patterns: i64 = says.pubsub_numpat().await?;
                    Ok((channels["news"], shards["shard"], patterns) == (1, 1, 2))
                };
                until(again, "the second subscriptions").await?;
            }
            assert_eq!(says.publish::<i64, _, _>("news", "one").await?, 1);
            assert_eq!(says.publish::<i64, _, _>("weather", "two").await?, 1);
            assert_eq!(says.spublish::<i64, _, _>("shard", "three").await?, 1);
            for expected in [("news", "one"), ("weather", "two"), ("shard", "three")] {
                let message = heard.recv().await.expect("a message");
                let text: String = message.value.convert()?;
                assert_eq!((&*message.channel, &*text), expected);
            }
        }
        listens.unsubscribe_all().await?;
        let nobody = || async { Ok(says.publish::<i64, _, _>("news", "four").await? == 0) };
        until(nobody, "the subscriptions to end").await?;
        resubscribes.abort();
        listens.quit().await?;
        says.quit().await?;
    }
    Ok(())
}

async fn tracking(server: &Tested) -> Outcome {
    let near = connect(server, &RespVersion::RESP3).await?;
    let other = connect(server, &RespVersion::RESP3).await?;
    let mut stale = near.invalidation_rx();

    // Each key that was read, once.
    near.start_tracking(Vec::<String>::new(), false, false, false, false).await?;
    for round in 0..3 {
        let _: Option<i64> = near.get("k").await?;
        let () = other.set("k", round, None, None, false).await?;
        let told = stale.recv().await.expect("an invalidation");
        assert_eq!(told.keys, [Key::from("k")]);
    }
    near.stop_tracking().await?;

    // By prefix, read or not, and not what it writes itself.
    near.start_tracking(vec!["user:", "job:"], true, false, false, true).await?;
    let () = near.set("user:1", "mine", None, None, false).await?;
    let () = other.set("else:1", "theirs", None, None, false).await?;
    let () = other.set("job:1", "theirs", None, None, false).await?;
    assert_eq!(stale.recv().await.expect("an invalidation").keys, [Key::from("job:1")]);
    near.stop_tracking().await?;

    // What it asks for alone.
    near.start_tracking(Vec::<String>::new(), false, true, false, false).await?;
    let _: Option<String> = near.get("unasked").await?;
    let pipeline = near.pipeline();
    let () = pipeline.client_caching(true).await?;
    let () = pipeline.get("asked").await?;
    assert_eq!(pipeline.last::<Option<String>>().await?, None);
    let () = other.mset(vec![("unasked", 1), ("asked", 2)]).await?;
    assert_eq!(stale.recv().await.expect("an invalidation").keys, [Key::from("asked")]);
    near.stop_tracking().await?;

    // RESP2 has a second connection, which listens.
    let listens = connect(server, &RespVersion::RESP2).await?;
    let reads = connect(server, &RespVersion::RESP2).await?;
    let mut stale = listens.invalidation_rx();
    let () = listens.subscribe("__redis__:invalidate").await?;
    let id = *listens.connection_ids().values().next().expect("it is connected");
    let none = Vec::<String>::new();
    let () = reads.client_tracking(Toggle::On, Some(id), none, false, false, false, false).await?;
    assert_eq!(reads.client_getredir::<i64>().await?, id);
    let _: Option<String> = reads.get("k").await?;
    let () = other.set("k", "new", None, None, false).await?;
    assert_eq!(stale.recv().await.expect("an invalidation").keys, [Key::from("k")]);
    // (Speaking RESP3, fred keeps this to itself.)
    let () = other.flushall(false).await?;
    assert!(stale.recv().await.expect("an invalidation").keys.is_empty());
    Ok(())
}

async fn scripts(server: &Tested) -> Outcome {
    for version in &VERSIONS {
        let client = connect(server, version).await?;
        let () = client.flushall(false).await?;
        client.script_flush(false).await?;
        let script = Script::from_lua("return {KEYS[1], redis.call('INCRBY', KEYS[1], ARGV[1])}");
        let unknown = script.evalsha::<Value, _, _, _>(&client, "n", 1).await.expect_err("it is not loaded");
        assert!(unknown.details().starts_with("NOSCRIPT"), "{unknown}");
        for expected in [5, 10] {
            let (key, value): (String, i64) = script.evalsha_with_reload(&client, "n", 5).await?;
            assert_eq!((&*key, value), ("n", expected));
        }
        let known: Vec<bool> = client.script_exists(script.sha1().to_string()).await?;
        assert_eq!(known, [true]);
        client.script_flush(false).await?;
        let (_, value): (String, i64) = script.evalsha_with_reload(&client, "n", 5).await?;
        assert_eq!(value, 15);
        let nothing = Vec::<String>::new();
        let failed = client.eval::<Value, _, _, _>("error('no')", nothing, Vec::<i64>::new()).await;
        assert!(failed.expect_err("it fails").details().contains("no"));

        let code = "#!lua name=mine\n\
            redis.register_function('twice', function(keys, arguments) return arguments[1] * 2 end)\n\
            redis.register_function{function_name='look', flags={'no-writes'},\n\
            callback=function(keys) return redis.call('GET', keys[1]) end}";
        let library = Library::from_code(&client, code).await?;
        let function = |name: &str| library.functions().get(name).expect("it was registered").clone();
        assert_eq!(function("twice").fcall::<i64, _, _, _>(&client, Vec::<String>::new(), 21).await?, 42);
        let looked: i64 = function("look").fcall_ro(&client, "n", Vec::<i64>::new()).await?;
        assert_eq!(looked, 15);
        let again = Library::from_name(&client, "mine").await?;
        assert_eq!(again.functions().len(), 2);
        let () = client.function_delete("mine").await?;
        client.quit().await?;
    }
    Ok(())
}

async fn reconnection(server: &Tested) -> Outcome {
    for version in &VERSIONS {
        let client = connect(server, version).await?;
        let admin = connect(server, version).await?;
        let () = admin.flushall(false).await?;
        let mut connected = client.reconnect_rx();
        let id = || async { client.client_id::<i64>().await };
        let kill = |id: i64| {
            let admin = admin.clone();
            async move { admin.client_kill::<i64>(vec![ClientKillFilter::ID(id.to_string())]).await }
        };
        let first = id().await?;
        assert_eq!(kill(first).await?, 1);
        connected.recv().await.expect("another connection");
        let () = client.set("k", "v", None, None, false).await?;
        assert_ne!(id().await?, first);

        // What waits when the connection goes is asked for again on the next.
        let waits = connect(server, version).await?;
        let waiting = waits.client_id::<i64>().await?;
        let popped = tokio::spawn({
            let waits = waits.clone();
            let forever = Options { timeout: Some(Duration::ZERO), ..Options::default() };
            async move { waits.with_options(&forever).blpop::<(String, String), _>("queue", 0.0).await }
        });
        let blocked = |not: i64| {
            let admin = admin.clone();
            async move {
                let all: String = admin.client_list::<_, String>(None, None).await?;
                let blocked = all.lines().find(|line| line.contains(" cmd=blpop "));
                Ok(blocked.is_some_and(|line| !line.starts_with(&format!("id={not} "))))
            }
        };
        until(|| blocked(0), "somebody who waits").await?;
        assert_eq!(kill(waiting).await?, 1);
        until(|| blocked(waiting), "it to wait again").await?;
        let () = admin.rpush("queue", "job").await?;
        assert_eq!(popped.await.expect("no task panics")?, ("queue".to_owned(), "job".to_owned()));
    }
    Ok(())
}

async fn blocking(server: &Tested) -> Outcome {
    for version in &VERSIONS {
        let client = connect(server, version).await?;
        let waits = connect(server, version).await?;
        let () = client.flushall(false).await?;
        let somebody_waits = || async {
            let all: String = client.client_list::<_, String>(None, None).await?;
            Ok(all.contains(" flags=b "))
        };
        let pop = |key: &'static str| {
            let waits = waits.clone();
            tokio::spawn(async move { waits.blpop::<(String, i64), _>(key, 0.0).await })
        };
        let popped = pop("queue");
        until(somebody_waits, "somebody who waits").await?;
        let () = client.rpush("queue", 7).await?;
        assert_eq!(popped.await.expect("no task panics")?, ("queue".to_owned(), 7));
        let popped = pop("never");
        until(somebody_waits, "somebody who waits").await?;
        let id = waits.connection_ids().values().next().copied().expect("it is connected");
        assert_eq!(client.client_unblock::<i64, _>(id, Some(ClientUnblockFlag::Timeout)).await?, 1);
        // It makes an error of the empty reply.
        let in_vain = popped.await.expect("no task panics").expect_err("there is nothing");
        assert_eq!(in_vain.kind(), &ErrorKind::Timeout);

        let () = client.xgroup_create("stream", "group", "0", true).await?;
        let read = tokio::spawn({
            let waits = waits.clone();
            async move {
                let read: XReadResponse<String, String, String, i64> =
                    waits.xreadgroup_map("group", "me", Some(10), Some(0), false, "stream", ">").await?;
                Ok::<_, Error>(read)
            }
        });
        until(somebody_waits, "somebody who waits").await?;
        let entry: String = client.xadd("stream", false, None, "*", vec![("n", 1)]).await?;
        let expected = (entry.clone(), HashMap::from([("n".to_owned(), 1)]));
        let read = read.await.expect("no task panics")?;
        assert_eq!(read, HashMap::from([("stream".to_owned(), vec![expected.clone()])]));
        let (next, claimed) = client
            .xautoclaim_values::<String, String, i64, _, _, _, _>(
                "stream", "group", "you", 0, "0-0", None, false,
            )
            .await?;
        assert_eq!((&*next, claimed), ("0-0", vec![expected]));
        assert_eq!(client.xack::<i64, _, _, _>("stream", "group", &*entry).await?, 1);
        client.quit().await?;
        waits.quit().await?;
    }
    Ok(())
}

async fn scans(server: &Tested) -> Outcome {
    for version in &VERSIONS {
        let client = connect(server, version).await?;
        let () = client.flushall(false).await?;
        let numbered = |prefix: &str| (0..300).map(|n| (format!("{prefix}{n}"), n)).collect::<Vec<_>>();
        let () = client.mset(numbered("k:")).await?;
        let () = client.hset("h", numbered("")).await?;
        let () = client.sadd("s", numbered("").into_iter().map(|(name, _)| name).collect::<Vec<_>>()).await?;
        let members: Vec<(f64, String)> =
            numbered("").into_iter().map(|(name, n)| (f64::from(n), name)).collect();
        let () = client.zadd("z", None, None, false, false, members).await?;

        let mut pages = Box::pin(client.scan("k:*", Some(20), None));
        let mut found = BTreeSet::new();
        while let Some(mut page) = pages.try_next().await? {
            found.extend(page.take_results().into_iter().flatten().filter_map(Key::into_string));
            page.next();
        }
        assert_eq!(found.len(), 300);
        let buffered: Vec<Key> = client.scan_buffered("k:*", Some(50), None).try_collect().await?;
        assert_eq!(buffered.iter().collect::<HashSet<_>>().len(), 300);

        let mut fields = HashMap::new();
        let mut pages = Box::pin(client.hscan("h", "*", Some(20)));
        while let Some(mut page) = pages.try_next().await? {
            for (name, value) in page.take_results().expect("a page").inner() {
                fields.insert(name.into_string(), value.as_i64());
            }
            page.next();
        }
        assert_eq!(fields.len(), 300);
        assert!(fields.iter().all(|(name, value)| *name == value.map(|value| value.to_string())));
        let mut members = BTreeSet::new();
        let mut pages = Box::pin(client.sscan("s", "*", Some(20)));
        while let Some(mut page) = pages.try_next().await? {
            members.extend(page.take_results().into_iter().flatten().filter_map(|one| one.into_string()));
            page.next();
        }
        assert_eq!(members.len(), 300);
        let mut scored = BTreeSet::new();
        let mut pages = Box::pin(client.zscan("z", "*", Some(20)));
        while let Some(mut page) = pages.try_next().await? {
            for (member, score) in page.take_results().into_iter().flatten() {
                assert_eq!(member.into_string(), Some(score.to_string()));
                scored.insert(score as i64);
            }
            page.next();
        }
        assert_eq!(scored.len(), 300);
        client.quit().await?;
    }
    Ok(())
}
