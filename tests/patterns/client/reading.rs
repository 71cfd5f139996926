//! Reads: whoever asks, and however many, the database is asked once, and never for nothing.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use scrubjay_client::backend::ErrorKind;
use scrubjay_client::codec::{Codec, Json, Postcard, Raw};
use scrubjay_client::pattern::cache_aside::CacheAside;
use scrubjay_client::pattern::lease::Leased;
use scrubjay_client::pattern::negative::Negative;
use scrubjay_client::pattern::read_through::ReadThrough;
use scrubjay_client::pattern::refresh_ahead::RefreshAhead;
use scrubjay_client::pattern::tags::Tagged;
use tokio::sync::{Barrier, oneshot};

use super::{CALLERS, LONG, Place, SHORT, World, load, setting, until};
use crate::database::Database;

pub(super) async fn cache_aside<P: Place>(world: World<P>) {
    let database = &world.database;
    let processes = world.processes(|backend| CacheAside::new(backend, Raw, setting().prefix("u:"))).await;
    let [one, other, ..] = &processes[..] else { panic!("several") };
    let read = async |aside: &CacheAside<String, _, _>, id: u32| {
        aside.get(&id.to_string(), load(database, id)).await.expect("SQLite answers")
    };
    database.store(1, "Ada");
    assert_eq!(read(one, 1).await.as_deref(), Some("Ada"));
    assert_eq!(read(other, 1).await.as_deref(), Some("Ada"));
    assert_eq!(database.loads(), 1, "the second reader finds it cached");
    assert_eq!(read(one, 2).await, None);
    assert_eq!(read(one, 2).await, None);
    assert_eq!(database.loads(), 3, "what is not there is asked for each time");

    database.store(1, "Augusta");
    assert!(other.remove("1").await.expect("it is reached"));
    assert_eq!(read(one, 1).await.as_deref(), Some("Augusta"), "a removal counts everywhere");

    // A reader who was slow between the database and the cache.
    let (began, begins) = oneshot::channel();
    let (go_on, goes_on) = oneshot::channel::<()>();
    assert!(one.remove("1").await.expect("it is reached"));
    let slow = tokio::spawn({
        let (one, database) = (one.clone(), Arc::clone(database));
        async move {
            let load = || async move {
                let old = database.load(1);
                began.send(()).expect("the test waits");
                goes_on.await.expect("the test goes on");
                Ok::<_, String>(old)
            };
            one.get("1", load).await
        }
    });
    begins.await.expect("the load begins");
    database.store(1, "Ada King");
    other.remove("1").await.expect("it is reached");
    go_on.send(()).expect("the load waits");
    assert_eq!(slow.await.expect("no panic").expect("no error").as_deref(), Some("Augusta"));
    assert_eq!(read(one, 1).await.as_deref(), Some("Ada King"), "the old value was not put back");
    assert_eq!(one.stats().fills_discarded, 1);

    // Many at once in one process are one load.
    let loads = database.loads();
    one.remove("1").await.expect("it is reached");
    at_once(CALLERS, |_| {
        let (one, load) = (one.clone(), slow_load(database));
        async move { assert_eq!(one.get("1", load).await.expect("no error").as_deref(), Some("Ada King")) }
    })
    .await;
    assert_eq!(database.loads(), loads + 1);

    typed(&world, Json, "json:").await;
    typed(&world, Postcard, "postcard:").await;

    let brief = CacheAside::new(world.backend().await, Raw, setting().prefix("brief:").ttl(SHORT));
    read(&brief, 1).await;
    database.store(1, "later");
    until("the TTL is over", async || read(&brief, 1).await.as_deref() == Some("later")).await;
}

/// Values of a type of the program's own.
async fn typed<P: Place, C: Codec<(u32, Option<String>)> + Clone>(world: &World<P>, codec: C, prefix: &str) {
    let processes =
        world.processes(|backend| CacheAside::new(backend, codec.clone(), setting().prefix(prefix))).await;
    let value = (7, Some("Ada\r\n\0".to_owned()));
    for (number, process) in processes.iter().enumerate() {
        let loaded = (number == 0).then(|| value.clone());
        let read = process.get("k", || std::future::ready(Ok::<_, String>(loaded))).await;
        assert_eq!(read.expect("no error").as_ref(), Some(&value));
    }
}

pub(super) async fn read_through<P: Place>(world: World<P>) {
    let database = &world.database;
    let processes = world.processes(|backend| {
        let database = Arc::clone(database);
        ReadThrough::new(backend, Raw, setting(), move |key: String| {
            let database = Arc::clone(&database);
            async move { Ok::<_, std::num::ParseIntError>(database.load(key.parse()?)) }
        })
    });
    let processes = processes.await;
    database.store(7, "Grace");
    for process in &processes {
        assert_eq!(process.get("7").await.expect("a number").as_deref(), Some("Grace"));
    }
    assert_eq!(database.loads(), 1);
    let error = processes[0].get("seven").await.expect_err("no number");
    assert!(error.as_load().is_some(), "{error}");
    database.store(7, "Hopper");
    processes[1].remove("7").await.expect("it is reached");
    assert_eq!(processes[2].get("7").await.expect("a number").as_deref(), Some("Hopper"));
}

pub(super) async fn fail_safe<P: Place>(world: World<P>) {
    let setting = setting().ttl(SHORT).stale_for(LONG).retry_after(Duration::ZERO);
    let processes = world.processes(|backend| CacheAside::new(backend, Raw, setting.clone())).await;
    let [one, other, ..] = &processes[..] else { panic!("several") };
    let fails = || std::future::ready(Err::<Option<String>, _>("down"));
    one.get("k", || std::future::ready(Ok::<_, &str>(Some("old".to_owned())))).await.expect("it loads");
    until("it is stale", async || {
        assert_eq!(other.get("k", fails).await.expect("it is served").as_deref(), Some("old"));
        other.stats().stale_hits > 0
    })
    .await;
    one.remove("k").await.expect("it is reached");
    let error = other.get("k", fails).await.expect_err("what was removed is not served");
    assert_eq!(error.as_load(), Some(&"down"));
}

/// The place goes away: reads are answered by their loaders, once for all who ask at the same time; a removal
/// is an error. (A store in this process does not go away.)
pub(super) async fn outage<P: Place>(world: World<P>) {
    let database = Arc::clone(&world.database);
    database.store(1, "Ada");
    let aside = CacheAside::new(world.backend().await, Raw, setting());
    aside.get("1", load(&database, 1)).await.expect("SQLite answers");
    aside.get("1", load(&database, 1)).await.expect("it is cached");
    assert_eq!(database.loads(), 1);
    let is_away = world.place.end();
    database.store(1, "Augusta");
    at_once(CALLERS, |_| {
        let (aside, load) = (aside.clone(), slow_load(&database));
        async move {
            let name = aside.get("1", load).await.expect("SQLite answers");
            assert_eq!(name.as_deref(), Some(if is_away { "Augusta" } else { "Ada" }));
        }
    })
    .await;
    match aside.remove("1").await {
        Ok(was_there) => assert!(was_there && !is_away),
        Err(error) => assert!(is_away && error.kind() == ErrorKind::Unavailable, "{error}"),
    }
    let name = aside.get("1", load(&database, 1)).await.expect("SQLite answers");
    assert_eq!(name.as_deref(), Some("Augusta"), "what was removed, or is out of reach, is not served");
}

pub(super) async fn negative<P: Place>(world: World<P>) {
    let database = &world.database;
    let processes = world.processes(|backend| {
        Negative::<String, _, _>::new(backend, Raw, setting().prefix("n:").absent_ttl(LONG))
    });
    let processes = processes.await;
    for process in &processes {
        assert_eq!(process.get("1", load(database, 1)).await.expect("no error"), None);
    }
    assert_eq!(database.loads(), 1, "that it is absent is cached");
    database.store(1, "Edsger");
    processes[0].remove("1").await.expect("it is reached");
    for process in &processes {
        let name = process.get("1", load(database, 1)).await.expect("no error");
        assert_eq!(name.as_deref(), Some("Edsger"), "a removal ends the absence");
    }
    assert_eq!(database.loads(), 2);

    let brief: Negative<String, _, _> =
        Negative::new(world.backend().await, Raw, setting().prefix("b:").absent_ttl(SHORT));
    assert_eq!(brief.get("2", load(database, 2)).await.expect("no error"), None);
    database.store(2, "Barbara");
    let read = async || brief.get("2", load(database, 2)).await.expect("no error");
    until("the absence is over", async || read().await.is_some()).await;
    let loads = database.loads();
    assert_eq!(read().await.as_deref(), Some("Barbara"));
    assert_eq!(database.loads(), loads, "what is there has the longer TTL");
}

pub(super) async fn refresh_ahead<P: Place>(world: World<P>) {
    let database = &world.database;
    database.store(1, "old");
    // Due after 20 ms, and far from its end.
    let setting = setting().jitter(0.0).ahead(LONG - Duration::from_millis(20));
    let processes = world.processes(|backend| {
        let database = Arc::clone(database);
        RefreshAhead::new(backend, Raw, setting.clone(), move |_| {
            let database = Arc::clone(&database);
            async move { Ok::<_, String>(database.load(1)) }
        })
    });
    let processes = processes.await;
    processes[0].get("k").await.expect("no error");
    database.store(1, "new");
    for process in &processes {
        let read = async || process.get("k").await.expect("no error").as_deref() == Some("new");
        until("it is refreshed", read).await;
    }
    let misses: u64 = processes.iter().map(|process| process.stats().misses).sum();
    assert_eq!(misses, 1, "nobody but the first has waited");
}

pub(super) async fn lease<P: Place>(world: World<P>) {
    let database = &world.database;
    database.store(1, "hot");
    let processes = world.processes(|backend| Leased::<String, _, _>::new(backend, Raw, setting())).await;
    for (round, key) in ["hot", "hotter"].into_iter().enumerate() {
        at_once(CALLERS, |caller| {
            let (process, load) = (processes[caller % processes.len()].clone(), slow_load(database));
            async move { assert_eq!(process.get(key, load).await.expect("no error").as_deref(), Some("hot")) }
        })
        .await;
        assert_eq!(database.loads(), round + 1, "exactly one of all loads");
    }

    // A loader that fails lets the next one try, whoever that is.
    let tries = Arc::new(AtomicUsize::new(0));
    let served = Arc::new(AtomicUsize::new(0));
    at_once(CALLERS, |caller| {
        let (process, tries) = (processes[caller % processes.len()].clone(), Arc::clone(&tries));
        let served = Arc::clone(&served);
        async move {
            let load = || async move {
                tokio::time::sleep(Duration::from_millis(5)).await;
                if tries.fetch_add(1, SeqCst) == 0 { Err("down") } else { Ok(Some("up".to_owned())) }
            };
            match process.get("flaky", load).await {
                Ok(value) => {
                    assert_eq!(value.as_deref(), Some("up"));
                    served.fetch_add(1, SeqCst);
                }
                Err(error) => assert_eq!(error.as_load(), Some(&"down")),
            }
        }
    })
    .await;
    assert!(served.load(SeqCst) >= CALLERS / 2, "those of the other processes");
    assert_eq!(tries.load(SeqCst), 2);
}

/// A process ends in the middle of a load: nothing of it goes on, and nothing is given back.
pub(super) async fn dead_holder<P: Place>(world: World<P>) {
    let database = &world.database;
    database.store(1, "hot");
    let setting = setting().lease_ttl(Duration::from_secs(2));
    let victims = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let victims = victims.expect("a runtime");
    let begun = Arc::new(AtomicBool::new(false));
    // Its connections and tasks all belong to the other runtime.
    let backend = world.backend().await;
    let victim = Leased::<String, _, _>::new(backend, Raw, setting.clone());
    drop(victims.spawn({
        let begun = Arc::clone(&begun);
        async move {
            let load = || async move {
                begun.store(true, SeqCst);
                std::future::pending::<Result<Option<String>, String>>().await
            };
            victim.get("k", load).await
        }
    }));
    until("it has begun", async || begun.load(SeqCst)).await;
    victims.shutdown_background();
    let processes =
        world.processes(|backend| Leased::<String, _, _>::new(backend, Raw, setting.clone())).await;
    at_once(CALLERS, |caller| {
        let (process, load) = (processes[caller % processes.len()].clone(), slow_load(database));
        async move { assert_eq!(process.get("k", load).await.expect("no error").as_deref(), Some("hot")) }
    })
    .await;
    assert_eq!(database.loads(), 1, "one of the living has taken over");
}

pub(super) async fn tags<P: Place>(world: World<P>) {
    let database = &world.database;
    let processes =
        world.processes(|backend| Tagged::<String, _, _>::new(backend, Raw, setting().prefix("p:"))).await;
    let [one, other, ..] = &processes[..] else { panic!("several") };
    database.store(1, "first");
    let keys = ["a", "b", "c", "d", "e"];
    for key in keys {
        let tags: &[&str] = if key == "e" { &["site"] } else { &["user 1", "site"] };
        one.get(key, tags, load(database, 1)).await.expect("no error");
    }
    database.store(1, "second");
    other.invalidate("user 1").await.expect("it is reached");
    for key in keys {
        let tags: &[&str] = if key == "e" { &["site"] } else { &["user 1", "site"] };
        let value = one.get(key, tags, load(database, 1)).await.expect("no error");
        assert_eq!(value.as_deref(), Some(if key == "e" { "first" } else { "second" }), "{key}");
    }
    assert_eq!(database.loads(), 9);

    // What was being loaded is outdated when it comes.
    one.remove("a").await.expect("it is reached");
    let (began, begins) = oneshot::channel();
    let (go_on, goes_on) = oneshot::channel::<()>();
    let slow = tokio::spawn({
        let (one, database) = (one.clone(), Arc::clone(database));
        async move {
            let load = || async move {
                let old = database.load(1);
                began.send(()).expect("the test waits");
                goes_on.await.expect("the test goes on");
                Ok::<_, String>(old)
            };
            one.get("a", &["user 1"], load).await
        }
    });
    begins.await.expect("the load begins");
    database.store(1, "third");
    other.invalidate("user 1").await.expect("it is reached");
    go_on.send(()).expect("the load waits");
    assert_eq!(slow.await.expect("no panic").expect("no error").as_deref(), Some("second"));
    for process in [one, other] {
        let value = process.get("a", &["user 1"], load(database, 1)).await.expect("no error");
        assert_eq!(value.as_deref(), Some("third"));
    }
}

type Loading = Pin<Box<dyn Future<Output = Result<Option<String>, String>> + Send>>;

/// A loader so slow that everyone else comes while it runs.
fn slow_load(database: &Arc<Database>) -> impl FnOnce() -> Loading + Send + use<> {
    let database = Arc::clone(database);
    move || {
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(50)).await;
            Ok(database.load(1))
        })
    }
}

/// Starts so many tasks at the same moment, and returns when all are done.
pub(super) async fn at_once<F: Future<Output = ()> + Send + 'static>(
    tasks: usize,
    task: impl Fn(usize) -> F,
) {
    let start = Arc::new(Barrier::new(tasks));
    let tasks: Vec<_> = (0..tasks)
        .map(|number| {
            let (start, task) = (Arc::clone(&start), task(number));
            tokio::spawn(async move {
                start.wait().await;
                task.await;
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap_or_else(|ended| std::panic::resume_unwind(ended.into_panic()));
    }
}
