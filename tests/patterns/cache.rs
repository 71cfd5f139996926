//! What the patterns ask of a cache, and who answers: a server through redis-rs, or the store in this
//! process.

use std::sync::Arc;
use std::time::Duration;

use redis::{Commands, ExistenceCheck, SetExpiry, SetOptions};
use scrubjay::Store;
use scrubjay_tests::server::{Backend, Server};

/// A cache as the patterns see it. One caller's; each caller has its own.
pub(crate) trait Cache: Send {
    /// The value, unless it has expired or was never there.
    fn get(&mut self, key: &str) -> Option<Vec<u8>>;
    /// Sets a value that expires.
    fn set(&mut self, key: &str, value: &[u8], ttl: Duration);
    /// Sets a value that expires, if there is none; whether it did.
    fn set_if_absent(&mut self, key: &str, value: &[u8], ttl: Duration) -> bool;
    /// Removes a value; whether there was one.
    fn remove(&mut self, key: &str) -> bool;
    /// Removes a value if it is this one; whether it did.
    fn remove_if_equal(&mut self, key: &str, value: &[u8]) -> bool;
}

/// Somewhere to cache, open to many callers.
pub(crate) trait Place: Sync {
    /// The cache for one more caller.
    fn caller(&self) -> Box<dyn Cache>;
}

/// A server and the protocol to speak to it.
pub(crate) struct Remote {
    server: Server,
    client: redis::Client,
}

impl Remote {
    /// Starts one.
    pub(crate) fn start(backend: Backend, resp3: bool) -> Result<Self, String> {
        let server = Server::start(backend)?;
        let protocol = if resp3 { "resp3" } else { "resp2" };
        let url = format!("redis://{}/?protocol={protocol}", server.address());
        let client = redis::Client::open(url).map_err(|error| error.to_string())?;
        Ok(Self { server, client })
    }
}

impl Place for Remote {
    fn caller(&self) -> Box<dyn Cache> {
        let connection = self.client.get_connection();
        Box::new(connection.unwrap_or_else(|error| panic!("{error}\n{}", self.server.log())))
    }
}

fn millis(ttl: Duration) -> u64 {
    ttl.as_millis().try_into().expect("a short while")
}

impl Cache for redis::Connection {
    fn get(&mut self, key: &str) -> Option<Vec<u8>> {
        Commands::get(self, key).expect("GET")
    }

    fn set(&mut self, key: &str, value: &[u8], ttl: Duration) {
        self.pset_ex(key, value, millis(ttl)).expect("PSETEX")
    }

    fn set_if_absent(&mut self, key: &str, value: &[u8], ttl: Duration) -> bool {
        let options = SetOptions::default()
            .conditional_set(ExistenceCheck::NX)
            .with_expiration(SetExpiry::PX(millis(ttl)));
        let set: Option<String> = self.set_options(key, value, options).expect("SET NX PX");
        set.is_some()
    }

    fn remove(&mut self, key: &str) -> bool {
        self.del(key).expect("DEL")
    }

    fn remove_if_equal(&mut self, key: &str, value: &[u8]) -> bool {
        // Valkey compares and deletes in one command; Redis 8.0 needs a script for it.
        const SCRIPT: &str =
            "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0";
        let removed = redis::cmd("DELIFEQ").arg(key).arg(value).query(self);
        removed
            .or_else(|error| match error.detail() {
                Some(detail) if detail.contains("unknown command") => {
                    redis::cmd("EVAL").arg(SCRIPT).arg(1).arg(key).arg(value).query(self)
                }
                _ => Err(error),
            })
            .expect("compare and delete")
    }
}

/// The store in this process.
#[derive(Clone)]
pub(crate) struct Embedded(Arc<Store>);

impl Embedded {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Store::builder().build()))
    }
}

impl Place for Embedded {
    fn caller(&self) -> Box<dyn Cache> {
        Box::new(self.clone())
    }
}

impl Cache for Embedded {
    fn get(&mut self, key: &str) -> Option<Vec<u8>> {
        self.0.get_with(key, |value| value.to_vec()).expect("the patterns cache strings")
    }

    fn set(&mut self, key: &str, value: &[u8], ttl: Duration) {
        self.0.set_for(key, value, ttl).expect("no memory limit");
    }

    fn set_if_absent(&mut self, key: &str, value: &[u8], ttl: Duration) -> bool {
        self.0.set_if_absent(key, value, Some(ttl)).expect("no memory limit")
    }

    fn remove(&mut self, key: &str) -> bool {
        self.0.remove(key)
    }

    fn remove_if_equal(&mut self, key: &str, value: &[u8]) -> bool {
        self.0.remove_if_equal(key, value)
    }
}
