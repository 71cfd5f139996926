//! **Write-behind.** A write is done when it is in the cache and in a queue; the database gets it later, in
//! batches, of each key the last value alone.
//!
//! # Guarantee
//!
//! - **Bounded**: at most [`capacity`](Queue::capacity) keys wait; a writer who comes then waits for room.
//! - **Nothing is lost silently**: a batch that the database refuses is tried again, with growing pauses,
//!   until it is taken, while those who write feel it by waiting; or it is handed over after a number of
//!   tries, if [asked for](Queue::give_up_after). [`shutdown`](WriteBehind::shutdown) flushes the queue, and
//!   returns what it could not flush. Whatever does not reach the database is removed from the cache.
//! - **In order**: of one key, the database never gets an older write after a newer one. Each batch is stored
//!   at least once, so storing must be idempotent.
//! - Reads through the same handle see its writes at once.
//!
//! # Failure modes
//!
//! - **The process dies**: what is in the queue is lost, up to `capacity` keys. The cache shows those values
//!   until their TTL is over.
//! - **Dropped without a shutdown**: the queue is flushed in the background, as long as the runtime lives.
//! - **Two processes that write one key**: each keeps its own order; which one's value the cache shows, and
//!   which the database has in the end, may differ until the TTL is over. Let one process own a key, or use
//!   [`write_through`](super::write_through).
//! - **Other processes** whose entry has gone before the flush load the older value, until the flush puts the
//!   newer one there.
//! - **The cache fails**: the write is queued all the same. It is put into the cache, or removed from it,
//!   when the database has it; should that fail too, several times, the older value stays until its TTL is
//!   over.
//!
//! # Example
//!
//! ```
//! use std::collections::BTreeMap;
//! use std::sync::{Arc, Mutex};
//! use scrubjay_client::{backend::Embedded, codec::Raw};
//! use scrubjay_client::pattern::{Setting, write_behind::{Queue, Write, WriteBehind}};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let table: Arc<Mutex<BTreeMap<String, String>>> = Arc::default();
//! let rows = table.clone();
//! let store = move |batch: Vec<Write<String>>| {
//!     let rows = rows.clone();
//!     async move {
//!         for Write { key, value } in batch {
//!             let mut rows = rows.lock().expect("nobody panics");
//!             match value {
//!                 Some(value) => drop(rows.insert(key, value)),
//!                 None => drop(rows.remove(&key)),
//!             }
//!         }
//!         Ok::<_, std::io::Error>(())
//!     }
//! };
//! let visits = WriteBehind::new(Embedded::default(), Raw, Setting::new(), Queue::new(), store);
//! visits.write("ada", Some("1".to_owned())).await?;
//! visits.write("ada", Some("2".to_owned())).await?;
//! assert_eq!(visits.get("ada", async || Ok(None)).await?.as_deref(), Some("2"));
//! visits.shutdown().await.expect("the table takes everything");
//! assert_eq!(table.lock().expect("nobody panics")["ada"], "2");
//! # Ok(()) }
//! ```

mod queue;
#[cfg(test)]
mod tests;
mod worker;

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::future::Future;
use std::sync::Arc;

use scrubjay::sync::Mutex;
use tokio::sync::{Notify, watch};
use tracing::{Instrument, debug_span};

pub use self::queue::{Closed, Lost, Queue, Write};
use self::worker::{Pending, Shared};
use super::fetch::{Rules, load_of};
use super::stats::count;
use super::{Error, Setting, Stats};
use crate::backend::Backend;
use crate::codec::Codec;

/// A cache that the database follows: see the [module](self). A handle: clones are the same, and the queue is
/// closed with the last of them.
pub struct WriteBehind<V: Clone + Send + Sync + 'static, E: Send + 'static, B, C>(Arc<Closing<V, E, B, C>>);

/// The handles together. Their end closes the queue.
struct Closing<V: Clone + Send + Sync + 'static, E: Send + 'static, B, C> {
    shared: Arc<Shared<V, E, B, C>>,
    /// Whether the worker has ended.
    ended: watch::Receiver<bool>,
}

impl<V, E, B, C> WriteBehind<V, E, B, C>
where
    V: Clone + Send + Sync + 'static,
    E: fmt::Display + Send + Sync + 'static,
    B: Backend,
    C: Codec<V>,
{
    /// The pattern over this backend. `store` writes a batch to the database, all of it or none, as if each
    /// were written alone. It runs in a task of the runtime that this is called in.
    pub fn new<S, F>(backend: B, codec: C, setting: Setting, queue: Queue, store: S) -> Self
    where
        S: Fn(Vec<Write<V>>) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), E>> + Send + 'static,
    {
        let pending = Pending {
            waiting: HashMap::new(),
            order: VecDeque::new(),
            flying: HashMap::new(),
            closed: false,
            lost: Vec::new(),
        };
        let shared = Arc::new(Shared {
            fetch: super::fetch::Fetch::new("write_behind", backend, codec, setting),
            queue,
            store: Box::new(move |batch| Box::pin(store(batch))),
            pending: Mutex::new(pending),
            work: Notify::new(),
            room: Notify::new(),
        });
        let (end, ended) = watch::channel(false);
        let worker = Arc::clone(&shared);
        let task = async move {
            worker.work_off().await;
            // Nobody may wait for it any more.
            let _ = end.send(true);
        };
        drop(tokio::spawn(task.instrument(debug_span!("write_behind"))));
        Self(Arc::new(Closing { shared, ended }))
    }

    /// Writes a value, or deletes a key. Returns when the write is queued and, if the cache is there, can be
    /// read; waits for room in the queue.
    ///
    /// # Errors
    /// [`Closed`]: nothing was written.
    pub async fn write(&self, key: &str, value: Option<V>) -> Result<(), Closed> {
        let shared = &*self.0.shared;
        shared.enqueue(key, &value).await?;
        count(&shared.fetch.counters.writes);
        shared.fetch.forget_loads(&shared.fetch.key(key));
        // Whether or not it can be done: the flush does it again.
        shared.put(key, value).await;
        Ok(())
    }

    /// The value of a key: that of a queued write, or what is cached, or what `load` looks up; none if there
    /// is none. `load` runs in a task of its own, to its end, whatever becomes of this call.
    ///
    /// # Errors
    /// `load` failed, or took longer than it may, and there is nothing stale.
    ///
    /// # Panics
    /// When `load` does.
    pub async fn get<F>(
        &self,
        key: &str,
        load: impl FnOnce() -> F + Send + 'static,
    ) -> Result<Option<V>, Error<E>>
    where
        F: Future<Output = Result<Option<V>, E>> + Send + 'static,
    {
        let fetch = &self.0.shared.fetch;
        let queued = {
            let pending = self.0.shared.pending.lock();
            pending.waiting.get(key).or_else(|| pending.flying.get(key)).cloned()
        };
        match queued {
            Some(value) => {
                count(if value.is_some() { &fetch.counters.hits } else { &fetch.counters.negative_hits });
                Ok(value)
            }
            None => fetch.get(key, Rules::default(), load_of(load)).await,
        }
    }

    /// How many keys have a write that the database does not have yet.
    pub fn queued(&self) -> usize {
        let pending = self.0.shared.pending.lock();
        pending.waiting.len() + pending.flying.len()
    }

    /// What was given up so far, and not asked for yet.
    pub fn lost(&self) -> Vec<Lost<V, E>> {
        std::mem::take(&mut self.0.shared.pending.lock().lost)
    }

    /// Takes no more writes, and returns when the database has all that are queued. (If the call is given up,
    /// the flush goes on.)
    ///
    /// # Errors
    /// What it does not have: what it has refused [several times](Queue::last_tries), and what was given up
    /// before and not [asked for](Self::lost).
    pub async fn shutdown(&self) -> Result<(), Vec<Lost<V, E>>> {
        self.0.shared.close();
        let mut ended = self.0.ended.clone();
        // An error is the end, too: the worker has gone with its runtime.
        let _ = ended.wait_for(|ended| *ended).await;
        let lost = self.lost();
        if lost.is_empty() { Ok(()) } else { Err(lost) }
    }

    /// What was counted so far.
    pub fn stats(&self) -> Stats {
        self.0.shared.fetch.stats()
    }
}

impl<V: Clone + Send + Sync + 'static, E: Send + 'static, B, C> Drop for Closing<V, E, B, C> {
    fn drop(&mut self) {
        self.shared.close();
    }
}

impl<V: Clone + Send + Sync + 'static, E: Send + 'static, B, C> Clone for WriteBehind<V, E, B, C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<V: Clone + Send + Sync + 'static, E: Send + 'static, B, C> fmt::Debug for WriteBehind<V, E, B, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteBehind").field("queue", &self.0.shared.queue).finish_non_exhaustive()
    }
}
