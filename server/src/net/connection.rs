//! One connection: read what came, run all of it, write all replies, wait.
//!
//! Bytes are read into a buffer that all connections of a thread share, and parsed where they lie; a
//! connection owns memory only while a request has arrived in part or replies wait for a slow reader. A
//! client that does not read its replies is not read from either once [`OUTPUT_PAUSE_BYTES`] wait for it, so
//! neither side's buffers grow without bound.
//!
//! While a client waits for keys, what it sends is kept and not run, and how its waiting ended is looked for
//! whenever the connection is woken.
//!
//! What others may see of the connection is published once per turn, when its figures have settled.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use smallvec::SmallVec;
use tokio::time::Sleep;

use super::socket::Socket;
use super::thread::Thread;
use crate::command::dispatch::{BatchKeys, Prepared, answer_waiting, dispatch};
use crate::command::measure::Lap;
use crate::resp::{ArgList, Limits, Outcome, Reply, RequestParser};
use crate::session::blocked::Ending;
use crate::session::clients::{self, Client, OUTPUT_UNCOUNTED_BYTES};
use crate::session::{Replies, Session};
use crate::tracking::Cycle;

/// Replies waiting for the client beyond which no further request of it is run.
const OUTPUT_PAUSE_BYTES: usize = 1024 * 1024;
/// Requests parsed before the first of them runs: their keys' memory is fetched meanwhile.
pub(super) const BATCH: usize = 32;
/// Keys whose memory is fetched at a time.
const KEYS_AHEAD: usize = 32;
/// The most that is reserved on a client's word that more is to come.
const RESERVE_BYTES_MAX: usize = 1024 * 1024;
/// What the kernel takes in one vectored write.
const SLICES_MAX: usize = 64;
/// How long a client that we closed on may go on sending before what it sends resets the connection.
const LINGER: Duration = Duration::from_secs(1);

/// The longest time for which a timer is set: who waits for longer sets it again.
const NAP_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// One client's connection.
pub(super) struct Connection {
    socket: Socket,
    thread: Rc<Thread>,
    session: Session,
    reply: Reply,
    parser: RequestParser,
    /// Bytes that came and were not run: part of a request, or requests that wait for the replies before them
    /// to leave.
    pending: Vec<u8>,
    /// How many more bytes the half-read request in `pending` needs, at least.
    needed: usize,
    /// What of `pending` and the replies stands in the store's account.
    noted_bytes: usize,
    /// Whether `pending` may hold whole requests, held back while the client did not read.
    held_back: bool,
    /// Wakes the connection when the client has waited for long enough.
    timer: Option<Pin<Box<Sleep>>>,
    /// The most bytes of replies that waited at once.
    output_peak: usize,
    /// Whether the client is off the lists.
    left: bool,
    /// How it ended while the runtime had to wait.
    ended_by_hand: Option<End>,
}

/// Why a connection ended.
enum End {
    Closed,
    Failed,
}

impl Connection {
    pub(super) fn new(socket: Socket, thread: Rc<Thread>, session: Session) -> Self {
        Self {
            socket,
            thread,
            session,
            reply: Reply::default(),
            parser: RequestParser::new(),
            pending: Vec::new(),
            needed: 0,
            noted_bytes: 0,
            held_back: false,
            timer: None,
            output_peak: 0,
            left: false,
            ended_by_hand: None,
        }
    }

    /// Serves the client until either side closes.
    pub(super) async fn serve(this: Rc<RefCell<Self>>) {
        let client = std::sync::Arc::clone(&this.borrow().session.client);
        let mut killed = pin!(client.wake.notified());
        let end = poll_fn(|cx| {
            this.borrow().session.inbox.set_reader(cx.waker());
            loop {
                if killed.as_mut().poll(cx).is_ready() {
                    killed.set(client.wake.notified());
                    if client.killed.load(Relaxed) {
                        return Poll::Ready(End::Failed);
                    }
                    continue;
                }
                let mut this = this.borrow_mut();
                if let Some(end) = this.ended_by_hand.take() {
                    return Poll::Ready(end);
                }
                let end = this.turn(cx);
                this.publish();
                return end;
            }
        })
        .await;
        let this = Rc::into_inner(this).expect("invariant: others hold connections for moments only");
        let mut this = this.into_inner();
        if client.over_output_limit.load(Relaxed) {
            this.thread.stats().over_output_limit.add(1);
        }
        this.leave();
        match end {
            End::Closed if this.session.closing && !this.session.abandoned => this.linger().await,
            End::Closed => {}
            End::Failed => tracing::debug!(id = client.id, "connection lost"),
        }
    }

    /// One turn while the runtime has to wait for a command of another connection.
    pub(super) fn turn_by_hand(&mut self) {
        if self.ended_by_hand.is_some() {
            return;
        }
        self.socket.set_by_hand(true);
        if let Poll::Ready(end) = self.turn(&mut Context::from_waker(Waker::noop())) {
            self.ended_by_hand = Some(end);
        }
        self.socket.set_by_hand(false);
        self.publish();
        // Its task looks again what there is to wait for.
        self.session.client.wake.notify_one();
    }

    /// Writes, reads and runs until there is nothing to do but wait.
    fn turn(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        loop {
            if self.session.abandoned {
                return Poll::Ready(End::Closed);
            }
            self.take_messages();
            if self.session.client.killed.load(Relaxed) || self.over_output_limit() {
                return Poll::Ready(End::Failed);
            }
            match self.write(cx) {
                Poll::Ready(Err(_)) => return Poll::Ready(End::Failed),
                Poll::Ready(Ok(())) if self.session.closing => return Poll::Ready(End::Closed),
                Poll::Pending if self.session.closing || self.reply.output().len() >= OUTPUT_PAUSE_BYTES => {
                    return Poll::Pending;
                }
                _ => {}
            }
            let read = if self.is_postponed(cx) || self.waits(cx) {
                self.read_ahead(cx)
            } else if self.held_back {
                self.run_pending();
                continue;
            } else {
                self.read(cx)
            };
            match read {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(0)) => return Poll::Ready(End::Closed),
                Poll::Ready(Err(_)) => return Poll::Ready(End::Failed),
                Poll::Ready(Ok(_)) => {}
            }
            if self.over_query_limit() {
                return Poll::Ready(End::Failed);
            }
        }
    }

    /// Puts the messages that have come behind the replies.
    #[inline]
    fn take_messages(&mut self) {
        if !self.session.closing {
            self.session.inbox.take_into(self.reply.output_mut());
        }
    }

    /// Lets the client read the last reply. A socket that is closed with bytes in it which nobody read resets
    /// the connection, and takes replies with it that the client has not read; so what still comes is read
    /// and dropped.
    async fn linger(mut self) {
        let thread = Rc::clone(&self.thread);
        let mut drain = async || {
            let mut first = true;
            loop {
                let unread = poll_fn(|cx| {
                    let mut buffer = thread.buffer.take();
                    let read = self.socket.poll_read(cx, &mut buffer);
                    thread.buffer.put_back(buffer);
                    match read {
                        // Nothing came behind the last request: the close will be a clean one.
                        Poll::Pending if first => Poll::Ready(Ok(0)),
                        other => other,
                    }
                });
                if !matches!(unread.await, Ok(1..)) {
                    return;
                }
                if first && poll_fn(|cx| self.socket.poll_close_write(cx)).await.is_err() {
                    return;
                }
                first = false;
            }
        };
        // A client that goes on for longer gets the reset.
        let _ = tokio::time::timeout(LINGER, drain()).await;
    }

    /// Reads once and runs what is whole.
    fn read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let thread = Rc::clone(&self.thread);
        if self.pending.is_empty() {
            let mut buffer = thread.buffer.take();
            let read = self.socket.poll_read(cx, &mut buffer);
            if let Poll::Ready(Ok(count)) = read {
                self.note_read(count);
                let consumed = self.run(&buffer[..count]);
                self.pending.extend_from_slice(&buffer[consumed..count]);
            }
            thread.buffer.put_back(buffer);
            return read;
        }
        let room = self.needed.clamp(4096, RESERVE_BYTES_MAX.max(self.pending.len()));
        self.pending.reserve(room);
        let count = std::task::ready!(self.socket.poll_read_more(cx, &mut self.pending))?;
        self.note_read(count);
        self.note_memory();
        self.run_pending();
        Poll::Ready(Ok(count))
    }

    /// Whether the client still waits for the end of a pause.
    fn is_postponed(&mut self, cx: &mut Context<'_>) -> bool {
        if !self.session.postponed {
            return false;
        }
        let shared = &self.thread.shared;
        loop {
            let now = shared.store.clock().now();
            // Whether it has to wait for what is left of it, if it has been made another one, its request
            // shows.
            let Some((_, until)) = shared.pause.at(now) else { break };
            let nap = || Box::pin(tokio::time::sleep(Duration::from_millis(until - now).min(NAP_MAX)));
            if self.timer.get_or_insert_with(nap).as_mut().poll(cx).is_pending() {
                return true;
            }
            self.timer = None;
        }
        self.timer = None;
        self.session.postpone(false);
        false
    }

    /// Whether the client still waits for keys; when its waiting has ended, that has been answered.
    fn waits(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(waiting) = &self.session.waiting else { return false };
        let shared = &self.thread.shared;
        while !waiting.blocked.has_ended() {
            let Some(deadline) = waiting.blocked.terms().deadline_micros else { return true };
            let left = deadline.saturating_sub(shared.store.clock().monotonic_micros());
            if left == 0 {
                // Unless somebody has served it at this very moment.
                waiting.blocked.end(Ending::TimedOut);
                break;
            }
            let nap = || Box::pin(tokio::time::sleep(Duration::from_micros(left).min(NAP_MAX)));
            if self.timer.get_or_insert_with(nap).as_mut().poll(cx).is_pending() {
                return true;
            }
            self.timer = None;
        }
        self.timer = None;
        if self.session.tracking.is_on() {
            // Whoever has served it has said what belongs in front of the reply.
            self.thread.deliver();
            self.session.inbox.take_into(self.reply.output_mut());
        }
        answer_waiting(shared, self.thread.stats(), &mut self.session, &mut self.reply);
        self.session.inbox.reply_is_there();
        false
    }

    /// Reads once and keeps what came, for when the client waits no more.
    fn read_ahead(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let thread = Rc::clone(&self.thread);
        let mut buffer = thread.buffer.take();
        let read = self.socket.poll_read(cx, &mut buffer);
        if let Poll::Ready(Ok(count)) = read {
            self.note_read(count);
            self.pending.extend_from_slice(&buffer[..count]);
            self.note_memory();
            self.session.client.active_ms.store(thread.shared.store.clock().now(), Relaxed);
        }
        thread.buffer.put_back(buffer);
        read
    }

    fn run_pending(&mut self) {
        let mut pending = std::mem::take(&mut self.pending);
        let consumed = self.run(&pending);
        pending.drain(..consumed);
        if !pending.is_empty() {
            self.pending = pending;
        }
    }

    /// Runs the whole requests at the start of `bytes`, in order; how many bytes they took.
    fn run(&mut self, bytes: &[u8]) -> usize {
        let thread = Rc::clone(&self.thread);
        let mut requests = thread.requests.take();
        let consumed = self.run_with(&thread, &mut requests, bytes);
        thread.requests.put_back(requests);
        consumed
    }

    fn run_with(&mut self, thread: &Thread, requests: &mut [ArgList], bytes: &[u8]) -> usize {
        let shared = &*thread.shared;
        let mut start = 0;
        self.held_back = false;
        self.needed = 0;
        thread.deliver();
        self.take_messages();
        let _cycle = Cycle::begin(shared);
        while start < bytes.len()
            && !self.session.closing
            && self.session.waiting.is_none()
            && !self.session.postponed
        {
            if self.reply.output().len() >= OUTPUT_PAUSE_BYTES {
                self.held_back = true;
                break;
            }
            // Before a client has authenticated, each request may change what the next one may hold.
            let authenticated = !self.session.needs_password(&shared.config);
            let most = if authenticated { BATCH } else { 1 };
            let limits = Limits { bulk_bytes_max: shared.config.proto_max_bulk_len(), authenticated };
            let mut count = 0;
            let mut end = start;
            let mut stop = None;
            let (mut starts, mut lengths) = ([0; BATCH], [0; BATCH]);
            while count < most {
                match self.parser.parse(&bytes[end..], &limits, &mut requests[count]) {
                    Outcome::Complete { consumed } => {
                        starts[count] = end;
                        lengths[count] = requests[count].counted_bytes(consumed);
                        end += consumed;
                        count += 1;
                    }
                    // Only once the requests before it have run is it known what it means to `CLIENT REPLY
                    // SKIP`; it is parsed again then.
                    Outcome::Empty { .. } if count > 0 => break,
                    Outcome::Empty { consumed } => {
                        self.session.skip_empty_request();
                        end += consumed;
                    }
                    other => {
                        stop = Some(other);
                        break;
                    }
                }
            }
            let now = shared.store.clock().now();
            self.session.client.active_ms.store(now, Relaxed);
            let mut index = 0;
            'batch: while index < count {
                // Few enough keys that what is fetched for the last is still there when its turn comes.
                let mut keys = BatchKeys::new();
                let mut prepared: SmallVec<[Prepared<'_>; BATCH]> = SmallVec::new();
                for at in index..count {
                    let args = requests[at].view(&bytes[starts[at]..]).into();
                    let request =
                        Prepared::new(shared, &self.session, args, lengths[at], prepared.last(), &mut keys);
                    prepared.push(request);
                    if keys.len() >= KEYS_AHEAD {
                        break;
                    }
                }
                if keys.len() > 1 {
                    shared.store.prefetch(&keys);
                    let members: SmallVec<[_; BATCH]> =
                        prepared.iter().filter_map(|request| request.member(&keys)).collect();
                    if members.len() > 1 {
                        shared.store.prefetch_members(&members);
                    }
                }
                let mut lap = Lap::begin(shared.store.clock());
                for request in &prepared {
                    if self.session.closing {
                        break 'batch;
                    }
                    if index > 0 && self.reply.output().len() >= OUTPUT_PAUSE_BYTES {
                        // The rest is parsed again, from its start, when the client has read.
                        self.parser = RequestParser::new();
                        end = starts[index];
                        stop = None;
                        break 'batch;
                    }
                    dispatch(
                        shared,
                        thread.stats(),
                        &mut self.session,
                        request,
                        &keys,
                        &mut self.reply,
                        &mut lap,
                        now,
                    );
                    if self.session.postponed {
                        // It has not run: this request and what follows are parsed again, from its start.
                        self.held_back = true;
                        self.parser = RequestParser::new();
                        end = starts[index];
                        stop = None;
                        break 'batch;
                    }
                    index += 1;
                    if shared.tracking.has_too_many() {
                        shared.forget_some();
                    }
                    if shared.mail.has_mail(self.session.client.thread) {
                        thread.deliver();
                        self.take_messages();
                    }
                    if self.session.waiting.is_some() {
                        self.held_back = true;
                        if index < count || matches!(stop, Some(Outcome::Error(_))) {
                            // What follows is parsed again, from its start, when the client waits no more.
                            self.parser = RequestParser::new();
                            end = if index < count { starts[index] } else { end };
                            stop = None;
                        }
                        break 'batch;
                    }
                }
            }
            // Now that no lock is held, and all requests that came together have run.
            shared.mail.wake();
            start = end;
            match stop {
                Some(Outcome::Error(error)) if !self.session.closing => {
                    thread.stats().error("ERR");
                    if self.session.replies == Replies::On {
                        self.reply.error("ERR", error.text());
                    }
                    self.session.closing = true;
                }
                Some(Outcome::Incomplete { needed }) => {
                    self.needed = needed;
                    break;
                }
                _ => {}
            }
        }
        start
    }

    /// Writes replies until none is left or the socket takes no more.
    fn write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let output = self.reply.output_mut();
        self.output_peak = self.output_peak.max(output.len());
        while !output.is_empty() {
            let mut slices = [IoSlice::new(&[]); SLICES_MAX];
            let count = output.io_slices(&mut slices);
            let written = std::task::ready!(self.socket.poll_write(cx, &slices[..count]))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            output.consume(written);
            self.thread.stats().writes.add(1);
            self.thread.stats().bytes_out.add(written as u64);
            clients::count(&self.session.client.bytes_out, written as u64);
            if !output.is_empty() {
                // It reads slowly, but it reads: that is not idle.
                let now = self.thread.shared.store.clock().now();
                self.session.client.active_ms.store(now, Relaxed);
            }
        }
        Poll::Ready(Ok(()))
    }

    fn note_read(&self, count: usize) {
        let stats = self.thread.stats();
        stats.reads.add(1);
        stats.bytes_in.add(count as u64);
        clients::count(&self.session.client.bytes_in, count as u64);
    }

    /// Tells the store what this connection's buffers hold: it counts against `maxmemory`.
    fn note_memory(&mut self) -> usize {
        let waiting = self.session.waiting.as_ref().map_or(0, |waiting| waiting.blocked.memory_bytes());
        let queued = self.session.transaction.memory_bytes();
        let messages = self.session.subscriptions.memory_bytes() + self.session.inbox.memory_bytes();
        let own = self.pending.capacity() + self.parser.memory_bytes() + waiting + queued + messages;
        let bytes = own + self.reply.output().memory_bytes();
        if bytes != self.noted_bytes {
            self.thread.shared.store.note_outside(bytes as isize - self.noted_bytes as isize);
            self.noted_bytes = bytes;
        }
        bytes
    }

    /// Lets others see the figures of this connection as they are now.
    fn publish(&mut self) {
        let buffers = self.note_memory();
        let (client, output) = (&self.session.client, self.reply.output());
        client.commands.store(self.session.commands, Relaxed);
        client.query_used.store(self.pending.len() as u64, Relaxed);
        client.query_allocated.store(self.pending.capacity() as u64, Relaxed);
        client.half_read.store(self.parser.memory_bytes() as u64, Relaxed);
        client.output_pending.store(output.len() as u64, Relaxed);
        client.output_shared.store(output.shared_count() as u64, Relaxed);
        client.output_memory.store(output.memory_bytes() as u64, Relaxed);
        client.output_peak.store(self.output_peak as u64, Relaxed);
        client.memory.store((buffers + size_of::<Self>() + size_of::<Client>()) as u64, Relaxed);
    }

    /// Whether a request has passed the limit set for it. It is not answered: what came would have to be read
    /// on.
    fn over_query_limit(&self) -> bool {
        let bytes = self.pending.len() + self.session.transaction.figures().0;
        let over = bytes as u64 > self.thread.shared.config.client_query_buffer_limit();
        if over {
            self.thread.stats().over_query_limit.add(1);
        }
        over
    }

    /// Whether the replies and messages that wait have passed the limit set for them. Values shared with the
    /// store do not count, as in Valkey, unless they are messages; how many of them may wait is bounded by
    /// [`OUTPUT_PAUSE_BYTES`].
    fn over_output_limit(&self) -> bool {
        let (config, output) = (&self.thread.shared.config, self.reply.output());
        let over = self.session.inbox.has_overflown() || {
            let subscriber = self.session.subscriptions.any();
            let listens = subscriber || self.session.monitors();
            let bytes = if listens { output.len() } else { output.own_bytes() };
            bytes > OUTPUT_UNCOUNTED_BYTES && {
                let limit =
                    if subscriber { config.output_limit_pubsub() } else { config.output_limit_normal() };
                limit.is_some_and(|most| (bytes - OUTPUT_UNCOUNTED_BYTES) as u64 > most)
            }
        };
        if over {
            self.thread.stats().over_output_limit.add(1);
        }
        over
    }

    /// Takes the client off the lists: it is served no more.
    fn leave(&mut self) {
        if !self.left {
            self.left = true;
            if let Some(waiting) = self.session.waiting.take() {
                // What it was served with at this very moment is lost with it, as a reply on its way is.
                waiting.finish(&self.thread.shared.store);
            }
            self.session.unwatch(&self.thread.shared.store);
            self.session.unsubscribe_all(&self.thread.shared);
            self.session.end_monitoring(&self.thread.shared);
            self.session.end_tracking(&self.thread.shared);
            self.session.inbox.close();
            self.thread.shared.store.note_outside(-(self.noted_bytes as isize));
            self.thread.shared.clients.remove(self.session.client.id);
            self.thread.shared.portability.part_with(&self.session.client);
            self.thread.load.fetch_sub(1, Relaxed);
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.leave();
    }
}
