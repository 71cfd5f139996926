//! The task that stores what waits, and puts it into the cache once more.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;

use scrubjay::sync::Mutex;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use tracing::{error, warn};

use super::{Closed, Lost, Queue, Write};
use crate::backend::Backend;
use crate::codec::Codec;
use crate::pattern::fetch::{Brought, Fetch};
use crate::pattern::stats::count;

pub(super) type Store<V, E> = dyn Fn(Vec<Write<V>>) -> Storing<E> + Send + Sync;
type Storing<E> = Pin<Box<dyn Future<Output = Result<(), E>> + Send>>;

/// What the handles and the task have in common.
pub(super) struct Shared<V, E, B, C> {
    pub(super) fetch: Arc<Fetch<V, B, C>>,
    pub(super) queue: Queue,
    pub(super) store: Box<Store<V, E>>,
    pub(super) pending: Mutex<Pending<V, E>>,
    /// There is something to store, or the queue was closed.
    pub(super) work: Notify,
    /// There may be room.
    pub(super) room: Notify,
}

/// The writes that the database does not have.
pub(super) struct Pending<V, E> {
    /// What waits, and in which order.
    pub(super) waiting: HashMap<String, Option<V>>,
    pub(super) order: VecDeque<String>,
    /// What is being stored.
    pub(super) flying: HashMap<String, Option<V>>,
    pub(super) closed: bool,
    pub(super) lost: Vec<Lost<V, E>>,
}

impl<V, E, B, C> Shared<V, E, B, C> {
    pub(super) fn close(&self) {
        self.pending.lock().closed = true;
        self.work.notify_one();
        self.room.notify_waiters();
    }
}

impl<V, E, B, C> Shared<V, E, B, C>
where
    V: Clone + Send + Sync + 'static,
    E: fmt::Display + Send + Sync + 'static,
    B: Backend,
    C: Codec<V>,
{
    pub(super) async fn enqueue(&self, key: &str, value: &Option<V>) -> Result<(), Closed> {
        loop {
            let mut room = pin!(self.room.notified());
            // Before looking: what makes room in between is not missed.
            room.as_mut().enable();
            {
                let mut pending = self.pending.lock();
                if pending.closed {
                    return Err(Closed);
                }
                let full = pending.waiting.len() + pending.flying.len() >= self.queue.capacity;
                if let Some(waiting) = pending.waiting.get_mut(key) {
                    waiting.clone_from(value);
                    return Ok(());
                } else if !full {
                    pending.waiting.insert(key.to_owned(), value.clone());
                    pending.order.push_back(key.to_owned());
                    self.work.notify_one();
                    return Ok(());
                }
            }
            room.await;
        }
    }

    /// The task that stores.
    pub(super) async fn work_off(&self) {
        while let Some(batch) = self.next_batch().await {
            match self.store(&batch).await {
                Ok(()) => self.settle(&batch).await,
                Err(error) => {
                    error!(writes = batch.len(), "writes are given up");
                    for write in &batch {
                        self.expunge(&write.key).await;
                    }
                    self.pending.lock().lost.push(Lost { writes: batch, error });
                }
            }
            self.pending.lock().flying.clear();
            self.room.notify_waiters();
        }
    }

    /// What is stored next; none when the queue is closed and empty.
    async fn next_batch(&self) -> Option<Vec<Write<V>>> {
        loop {
            let (waiting, closed) = {
                let pending = self.pending.lock();
                (pending.waiting.len(), pending.closed)
            };
            if waiting == 0 && closed {
                return None;
            }
            if waiting == 0 {
                self.work.notified().await;
                continue;
            }
            if waiting < self.queue.batch && !closed {
                self.gather().await;
            }
            let mut pending = self.pending.lock();
            let take = pending.order.len().min(self.queue.batch);
            let keys: Vec<String> = pending.order.drain(..take).collect();
            let mut batch = Vec::with_capacity(take);
            for key in keys {
                let value = pending.waiting.remove(&key).expect("invariant: what has a place has a value");
                pending.flying.insert(key.clone(), value.clone());
                batch.push(Write { key, value });
            }
            return Some(batch);
        }
    }

    /// Returns when there is a batch, or what there is has waited for long enough.
    async fn gather(&self) {
        let gathered = async {
            loop {
                self.work.notified().await;
                let pending = self.pending.lock();
                if pending.closed || pending.waiting.len() >= self.queue.batch {
                    return;
                }
            }
        };
        // Either will do.
        let _ = timeout(self.queue.linger, gathered).await;
    }

    /// Stores a batch, however often it takes.
    async fn store(&self, batch: &[Write<V>]) -> Result<(), Option<E>> {
        let Queue { backoff: (first, max), give_up_after, last_tries, .. } = self.queue;
        let (mut pause, mut tries, mut last) = (first, 0_u32, 0_u32);
        loop {
            // In a task, so that a panic is nothing but a failure.
            let stored = tokio::spawn((self.store)(batch.to_vec())).await;
            let error = match stored {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(error)) => Some(error),
                Err(_) => None,
            };
            count(&self.fetch.counters.load_failures);
            tries = tries.saturating_add(1);
            let closed = self.pending.lock().closed;
            last += u32::from(closed);
            match &error {
                Some(error) => warn!(tries, %error, "the database refuses a batch"),
                None => warn!(tries, "storing a batch panicked"),
            }
            if give_up_after.is_some_and(|limit| tries >= limit) || last >= last_tries {
                return Err(error);
            }
            let now = self.fetch.setting.chance.shorten(pause, 0.5);
            // Who shuts down does not wait for a long pause to end; afterwards there are only short ones.
            if closed {
                sleep(now.min(first)).await;
            } else {
                let _ = timeout(now, self.closed()).await;
            }
            pause = (pause * 2).min(max);
        }
    }

    /// Returns when the queue is closed.
    async fn closed(&self) {
        while !self.pending.lock().closed {
            self.work.notified().await;
        }
    }

    /// Puts what the database has now into the cache, which may have lost it or not have got it.
    async fn settle(&self, batch: &[Write<V>]) {
        for Write { key, value } in batch {
            // What is newer was put there, and will be again.
            if !self.pending.lock().waiting.contains_key(key) && !self.put(key, value.clone()).await {
                self.expunge(key).await;
            }
        }
    }

    /// Puts a value into the cache; whether that could be done.
    pub(super) async fn put(&self, key: &str, value: Option<V>) -> bool {
        let fetch = &self.fetch;
        let key = fetch.key(key);
        let record = fetch.record(&Brought::unversioned(value), Vec::new(), Some(fetch.setting.ttl));
        match record {
            Ok((record, ttl)) => fetch.step(fetch.backend.put(key.as_bytes(), &record, ttl).await).is_ok(),
            // What cannot be cached must not leave what is older there.
            Err(_) => fetch.step(fetch.backend.remove(key.as_bytes()).await).is_ok(),
        }
    }

    /// Removes a key from the cache, trying several times.
    async fn expunge(&self, key: &str) {
        let mut pause = self.queue.backoff.0;
        for _ in 0..self.queue.last_tries {
            if self.fetch.remove(key).await.is_ok() {
                return;
            }
            sleep(pause).await;
            pause *= 2;
        }
    }
}
