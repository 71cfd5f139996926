//! Writes keys in order over one connection, a batch at a time.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Result;

use super::client;
use super::replies::Replies;
use super::template::{self, Batch, Slot};

/// What to write: keys, or members of one key, number 0 to `keys - 1` in the form of `template`; one that
/// names neither is sent so many times.
pub(crate) struct Fill<'a> {
    pub(crate) template: &'a str,
    pub(crate) value_bytes: usize,
    pub(crate) keys: u64,
    /// The deadline of every `{deadline}`, drawn evenly from this range of milliseconds.
    pub(crate) deadlines_ms: std::ops::Range<u64>,
}

/// Requests in a batch: what a client that loads a cache in bulk sends.
const BATCH: u64 = 64;

impl Fill<'_> {
    /// How many keys it leaves in an empty server: one of its own for each request, one that all share, or
    /// none if it only reads.
    pub(crate) fn keys_written(&self) -> u64 {
        let mut words = template::parts(self.template).1.split_whitespace();
        match (words.next(), words.next()) {
            (Some("GET"), _) => 0,
            (_, Some("{key}")) => self.keys,
            _ => 1,
        }
    }

    /// Writes everything; `written` follows, so that a prober can ask for keys that are there.
    pub(crate) fn run(&self, address: SocketAddr, written: &AtomicU64) -> Result<()> {
        let mut stream = client::connect_as(self.template, address)?;
        let mut random = fastrand::Rng::with_seed(0x5eed);
        let mut replies = Replies::default();
        let mut buffer = vec![0; 64 * 1024];
        let mut batch = Batch::new(self.template, BATCH, self.value_bytes, self.keys)?;
        let (mut next, mut sent) = (0, 0);
        while next < self.keys {
            let requests = BATCH.min((self.keys - next).div_ceil(batch.keys_per_request().max(1)));
            if requests < batch.requests() {
                batch = Batch::new(self.template, requests, self.value_bytes, self.keys)?;
            }
            batch.renew(|slot| match slot {
                Slot::Deadline => random.u64(self.deadlines_ms.clone()),
                Slot::Number | Slot::Index | Slot::Further(_) => random.u64(..self.keys),
                Slot::Key | Slot::Member => {
                    next += 1;
                    next - 1
                }
            });
            if batch.keys_per_request() == 0 {
                next += requests;
            }
            sent += requests;
            client::exchange(&mut stream, batch.bytes(), &mut buffer, |bytes| {
                replies.take(bytes)?;
                Ok(replies.complete() == sent)
            })?;
            written.store(next, Ordering::Relaxed);
        }
        Ok(())
    }
}
