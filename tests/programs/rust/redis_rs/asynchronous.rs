//! The client on tokio.

use redis::aio::{ConnectionManager, ConnectionManagerConfig, MultiplexedConnection};
use redis::caching::CacheConfig;
use redis::{AsyncCommands, AsyncConnectionConfig, PushKind, RedisResult, Value};
use scrubjay_tests::patience::GENEROUS;
use scrubjay_tests::server::Server;

use super::client;
use crate::{Outcome, Scenario, on_tokio, until};

pub(super) const SCENARIOS: &[Scenario] = &[
    (
        "tokio: a thousand requests at once on one connection, pipelines, blocking pops beside them",
        |server| on_tokio(multiplexed(server)),
    ),
    ("tokio: pushes of RESP3 to a sender, and a connection for messages alone", |server| {
        on_tokio(pushes(server))
    }),
    ("Connection manager: connects again after its connection was killed, and subscribes again", |server| {
        on_tokio(manager(server))
    }),
    ("cache-aio: served from memory, dropped when another client writes, and by FLUSHALL", |server| {
        on_tokio(cache(server))
    }),
];

/// Patient, as everything here is.
fn patient() -> AsyncConnectionConfig {
    AsyncConnectionConfig::new().set_response_timeout(Some(GENEROUS))
}

async fn connect(server: &Server, protocol: &str) -> RedisResult<MultiplexedConnection> {
    client(server, protocol).get_multiplexed_async_connection_with_config(&patient()).await
}

async fn multiplexed(server: &Server) -> Outcome {
    for protocol in ["resp2", "resp3"] {
        let connection = connect(server, protocol).await?;
        let () = redis::cmd("FLUSHALL").query_async(&mut connection.clone()).await?;
        let tasks: Vec<_> = (0..1000)
            .map(|number: usize| {
                let mut connection = connection.clone();
                tokio::spawn(async move {
                    let key = format!("key:{number}");
                    let () = connection.set(&key, number).await?;
                    let _: usize = connection.incr("all", number).await?;
                    let got: usize = connection.get(&key).await?;
                    assert_eq!(got, number);
                    RedisResult::Ok(())
                })
            })
            .collect();
        for task in tasks {
            task.await.expect("no task panics")?;
        }
        let mut connection = connection;
        let (all, count): (usize, usize) =
            redis::pipe().atomic().get("all").cmd("DBSIZE").query_async(&mut connection).await?;
        assert_eq!((all, count), (499_500, 1001));

        let mut waits = connect(server, protocol).await?;
        let popped = tokio::spawn(async move { waits.blpop::<_, (String, String)>("queue", 0.0).await });
        let mut looks = connection.clone();
        until(
            || {
                let mut looks = looks.clone();
                async move {
                    let info: String = redis::cmd("INFO").arg("clients").query_async(&mut looks).await?;
                    Ok(info.contains("blocked_clients:1\r\n"))
                }
            },
            "somebody who waits",
        )
        .await?;
        let _: usize = looks.rpush("queue", "job").await?;
        assert_eq!(popped.await.expect("no task panics")?, ("queue".to_owned(), "job".to_owned()));
    }
    Ok(())
}

async fn pushes(server: &Server) -> Outcome {
    let (sender, mut pushed) = tokio::sync::mpsc::unbounded_channel();
    let config = patient().set_push_sender(sender);
    let mut listens = client(server, "resp3").get_multiplexed_async_connection_with_config(&config).await?;
    listens.subscribe("news").await?;
    let confirmed = pushed.recv().await.expect("a push");
    assert_eq!(confirmed.kind, PushKind::Subscribe);
    let mut says = connect(server, "resp3").await?;
    for number in 0..100 {
        let heard: usize = says.publish("news", number).await?;
        assert_eq!(heard, 1);
        // Replies and pushes share the connection, and neither is taken for the other.
        let echoed: usize = redis::cmd("ECHO").arg(number).query_async(&mut listens).await?;
        assert_eq!(echoed, number);
    }
    for number in 0..100 {
        let push = pushed.recv().await.expect("a push");
        assert_eq!(push.kind, PushKind::Message);
        assert_eq!(push.data[1], Value::BulkString(number.to_string().into_bytes()));
    }
    listens.unsubscribe("news").await?;
    assert_eq!(pushed.recv().await.expect("a push").kind, PushKind::Unsubscribe);
    Ok(())
}

async fn manager(server: &Server) -> Outcome {
    let (sender, mut pushed) = tokio::sync::mpsc::unbounded_channel();
    let config = ConnectionManagerConfig::new()
        .set_response_timeout(Some(GENEROUS))
        .set_connection_timeout(Some(GENEROUS))
        .set_push_sender(sender)
        .set_automatic_resubscription();
    let mut manager = ConnectionManager::new_with_config(client(server, "resp3"), config).await?;
    manager.subscribe("news").await?;
    let mut other = connect(server, "resp3").await?;
    for _ in 0..3 {
        let id: u64 = redis::cmd("CLIENT").arg("ID").query_async(&mut manager).await?;
        let killed: usize =
            redis::cmd("CLIENT").arg("KILL").arg("ID").arg(id).query_async(&mut other).await?;
        assert_eq!(killed, 1);
        // The requests that meet the end of the connection fail; then there is another.
        until(
            || {
                let mut manager = manager.clone();
                async move { Ok(manager.set::<_, _, ()>("k", "v").await.is_ok()) }
            },
            "another connection",
        )
        .await?;
        until(
            || {
                let mut other = other.clone();
                async move { Ok(other.publish::<_, _, usize>("news", "again").await? == 1) }
            },
            "another subscription",
        )
        .await?;
        while pushed.recv().await.expect("a push").kind != PushKind::Message {}
    }
    Ok(())
}

async fn cache(server: &Server) -> Outcome {
    let config = patient().set_cache_config(CacheConfig::new());
    let near = client(server, "resp3").get_multiplexed_async_connection_with_config(&config).await?;
    let mut other = connect(server, "resp3").await?;
    let () = other.set("k", "old").await?;
    let reads = |value: &'static str| {
        let mut near = near.clone();
        async move { Ok(near.get::<_, Option<String>>("k").await?.as_deref() == Some(value)) }
    };
    for _ in 0..11 {
        assert!(reads("old").await?);
    }
    let statistics = near.get_cache_statistics().expect("it has a cache");
    assert_eq!((statistics.hit, statistics.miss), (10, 1));
    let () = other.set("k", "new").await?;
    until(|| reads("new"), "the invalidation").await?;
    let () = redis::cmd("FLUSHALL").query_async(&mut other).await?;
    until(
        || {
            let mut near = near.clone();
            async move { Ok(near.get::<_, Option<String>>("k").await?.is_none()) }
        },
        "the invalidation of everything",
    )
    .await
}
