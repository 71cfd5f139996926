//! Who wants to hear of every key that begins in some way: `CLIENT TRACKING ... BCAST`.
//!
//! Keys that change are gathered under each prefix that they begin with, and sent when the requests that came
//! together have run: one message a prefix, with each key once, in order.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

use bytes::Bytes;
use parking_lot::Mutex;

use crate::session::clients::Client;

/// All prefixes that somebody wants to hear of.
#[derive(Debug, Default)]
pub struct Prefixes {
    by_name: Mutex<BTreeMap<Bytes, Prefix>>,
    /// How many there are.
    count: AtomicUsize,
    /// Whether keys have been gathered since they were last sent.
    gathered: AtomicBool,
}

#[derive(Debug, Default)]
struct Prefix {
    clients: BTreeMap<u64, Arc<Client>>,
    /// Keys that have changed, each with whoever was the last to change it.
    keys: BTreeMap<Box<[u8]>, u64>,
}

impl Prefixes {
    /// How many there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.count.load(Relaxed)
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A client wants to hear of keys with this prefix.
    pub fn join(&self, prefix: &Bytes, client: &Arc<Client>) {
        let mut by_name = self.by_name.lock();
        by_name.entry(prefix.clone()).or_default().clients.insert(client.id, Arc::clone(client));
        self.count.store(by_name.len(), Relaxed);
    }

    /// It wants to no more. What has been gathered for it is dropped.
    pub fn leave(&self, prefix: &Bytes, client: u64) {
        let mut by_name = self.by_name.lock();
        if let Some(known) = by_name.get_mut(prefix) {
            known.clients.remove(&client);
            if known.clients.is_empty() {
                by_name.remove(prefix);
            }
        }
        self.count.store(by_name.len(), Relaxed);
    }

    /// A key has changed, by the hand of `author`.
    pub fn gather(&self, key: &[u8], author: u64) {
        let mut by_name = self.by_name.lock();
        for (prefix, known) in &mut *by_name {
            if key.starts_with(prefix) {
                known.keys.insert(key.into(), author);
                self.gathered.store(true, Relaxed);
            }
        }
    }

    /// Hands what has been gathered to `send`: each client, and the keys that it is told of.
    pub fn send(&self, mut send: impl FnMut(&Arc<Client>, &[u8])) {
        if !self.gathered.load(Relaxed) {
            return;
        }
        let mut by_name = self.by_name.lock();
        self.gathered.store(false, Relaxed);
        for prefix in by_name.values_mut().filter(|prefix| !prefix.keys.is_empty()) {
            let keys = std::mem::take(&mut prefix.keys);
            let everything = super::encoded(&keys.keys().collect::<Vec<_>>());
            for client in prefix.clients.values() {
                if client.tracking.modes().noloop {
                    let others = keys.iter().filter(|(_, author)| **author != client.id);
                    let others: Vec<_> = others.map(|(key, _)| key).collect();
                    if !others.is_empty() {
                        send(client, &super::encoded(&others));
                    }
                } else {
                    send(client, &everything);
                }
            }
        }
    }
}
