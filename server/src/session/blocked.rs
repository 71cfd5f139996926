//! A client that waits for keys: what others need to serve it, and to end its waiting.
//!
//! The record is shared by its own thread, by whoever changes one of its keys, and by `CLIENT UNBLOCK`. Its
//! state leaves its first value once, under its lock, and whoever brings that about decides what the
//! client reads: a writer that has served it, the clock, another client, or the client's own end. So nothing
//! is taken from a key for a client that has given up. The lock is taken under those of the keyspace, never
//! the other way round.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use parking_lot::Mutex;
use scrubjay::{Key, Offer, Registration, Store, View, Waiter, Wanted, WrongType};
use smallvec::SmallVec;

use super::clients::Client;
use super::pause::Pause;
use crate::error::Error;
use crate::observe::commandlog::Words;
use crate::resp::{Protocol, Reply};
use crate::tracking::Tracking;

/// What a command does that waits for keys, at once or later.
pub trait Attempt: Send + Sync {
    /// Does what the command is for and writes the reply, if one of its keys has what it wants; whether it
    /// had. Where it had not, nothing is changed and nothing written.
    ///
    /// # Errors
    /// Those of the command; they end the waiting as well.
    fn attempt(&self, view: &mut View<'_>, keys: Keys<'_>, reply: &mut Reply) -> Result<bool, Error>;

    /// Writes the reply of an attempt that was in vain, where the client may not wait.
    fn in_vain(&self, reply: &mut Reply) {
        reply.null_array();
    }

    /// Writes the reply to a client that has waited for too long.
    fn timed_out(&self, reply: &mut Reply) {
        reply.null_array();
    }
}

/// The keys that a command waits for.
#[derive(Debug, Clone, Copy)]
pub struct Keys<'a> {
    all: &'a [Key<'a>],
    /// Where the command is at its first attempt, and its view holds all of them, there is none yet.
    wanted: Option<&'a Wanted>,
}

/// A key and its place among those that were named, or the error of one that holds another type.
pub type Look<'a> = Result<(usize, Key<'a>), WrongType>;

impl<'a> Keys<'a> {
    /// The keys of a first attempt.
    pub fn first(all: &'a [Key<'a>]) -> Self {
        Self { all, wanted: None }
    }

    /// Those that are to be looked at, in their order. The others have nothing.
    pub fn looks(self, view: &mut View<'_>) -> SmallVec<[Look<'a>; 2]> {
        let look = |(index, key): (usize, &Key<'a>)| match self.wanted {
            Some(wanted) if !view.holds(*key) => wanted.is_foreign(index).then_some(Err(WrongType)),
            _ => Some(Ok((index, *key))),
        };
        self.all.iter().enumerate().filter_map(look).collect()
    }
}

/// What is known of a client that waits.
pub struct Blocked {
    wanted: Wanted,
    attempt: Box<dyn Attempt>,
    state: Mutex<State>,
    client: Arc<Client>,
    pause: Arc<Pause>,
    terms: Terms,
    /// Where its keys are remembered when it is served, if what it reads is.
    tracking: Option<Arc<Tracking>>,
}

/// How a client waits.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// The protocol of its reply.
    pub protocol: Protocol,
    /// Whether what it does counts as a use of a key.
    pub touches: bool,
    /// Whether its command writes, and so waits for the end of a pause of writes, too.
    pub writes: bool,
    /// Whether it may be served only where there is memory.
    pub takes_memory: bool,
    /// When its waiting ends, in microseconds of the store's monotonic clock; `None`: never.
    pub deadline_micros: Option<u64>,
    /// Bytes of the arguments of its command.
    pub args_bytes: usize,
}

enum State {
    Waiting,
    Ended(Ending),
    /// The client has its answer, or is no more.
    Over,
}

/// How the waiting ended.
#[derive(Debug)]
pub enum Ending {
    /// With what the command is for.
    Served(Reply),
    /// With an error instead of it.
    Failed(Error),
    /// It took too long, or another client said that it had.
    TimedOut,
    /// Another client wanted it to end with an error: `CLIENT UNBLOCK ... ERROR`.
    Interrupted,
}

impl Blocked {
    /// A client that waits from now on; to be registered with the view in which `attempt` was in vain.
    pub fn new(
        wanted: Wanted,
        attempt: impl Attempt + 'static,
        client: Arc<Client>,
        pause: Arc<Pause>,
        terms: Terms,
        tracking: Option<Arc<Tracking>>,
    ) -> Arc<Self> {
        let attempt = Box::new(attempt);
        Arc::new(Self { wanted, attempt, state: Mutex::new(State::Waiting), client, pause, terms, tracking })
    }

    /// How it waits.
    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// Writes the reply to a client that has waited for too long.
    pub fn timed_out(&self, reply: &mut Reply) {
        self.attempt.timed_out(reply);
    }

    /// What the record holds in memory, about.
    pub fn memory_bytes(&self) -> usize {
        size_of::<Self>() + self.wanted.memory_bytes()
    }

    /// Ends the waiting, if it has not ended yet; whether it had not.
    pub fn end(&self, ending: Ending) -> bool {
        let mut state = self.state.lock();
        let waiting = matches!(*state, State::Waiting);
        if waiting {
            *state = State::Ended(ending);
        }
        drop(state);
        if waiting {
            self.client.wake.notify_one();
        }
        waiting
    }

    /// Whether the waiting has ended.
    pub fn has_ended(&self) -> bool {
        !matches!(*self.state.lock(), State::Waiting)
    }

    /// Takes how the waiting ended. If it has not, it ends now, without an answer.
    fn finish(&self) -> Option<Ending> {
        match std::mem::replace(&mut *self.state.lock(), State::Over) {
            State::Ended(ending) => Some(ending),
            State::Waiting | State::Over => None,
        }
    }
}

impl Waiter for Blocked {
    fn wanted(&self) -> &Wanted {
        &self.wanted
    }

    fn offer(&self, view: &mut View<'_>, _: Key<'_>) -> Offer {
        // Held to the end: whoever wants to end the waiting meanwhile finds it ended, or not touched.
        let mut state = self.state.lock();
        // Who has been killed may not know it yet, and would take along what it gets.
        if !matches!(*state, State::Waiting) || self.client.killed.load(Relaxed) {
            return Offer::Gone;
        }
        if self.pause.holds_back(self.terms.writes, view.now()) {
            return Offer::NotYet;
        }
        if self.terms.takes_memory && view.is_full() {
            *state = State::Ended(Ending::Failed(Error::OutOfMemory));
            return Offer::Served;
        }
        let keys: SmallVec<[Key<'_>; 4]> = self.wanted.keys().collect();
        let mut reply = Reply::new(self.terms.protocol);
        let (touches, author) = (view.set_touches(self.terms.touches), view.set_author(self.client.id));
        let attempt = self.attempt.attempt(view, Keys { all: &keys, wanted: Some(&self.wanted) }, &mut reply);
        view.set_author(author);
        view.set_touches(touches);
        if let Some(tracking) = &self.tracking
            && !matches!(attempt, Ok(false))
        {
            // It is told of what it has waited for before it is told what that is, and keeps the latter.
            view.tell();
            keys.iter().for_each(|key| tracking.remember(*key, self.client.id));
            tracking.served(&self.client);
        }
        *state = State::Ended(match attempt {
            Ok(false) => return Offer::NotYet,
            Ok(true) => Ending::Served(reply),
            Err(error) => Ending::Failed(error),
        });
        Offer::Served
    }

    fn wake(&self) {
        self.client.wake.notify_one();
    }
}

/// No contents: they may be secret.
impl fmt::Debug for Blocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Blocked").field("client", &self.client.id).field("terms", &self.terms).finish()
    }
}

/// What is known of a command that waits, when its request is no more.
#[derive(Debug, Default)]
pub struct Call {
    /// How long the attempt took that was in vain.
    pub nanos: Option<u64>,
    /// How long the request was.
    pub request_bytes: usize,
    /// Its words, as the command log shows them.
    pub words: Words,
}

/// The waiting as the client's own session has it.
#[derive(Debug)]
pub struct Waiting {
    /// What others see of it.
    pub blocked: Arc<Blocked>,
    /// What is to be recorded of its command when the waiting is over.
    pub call: Call,
    registration: Registration,
}

impl Waiting {
    /// The client waits; others may see it.
    pub fn begin(blocked: Arc<Blocked>, registration: Registration) -> Self {
        *blocked.client.blocked.lock() = Some(Arc::clone(&blocked));
        Self { blocked, call: Call::default(), registration }
    }

    /// The client waits no more; how it ended, if it did.
    pub fn finish(self, store: &Store) -> Option<Ending> {
        let ending = self.blocked.finish();
        self.blocked.client.blocked.lock().take();
        store.forget(self.registration);
        ending
    }
}
