//! What the cache does for one program, in each of its modes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use scrubjay_client::codec::Raw;
use scrubjay_client::near::{Builder, Condition, Error, Lookup, Mode, NearCache, Source, Tracking};
use scrubjay_client::wire::Connector;
use scrubjay_tests::patience::{Deadline, GENEROUS};
use scrubjay_tests::server::Server;

use crate::{patient, run, servers, until, url};

const REFUSED: &str = "-ERR unknown command ";

pub(crate) type Near = NearCache<String>;

fn trackings() -> [Tracking; 3] {
    [Tracking::Default, Tracking::OptIn, Tracking::Broadcast(vec![b"k".to_vec(), b"n".to_vec()])]
}

async fn near(server: &Server, set: impl FnOnce(Builder<String, Raw>) -> Builder<String, Raw>) -> Near {
    set(NearCache::builder(Raw)).connect(patient(Connector::server(url(server)))).await.expect("a connection")
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

async fn source(cache: &Near, key: &str) -> Source {
    let Lookup { source, .. } = cache.lookup(key).await.expect("an answer");
    source
}

#[test]
fn what_others_change_is_seen_and_what_nobody_changes_is_kept() {
    for server in servers() {
        for tracking in trackings() {
            run(async {
                let cache = near(&server, |builder| builder.tracking(tracking.clone())).await;
                assert_eq!(cache.stats().mode, Mode::Tracking);
                let mut other = server.connect();
                other.typed("FLUSHALL").expect("FLUSHALL");
                other.typed("SET k 1").expect("SET");
                // What FLUSHALL says is read by now, or it would end the life of what is read next.
                assert_eq!(cache.get("k").await.expect("1"), text("1"));
                let what = format!("{tracking:?}: k is kept");
                until_async(&what, async || source(&cache, "k").await == Source::Local).await;

                other.typed("SET k 2").expect("SET");
                until_async("2 is seen", async || cache.get("k").await.expect("k") == text("2")).await;
                other.typed("DEL k").expect("DEL");
                until_async("DEL is seen", async || cache.get("k").await.expect("k").is_none()).await;

                // Absence is kept, too, and told of.
                assert_eq!(cache.get("nil").await.expect("nil"), None);
                assert_eq!(source(&cache, "nil").await, Source::Local);
                other.typed("SET nil 1").expect("SET");
                until_async("nil is no more", async || cache.get("nil").await.expect("nil") == text("1"))
                    .await;

                other.typed("FLUSHALL").expect("FLUSHALL");
                until_async("FLUSHALL is seen", async || cache.get("nil").await.expect("nil").is_none())
                    .await;
                assert!(cache.stats().flushes >= 1);
                // What is worth nothing any more goes by itself; this one has just been read.
                until("it is swept out", || cache.stats().entries <= 1).await;
                assert!(cache.stats().invalidations >= 3);
            });
        }
    }
}

#[test]
fn what_it_writes_it_keeps_and_is_told_when_others_write_it_then() {
    for server in servers() {
        for tracking in trackings() {
            run(async {
                let cache = near(&server, |builder| builder.tracking(tracking.clone())).await;
                let what = format!("{:?} {tracking:?}", server.log().lines().next());
                cache.set("k", "1".to_owned(), None).await.expect("SET");
                assert_eq!(source(&cache, "k").await, Source::Local, "{what}");
                let mut other = server.connect();
                other.typed("SET k 2").expect("SET");
                until_async("2 is seen", async || cache.get("k").await.expect("k") == text("2")).await;
                cache.set("k", "3".to_owned(), Some(Duration::from_secs(60))).await.expect("SET");
                assert_eq!(cache.get("k").await.expect("k"), text("3"));

                let set_if = async |value: &str, condition| {
                    cache.set_if("k", value.to_owned(), None, condition).await.expect("SET")
                };
                assert!(!set_if("4", Condition::IfAbsent).await);
                assert_eq!(cache.get("k").await.expect("k"), text("3"));
                assert!(set_if("5", Condition::IfPresent).await);
                assert!(cache.remove("k").await.expect("DEL"));
                assert!(!cache.remove("k").await.expect("DEL"));
                assert_eq!(cache.get("k").await.expect("k"), None);
                assert!(set_if("6", Condition::IfAbsent).await);
                assert_eq!(
                    cache.get_many(["k", "nil", "k"]).await.expect("all"),
                    [text("6"), None, text("6")]
                );
                assert_eq!(other.typed("GET k").expect("GET").text().as_deref(), Some("6"));
            });
        }
    }
}

#[test]
fn only_prefixes_that_are_told_of_are_kept() {
    for server in servers() {
        run(async {
            let cache = near(&server, |builder| builder.tracking(trackings()[2].clone())).await;
            cache.set("other", "1".to_owned(), None).await.expect("SET");
            for value in ["1", "2", "3"] {
                server.connect().typed(&format!("SET other {value}")).expect("SET");
                assert_eq!(cache.get("other").await.expect("other"), text(value));
            }
        });
    }
}

#[test]
fn nothing_outlives_its_ttl_at_the_server() {
    for server in servers() {
        run(async {
            let cache = near(&server, |builder| builder.jitter(0.0)).await;
            // The server's own cycle of expiry is off: nobody will tell.
            let mut other = server.connect();
            other.typed("DEBUG SET-ACTIVE-EXPIRE 0").expect("DEBUG");
            other.typed("SET k 1 PX 300").expect("SET");
            assert_eq!(cache.get("k").await.expect("k"), text("1"));
            until_async("it has expired", async || cache.get("k").await.expect("k").is_none()).await;
            other.typed("DEBUG SET-ACTIVE-EXPIRE 1").expect("DEBUG");
        });
    }
}

#[test]
fn a_loader_is_called_once_for_all_and_its_value_is_written() {
    for server in servers() {
        run(async {
            let cache = near(&server, |builder| builder.server_ttl(Duration::from_secs(60))).await;
            let calls = Arc::new(AtomicUsize::new(0));
            let load = |key: &'static str, value: Option<&'static str>| {
                let calls = Arc::clone(&calls);
                let cache = cache.clone();
                async move {
                    let load = move || async move {
                        calls.fetch_add(1, SeqCst);
                        tokio::time::sleep(Duration::from_millis(20)).await;
                        Ok::<_, std::io::Error>(value.map(str::to_owned))
                    };
                    cache.get_or_load(key, load).await.expect("loaded")
                }
            };
            let all = (load("k", Some("1")), load("k", Some("1")), load("k", Some("1")));
            let all = tokio::join!(all.0, all.1, all.2);
            assert_eq!(all, (text("1"), text("1"), text("1")));
            assert_eq!(calls.load(SeqCst), 1);
            assert_eq!(server.connect().typed("GET k").expect("GET").text().as_deref(), Some("1"));
            assert_eq!(source(&cache, "k").await, Source::Local);

            // That there is nothing is known from then on, and not known for want of having asked.
            assert_eq!(cache.get("none").await.expect("none"), None);
            assert_eq!((load("none", None).await, load("none", None).await), (None, None));
            assert_eq!(calls.load(SeqCst), 2);
            server.connect().typed("SET none 7").expect("SET");
            until_async("7 is seen", async || load("none", None).await == text("7")).await;

            let failing = || async { Err::<Option<String>, _>("no way") };
            let failed = cache.get_or_load("failing", failing).await;
            assert!(
                matches!(&failed, Err(Error::Loader(error)) if error.to_string() == "no way"),
                "{failed:?}"
            );
        });
    }
}

#[test]
fn a_value_that_is_loaded_never_replaces_one_that_was_written_meanwhile() {
    for server in servers() {
        run(async {
            let cache = near(&server, |builder| builder).await;
            let address = server.address();
            let load = move || async move {
                let mut other = scrubjay_tests::wire::Client::connect(address).expect("a connection");
                other.typed("SET k written").expect("SET");
                Ok::<_, std::io::Error>(text("loaded"))
            };
            let answer = cache.get_or_load("k", load).await.expect("one of them");
            assert!(answer == text("written") || answer == text("loaded"));
            assert_eq!(server.connect().typed("GET k").expect("GET").text().as_deref(), Some("written"));
            until_async("it is seen", async || cache.get("k").await.expect("k") == text("written")).await;
        });
    }
}

#[test]
fn a_server_without_tracking_is_noticed_and_clients_tell_each_other() {
    for server in servers() {
        run(async {
            let mut other = server.connect();
            let made = other.typed("ACL SETUSER lesser on >pw ~* &* +@all -client|tracking").expect("ACL");
            if made.is_error() {
                // Ours has no ACL, so it cannot be made to refuse: what it is told it does.
                assert_eq!(made.to_string().split_once("'ACL'").map(|(before, _)| before), Some(REFUSED));
                return;
            }
            let url = format!("redis://lesser:pw@{}", server.address());
            let connect = async || {
                let builder = NearCache::builder(Raw).untracked_ttl(Duration::from_secs(3600));
                builder.connect(patient(Connector::server(&url))).await.expect("a connection")
            };
            let (one, two): (Near, Near) = (connect().await, connect().await);
            assert_eq!((one.stats().mode, two.stats().mode), (Mode::Messages, Mode::Messages));
            one.set("k", "1".to_owned(), None).await.expect("SET");
            assert_eq!(source(&one, "k").await, Source::Local);
            assert_eq!(two.get("k").await.expect("k"), text("1"));
            // The message of that may come between a request and its reply, and then nothing is kept.
            until_async("two keeps it", async || source(&two, "k").await == Source::Local).await;
            one.set("k", "2".to_owned(), None).await.expect("SET");
            until_async("2 is seen", async || two.get("k").await.expect("k") == text("2")).await;
            two.remove("k").await.expect("DEL");
            until_async("DEL is seen", async || one.get("k").await.expect("k").is_none()).await;

            // Nor messages: then only time helps.
            other.typed("ACL SETUSER lesser -subscribe -publish").expect("ACL");
            let three: Near = NearCache::builder(Raw)
                .untracked_ttl(Duration::from_millis(50))
                .connect(patient(Connector::server(&url)))
                .await
                .expect("a connection");
            assert_eq!(three.stats().mode, Mode::Expiry);
            three.set("k", "1".to_owned(), None).await.expect("SET");
            other.typed("SET k 2").expect("SET");
            until_async("time is over", async || three.get("k").await.expect("k") == text("2")).await;
        });
    }
}

#[test]
fn bytes_that_are_no_value_are_told_of_and_replaced_by_a_loader() {
    for server in servers() {
        run(async {
            let cache = near(&server, |builder| builder).await;
            let mut other = server.connect();
            other.typed(r#"SET k "\xff""#).expect("SET");
            assert!(matches!(cache.get("k").await, Err(Error::Codec(error)) if error.is_decoding()));
            let load = || async { Ok::<_, std::io::Error>(text("text")) };
            assert_eq!(cache.get_or_load("k", load).await.expect("loaded"), text("text"));
            assert_eq!(other.typed("GET k").expect("GET").text().as_deref(), Some("text"));
            assert_eq!(cache.stats().undecodable, 2);

            other.typed("LPUSH list 1").expect("LPUSH");
            let wrong = cache.get("list").await;
            assert!(matches!(&wrong, Err(error @ Error::Wire(_)) if !error.is_outage()), "{wrong:?}");
        });
    }
}

#[test]
fn the_bound_holds() {
    for server in servers() {
        run(async {
            let cache = near(&server, |builder| builder.max_entries(100)).await;
            for number in 0..1000 {
                cache.get(format!("k{number}")).await.expect("nothing");
            }
            let stats = cache.stats();
            assert!(stats.entries <= 100 && stats.evictions >= 900, "{stats:?}");
            assert_eq!((stats.hits, stats.misses), (0, 1000));
            until("it is empty after that", || {
                cache.clear();
                cache.stats().entries == 0
            })
            .await;
        });
    }
}

/// Asks again and again until it is so.
/// On one thread, which also has to read the connection.
#[test]
fn a_task_that_makes_nothing_but_hits_is_told_of_changes_all_the_same() {
    let server = &servers()[0];
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let cache = near(server, |builder| builder).await;
        cache.set("k", "1".to_owned(), None).await.expect("SET");
        assert_eq!(source(&cache, "k").await, Source::Local);
        server.connect().typed("SET k 2").expect("SET");
        let deadline = Deadline::after(GENEROUS);
        while cache.get("k").await.expect("an answer") == text("1") {
            assert!(!deadline.is_over(), "no notice is heeded");
        }
    });
}

pub(crate) async fn until_async(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let deadline = Deadline::after(GENEROUS);
    while !is_so().await {
        assert!(!deadline.is_over(), "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
