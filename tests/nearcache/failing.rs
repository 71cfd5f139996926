//! What a cache does while its server is slow, away, or back again. The clock of what expires is set by hand.

use std::time::Duration;

use scrubjay::time::ManualClock;
use scrubjay_client::codec::Raw;
use scrubjay_client::near::{Builder, Error, NearCache, Source};
use scrubjay_client::wire::{BreakerState, Connector};
use scrubjay_tests::patience::GENEROUS;
use scrubjay_tests::server::Server;

use crate::cache::{Near, until_async};
use crate::proxy::{Passage, Proxy, Weather};
use crate::{run, servers, until};

const HOUR: Duration = Duration::from_secs(3600);

struct Scene {
    proxy: Proxy,
    clock: ManualClock,
    cache: Near,
}

async fn scene(server: &Server, set: impl FnOnce(Builder<String, Raw>) -> Builder<String, Raw>) -> Scene {
    let proxy = Proxy::start(server.address(), Weather::default(), 1).await;
    let clock = ManualClock::new(1);
    let builder = NearCache::builder(Raw).clock(clock.clone()).jitter(0.0);
    let connector = Connector::server(format!("redis://{}", proxy.address))
        .backoff(Duration::from_millis(1), Duration::from_millis(10))
        .heartbeat(HOUR)
        .response_timeout(HOUR)
        .connect_timeout(GENEROUS)
        .breaker(3, Duration::from_secs(1));
    let cache = set(builder).connect(connector).await.expect("a connection");
    server.connect().typed("FLUSHALL").expect("FLUSHALL");
    until("the flush is heeded", || cache.stats().flushes == 1).await;
    Scene { proxy, clock, cache }
}

async fn source(cache: &Near, key: &str) -> Option<Source> {
    cache.lookup(key).await.ok().map(|lookup| lookup.source)
}

async fn shut(proxy: &Proxy, cache: &Near) {
    let before = cache.stats().disconnects;
    proxy.set_passage(Passage::Shut);
    until("the loss is seen", || cache.stats().disconnects > before).await;
}

#[test]
fn what_is_merely_old_is_served_while_the_server_is_away_and_what_was_invalidated_is_not() {
    for server in servers() {
        run(async {
            let Scene { proxy, clock, cache } =
                scene(&server, |builder| builder.ttl(2 * HOUR).stale_on_error(HOUR)).await;
            for key in ["kept", "changed", "written"] {
                cache.set(key, "1".to_owned(), None).await.expect("SET");
            }
            assert_eq!(cache.get("absent").await.expect("nothing"), None);
            server.connect().typed("SET changed 2").expect("SET");
            until("that is heeded", || cache.stats().invalidations == 1).await;
            shut(&proxy, &cache).await;

            assert_eq!(source(&cache, "kept").await, Some(Source::Stale));
            assert_eq!(cache.get("kept").await.expect("stale"), Some("1".to_owned()));
            assert_eq!(source(&cache, "absent").await, Some(Source::Stale));
            let changed = cache.get("changed").await;
            assert!(matches!(&changed, Err(error) if error.is_outage()), "{changed:?}");
            cache.set("written", "2".to_owned(), None).await.expect_err("the server is away");
            let written = cache.get("written").await;
            assert!(matches!(&written, Err(error) if error.is_outage()), "{written:?}");
            let load = |outcome: Result<Option<String>, &'static str>| async { outcome };
            let failing = cache.get_or_load("kept", move || load(Err("no way"))).await;
            assert_eq!(failing.expect("stale"), Some("1".to_owned()));
            assert!(cache.stats().stale >= 4);
            let written = cache.get_or_load("written", move || load(Ok(None))).await;
            assert_eq!(written.expect("the loader's word"), None);

            // The limit counts from the loss, which came before the end of the TTL.
            clock.advance(HOUR);
            assert_eq!(source(&cache, "kept").await, None);
            proxy.set_passage(Passage::Open);
            // What is read just as the connection comes back may be served and not kept.
            let kept = async || {
                clock.advance(Duration::from_secs(1));
                source(&cache, "kept").await == Some(Source::Local)
            };
            until_async("the server is asked again, and its word kept", kept).await;
            clock.advance(2 * HOUR);
            shut(&proxy, &cache).await;
            assert_eq!(source(&cache, "kept").await, Some(Source::Stale), "it has just expired");
        });
    }
}

#[test]
fn nothing_old_is_served_unless_that_is_asked_for() {
    for server in servers() {
        run(async {
            let Scene { proxy, cache, .. } = scene(&server, |builder| builder).await;
            cache.set("k", "1".to_owned(), None).await.expect("SET");
            shut(&proxy, &cache).await;
            let read = cache.get("k").await;
            assert!(matches!(&read, Err(error) if error.is_outage()), "{read:?}");
            let loaded = cache.get_or_load("k", || async { Ok::<_, std::io::Error>(Some("2".to_owned())) });
            assert_eq!(loaded.await.expect("loaded"), Some("2".to_owned()));
            let read = cache.get("k").await;
            assert!(
                matches!(&read, Err(error) if error.is_outage()),
                "what was loaded is not kept: {read:?}"
            );
        });
    }
}

#[test]
fn a_slow_server_is_not_waited_for_when_there_is_something_old() {
    for server in servers() {
        run(async {
            let soft = Duration::from_millis(20);
            let Scene { proxy, clock, cache } = scene(&server, |builder| {
                builder.ttl(HOUR).stale_on_error(HOUR).soft_timeout(soft).hard_timeout(3 * soft)
            })
            .await;
            cache.set("k", "1".to_owned(), None).await.expect("SET");
            server.connect().typed("SET unread 7").expect("SET");
            proxy.set_passage(Passage::Held);
            clock.advance(HOUR);
            let all = tokio::join!(source(&cache, "k"), source(&cache, "k"), source(&cache, "k"));
            assert_eq!(all, (Some(Source::Stale), Some(Source::Stale), Some(Source::Stale)));
            assert!(matches!(cache.get("unread").await, Err(Error::TimedOut)));
            proxy.set_passage(Passage::Open);
            // Both requests went on, and nobody sends another.
            until_async("k is fresh", async || source(&cache, "k").await == Some(Source::Local)).await;
            let kept = async || source(&cache, "unread").await == Some(Source::Local);
            until_async("the other is kept", kept).await;
        });
    }
}

#[test]
fn a_value_is_read_anew_before_it_expires() {
    for server in servers() {
        run(async {
            let Scene { clock, cache, proxy: _proxy } =
                scene(&server, |builder| builder.ttl(2 * HOUR).refresh_after(HOUR)).await;
            cache.set("k", "1".to_owned(), None).await.expect("SET");
            clock.advance(HOUR);
            let hits = cache.stats().hits;
            assert_eq!(source(&cache, "k").await, Some(Source::Local), "it is still good");
            // What is served meanwhile does not count as a hit.
            let refreshed = async || {
                assert_eq!(source(&cache, "k").await, Some(Source::Local));
                cache.stats().hits > hits
            };
            until_async("it is read anew", refreshed).await;
            assert_eq!(cache.stats().refreshes, 1, "by one");
            clock.advance(HOUR);
            assert_eq!(source(&cache, "k").await, Some(Source::Local), "it is good for longer");
        });
    }
}

#[test]
fn a_write_that_failed_leaves_nothing_outdated_at_the_server() {
    for server in servers() {
        run(async {
            let Scene { proxy, clock, cache } = scene(&server, |builder| builder.debts_max(2)).await;
            let mut direct = server.connect();
            for key in ["written", "removed", "beyond"] {
                direct.command(&["SET", key, "old"]).expect("SET");
            }
            shut(&proxy, &cache).await;
            cache.set("written", "new".to_owned(), None).await.expect_err("the server is away");
            cache.remove("removed").await.expect_err("the server is away");
            cache.remove("beyond").await.expect_err("the server is away");
            let stats = cache.stats();
            assert_eq!((stats.debts, stats.debts_dropped), (2, 1));

            proxy.set_passage(Passage::Open);
            let mut first = None;
            until_async("the server is asked again", async || {
                // The breaker's time is the cache's.
                clock.advance(Duration::from_secs(1));
                first = cache.get("written").await.ok();
                first.is_some()
            })
            .await;
            assert_eq!(first, Some(None), "the old value is not read again");
            until("all is made good", || {
                clock.advance(Duration::from_secs(1));
                cache.stats().debts == 0
            })
            .await;
            assert_eq!(cache.stats().debts_settled, 2);
            assert!(direct.typed("GET removed").expect("GET").is_null());
        });
    }
}

#[test]
fn a_node_that_fails_again_and_again_is_left_in_peace() {
    for server in servers() {
        run(async {
            let Scene { proxy, clock, cache } = scene(&server, |builder| builder).await;
            let breaker = || cache.stats().breakers[0].1;
            assert_eq!(breaker(), BreakerState::Closed);
            shut(&proxy, &cache).await;
            let opened = async || cache.get("k").await.is_err() && breaker() == BreakerState::Open;
            until_async("the breaker opens", opened).await;
            let left = cache.get("k").await;
            let in_peace = format!("{left:?}").contains("BreakerOpen");
            assert!(in_peace, "{left:?}");
            proxy.set_passage(Passage::Open);
            let closed = async || {
                clock.advance(Duration::from_secs(1));
                cache.get("k").await.is_ok() && breaker() == BreakerState::Closed
            };
            until_async("the breaker closes", closed).await;
        });
    }
}
