//! Writes: what the cache shows in the end is what the database has.

use std::sync::Arc;

use scrubjay_client::codec::Raw;
use scrubjay_client::pattern::write_behind::{Queue, Write, WriteBehind};
use scrubjay_client::pattern::write_through::WriteThrough;

use super::reading::at_once;
use super::{CALLERS, Place, World, load, setting};

/// How often all writers race for one key.
const ROUNDS: u32 = 20;

pub(super) async fn write_through<P: Place>(world: World<P>) {
    let database = &world.database;
    let processes =
        world.processes(|backend| WriteThrough::<String, _, _>::new(backend, Raw, setting())).await;
    let versioned = |id: u32| {
        let database = Arc::clone(database);
        async move || Ok::<_, String>(database.load_version(id))
    };
    let written = processes[0]
        .write("1", "Grace".to_owned(), async || Ok::<_, String>(database.store_version(1, "Grace")));
    assert!(written.await.expect("no error"));
    let name = processes[1].get("1", versioned(1)).await.expect("no error");
    assert_eq!(name.as_deref(), Some("Grace"));
    assert_eq!(database.loads(), 0, "what was written is cached");

    // Writers, and readers who find nothing at first, all at once: what stays is the database's.
    for id in 2..2 + ROUNDS {
        at_once(CALLERS, |caller| {
            let (process, database) = (processes[caller % processes.len()].clone(), Arc::clone(database));
            let versioned = versioned(id);
            async move {
                let key = id.to_string();
                if caller % 2 == 1 {
                    process.get(&key, versioned).await.expect("no error");
                    return;
                }
                let name = format!("writer {caller}");
                let stored = {
                    let (database, name) = (Arc::clone(&database), name.clone());
                    async move || {
                        let version = database.store_version(id, &name);
                        // Between the database and the cache they overtake each other.
                        tokio::time::sleep(std::time::Duration::from_micros(caller as u64 * 37 % 200)).await;
                        Ok::<_, String>(version)
                    }
                };
                process.write(&key, name, stored).await.expect("no error");
            }
        })
        .await;
        let (name, _) = database.load_version(id).expect("it was stored");
        let loads = database.loads();
        for process in &processes {
            let cached = process.get(&id.to_string(), versioned(id)).await.expect("no error");
            assert_eq!(cached.as_ref(), Some(&name), "of {CALLERS} writers and readers");
        }
        assert_eq!(database.loads(), loads, "it is cached");
    }

    // Deleted, and not undone by who is late.
    let version = database.store_version(1, "Hopper");
    assert!(processes[0].delete("1", async || Ok::<_, String>(version + 1)).await.expect("no error"));
    assert!(!processes[1].put("1", Some(&"late".to_owned()), version).await.expect("no error"));
    assert_eq!(processes[2].get("1", versioned(1)).await.expect("no error"), None);
}

pub(super) async fn write_behind<P: Place>(world: World<P>) {
    let database = &world.database;
    let rows = Arc::clone(database);
    let store = move |batch: Vec<Write<String>>| {
        let rows = Arc::clone(&rows);
        async move {
            for Write { key, value } in batch {
                rows.store(key.parse().expect("a number"), &value.expect("nothing is deleted"));
            }
            Ok::<_, String>(())
        }
    };
    // Fewer places than keys: writers wait for room, too.
    let queue = Queue::new().capacity(8).batch(4);
    let behind = WriteBehind::new(world.backend().await, Raw, setting(), queue, store);
    at_once(CALLERS, |caller| {
        let behind = behind.clone();
        async move {
            let key = caller.to_string();
            for round in 0..5 {
                behind.write(&key, Some(format!("{caller} in round {round}"))).await.expect("it is open");
                let own = behind.get(&key, async || Ok(None)).await.expect("no error");
                assert_eq!(own, Some(format!("{caller} in round {round}")), "its own write");
            }
        }
    })
    .await;
    behind.shutdown().await.expect("SQLite takes everything");
    assert_eq!(behind.queued(), 0);
    let other = scrubjay_client::pattern::cache_aside::CacheAside::<String, _, _>::new(
        world.backend().await,
        Raw,
        setting(),
    );
    for caller in 0..CALLERS as u32 {
        let last = Some(format!("{caller} in round 4"));
        assert_eq!(database.load(caller), last, "the database has the last write");
        let loads = database.loads();
        assert_eq!(other.get(&caller.to_string(), load(database, caller)).await.expect("no error"), last);
        assert_eq!(database.loads(), loads, "and other processes find it cached");
    }
}
