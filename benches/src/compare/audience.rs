//! Clients that listen to a channel and drop what they hear.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use super::client;

/// Subscribers on a thread of their own. Dropping it ends them.
pub(crate) struct Audience {
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// So often the thread looks whether it is over.
const LOOK: Duration = Duration::from_millis(50);

impl Audience {
    /// `count` clients that have subscribed to `channel`.
    pub(crate) fn seat(address: SocketAddr, channel: &str, count: usize) -> Result<Self> {
        let mut poll = Poll::new()?;
        let subscribe = format!("*2\r\n$9\r\nSUBSCRIBE\r\n${}\r\n{channel}\r\n", channel.len());
        let mut streams = Vec::new();
        for number in 0..count {
            let mut stream = client::connect(address)?;
            stream.write_all(subscribe.as_bytes())?;
            // The confirmation is as long as its number has digits; some of it has come when all is counted.
            ensure!(stream.read(&mut [0; 256])? > 0, "a subscription was not confirmed");
            stream.set_nonblocking(true)?;
            let mut stream = TcpStream::from_std(stream);
            poll.registry().register(&mut stream, Token(number), Interest::READABLE)?;
            streams.push(stream);
        }
        let over = Arc::new(AtomicBool::new(false));
        let end = Arc::clone(&over);
        let listen = move || {
            let mut events = Events::with_capacity(1024);
            let mut buffer = vec![0; 128 * 1024];
            while !end.load(Relaxed) {
                if poll.poll(&mut events, Some(LOOK)).is_err() {
                    continue;
                }
                for event in events.iter() {
                    drop_all(&mut streams[event.token().0], &mut buffer);
                }
            }
        };
        let thread = std::thread::Builder::new().name("audience".to_owned()).spawn(listen);
        Ok(Self { over, thread: Some(thread.context("starting a thread for subscribers")?) })
    }
}

/// Reads until nothing is left, or somebody has closed.
fn drop_all(stream: &mut TcpStream, buffer: &mut [u8]) {
    loop {
        match stream.read(buffer) {
            Ok(1..) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Ok(0) | Err(_) => return,
        }
    }
}

impl Drop for Audience {
    fn drop(&mut self) {
        self.over.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            // If it has panicked there is nothing more to end.
            let _ = thread.join();
        }
    }
}
