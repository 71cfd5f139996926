//! A Valkey Cluster of three nodes: keys are found where they are, and a slot that moves leaves nothing
//! outdated behind.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use redis::{Value, cmd};
use scrubjay_client::codec::Raw;
use scrubjay_client::near::{NearCache, Source, Tracking};
use scrubjay_client::wire::{Client, Connector, slot_of};
use scrubjay_tests::cluster::Cluster;
use scrubjay_tests::server::Backend;

use crate::cache::{Near, until_async};
use crate::{patient, run};

/// None, and a line that says so, where there is no Valkey.
fn cluster() -> Option<Cluster> {
    if let Err(why) = Backend::Valkey.program() {
        println!("{why}");
        return None;
    }
    Some(Cluster::start().unwrap_or_else(|why| panic!("{why}")))
}

fn connector(cluster: &Cluster) -> Connector {
    patient(Connector::cluster(cluster.urls()))
        .topology_refresh(Duration::from_millis(50))
        .backoff(Duration::from_millis(2), Duration::from_millis(50))
        .tries(40)
}

async fn near(cluster: &Cluster, tracking: Tracking) -> Near {
    NearCache::builder(Raw).tracking(tracking).connect(connector(cluster)).await.expect("a connection")
}

async fn set(client: &Client, key: &str, value: u64) {
    let set = cmd("SET").arg(key).arg(value).take();
    client.send(key.as_bytes(), set).await.expect("SET");
}

async fn number(cache: &Near, key: &str) -> Option<u64> {
    cache.get(key).await.expect("an answer").map(|value| value.parse().expect("a number"))
}

#[test]
fn keys_of_all_nodes_are_kept_and_told_of() {
    let Some(cluster) = cluster() else { return };
    run(async {
        let writer =
            patient(Connector::cluster(cluster.urls()[..1].to_vec())).connect().await.expect("a connection");
        let cache = near(&cluster, Tracking::Default).await;
        let keys: Vec<String> = (0..60).map(|number| format!("key{number}")).collect();
        for round in 1..=3 {
            for key in &keys {
                set(&writer, key, round).await;
            }
            for key in &keys {
                until_async("it is seen", async || number(&cache, key).await == Some(round)).await;
                let kept = async || cache.lookup(key).await.expect("an answer").source == Source::Local;
                until_async("it is kept", kept).await;
            }
        }
        for (at, key) in keys.iter().enumerate() {
            cache.set(key, at.to_string(), None).await.expect("SET");
            assert_eq!(cache.lookup(key).await.expect("an answer").source, Source::Local);
        }
        let expected: Vec<_> = (0..keys.len()).map(|at| Some(at.to_string())).collect();
        assert_eq!(cache.get_many(&keys).await.expect("all"), expected);
        assert_eq!(cache.stats().breakers.len(), 3);

        let flushed = writer.send_to_all(&cmd("FLUSHALL")).await;
        assert!(flushed.len() == 3 && flushed.iter().all(|(_, reply)| matches!(reply, Ok(Value::Okay))));
        until_async("all are told", async || cache.stats().flushes == 3).await;
        assert_eq!(cache.get_many(&keys).await.expect("all"), vec![None; keys.len()]);
    });
}

#[test]
fn a_node_that_is_away_takes_its_own_keys_along_and_no_others() {
    let Some(cluster) = cluster() else { return };
    for node in cluster.nodes() {
        // Without this the others would refuse everything.
        node.server.connect().typed("CONFIG SET cluster-require-full-coverage no").expect("CONFIG SET");
    }
    run(async {
        let cache = near(&cluster, Tracking::Default).await;
        let keys: Vec<String> = (0..30).map(|number| format!("key{number}")).collect();
        for key in &keys {
            cache.set(key, "1".to_owned(), None).await.expect("SET");
        }
        let gone = cluster.first_owner(slot_of(keys[0].as_bytes()));
        // It ends instead of answering.
        let _ = cluster.nodes()[gone].server.connect().typed("SHUTDOWN NOSAVE");
        until_async("the loss is seen", async || cache.stats().disconnects >= 1).await;
        for key in &keys {
            let is_gone = cluster.first_owner(slot_of(key.as_bytes())) == gone;
            match cache.lookup(key).await {
                Ok(lookup) => assert_eq!((is_gone, lookup.source), (false, Source::Local), "{key}"),
                Err(error) => assert!(is_gone && error.is_outage(), "{key}: {error}"),
            }
        }
    });
}

/// A slot is moved, key by key, while it is written and read.
#[test]
fn a_slot_that_moves_leaves_nothing_outdated_behind() {
    let Some(cluster) = cluster() else { return };
    let key = |number: usize| format!("{{moving}}:{number}");
    let slot = slot_of(b"{moving}");
    let from = cluster.first_owner(slot);
    let to = (from + 1) % 3;
    run(async {
        let writer = connector(&cluster).connect().await.expect("a connection");
        let mut caches = Vec::new();
        for tracking in [Tracking::Default, Tracking::OptIn, Tracking::Broadcast(Vec::new())] {
            caches.push(near(&cluster, tracking).await);
        }
        // Of these nobody will ever be told by the node they are on now: they are not there yet.
        let absent: Vec<String> = (100..110).map(key).collect();
        for cache in &caches {
            for key in &absent {
                assert_eq!(number(cache, key).await, None);
                assert_eq!(cache.lookup(key).await.expect("an answer").source, Source::Local);
            }
        }

        let (is_over, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let writing = {
            let (is_over, written, writer) = (Arc::clone(&is_over), Arc::clone(&written), writer.clone());
            tokio::spawn(async move {
                while !is_over.load(SeqCst) {
                    let next = written.load(SeqCst) + 1;
                    for number in 0..20 {
                        set(&writer, &key(number), next).await;
                    }
                    written.store(next, SeqCst);
                }
            })
        };
        let reading = caches.iter().map(|cache| {
            let (is_over, cache) = (Arc::clone(&is_over), cache.clone());
            tokio::spawn(async move {
                let mut reads = 0_u64;
                while !is_over.load(SeqCst) {
                    for place in 0..20 {
                        number(&cache, &key(place)).await;
                        reads += 1;
                    }
                }
                reads
            })
        });
        let reading: Vec<_> = reading.collect();
        let rounds = async |more: u64| {
            let until = written.load(SeqCst) + more;
            until_async("it is written", async || written.load(SeqCst) >= until).await;
        };
        rounds(3).await;
        cluster.begin_move(slot, from, to).expect("it begins");
        rounds(3).await;
        while cluster.move_keys(slot, from, to, 5).expect("they move") > 0 {
            rounds(1).await;
        }
        cluster.end_move(slot, from, to).expect("it ends");
        rounds(3).await;
        is_over.store(true, SeqCst);
        writing.await.expect("it writes to the end");
        for reading in reading {
            assert!(reading.await.expect("it reads to the end") > 0);
        }

        for cache in &caches {
            until_async("it knows that the slot has moved", async || cache.stats().slots_moved >= 1).await;
        }
        // From here on nothing is in doubt: the old owner's word is worth nothing, and the new one's is
        // heard.
        for (at, key) in absent.iter().enumerate() {
            set(&writer, key, at as u64).await;
        }
        let last = written.load(SeqCst);
        for cache in &caches {
            for (at, key) in absent.iter().enumerate() {
                assert_eq!(number(cache, key).await, Some(at as u64), "{key} is there since the move");
            }
            for place in 0..20 {
                let what = format!("the last number is seen, {place}");
                until_async(&what, async || number(cache, &key(place)).await == Some(last)).await;
            }
        }
        set(&writer, &key(0), last + 1).await;
        for cache in &caches {
            until_async("the new owner tells", async || number(cache, &key(0)).await == Some(last + 1)).await;
        }
    });
}
