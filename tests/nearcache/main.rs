//! The client crate's near cache, and the connections below it, on live servers.
#![forbid(unsafe_code)]

mod blocking;
mod cache;
mod cluster;
mod failing;
mod proxy;
mod race;
mod wire;

use std::future::Future;

use scrubjay_client::wire::Connector;
use scrubjay_tests::patience::{Deadline, GENEROUS};
use scrubjay_tests::server::{Backend, Server};
use tokio::runtime::Builder;

/// The servers that are here, ours always among them.
fn servers() -> Vec<Server> {
    Backend::ALL
        .into_iter()
        .filter(|backend| backend.program().is_ok() || *backend == Backend::Scrubjay)
        .map(|backend| Server::start_with::<&str>(backend, &[]).unwrap_or_else(|why| panic!("{why}")))
        .collect()
}

/// Runs a future on a runtime of two threads, so that readers of connections and their users really meet.
fn run<T>(future: impl Future<Output = T>) -> T {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build().expect("a runtime").block_on(future)
}

/// Connections that are patient, as machines may be busy.
fn patient(connector: Connector) -> Connector {
    connector.connect_timeout(GENEROUS).response_timeout(GENEROUS)
}

fn url(server: &Server) -> String {
    format!("redis://{}", server.address())
}

/// Looks again and again until it is so.
async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Deadline::after(GENEROUS);
    while !is_so() {
        assert!(!deadline.is_over(), "waited in vain until {what}");
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
}
