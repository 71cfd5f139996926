//! Clients written in Rust, as the documentation of each shows it.
//!
//! Each scenario runs on every server that can be had, and leaves a record for the page
//! (`tests/programs/README.md`). What redis-rs makes of the data types is `tests/clients`.
#![forbid(unsafe_code)]

mod fred_rs;
mod redis_rs;

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use libtest_mimic::{Arguments, Failed, Trial};
use scrubjay_tests::patience::{Deadline, GENEROUS};
use scrubjay_tests::server::{Backend, Server, references, target};

/// Each program with the name of its crate and its scenarios.
const PROGRAMS: &[(&str, &str, &[&[Scenario]])] =
    &[("redis-rs", "redis", redis_rs::SCENARIOS), ("fred", "fred", fred_rs::SCENARIOS)];

/// What is exercised, and how.
pub(crate) type Scenario = (&'static str, fn(&Server) -> Outcome);

pub(crate) type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// Runs a scenario that is asynchronous.
pub(crate) fn on_tokio(scenario: impl Future<Output = Outcome>) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        tokio::time::timeout(GENEROUS * 3, scenario).await.expect("it comes to its end in time")
    })
}

/// Asks until the answer is true.
pub(crate) async fn until<F: Future<Output = Outcome<bool>>>(
    mut ask: impl FnMut() -> F,
    what: &str,
) -> Outcome {
    let deadline = Deadline::after(GENEROUS);
    while !ask().await? {
        assert!(!deadline.is_over(), "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    Ok(())
}

/// The version of a crate that `Cargo.lock` pins.
fn version(package: &str) -> &'static str {
    let lock = include_str!("../../../Cargo.lock");
    let entry = format!("name = \"{package}\"\nversion = \"");
    let (_, behind) = lock.split_once(&entry).expect("the crate is used");
    behind.split('"').next().expect("a version")
}

fn run(scenario: fn(&Server) -> Outcome, backend: Backend) -> Result<(), Failed> {
    let server = Server::start(backend)?;
    match catch_unwind(AssertUnwindSafe(|| scenario(&server))) {
        Ok(done) => done.map_err(|why| format!("{why}\n{}", server.log()).into()),
        Err(panic) => {
            let said = panic.downcast_ref::<String>().cloned();
            let said = said.or_else(|| panic.downcast_ref::<&str>().map(|said| (*said).to_owned()));
            Err(said.unwrap_or_else(|| "a panic without a message".to_owned()).into())
        }
    }
}

/// A line of the record that the scenario leaves.
fn record(program: &str, package: &str, exercised: &str, backend: Backend, result: &str) -> String {
    format!(
        "{{\"program\": \"{program}\", \"version\": \"{}\", \"pinned\": true, \
         \"exercised\": \"{exercised}\", \"server\": \"{backend}\", \
         \"result\": \"{result}\", \"note\": \"\"}}\n",
        version(package)
    )
}

fn main() {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    // What is to stand in each program's file, in the order of its scenarios.
    let mut records = Vec::new();
    for &(program, package, scenarios) in PROGRAMS {
        let lines: Arc<Mutex<BTreeMap<usize, String>>> = Arc::default();
        records.push((program, Arc::clone(&lines)));
        for backend in [Backend::Scrubjay].into_iter().chain(references()) {
            for (place, &(exercised, scenario)) in scenarios.iter().copied().flatten().enumerate() {
                let lines = Arc::clone(&lines);
                trials.push(Trial::test(format!("{program}: {exercised} [{backend}]"), move || {
                    let outcome = run(scenario, backend);
                    let result = if outcome.is_ok() { "ok" } else { "failed" };
                    let line = record(program, package, exercised, backend, result);
                    lines.lock().expect("not poisoned").entry(place).or_default().push_str(&line);
                    outcome
                }));
            }
        }
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    // A choice of them says nothing of the others.
    if !arguments.list && conclusion.num_filtered_out == 0 {
        let folder = target().join("programs/records");
        fs::create_dir_all(&folder).expect("the target folder is writable");
        for (program, lines) in records {
            let lines = lines.lock().expect("not poisoned").values().cloned().collect::<String>();
            fs::write(folder.join(format!("{program}.jsonl")), lines).expect("the target folder is writable");
        }
    }
    conclusion.exit();
}
