//! What could not be written, and is made good when the server is back.
//!
//! A write that fails leaves a key whose value at the server is not what the program believes it to be: the
//! old value, or, if only the answer was lost, the new one. Such a key is a *debt*: it is removed at the
//! server, as soon as that can be done, and in any case before it is read again. Removing is right whatever
//! has happened: what is missing is loaded anew. There is a limit to how many debts are remembered.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use scrubjay::sync::Mutex;
use tokio::sync::Notify;
use tokio::time::sleep;
use tracing::{debug, info, warn};

use super::error::Error;
use super::stats::Counter;
use super::{Core, NearCache};
use crate::codec::Codec;

/// How long to wait before the next try, if nobody says that a server is back.
const RETRY: Duration = Duration::from_secs(1);

/// The keys to be removed.
#[derive(Debug)]
pub(super) struct Debts {
    keys: Mutex<Keys>,
    max: usize,
    settled: Counter,
    dropped: Counter,
    wake: Notify,
}

#[derive(Debug, Default)]
struct Keys {
    /// With the number of the write that failed last.
    failed: HashMap<Vec<u8>, u64>,
    writes: u64,
}

impl Debts {
    pub(super) fn new(max: usize) -> Self {
        let (settled, dropped) = Default::default();
        Self { keys: Mutex::default(), max, settled, dropped, wake: Notify::new() }
    }

    /// Notes a write that failed.
    pub(super) fn note(&self, key: &[u8]) {
        let mut keys = self.keys.lock();
        keys.writes += 1;
        let write = keys.writes;
        if keys.failed.len() >= self.max && !keys.failed.contains_key(key) {
            drop(keys);
            self.dropped.one();
            warn!("more writes have failed than are remembered");
            return;
        }
        keys.failed.insert(key.to_owned(), write);
        drop(keys);
        self.wake.notify_one();
    }

    /// The write of this key that failed, if one did.
    pub(super) fn of(&self, key: &[u8]) -> Option<u64> {
        let keys = self.keys.lock();
        if keys.failed.is_empty() { None } else { keys.failed.get(key).copied() }
    }

    /// The write is made good, unless a later one has failed since.
    pub(super) fn settle(&self, key: &[u8], write: u64) {
        let mut keys = self.keys.lock();
        if keys.failed.get(key) == Some(&write) {
            keys.failed.remove(key);
            drop(keys);
            self.settled.one();
        }
    }

    fn any(&self) -> Option<(Vec<u8>, u64)> {
        self.keys.lock().failed.iter().next().map(|(key, write)| (key.clone(), *write))
    }

    /// It may be time to try again.
    pub(super) fn wake(&self) {
        self.wake.notify_one();
    }

    /// How many there are, were settled and were dropped.
    pub(super) fn counts(&self) -> [u64; 3] {
        [self.keys.lock().failed.len() as u64, self.settled.get(), self.dropped.get()]
    }
}

/// Makes good what can be, whenever a node is back.
pub(super) async fn make_good<V, C>(core: Weak<Core<V, C>>, debts: Arc<Debts>)
where
    V: Clone + Send + Sync + 'static,
    C: Codec<V>,
{
    debts.wake.notified().await;
    loop {
        let mut failed = false;
        while let Some((key, write)) = debts.any().filter(|_| !failed) {
            let Some(core) = core.upgrade() else { return };
            match NearCache(core).settle(&key, write).await {
                Ok(()) => info!("a write that had failed is made good"),
                Err(error) => {
                    debug!(%error, "it is too early to make good what has failed");
                    failed = true;
                }
            }
        }
        if failed {
            tokio::select! {
                () = debts.wake.notified() => {}
                () = sleep(RETRY) => {}
            }
        } else {
            debts.wake.notified().await;
        }
    }
}

impl<V: Clone + Send + Sync + 'static, C: Codec<V>> NearCache<V, C> {
    /// Removes a key whose write has failed.
    pub(super) async fn settle(&self, key: &[u8], write: u64) -> Result<(), Error> {
        self.remove_now(key).await?;
        self.0.debts.settle(key, write);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_failure_is_not_settled_by_an_earlier_removal() {
        let debts = Debts::new(2);
        assert_eq!(debts.of(b"a"), None);
        debts.note(b"a");
        let first = debts.of(b"a").expect("a debt");
        debts.note(b"a");
        debts.settle(b"a", first);
        let second = debts.of(b"a").expect("still a debt");
        debts.settle(b"a", second);
        assert_eq!((debts.of(b"a"), debts.counts()), (None, [0, 1, 0]));
    }

    #[test]
    fn there_is_a_limit() {
        let debts = Debts::new(2);
        for key in [b"a", b"b", b"c", b"a"] {
            debts.note(key);
        }
        assert_eq!((debts.of(b"c"), debts.counts()), (None, [2, 0, 1]));
    }
}
