//! One connection of the load: batches under way, bytes not yet taken by the kernel.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

use super::super::client;
use super::super::measure::Latency;
use super::super::replies::Replies;
use super::super::template::Batch;
use crate::clock;

pub(super) struct Connection {
    stream: TcpStream,
    /// What the kernel had no room for; empty nearly always.
    unsent: Vec<u8>,
    /// Batches not fully answered, oldest first.
    waiting: VecDeque<Waiting>,
    replies: Replies,
}

/// A batch under way.
struct Waiting {
    /// From when its latency counts.
    since: Instant,
    /// Replies still to come.
    replies: u64,
}

impl Connection {
    /// Connects and registers for every event: these come by edge, so the ones not waited for cost nothing.
    pub(super) fn open(
        template: &str,
        address: SocketAddr,
        registry: &Registry,
        token: Token,
    ) -> Result<Self> {
        let stream = client::connect_as(template, address)?;
        stream.set_nonblocking(true)?;
        let mut stream = TcpStream::from_std(stream);
        registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        Ok(Self { stream, unsent: Vec::new(), waiting: VecDeque::new(), replies: Replies::default() })
    }

    /// Whether replies are still to come.
    pub(super) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    pub(super) fn nils(&self) -> u64 {
        self.replies.nils()
    }

    /// Sends a batch whose latency counts from `since`.
    pub(super) fn send(&mut self, batch: &Batch, since: Instant) -> Result<()> {
        self.waiting.push_back(Waiting { since, replies: batch.requests() });
        let written = if self.unsent.is_empty() { write(&mut self.stream, batch.bytes())? } else { 0 };
        self.unsent.extend_from_slice(&batch.bytes()[written..]);
        Ok(())
    }

    /// Sends what the kernel had no room for before.
    pub(super) fn flush(&mut self) -> Result<()> {
        if !self.unsent.is_empty() {
            let written = write(&mut self.stream, &self.unsent)?;
            self.unsent.drain(..written);
        }
        Ok(())
    }

    /// Takes the replies that have come, records their latencies and returns how many they are.
    pub(super) fn receive(&mut self, buffer: &mut [u8], latency: &mut Latency) -> Result<u64> {
        let before = self.replies.complete();
        loop {
            let count = match self.stream.read(buffer) {
                Ok(0) => bail!("the server closed the connection"),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error).context("reading replies"),
            };
            let complete = self.replies.complete();
            self.replies.take(&buffer[..count])?;
            self.record(self.replies.complete() - complete, latency)?;
            // A short read has emptied the socket; whatever comes next is a new edge.
            if count < buffer.len() {
                break;
            }
        }
        Ok(self.replies.complete() - before)
    }

    /// Charges what has not been answered until `now`.
    pub(super) fn record_unanswered(&self, now: Instant, latency: &mut Latency) {
        for waiting in &self.waiting {
            latency.record(now.saturating_duration_since(waiting.since), waiting.replies);
        }
    }

    fn record(&mut self, mut answered: u64, latency: &mut Latency) -> Result<()> {
        let now = clock::now();
        while answered > 0 {
            let oldest = self.waiting.front_mut().context("a reply nobody asked for")?;
            let taken = answered.min(oldest.replies);
            latency.record(now.saturating_duration_since(oldest.since), taken);
            answered -= taken;
            oldest.replies -= taken;
            if oldest.replies == 0 {
                self.waiting.pop_front();
            }
        }
        Ok(())
    }
}

/// Writes as much as the kernel takes.
fn write(stream: &mut TcpStream, bytes: &[u8]) -> Result<usize> {
    let mut written = 0;
    while written < bytes.len() {
        match stream.write(&bytes[written..]) {
            Ok(count) => written += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error).context("sending requests"),
        }
    }
    Ok(written)
}
