//! The load generator: one thread, many connections, requests rendered beforehand.
//!
//! It must be cheaper than the servers it drives, or it measures itself: a batch is one buffer in which only
//! digits change, sent by one `write`, and its replies are counted, not built.
//!
//! - **Closed loop**: each connection sends its next batch when the last is answered. Shows what a request
//!   costs; its latencies say how long a batch takes at full load.
//! - **Open loop** (`--rate`): batches have a schedule and are sent on it whether or not earlier ones are
//!   answered, as independent users would. Latency counts from the scheduled moment, so a stall is charged to
//!   every request it delays: nothing is omitted.

mod connection;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use mio::{Events, Poll, Token};
use nix::time::ClockId;

use self::connection::Connection;
use super::measure::{Latency, Metric, Sample};
use super::server::Server;
use super::template::Batch;
use crate::clock;

/// When the next batch is sent.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pace {
    /// When the connection's last batch is answered.
    Closed,
    /// On a schedule of so many requests per second over all connections.
    Open { requests_per_second: f64 },
}

/// A load to put on a server.
pub(crate) struct Plan<'a> {
    pub(crate) template: &'a str,
    pub(crate) value_bytes: usize,
    pub(crate) pipeline: u64,
    pub(crate) connections: usize,
    /// Keys are drawn evenly from this many.
    pub(crate) keys: u64,
    pub(crate) pace: Pace,
    /// Not measured: caches fill, buffers find their size.
    pub(crate) warm_up: Duration,
    pub(crate) duration: Duration,
    pub(crate) seed: u64,
}

/// After an open loop's end, so long for what is still under way.
const DRAIN_MAX: Duration = Duration::from_secs(5);

/// Puts the load on `server` and measures it.
pub(crate) fn run(plan: &Plan<'_>, server: &Server) -> Result<Sample> {
    let mut load = Generator::new(plan, server.address())?;
    load.run_until(clock::now() + plan.warm_up)?;

    load.latency.reset();
    let requests_before = load.answered;
    let cpu_before = (server.cpu()?, load_cpu()?);
    let start = clock::now();
    load.run_until(start + plan.duration)?;
    let elapsed = (clock::now() - start).as_secs_f64();
    let requests = (load.answered - requests_before) as f64;
    let server_cpu = (server.cpu()? - cpu_before.0).as_secs_f64();
    let load_busy = (load_cpu()? - cpu_before.1).as_secs_f64() / elapsed;
    ensure!(requests > 0.0, "nothing was answered");
    if matches!(plan.pace, Pace::Open { .. }) {
        load.drain()?;
    }
    ensure!(load.nils() == 0, "{} replies were nil, though every key had been written", load.nils());

    Ok(Sample::of_latency(load.latency)
        .with(Metric::CpuPerRequest, server_cpu / requests * 1e6)
        .with(Metric::RequestsPerSecond, requests / elapsed)
        .with(Metric::ServerBusy, server_cpu / elapsed * 100.0)
        .with(Metric::LoadBusy, load_busy * 100.0))
}

/// CPU time of this thread.
fn load_cpu() -> Result<Duration> {
    Ok(ClockId::CLOCK_THREAD_CPUTIME_ID.now()?.into())
}

/// The connections and what they have in common.
struct Generator {
    poll: Poll,
    connections: Vec<Connection>,
    batch: Batch,
    random: fastrand::Rng,
    keys: u64,
    buffer: Vec<u8>,
    answered: u64,
    latency: Latency,
    schedule: Option<Schedule>,
}

/// The open loop's timetable.
struct Schedule {
    period: Duration,
    due: Instant,
    /// Whose turn is next.
    connection: usize,
}

impl Generator {
    fn new(plan: &Plan<'_>, address: SocketAddr) -> Result<Self> {
        let poll = Poll::new()?;
        let connections = (0..plan.connections)
            .map(|index| Connection::open(plan.template, address, poll.registry(), Token(index)))
            .collect::<Result<_>>()?;
        let schedule = match plan.pace {
            Pace::Closed => None,
            Pace::Open { requests_per_second } => Some(Schedule {
                period: Duration::from_secs_f64(plan.pipeline as f64 / requests_per_second),
                due: clock::now(),
                connection: 0,
            }),
        };
        let mut generator = Self {
            poll,
            connections,
            batch: Batch::new(plan.template, plan.pipeline, plan.value_bytes, plan.keys)?,
            random: fastrand::Rng::with_seed(plan.seed),
            keys: plan.keys,
            buffer: vec![0; 128 * 1024],
            answered: 0,
            latency: Latency::new(),
            schedule,
        };
        if generator.schedule.is_none() {
            for index in 0..generator.connections.len() {
                generator.send(index, clock::now())?;
            }
        }
        Ok(generator)
    }

    /// Sends and receives until `end`.
    fn run_until(&mut self, end: Instant) -> Result<()> {
        let mut events = Events::with_capacity(1024);
        loop {
            let now = clock::now();
            if now >= end {
                return Ok(());
            }
            let wait = self.send_due(now)?;
            self.receive(&mut events, wait.min(end - now))?;
        }
    }

    /// Receives what an open loop still waits for. What does not come is counted with the time it has taken:
    /// left out, it would make an overloaded server look better.
    fn drain(&mut self) -> Result<()> {
        let mut events = Events::with_capacity(1024);
        let end = clock::now() + DRAIN_MAX;
        while clock::now() < end && self.connections.iter().any(Connection::is_waiting) {
            self.receive(&mut events, Duration::from_millis(10))?;
        }
        let now = clock::now();
        for connection in &self.connections {
            connection.record_unanswered(now, &mut self.latency);
        }
        Ok(())
    }

    /// Sends what the schedule has due and says how long there is until the next.
    fn send_due(&mut self, now: Instant) -> Result<Duration> {
        let mut wait = Duration::MAX;
        while let Some(Schedule { period, due, connection }) = &mut self.schedule {
            let scheduled = *due;
            if scheduled > now {
                wait = scheduled - now;
                break;
            }
            let index = *connection;
            *due += *period;
            *connection = (index + 1) % self.connections.len();
            self.send(index, scheduled)?;
        }
        Ok(wait)
    }

    /// Waits for replies, at most about `wait`, and takes them; in a closed loop each batch answered makes
    /// room for the next.
    fn receive(&mut self, events: &mut Events, wait: Duration) -> Result<()> {
        // The poll counts in whole milliseconds and rounds up. A schedule finer than that is kept by not
        // sleeping: the load has a core of its own.
        let is_fine = self.schedule.is_some() && wait < Duration::from_millis(2);
        let timeout = if is_fine { Duration::ZERO } else { wait };
        match self.poll.poll(events, Some(timeout)) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => return Ok(()),
            polled => polled.context("waiting for replies")?,
        }
        for event in events.iter() {
            let index = event.token().0;
            let connection = &mut self.connections[index];
            if event.is_writable() {
                connection.flush()?;
            }
            if !event.is_readable() {
                continue;
            }
            self.answered += connection.receive(&mut self.buffer, &mut self.latency)?;
            if self.schedule.is_none() && !connection.is_waiting() {
                self.send(index, clock::now())?;
            }
        }
        Ok(())
    }

    fn send(&mut self, index: usize, since: Instant) -> Result<()> {
        let (random, keys) = (&mut self.random, self.keys);
        self.batch.renew(|_| random.u64(..keys));
        self.connections[index].send(&self.batch, since)
    }

    fn nils(&self) -> u64 {
        self.connections.iter().map(Connection::nils).sum()
    }
}
