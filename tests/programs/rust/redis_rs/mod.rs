//! redis-rs: blocking, on tokio, with a manager, with a cache of its own.

mod asynchronous;
mod blocking;

use scrubjay_tests::server::Server;

use super::Scenario;

pub(crate) const SCENARIOS: &[&[Scenario]] = &[blocking::SCENARIOS, asynchronous::SCENARIOS];

/// One that speaks RESP3 or RESP2 to a server.
fn client(server: &Server, protocol: &str) -> redis::Client {
    let url = format!("redis://{}/?protocol={protocol}", server.address());
    redis::Client::open(url).expect("a well-formed address")
}
