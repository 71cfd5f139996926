//! The patterns themselves, as an application would write them: a cache, a database, and a rule for keeping
//! them together. None of them knows what kind of cache it has.

use std::time::Duration;

use crate::cache::Cache;
use crate::database::Database;
use scrubjay_tests::patience::{GENEROUS, pause, poll};

/// How a user's name, or the knowledge that there is no such user, is kept in the cache.
fn encode(name: Option<&str>) -> Vec<u8> {
    name.map_or_else(|| b"absent".to_vec(), |name| format!("name:{name}").into_bytes())
}

fn decode(value: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(value).expect("we cached text");
    text.strip_prefix("name:").map(str::to_owned)
}

/// The key of a user.
pub(crate) fn key(id: u32) -> String {
    format!("user:{id}")
}

/// **Cache-aside.** Reads go to the cache and, on a miss, to the database, and leave the answer in the cache.
/// Writes go to the database and drop the cached value: the next reader fetches the new one. What changes
/// behind the cache's back is seen when the TTL is over.
pub(crate) struct CacheAside<'a> {
    pub(crate) cache: &'a mut dyn Cache,
    pub(crate) database: &'a Database,
    pub(crate) ttl: Duration,
}

impl CacheAside<'_> {
    pub(crate) fn read(&mut self, id: u32) -> Option<String> {
        if let Some(value) = self.cache.get(&key(id)) {
            return decode(&value);
        }
        let name = self.database.load(id)?;
        self.cache.set(&key(id), &encode(Some(&name)), self.ttl);
        Some(name)
    }

    pub(crate) fn write(&mut self, id: u32, name: &str) {
        self.database.store(id, name);
        self.cache.remove(&key(id));
    }
}

/// **Write-through.** Writes go to the database and then to the cache, so that a reader finds what was
/// written without asking the database.
pub(crate) struct WriteThrough<'a>(pub(crate) CacheAside<'a>);

impl WriteThrough<'_> {
    pub(crate) fn read(&mut self, id: u32) -> Option<String> {
        self.0.read(id)
    }

    pub(crate) fn write(&mut self, id: u32, name: &str) {
        self.0.database.store(id, name);
        self.0.cache.set(&key(id), &encode(Some(name)), self.0.ttl);
    }
}

/// **Negative caching.** That a user does not exist is cached too, for a while of its own, or every request
/// for what is not there would reach the database.
pub(crate) struct Negative<'a> {
    pub(crate) aside: CacheAside<'a>,
    pub(crate) ttl_absent: Duration,
}

impl Negative<'_> {
    pub(crate) fn read(&mut self, id: u32) -> Option<String> {
        // A cached absence must not look like a miss: this is why it is not simply `aside.read`.
        if let Some(value) = self.aside.cache.get(&key(id)) {
            return decode(&value);
        }
        let name = self.aside.database.load(id);
        let ttl = if name.is_some() { self.aside.ttl } else { self.ttl_absent };
        self.aside.cache.set(&key(id), &encode(name.as_deref()), ttl);
        name
    }

    pub(crate) fn write(&mut self, id: u32, name: &str) {
        self.aside.write(id, name);
    }
}

/// **Cache-aside under a stampede.** Of many callers that miss a hot key, the one that gets the lock loads
/// it; the others wait for the value to appear. The lock expires, lest a caller that dies take it along, and
/// is released only by the token it was taken with, lest a slow caller release another's.
pub(crate) struct Guarded<'a> {
    pub(crate) cache: &'a mut dyn Cache,
    pub(crate) ttl: Duration,
    pub(crate) ttl_lock: Duration,
    /// Unique to this caller.
    pub(crate) token: String,
}

impl Guarded<'_> {
    pub(crate) fn read(&mut self, id: u32, load: &dyn Fn(u32) -> Option<String>) -> Option<String> {
        let lock = lock(id);
        let answer = poll(GENEROUS, || {
            if let Some(value) = self.cache.get(&key(id)) {
                return Some(decode(&value));
            }
            if !self.cache.set_if_absent(&lock, self.token.as_bytes(), self.ttl_lock) {
                return None;
            }
            // Between the miss and the lock another may have loaded it and gone.
            let name = match self.cache.get(&key(id)) {
                Some(value) => decode(&value),
                None => {
                    let name = load(id);
                    self.cache.set(&key(id), &encode(name.as_deref()), self.ttl);
                    name
                }
            };
            self.release(id);
            Some(name)
        });
        answer.expect("someone loads the value")
    }

    /// Gives the lock up if it is ours; whether it was.
    pub(crate) fn release(&mut self, id: u32) -> bool {
        self.cache.remove_if_equal(&lock(id), self.token.as_bytes())
    }
}

/// The key of the lock that guards a user.
pub(crate) fn lock(id: u32) -> String {
    format!("lock:{}", key(id))
}

/// A loader so slow that everyone else comes while it runs.
pub(crate) fn slow_load(database: &Database) -> impl Fn(u32) -> Option<String> {
    |id| {
        pause(Duration::from_millis(50));
        database.load(id)
    }
}
