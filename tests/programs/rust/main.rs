//! redis-rs, as its documentation shows it: blocking, on tokio, with a manager, with a cache of its own.
//!
//! What it makes of the data types is `tests/clients`. Each scenario runs on every server that can be had,
//! and leaves a record for the page (`tests/programs/README.md`).
#![forbid(unsafe_code)]

mod asynchronous;
mod blocking;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use libtest_mimic::{Arguments, Failed, Trial};
use redis::RedisResult;
use scrubjay_tests::server::{Backend, Server, references, target};

/// What is exercised, and how.
pub(crate) type Scenario = (&'static str, fn(&Server) -> RedisResult<()>);

/// One that speaks RESP3 or RESP2 to a server.
pub(crate) fn client(server: &Server, protocol: &str) -> redis::Client {
    let url = format!("redis://{}/?protocol={protocol}", server.address());
    redis::Client::open(url).expect("a well-formed address")
}

/// The version that `Cargo.lock` pins.
fn version() -> &'static str {
    let lock = include_str!("../../../Cargo.lock");
    let (_, behind) = lock.split_once("name = \"redis\"\nversion = \"").expect("redis-rs is used");
    behind.split('"').next().expect("a version")
}

fn run(scenario: fn(&Server) -> RedisResult<()>, backend: Backend) -> Result<(), Failed> {
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

fn main() {
    let arguments = Arguments::from_args();
    let records: Arc<Mutex<String>> = Arc::default();
    let mut trials = Vec::new();
    for backend in [Backend::Scrubjay].into_iter().chain(references()) {
        for (exercised, scenario) in blocking::SCENARIOS.iter().chain(asynchronous::SCENARIOS).copied() {
            let records = Arc::clone(&records);
            trials.push(Trial::test(format!("{exercised} [{backend}]"), move || {
                let outcome = run(scenario, backend);
                let result = if outcome.is_ok() { "ok" } else { "failed" };
                let record = format!(
                    "{{\"program\": \"redis-rs\", \"version\": \"{}\", \"pinned\": true, \
                     \"exercised\": \"{exercised}\", \"server\": \"{backend}\", \
                     \"result\": \"{result}\", \"note\": \"\"}}\n",
                    version()
                );
                records.lock().expect("not poisoned").push_str(&record);
                outcome
            }));
        }
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    // A choice of them says nothing of the others.
    if !arguments.list && conclusion.num_filtered_out == 0 {
        let folder = target().join("programs/records");
        fs::create_dir_all(&folder).expect("the target folder is writable");
        fs::write(folder.join("redis-rs.jsonl"), &*records.lock().expect("not poisoned"))
            .expect("the target folder is writable");
    }
    conclusion.exit();
}
