//! The last stretch of a message's way: from the mailbox of a thread to the connections that it serves.
//!
//! A connection's inbox holds frames as they will go out. It is emptied by the connection alone, between two
//! commands; so a frame never stands inside a reply. What a client does not read is bounded by
//! `client-output-buffer-limit`, here and in the connection's output.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::Waker;

use super::audience::Recipient;
use super::mailbox::Mail;
use super::message::{Message, Reader};
use crate::resp::Output;
use crate::session::clients::{Client, OUTPUT_UNCOUNTED_BYTES};
use crate::shared::Shared;

/// Vectors of posts that are kept for the next ones are not longer than this.
const POSTS_KEPT_MAX: usize = 1024;

/// The inboxes of a thread's connections.
#[derive(Debug)]
pub struct Inboxes {
    thread: usize,
    slots: RefCell<Vec<Option<Rc<Inbox>>>>,
    /// Slots that nobody uses.
    free: RefCell<Vec<u32>>,
    /// An emptied mailbox, to be exchanged for a full one.
    emptied: RefCell<Mail>,
}

/// Messages that have come for one connection.
pub struct Inbox {
    client: Arc<Client>,
    slot: u32,
    inboxes: Rc<Inboxes>,
    frames: RefCell<Output>,
    /// What has come after the [place of a reply](Message::place_of_reply) that is not there yet, if there is
    /// such a place.
    behind: RefCell<Option<Output>>,
    /// Whether something was dropped, since it was more than the client may leave unread.
    overflown: Cell<bool>,
    reader: RefCell<Option<Waker>>,
}

impl Inboxes {
    /// Those of the thread with this number: none so far.
    pub fn new(thread: usize) -> Rc<Self> {
        Rc::new(Self {
            thread,
            slots: RefCell::default(),
            free: RefCell::default(),
            emptied: RefCell::default(),
        })
    }

    /// An inbox for a client that has connected, to be [closed](Inbox::close) when it goes.
    pub fn open(self: &Rc<Self>, client: Arc<Client>) -> Rc<Inbox> {
        let mut slots = self.slots.borrow_mut();
        let slot = self.free.borrow_mut().pop().unwrap_or_else(|| {
            slots.push(None);
            u32::try_from(slots.len() - 1).expect("invariant: there are fewer file descriptors")
        });
        let inbox = Rc::new(Inbox {
            client,
            slot,
            inboxes: Rc::clone(self),
            frames: RefCell::default(),
            behind: RefCell::default(),
            overflown: Cell::new(false),
            reader: RefCell::default(),
        });
        inbox.client.slot.store(slot, Relaxed);
        slots[slot as usize] = Some(Rc::clone(&inbox));
        inbox
    }

    /// Puts what has come for this thread into the inboxes.
    #[inline]
    pub fn deliver(&self, shared: &Shared) {
        if shared.mail.has_mail(self.thread) {
            self.deliver_all(shared);
        }
    }

    fn deliver_all(&self, shared: &Shared) {
        let mut mail = shared.mail.take(self.thread, self.emptied.take());
        let slots = self.slots.borrow();
        let inbox = |to: &Recipient| {
            let inbox = slots.get(to.slot as usize)?.as_ref()?;
            // Who has come into the slot of one who has left gets nothing of his.
            (inbox.client.id == to.client).then_some(inbox)
        };
        mail.missed.drain().filter_map(|to| inbox(&to)).for_each(|inbox| inbox.overflow());
        let limits = shared.config.client_output_buffer_limit();
        let (normal, pubsub) = (limits.normal.hard_bytes, limits.pubsub.hard_bytes);
        for post in mail.posts.drain(..) {
            for inbox in post.to.iter().filter_map(inbox) {
                let limit = if inbox.client.is_subscriber() { pubsub } else { normal };
                inbox.put(&post.message, limit);
            }
        }
        shared.store.note_outside(-mail.bytes.cast_signed());
        mail.bytes = 0;
        mail.posts.shrink_to(POSTS_KEPT_MAX);
        *self.emptied.borrow_mut() = mail;
    }
}

impl Inbox {
    /// Where messages for it are sent to: the thread, and the place there.
    pub fn address(&self) -> (usize, Recipient) {
        (self.inboxes.thread, Recipient { slot: self.slot, client: self.client.id })
    }

    /// Puts what has come for the thread into the inboxes, this one among them. After its client has left a
    /// topic, all that it still gets of it is here.
    pub fn deliver(&self, shared: &Shared) {
        self.inboxes.deliver(shared);
    }

    /// Moves the messages behind what goes to the client. Only between two replies.
    #[inline]
    pub fn take_into(&self, output: &mut Output) {
        let frames = &mut *self.frames.borrow_mut();
        if frames.is_empty() {
            return;
        }
        if output.is_empty() {
            std::mem::swap(output, frames);
        } else {
            output.append(frames);
        }
    }

    /// The reply is there for which others have kept a place.
    pub fn reply_is_there(&self) {
        if let Some(mut behind) = self.behind.take() {
            self.frames.borrow_mut().append(&mut behind);
        }
    }

    /// Whether messages were dropped: the client has not read for too long, and is to be cut off.
    #[inline]
    pub fn has_overflown(&self) -> bool {
        self.overflown.get()
    }

    /// Who is to be woken when something comes.
    pub fn set_reader(&self, reader: &Waker) {
        let mut known = self.reader.borrow_mut();
        if !known.as_ref().is_some_and(|known| known.will_wake(reader)) {
            *known = Some(reader.clone());
        }
    }

    /// What it holds in memory.
    pub fn memory_bytes(&self) -> usize {
        self.frames.borrow().memory_bytes() + self.behind.borrow().as_ref().map_or(0, Output::memory_bytes)
    }

    /// Takes it off its thread's list.
    pub fn close(&self) {
        if self.inboxes.slots.borrow_mut()[self.slot as usize].take().is_some() {
            self.inboxes.free.borrow_mut().push(self.slot);
        }
    }

    fn put(&self, message: &Message, limit_bytes: u64) {
        let client = &*self.client;
        let protocol = client.protocol();
        // As the client is at this place among its replies, not as it was elsewhere at the time.
        let reader =
            || Reader { protocol, subscribes: client.is_subscriber(), tracks: client.tracking.modes().on };
        if !message.is_for(reader) {
            return;
        }
        let mut behind = self.behind.borrow_mut();
        if message.is_place() {
            behind.get_or_insert_default();
            return;
        }
        let mut ahead = self.frames.borrow_mut();
        let frames = behind.as_mut().unwrap_or(&mut *ahead);
        if frames.is_empty() {
            self.wake();
        }
        message.write(frames, protocol);
        let counted = frames.len().saturating_sub(OUTPUT_UNCOUNTED_BYTES);
        if limit_bytes > 0 && counted as u64 > limit_bytes {
            self.overflown.set(true);
            frames.clear();
        }
    }

    fn overflow(&self) {
        self.overflown.set(true);
        self.wake();
    }

    fn wake(&self) {
        if let Some(reader) = &*self.reader.borrow() {
            reader.wake_by_ref();
        }
    }
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox")
            .field("client", &self.client.id)
            .field("slot", &self.slot)
            .finish_non_exhaustive()
    }
}
