//! Another connection's view while the server is busy: one small request a millisecond, PING and GET in turn.
//!
//! A prober that waits for a slow reply asks too seldom just when it matters. So a reply that took longer
//! than a period stands for the requests that should have been sent meanwhile, each of which would have
//! waited a period less than the one before. It is not asked to catch up: if the prober itself gets too
//! little of its core, its delays would add up, and be charged to the server.

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Result, anyhow};

use super::client;
use super::measure::Latency;
use super::replies::Replies;
use super::template::Batch;
use crate::clock;
use crate::cores;

/// A thread that asks until it is stopped.
pub(crate) struct Prober {
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<Result<Latency>>,
}

/// Time between two requests.
const PERIOD: Duration = Duration::from_millis(1);

impl Prober {
    /// Starts asking from `core`; GET draws from the first `keys` keys, however many these are by then.
    pub(crate) fn start(address: SocketAddr, core: usize, keys: Arc<AtomicU64>) -> Result<Self> {
        let is_over = Arc::new(AtomicBool::new(false));
        let stream = client::connect(address)?;
        let over = Arc::clone(&is_over);
        let thread = std::thread::Builder::new().name("prober".into()).spawn(move || {
            cores::pin(&[core])?;
            probe(stream, &over, &keys)
        })?;
        Ok(Self { is_over, thread })
    }

    /// Ends the asking and returns what was seen.
    pub(crate) fn stop(self) -> Result<Latency> {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| anyhow!("the prober panicked"))?
    }
}

fn probe(mut stream: TcpStream, is_over: &AtomicBool, keys: &AtomicU64) -> Result<Latency> {
    let mut random = fastrand::Rng::with_seed(1);
    let (mut this, mut next) = (Batch::new("PING", 1, 0, 1)?, Batch::new("GET {key}", 1, 0, 1)?);
    let mut replies = Replies::default();
    let mut buffer = vec![0; 4096];
    let mut latency = Latency::new();
    let mut due = clock::now();
    while !is_over.load(Ordering::Relaxed) {
        clock::pause_until(due);
        this.renew(|_| random.u64(..keys.load(Ordering::Relaxed).max(1)));
        let start = clock::now();
        let wanted = replies.complete() + 1;
        client::exchange(&mut stream, this.bytes(), &mut buffer, |bytes| {
            replies.take(bytes)?;
            Ok(replies.complete() == wanted)
        })?;
        let answered = clock::now();
        latency.record_periodic(answered - start, PERIOD);
        std::mem::swap(&mut this, &mut next);
        due = answered.max(due + PERIOD);
    }
    Ok(latency)
}
