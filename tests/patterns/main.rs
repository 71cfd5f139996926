//! The caching patterns against every kind of cache: as an application writes them on redis-rs, over
//! Scrubjay, Valkey and Redis with RESP2 and RESP3 and on the store embedded in this process; and as
//! `scrubjay-client` has them, over the same and a Valkey Cluster. Two tables of pattern by back end end the
//! run.
//!
//! No test measures time. What must still be there has a TTL far longer than the test; what must go has a
//! short one and is waited for.
#![forbid(unsafe_code)]

mod cache;
mod client;
mod database;
mod patterns;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::Duration;

use cache::{Cache, Embedded, Place, Remote};
use database::Database;
use libtest_mimic::{Arguments, Failed, Trial};
use patterns::{CacheAside, Guarded, Negative, WriteThrough, key, lock, slow_load};
use scrubjay_tests::patience::{GENEROUS, poll};
use scrubjay_tests::server::{Backend, references, target};

const LONG: Duration = Duration::from_secs(600);
const SHORT: Duration = Duration::from_millis(30);
/// How many callers find the hot key gone at the same moment.
const CALLERS: usize = 24;

fn cache_aside(place: &dyn Place, database: &Database) {
    let mut cache = place.caller();
    let mut aside = CacheAside { cache: &mut *cache, database, ttl: LONG };
    database.store(1, "Ada");
    assert_eq!(aside.read(1).as_deref(), Some("Ada"));
    assert_eq!(aside.read(1).as_deref(), Some("Ada"));
    assert_eq!(database.loads(), 1, "the second reader finds it cached");
    assert_eq!(aside.read(2), None);
    assert_eq!(aside.read(2), None);
    assert_eq!(database.loads(), 3, "what is not there is asked for each time");

    aside.write(1, "Augusta");
    assert_eq!(aside.read(1).as_deref(), Some("Augusta"), "a write drops what was cached");
    database.store(1, "behind the cache");
    assert_eq!(aside.read(1).as_deref(), Some("Augusta"));

    aside.write(1, "brief");
    aside.ttl = SHORT;
    aside.read(1);
    database.store(1, "later");
    wait_for("the TTL to end", || aside.read(1).as_deref() == Some("later"));
}

fn write_through(place: &dyn Place, database: &Database) {
    let mut cache = place.caller();
    let mut through = WriteThrough(CacheAside { cache: &mut *cache, database, ttl: LONG });
    through.write(1, "Grace");
    assert_eq!(through.read(1).as_deref(), Some("Grace"));
    through.write(1, "Hopper");
    assert_eq!(through.read(1).as_deref(), Some("Hopper"));
    assert_eq!(database.loads(), 0, "what was written is cached");
    assert_eq!(database.load(1).as_deref(), Some("Hopper"), "and stored");

    through.0.ttl = SHORT;
    through.write(1, "brief");
    database.store(1, "later");
    wait_for("the TTL to end", || through.read(1).as_deref() == Some("later"));
}

fn negative(place: &dyn Place, database: &Database) {
    let mut cache = place.caller();
    let aside = CacheAside { cache: &mut *cache, database, ttl: LONG };
    let mut negative = Negative { aside, ttl_absent: LONG };
    assert_eq!(negative.read(1), None);
    assert_eq!(negative.read(1), None);
    assert_eq!(database.loads(), 1, "that it is absent is cached");
    negative.write(1, "Edsger");
    assert_eq!(negative.read(1).as_deref(), Some("Edsger"), "a write ends the absence");
    assert_eq!(negative.read(1).as_deref(), Some("Edsger"));
    assert_eq!(database.loads(), 2);

    negative.ttl_absent = SHORT;
    assert_eq!(negative.read(2), None);
    database.store(2, "Barbara");
    wait_for("the absence to end", || negative.read(2).as_deref() == Some("Barbara"));
    let loads = database.loads();
    assert_eq!(negative.read(2).as_deref(), Some("Barbara"));
    assert_eq!(database.loads(), loads, "what is there has the longer TTL");
}

fn stampede(place: &dyn Place, database: &Database) {
    database.store(1, "hot");
    let mut cache = place.caller();
    cache.set(&key(1), b"name:stale", SHORT);
    wait_for("the hot key to expire", || cache.get(&key(1)).is_none());

    let start = Barrier::new(CALLERS);
    let names: Vec<_> = thread::scope(|scope| {
        let callers: Vec<_> = (0..CALLERS)
            .map(|caller| {
                let (start, mut cache) = (&start, place.caller());
                scope.spawn(move || {
                    start.wait();
                    guarded(&mut *cache, caller).read(1, &slow_load(database))
                })
            })
            .collect();
        callers.into_iter().map(|caller| caller.join().expect("no caller panics")).collect()
    });
    assert_eq!(names, vec![Some("hot".to_owned()); CALLERS]);
    assert_eq!(database.loads(), 1, "exactly one caller loads");
    assert_eq!(cache.get(&lock(1)), None, "the lock is given back");

    // A lock is released by its own token only.
    cache.set(&lock(1), b"another's", LONG);
    assert!(!guarded(&mut *cache, 0).release(1));
    assert_eq!(cache.get(&lock(1)).as_deref(), Some(&b"another's"[..]));

    // A caller that died with the lock delays the others by the lock's TTL, no more.
    cache.remove(&key(1));
    cache.set(&lock(1), b"a dead caller's", SHORT);
    assert_eq!(guarded(&mut *cache, 0).read(1, &slow_load(database)).as_deref(), Some("hot"));
    assert_eq!(database.loads(), 2);
}

fn guarded(cache: &mut dyn Cache, caller: usize) -> Guarded<'_> {
    Guarded { cache, ttl: LONG, ttl_lock: LONG, token: format!("caller {caller}") }
}

fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    assert!(poll(GENEROUS, || done().then_some(())).is_some(), "waited in vain for {what}");
}

type Pattern = fn(&dyn Place, &Database);

const PATTERNS: [(&str, Pattern); 4] = [
    ("cache-aside", cache_aside),
    ("write-through", write_through),
    ("negative caching", negative),
    ("stampede", stampede),
];

/// Where a pattern can run.
#[derive(Clone, Copy, PartialEq)]
enum Column {
    Remote(Backend, bool),
    Embedded,
}

impl Column {
    fn all() -> Vec<Self> {
        let remote = Backend::ALL.into_iter().flat_map(|backend| [false, true].map(|resp3| (backend, resp3)));
        remote.map(|(backend, resp3)| Self::Remote(backend, resp3)).chain([Self::Embedded]).collect()
    }

    fn name(self) -> String {
        match self {
            Self::Remote(backend, resp3) => format!("{backend} RESP{}", if resp3 { 3 } else { 2 }),
            Self::Embedded => "embedded".to_owned(),
        }
    }

    /// The program it takes, if it is not ours.
    fn reference(self) -> Option<Backend> {
        match self {
            Self::Remote(backend, _) if backend != Backend::Scrubjay => Some(backend),
            _ => None,
        }
    }

    fn place(self) -> Result<Box<dyn Place>, String> {
        Ok(match self {
            Self::Remote(backend, resp3) => Box::new(Remote::start(backend, resp3)?),
            Self::Embedded => Box::new(Embedded::new()),
        })
    }
}

/// Pattern, column, and the word that goes there.
type Outcome = ((&'static str, String), &'static str);

/// A table that is filled while the trials run.
type Outcomes = Arc<Mutex<Vec<Outcome>>>;

fn run(pattern: Pattern, column: Column) -> Result<(), String> {
    let place = column.place()?;
    in_folder(|folder| {
        pattern(&*place, &Database::create(folder));
        Ok(())
    })
}

/// Does something in a folder of its own; what it says when it panics is its error.
fn in_folder(act: impl FnOnce(&Path) -> Result<(), String>) -> Result<(), String> {
    let folder = tempfile::tempdir_in(target().join("tmp")).map_err(|error| error.to_string())?;
    catch_unwind(AssertUnwindSafe(|| act(folder.path()))).unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<String>().cloned();
        let said = said.or_else(|| panic.downcast_ref::<&str>().map(|said| (*said).to_owned()));
        Err(said.unwrap_or_else(|| "a panic without a message".to_owned()))
    })
}

fn main() {
    let arguments = Arguments::from_args();
    std::fs::create_dir_all(target().join("tmp")).expect("the target folder is writable");
    let had = references();
    let is_had = |reference: Option<Backend>| reference.is_none_or(|reference| had.contains(&reference));
    let (by_hand, by_client): (Outcomes, Outcomes) = Default::default();
    let mut trials = Vec::new();
    for column in Column::all() {
        for (name, pattern) in PATTERNS {
            let cell = (name, column.name());
            let title = format!("{name} on {}", cell.1);
            let run = is_had(column.reference()).then_some(move || run(pattern, column));
            trials.extend(trial(title, &by_hand, cell, run));
        }
    }
    for column in client::Column::ALL {
        for pattern in &client::PATTERNS {
            let cell = (pattern.name, column.name());
            let title = format!("client: {} on {}", cell.0, cell.1);
            let run = move || in_folder(|folder| client::run(pattern, column, folder));
            trials.extend(trial(title, &by_client, cell, is_had(column.reference()).then_some(run)));
        }
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    if !arguments.list {
        let columns: Vec<String> = Column::all().into_iter().map(Column::name).collect();
        table("redis-rs", &PATTERNS.map(|(name, _)| name), &columns, &by_hand.lock().expect("not poisoned"));
        println!();
        let columns: Vec<String> = client::Column::ALL.into_iter().map(client::Column::name).collect();
        let patterns: Vec<_> = client::PATTERNS.iter().map(|pattern| pattern.name).collect();
        table("scrubjay-client", &patterns, &columns, &by_client.lock().expect("not poisoned"));
    }
    conclusion.exit();
}

/// A trial that notes its outcome in a cell; the cell alone if there is nothing to run it on.
fn trial(
    title: String,
    outcomes: &Outcomes,
    cell: (&'static str, String),
    run: Option<impl FnOnce() -> Result<(), String> + Send + 'static>,
) -> Option<Trial> {
    let outcomes = Arc::clone(outcomes);
    let Some(run) = run else {
        outcomes.lock().expect("not poisoned").push((cell, "left out"));
        return None;
    };
    Some(Trial::test(title, move || {
        let outcome = run();
        let word = if outcome.is_ok() { "ok" } else { "FAILED" };
        outcomes.lock().expect("not poisoned").push((cell, word));
        outcome.map_err(Failed::from)
    }))
}

fn table(name: &str, patterns: &[&str], columns: &[String], outcomes: &[Outcome]) {
    print!("{name:<18}");
    columns.iter().for_each(|column| print!("{column:<16}"));
    println!();
    for pattern in patterns {
        print!("{pattern:<18}");
        for column in columns {
            let cell = outcomes.iter().find(|((name, on), _)| name == pattern && on == column);
            print!("{:<16}", cell.map_or("not run", |(_, word)| word));
        }
        println!();
    }
}
