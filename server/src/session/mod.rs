//! One client: what its connection has chosen (database, name, protocol, user) and what others may see of it.

pub mod blocked;
pub mod clients;
pub mod meanwhile;
mod monitoring;
pub mod pause;
mod subscriptions;
pub mod tracking;
pub mod transaction;

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use scrubjay::{Store, Watch};

use self::blocked::Waiting;
use self::clients::Client;
use self::subscriptions::Subscriptions;
use self::tracking::Tracked;
use self::transaction::Transaction;
use crate::command::spec::Effects;
use crate::command::table::Entry;
use crate::config::Config;
use crate::pubsub::inbox::Inbox;
use crate::resp::{self, Mark, Output};

/// What becomes of the replies to a client's commands: `CLIENT REPLY`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replies {
    /// They are sent.
    On,
    /// They are dropped.
    Off,
    /// Those of the command that is running, `CLIENT REPLY SKIP` itself, and of the next one are dropped.
    SkipNext,
    /// The reply of the command that is running is dropped.
    Skip,
}

/// The state of one client that its own thread alone touches.
#[derive(Debug)]
pub struct Session {
    /// What other clients see of this one: `CLIENT LIST`, and how they end it.
    pub client: Arc<Client>,
    /// The selected database.
    pub db: u16,
    /// Whether the client has given the right password, or none was asked for when it came. It keeps what it
    /// has when `requirepass` changes.
    pub authenticated: bool,
    /// `CLIENT REPLY`.
    pub replies: Replies,
    /// `CLIENT NO-TOUCH`: reads do not count as uses of a key.
    pub no_touch: bool,
    /// The connection closes once the replies so far are sent: `QUIT`, `CLIENT KILL` of itself.
    pub closing: bool,
    /// It closes at once instead, and nobody reads the replies: what came was no request to a cache.
    pub abandoned: bool,
    /// The client waits for keys: its next requests run when that is over.
    pub waiting: Option<Waiting>,
    /// `CLIENT PAUSE`: the client waits in front of its next request.
    pub postponed: bool,
    /// `MULTI`, and what was queued since.
    pub transaction: Transaction,
    /// `WATCH`: keys, and whether one of them has changed.
    pub watch: Option<Arc<Watch>>,
    /// Whether there was no room for more when the request came that is running.
    pub memory_is_short: bool,
    /// `SUBSCRIBE` and its kin.
    pub(crate) subscriptions: Subscriptions,
    /// `CLIENT TRACKING`.
    pub(crate) tracking: Tracked,
    /// Messages that have come and go out behind the replies.
    pub inbox: Rc<Inbox>,
    /// Where the reply begins of the request that is running.
    pub reply_begins: Mark,
    /// What the command that is running sends to a client that wants no replies: confirmations.
    pub unasked: Output,
    /// How long the request is that is running, in bytes as they came.
    pub request_bytes: usize,
    /// It is the program itself, not a client: no pause concerns it.
    pub of_program: bool,
    /// For how long a script of it may run that has not written: a program's own.
    #[cfg(feature = "script")]
    pub script_time_limit: Option<std::time::Duration>,
    /// Commands run; [`Client::commands`] follows once per batch.
    pub commands: u64,
}

impl Session {
    /// A session just connected.
    pub fn new(client: Arc<Client>, inbox: Rc<Inbox>, authenticated: bool) -> Self {
        Self {
            client,
            db: 0,
            authenticated,
            replies: Replies::On,
            no_touch: false,
            closing: false,
            abandoned: false,
            waiting: None,
            postponed: false,
            transaction: Transaction::default(),
            watch: None,
            memory_is_short: false,
            subscriptions: Subscriptions::default(),
            tracking: Tracked::default(),
            inbox,
            reply_begins: Output::new().mark(),
            unasked: Output::new(),
            request_bytes: 0,
            of_program: false,
            #[cfg(feature = "script")]
            script_time_limit: None,
            commands: 0,
        }
    }

    /// Whether the client may do nothing but authenticate.
    #[inline]
    pub fn needs_password(&self, config: &Config) -> bool {
        !self.authenticated && config.password().is_some()
    }

    /// Has the client wait in front of its next request, or wait no more.
    pub fn postpone(&mut self, postponed: bool) {
        self.postponed = postponed;
        self.client.postponed.store(postponed, Relaxed);
    }

    /// Works on another database from now on.
    pub fn select(&mut self, db: u16) {
        self.db = db;
        self.client.db.store(db, Relaxed);
    }

    /// Watches nothing any more: `UNWATCH`, and whatever ends a transaction. Not while a view is open.
    pub fn unwatch(&mut self, store: &Store) {
        if let Some(watch) = self.watch.take() {
            self.client.watch.lock().take();
            store.unwatch(&watch);
        }
    }

    /// Queues commands from now on: `MULTI`.
    pub fn begin_transaction(&mut self) {
        self.transaction.open();
        self.client.begins_transactions();
        self.client.in_transaction.store(true, Relaxed);
    }

    /// Queues a command.
    pub(crate) fn queue(&mut self, command: &'static Entry, args: resp::Args<'_>, effects: Effects) {
        self.transaction.push(command, args, effects);
        self.note_queued();
    }

    /// Something was refused that should have been queued, or that should have ended a transaction.
    pub(crate) fn fail_transaction(&mut self) {
        if self.transaction.is_open() {
            self.transaction.fail();
            self.note_queued();
        }
    }

    /// Whether `EXEC` would run what was queued, as far as is known without a look at the keys.
    pub(crate) fn is_to_run(&self) -> bool {
        !self.transaction.has_failed() && self.watch.as_ref().is_none_or(|watch| !watch.is_touched())
    }

    fn note_queued(&self) {
        /// What Valkey counts for an argument beside its bytes.
        const ARG_BYTES: usize = 8;
        let (bytes, count) = self.transaction.figures();
        self.client.queued.store(self.transaction.queue().len() as i64, Relaxed);
        self.client.queued_bytes.store((bytes + count * ARG_BYTES) as u64, Relaxed);
    }

    /// Forgets a transaction and the keys it depends on: `DISCARD`. Not while a view is open.
    pub fn discard(&mut self, store: &Store) {
        self.transaction.close();
        self.unwatch(store);
        if self.client.in_transaction.swap(false, Relaxed) {
            self.client.queued.store(0, Relaxed);
            self.client.queued_bytes.store(0, Relaxed);
        }
    }

    /// A request without arguments came: it is not answered, yet it is the one whose reply `CLIENT REPLY
    /// SKIP` dropped.
    pub fn skip_empty_request(&mut self) {
        if self.replies == Replies::SkipNext {
            self.replies = Replies::On;
        }
    }
}
