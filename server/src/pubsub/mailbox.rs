//! The mailboxes: what is on its way to the clients of a thread.
//!
//! Anybody may leave a post, whatever locks it holds, and does not wait: the box has a lock that is held for
//! a few instructions. A thread is woken in a second step, once its poster holds no lock any more. Whoever
//! wakes, wakes every thread that has mail and was not woken, so it does not matter who it is: the last one
//! to come out of its locks finds all that was left.

use std::collections::HashSet;
use std::fmt;

use scrubjay::sync::atomic::{AtomicBool, Ordering};
use scrubjay::sync::{CachePadded, Mutex};

use super::audience::{Audience, Recipient, Recipients};
use super::message::Message;

/// Bytes that may lie in one mailbox. A thread that lets more come has no time for its clients; those for
/// whom something finds no room are cut off, as they are when it would be the client who does not read.
const MAILBOX_BYTES_MAX: usize = 64 * 1024 * 1024;

/// A message and those who get it.
#[derive(Debug)]
pub struct Post {
    /// What they get.
    pub message: Message,
    /// Who, of the thread in whose mailbox it lies.
    pub to: Recipients,
}

/// What has come for one thread.
#[derive(Debug, Default)]
pub struct Mail {
    /// Oldest first.
    pub posts: Vec<Post>,
    /// Bytes that these take.
    pub bytes: usize,
    /// Those who have missed something, since there was no room.
    pub missed: HashSet<Recipient>,
}

/// What is on its way to the clients of one thread.
struct Mailbox {
    mail: Mutex<Mail>,
    /// Whether there is something in it.
    full: AtomicBool,
    /// Whether the thread is still to be woken for it.
    unwoken: AtomicBool,
    wake: Box<dyn Fn() + Send + Sync>,
}

impl Mailbox {
    /// Leaves a post; the bytes that it takes here.
    fn post(&self, message: &Message, to: &Recipients) -> usize {
        let mut mail = self.mail.lock();
        let bytes = message.memory_bytes() + size_of::<Post>();
        let fits = mail.bytes + bytes <= MAILBOX_BYTES_MAX;
        if fits {
            mail.bytes += bytes;
            mail.posts.push(Post { message: message.clone(), to: Recipients::clone(to) });
        } else {
            mail.missed.extend(to.iter());
        }
        if !self.full.swap(true, Ordering::Relaxed) {
            self.unwoken.store(true, Ordering::Relaxed);
        }
        if fits { bytes } else { 0 }
    }

    /// Takes all that has come, in exchange for an empty one.
    fn take(&self, emptied: Mail) -> Mail {
        let mut mail = self.mail.lock();
        self.full.store(false, Ordering::Relaxed);
        self.unwoken.store(false, Ordering::Relaxed);
        std::mem::replace(&mut mail, emptied)
    }
}

/// The mailboxes of all threads.
pub struct Mailboxes {
    boxes: Box<[CachePadded<Mailbox>]>,
    /// Whether a thread may still have to be woken.
    unwoken: CachePadded<AtomicBool>,
}

impl Mailboxes {
    /// One for each thread; `wake` wakes it.
    pub fn new<W: Fn() + Send + Sync + 'static>(wake: impl IntoIterator<Item = W>) -> Self {
        let mailbox = |wake| {
            CachePadded::new(Mailbox {
                mail: Mutex::new(Mail::default()),
                full: AtomicBool::new(false),
                unwoken: AtomicBool::new(false),
                wake: Box::new(wake),
            })
        };
        Self {
            boxes: wake.into_iter().map(mailbox).collect(),
            unwoken: CachePadded::new(AtomicBool::new(false)),
        }
    }

    /// Leaves a message for an audience; the bytes that it takes until it is [taken](Self::take). Whatever
    /// locks are held: once they are not, [`wake`](Self::wake) has to be called.
    pub fn post(&self, message: &Message, to: &Audience) -> usize {
        let mut bytes = 0;
        for (thread, recipients) in to.by_thread() {
            bytes += self.boxes[thread].post(message, recipients);
        }
        // An exchange, so that whoever takes the flag sees the boxes of all who have set it.
        self.unwoken.swap(true, Ordering::Release);
        bytes
    }

    /// Wakes every thread for which there is mail that it was not woken for. Under no lock.
    #[inline]
    pub fn wake(&self) {
        if self.unwoken.load(Ordering::Relaxed) {
            self.wake_all();
        }
    }

    #[cold]
    fn wake_all(&self) {
        if self.unwoken.swap(false, Ordering::Acquire) {
            for mailbox in &self.boxes {
                if mailbox.unwoken.load(Ordering::Relaxed) && mailbox.unwoken.swap(false, Ordering::Relaxed) {
                    (mailbox.wake)();
                }
            }
        }
    }

    /// Whether there is something for `thread`.
    #[inline]
    pub fn has_mail(&self, thread: usize) -> bool {
        self.boxes[thread].full.load(Ordering::Relaxed)
    }

    /// Takes what has come for `thread`, in exchange for an empty one.
    pub fn take(&self, thread: usize, emptied: Mail) -> Mail {
        self.boxes[thread].take(emptied)
    }
}

impl fmt::Debug for Mailboxes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailboxes").field("threads", &self.boxes.len()).finish_non_exhaustive()
    }
}
