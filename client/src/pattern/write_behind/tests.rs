//! A database that refuses, panics and is slow, and a cache that is away.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use scrubjay::sync::Mutex;
use tokio::time::sleep;

use super::{Closed, Queue, Write, WriteBehind};
use crate::backend::Backend;
use crate::backend::away::Away;
use crate::codec::Raw;
use crate::pattern::{Chance, Setting};

type Behind = WriteBehind<String, String, Away, Raw>;

/// What a database holds, the batches it was sent, and how it answers to the next ones.
#[derive(Default)]
struct Table {
    rows: BTreeMap<String, String>,
    batches: Vec<usize>,
    refusals: usize,
    panics: usize,
    slow: Duration,
}

fn behind(queue: Queue) -> (Behind, Away, Arc<Mutex<Table>>) {
    let backend = Away::default();
    let table: Arc<Mutex<Table>> = Arc::default();
    let rows = Arc::clone(&table);
    let store = move |batch: Vec<Write<String>>| {
        let rows = Arc::clone(&rows);
        async move {
            let slow = rows.lock().slow;
            if !slow.is_zero() {
                sleep(slow).await;
            }
            let mut table = rows.lock();
            table.batches.push(batch.len());
            if table.panics > 0 {
                table.panics -= 1;
                panic!("the store's own");
            }
            if table.refusals > 0 {
                table.refusals -= 1;
                return Err("refused".to_owned());
            }
            for Write { key, value } in batch {
                match value {
                    Some(value) => drop(table.rows.insert(key, value)),
                    None => drop(table.rows.remove(&key)),
                }
            }
            Ok(())
        }
    };
    let setting = Setting::new().chance(Chance::seeded(1));
    (WriteBehind::new(backend.clone(), Raw, setting, queue, store), backend, table)
}

async fn write(behind: &Behind, key: &str, value: &str) {
    behind.write(key, Some(value.to_owned())).await.expect("it is open");
}

async fn read(behind: &Behind, key: &str) -> Option<String> {
    behind.get(key, async || Err("not asked".to_owned())).await.expect("it is cached")
}

#[tokio::test(start_paused = true)]
async fn of_each_key_the_last_write_is_stored() {
    let (behind, _, table) = behind(Queue::new().batch(10).linger(Duration::from_secs(1)));
    for round in 0..5 {
        for key in ["a", "b"] {
            write(&behind, key, &round.to_string()).await;
            assert_eq!(read(&behind, key).await, Some(round.to_string()), "its own write");
        }
    }
    assert_eq!((behind.queued(), table.lock().batches.len()), (2, 0));
    sleep(Duration::from_secs(2)).await;
    assert_eq!((behind.queued(), table.lock().batches.clone()), (0, vec![2]));
    assert_eq!(read(&behind, "a").await.as_deref(), Some("4"), "and it is cached");
    behind.write("a", None).await.expect("it is open");
    assert_eq!(read(&behind, "a").await, None);
    behind.shutdown().await.expect("the table takes it");
    assert_eq!(table.lock().rows, BTreeMap::from([("b".to_owned(), "4".to_owned())]));
    assert_eq!(read(&behind, "a").await, None);
    assert_eq!(behind.write("a", None).await, Err(Closed));
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_makes_writers_wait() {
    let (behind, _, table) = behind(Queue::new().capacity(3).batch(2));
    table.lock().slow = Duration::from_secs(10);
    for key in ["a", "b", "c"] {
        write(&behind, key, "1").await;
    }
    let waits = tokio::spawn({
        let behind = behind.clone();
        async move { write(&behind, "d", "1").await }
    });
    sleep(Duration::from_secs(5)).await;
    assert!(!waits.is_finished() && behind.queued() == 3);
    write(&behind, "c", "2").await; // It has its place.
    sleep(Duration::from_secs(6)).await;
    assert!(waits.is_finished());
    // Who waits for room when the queue is closed is told.
    for key in ["e", "f"] {
        tokio::time::timeout(Duration::from_secs(30), write(&behind, key, "1")).await.expect("there is room");
    }
    let told = tokio::spawn({
        let behind = behind.clone();
        async move {
            write(&behind, "g", "1").await;
            behind.write("h", None).await
        }
    });
    sleep(Duration::from_millis(1)).await;
    behind.shutdown().await.expect("the table takes it");
    let stored: String = table.lock().rows.keys().map(String::as_str).collect();
    match told.await {
        Ok(outcome) => assert!(outcome == Err(Closed) && stored == "abcdefg", "{outcome:?} {stored}"),
        // `write` has panicked: it was closed before there was room for g.
        Err(_) => assert_eq!(stored, "abcdef"),
    }
    assert_eq!(table.lock().rows["c"], "2");
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_is_tried_again() {
    let (behind, _, table) = behind(Queue::new());
    (table.lock().refusals, table.lock().panics) = (5, 1);
    write(&behind, "a", "1").await;
    sleep(Duration::from_millis(200)).await;
    write(&behind, "a", "2").await; // While the first is under way.
    assert_eq!(read(&behind, "a").await.as_deref(), Some("2"));
    sleep(Duration::from_secs(60)).await;
    assert_eq!((behind.queued(), table.lock().rows["a"].as_str()), (0, "2"));
    assert_eq!((behind.stats().load_failures, table.lock().batches.len()), (6, 8));
    behind.shutdown().await.expect("nothing is left");
}

#[tokio::test(start_paused = true)]
async fn what_a_shutdown_cannot_flush_is_returned_and_not_shown() {
    let (behind, backend, table) = behind(Queue::new().batch(1).last_tries(2));
    table.lock().refusals = usize::MAX;
    for key in ["a", "b"] {
        write(&behind, key, "1").await;
    }
    // It is in the middle of a long pause.
    sleep(Duration::from_secs(20)).await;
    let lost = behind.shutdown().await.expect_err("nothing is taken");
    let keys: Vec<_> = lost.iter().flat_map(|lost| &lost.writes).map(|write| write.key.as_str()).collect();
    assert_eq!(keys, ["a", "b"]);
    assert!(lost.iter().all(|lost| lost.error.as_deref() == Some("refused")));
    assert_eq!(lost[0].to_string(), "1 writes did not reach the database: refused");
    assert_eq!(backend.get(b"a").await.expect("there"), None);
    behind.shutdown().await.expect("it is told once");
}

#[tokio::test(start_paused = true)]
async fn what_is_given_up_is_handed_over() {
    let (behind, backend, table) = behind(Queue::new().give_up_after(2));
    table.lock().refusals = 2;
    write(&behind, "a", "1").await;
    sleep(Duration::from_secs(60)).await;
    write(&behind, "b", "1").await;
    let lost = behind.lost();
    assert_eq!((lost.len(), lost[0].writes[0].key.as_str()), (1, "a"));
    assert_eq!(backend.get(b"a").await.expect("there"), None);
    behind.shutdown().await.expect("the rest is taken");
    assert!(table.lock().rows.contains_key("b"));
}

#[tokio::test(start_paused = true)]
async fn a_cache_that_was_away_is_set_right_by_the_flush() {
    let (behind, backend, table) = behind(Queue::new().linger(Duration::from_secs(1)));
    write(&behind, "a", "1").await;
    sleep(Duration::from_secs(2)).await;
    backend.set(true);
    write(&behind, "a", "2").await;
    assert_eq!(read(&behind, "a").await.as_deref(), Some("2"));
    backend.set(false);
    sleep(Duration::from_secs(2)).await;
    assert_eq!((behind.queued(), table.lock().rows["a"].as_str()), (0, "2"));
    assert_eq!(read(&behind, "a").await.as_deref(), Some("2"));
}

#[tokio::test(start_paused = true)]
async fn the_last_handle_flushes_in_the_background() {
    let (behind, _, table) = behind(Queue::new().linger(Duration::from_secs(3600)));
    write(&behind, "a", "1").await;
    let other = behind.clone();
    drop(behind);
    sleep(Duration::from_secs(1)).await;
    assert!(table.lock().rows.is_empty(), "there is another");
    drop(other);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(table.lock().rows["a"], "1");
}
