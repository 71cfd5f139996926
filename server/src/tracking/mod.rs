//! Caches at the clients: who has to be told that what it keeps is no longer so.
//!
//! A client that tracks (`CLIENT TRACKING`) may keep what it reads. So its reads are remembered, key by key,
//! in a [`Table`] for each shard, *under the lock of the shard in which the value was read*. Whoever changes
//! a key, by whatever operation, has the same lock when the watcher is told of it, which takes the key's
//! clients out of the table and posts to each of them; so no change can pass between a read and its being
//! remembered. Messages take the way of all messages (`pubsub`): a client's own thread puts them behind the
//! replies that it has written.
//!
//! **The order on a connection** is the order of the data. A value that was read before a change stands in
//! front of the message about the change: it was written by the time the change could be made. A value that
//! was read after a change stands behind the message, because a client that tracks takes its mail when it has
//! its locks, before it writes the reply (`command/tracked.rs`): all changes before this moment lie there.
//!
//! With `BCAST` nothing is remembered: see [`Prefixes`].
//!
//! The watcher is there from the first client that tracks on, and goes when nobody tracks and nothing is
//! remembered. Locks are taken in this order: those of the store, a table or the prefixes, a mailbox.

mod cycle;
mod limit;
mod prefixes;
mod table;
mod watcher;

#[cfg(all(test, shuttle))]
mod interleavings;

pub use self::cycle::Cycle;
pub use self::prefixes::Prefixes;
pub use self::table::{Added, Ids, Table};

use std::fmt;
use std::sync::{Arc, Weak};

use scrubjay::random::Random;
use scrubjay::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use scrubjay::sync::{CachePadded, Mutex};
use scrubjay::{Key, Observer, Store, View};

use self::limit::Limit;
use self::watcher::Watcher;
use crate::pubsub::message::Message;
use crate::pubsub::{Audience, Recipient};
use crate::resp::{Protocol, Reply};
use crate::session::clients::Client;
use crate::shared::Shared;

/// What is known of all clients that track.
pub struct Tracking {
    store: Arc<Store>,
    server: Weak<Shared>,
    /// The keys of each shard.
    tables: Box<[CachePadded<Mutex<Table>>]>,
    /// How many keys there are, and how many clients have read each of them, all together.
    keys: CachePadded<AtomicUsize>,
    items: AtomicUsize,
    limit: Limit,
    prefixes: Prefixes,
    /// How many clients track.
    clients: Mutex<usize>,
    watcher: Arc<dyn Observer>,
    /// Whether the watcher observes the store; nobody takes it away while somebody tracks.
    watches: AtomicBool,
}

impl Tracking {
    /// Nobody tracks.
    pub fn new(store: &Arc<Store>, server: Weak<Shared>, keys_max: u64) -> Self {
        let mut random = Random::from_os();
        let mut table = || CachePadded::new(Mutex::new(Table::new(random.next_u64())));
        Self {
            store: Arc::clone(store),
            server: Weak::clone(&server),
            tables: (0..store.shards()).map(|_| table()).collect(),
            keys: CachePadded::default(),
            items: AtomicUsize::new(0),
            limit: Limit::new(keys_max, random),
            prefixes: Prefixes::default(),
            clients: Mutex::new(0),
            watcher: Arc::new(Watcher(server)),
            watches: AtomicBool::new(false),
        }
    }

    /// One more client tracks. `view` holds every lock or none.
    pub fn begin(&self, view: &mut View<'_>) {
        let mut clients = self.clients.lock();
        *clients += 1;
        let watches = self.watches.load(Relaxed);
        drop(clients);
        if !watches {
            // Two clients may come here together. There is one watcher, however often it is put in its own
            // place, and each of them waits for operations that do not know of it yet.
            view.observe_instead(Some(&self.watcher), Some(Arc::clone(&self.watcher)));
            self.watches.store(true, Relaxed);
        }
    }

    /// One client less tracks. What it has read stays remembered, as in Valkey, until the key changes.
    pub fn end(&self) {
        *self.clients.lock() -= 1;
    }

    /// Lets the watcher go, if there is nothing to watch for. To be called from time to time.
    pub fn rest(&self) {
        let clients = self.clients.lock();
        if *clients == 0 && self.keys() == 0 && self.watches.swap(false, Relaxed) {
            self.store.unobserve(&self.watcher);
        }
    }

    /// How many clients track.
    pub fn clients(&self) -> usize {
        *self.clients.lock()
    }

    /// How many keys somebody has read.
    #[inline]
    pub fn keys(&self) -> usize {
        self.keys.load(Relaxed)
    }

    /// How many clients have read each of them, all together.
    pub fn items(&self) -> usize {
        self.items.load(Relaxed)
    }

    /// Who wants to hear of keys by their prefix.
    pub fn prefixes(&self) -> &Prefixes {
        &self.prefixes
    }

    /// A client has read a key, whose shard the caller has locked since.
    #[inline]
    pub fn remember(&self, key: Key<'_>, client: u64) {
        let mut table = self.tables[key.shard()].lock();
        let is_there = |id| self.server.upgrade().is_none_or(|shared| shared.clients.get(id).is_some());
        match table.add(key.bytes(), client, is_there) {
            Added::Nothing => return,
            Added::Client { gone: 0 } => drop(self.items.fetch_add(1, Relaxed)),
            Added::Client { gone } => drop(self.items.fetch_sub(gone - 1, Relaxed)),
            Added::Key => {
                self.items.fetch_add(1, Relaxed);
                self.limit.note(self.keys.fetch_add(1, Relaxed) + 1);
            }
        }
        self.store.note_outside(table.grown_bytes());
    }

    /// A client that waited has been served, and what was read for it is remembered: what it is told from now
    /// on goes behind its reply. Under the locks of what was read.
    pub fn served(&self, client: &Client) {
        if let Some(shared) = self.server.upgrade() {
            let mut audience = Audience::default();
            add(&mut audience, client);
            shared.post(&Message::place_of_reply(), &audience);
        }
    }

    /// A key has changed, whose shard the caller has locked: who has read it is forgotten, and returned.
    pub fn forget(&self, key: Key<'_>) -> Ids {
        let mut table = self.tables[key.shard()].lock();
        let ids = table.take(key.bytes());
        self.note_forgotten(&mut table, usize::from(!ids.is_empty()), ids.len());
        ids
    }

    /// Forgets everything.
    fn forget_all(&self) {
        for table in &self.tables {
            let mut table = table.lock();
            let (keys, items) = table.clear();
            self.note_forgotten(&mut table, keys, items);
        }
    }

    fn note_forgotten(&self, table: &mut Table, keys: usize, items: usize) {
        if keys > 0 {
            self.keys.fetch_sub(keys, Relaxed);
            self.items.fetch_sub(items, Relaxed);
            self.store.note_outside(table.grown_bytes());
        }
    }
}

impl fmt::Debug for Tracking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tracking")
            .field("keys", &self.keys)
            .field("items", &self.items)
            .finish_non_exhaustive()
    }
}

/// Keys as a message has them.
fn encoded(keys: &[impl AsRef<[u8]>]) -> Vec<u8> {
    let mut reply = Reply::new(Protocol::Resp3);
    reply.array(keys.len());
    keys.iter().for_each(|key| reply.bulk(key));
    reply.into_vec()
}

impl Shared {
    /// Tells those of `clients` that still track their reads, but for `author` if it does not want to hear of
    /// its own doing, that a key has changed. Whatever locks are held; see [`post`](Self::post).
    fn tell_of_key(&self, clients: &Ids, key: &[u8], author: u64) {
        if clients.is_empty() {
            return;
        }
        let body = encoded(&[key]);
        let (mut direct, mut redirected) = (Audience::default(), Audience::default());
        for client in clients.iter().filter_map(|id| self.clients.get(*id)) {
            let modes = client.tracking.modes();
            if !modes.on || modes.bcast || (modes.noloop && client.id == author) {
                continue;
            }
            match client.tracking.redirect() {
                0 => add(&mut direct, &client),
                other => match self.clients.get(other) {
                    Some(other) => add(&mut redirected, &other),
                    None => self.redirect_is_broken(&client),
                },
            }
        }
        for (audience, is_redirected) in [(direct, false), (redirected, true)] {
            if !audience.is_empty() {
                self.post(&Message::invalidation(&body, is_redirected), &audience);
            }
        }
    }

    /// Tells a client what to forget, or whoever it has named instead of itself.
    fn tell(&self, client: &Arc<Client>, body: &[u8]) {
        let redirect = client.tracking.redirect();
        let to = match redirect {
            0 => Arc::clone(client),
            other => match self.clients.get(other) {
                Some(other) => other,
                None => return self.redirect_is_broken(client),
            },
        };
        let mut audience = Audience::default();
        add(&mut audience, &to);
        self.post(&Message::invalidation(body, redirect != 0), &audience);
    }

    /// Tells every client that tracks to forget all it keeps.
    fn tell_of_flush(&self) {
        for client in self.clients.all().iter().filter(|client| client.tracking.modes().on) {
            let mut null = Reply::new(client.protocol());
            null.null();
            self.tell(client, &null.into_vec());
        }
    }

    /// Tells a client that nobody is there any more to hear what it keeps in vain.
    fn redirect_is_broken(&self, client: &Arc<Client>) {
        client.tracking.redirect_is_broken();
        let mut audience = Audience::default();
        add(&mut audience, client);
        self.post(&Message::redirect_is_broken(client.tracking.redirect()), &audience);
    }

    /// Sends what has been gathered for those who track by prefix. Once no lock is held, the mailboxes are to
    /// be [woken](crate::pubsub::Mailboxes::wake).
    fn tell_of_prefixes(&self) {
        self.tracking.prefixes.send(|client, keys| self.tell(client, keys));
    }
}

fn add(audience: &mut Audience, client: &Client) {
    let slot = client.slot.load(Relaxed);
    audience.add(client.thread, Recipient { slot, client: client.id });
}
