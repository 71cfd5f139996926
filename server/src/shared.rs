//! What all clients and threads of one server share.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Weak};
use std::time::Duration;

use scrubjay::{Scope, Store, View};
use tokio::sync::Notify;

pub use crate::apply::Listening;
use crate::config::{Config, EventClasses, Identity};
use crate::error::Error;
use crate::observe::commandlog::CommandLog;
use crate::observe::portability::Portability;
use crate::observe::spikes::{Event, Sample, Spikes};
use crate::observe::stats::Stats;
use crate::pubsub::message::Message;
use crate::pubsub::{Audience, Kind, Mailboxes, Monitors, Notifications, Registry};
use crate::session::clients::Clients;
use crate::session::pause::{Pause, Paused};
use crate::tracking::Tracking;

/// What all clients and threads of one server share.
pub struct Shared {
    /// The keyspace.
    pub store: Arc<Store>,
    /// The parameters.
    pub config: Config,
    /// Who is connected.
    pub clients: Clients,
    /// Who listens to which messages.
    pub registry: Registry,
    /// Who is shown every command.
    pub monitors: Monitors,
    /// Messages on their way.
    pub mail: Mailboxes,
    /// Wakes each thread when there are messages for its clients.
    pub mail_has_come: Vec<Arc<Notify>>,
    /// Messages about changes of keys.
    pub notifications: Notifications,
    /// Clients that keep what they read.
    pub tracking: Arc<Tracking>,
    /// What has happened so far, counted per thread.
    pub stats: Stats,
    /// The scripts that clients have sent.
    #[cfg(feature = "script")]
    pub scripts: crate::script::Scripts,
    /// Commands that were slow or large.
    pub command_log: CommandLog,
    /// What held the server up.
    pub spikes: Spikes,
    /// What clients use that not every server has.
    pub portability: Portability,
    /// Facts that hold from start to end.
    pub start: Start,
    /// The way to whoever listens, for `CONFIG SET port` and `bind`.
    pub listening: Listening,
    /// Set once, by `SHUTDOWN` or a signal; wakes whoever waits for it.
    pub shutdown: Shutdown,
    /// Whether commands have to wait.
    pub pause: Arc<Pause>,
    /// Whether something runs for so long that others are told so.
    pub busy: Busy,
    /// Whether RESTORE takes a payload's checksum for right: `DEBUG SET-SKIP-CHECKSUM-VALIDATION`.
    pub trust_checksums: AtomicBool,
}

impl Shared {
    /// What a server begins with that serves this store and listens on this port.
    pub(crate) fn new(store: Arc<Store>, config: Config, port: u16) -> Arc<Self> {
        let threads = usize::from(config.io_threads());
        let start = Start {
            at_ms: store.clock().now(),
            run_id: run_id(),
            replication_id: run_id(),
            used_bytes: store.used_bytes(),
            port,
            threads,
        };
        let mail_has_come: Vec<_> = (0..threads).map(|_| Arc::new(Notify::new())).collect();
        Arc::new_cyclic(|me| Self {
            #[cfg(feature = "script")]
            scripts: crate::script::Scripts::new(&store, config.compat()),
            tracking: Arc::new(Tracking::new(
                &store,
                Weak::clone(me),
                config.settings().tracking_table_max_keys,
            )),
            store,
            config,
            clients: Clients::default(),
            registry: Registry::default(),
            monitors: Monitors::default(),
            mail: Mailboxes::new(mail_has_come.iter().cloned().map(|thread| move || thread.notify_one())),
            mail_has_come,
            notifications: Notifications::new(Weak::clone(me)),
            // The last block is for what the program itself runs.
            stats: Stats::new(threads + 1),
            command_log: CommandLog::default(),
            spikes: Spikes::default(),
            portability: Portability::default(),
            start,
            listening: Listening::default(),
            shutdown: Shutdown::default(),
            pause: Arc::new(Pause::default()),
            busy: Busy::default(),
            trust_checksums: AtomicBool::new(false),
        })
    }

    /// Records what held the server up, if it did so for long enough.
    pub fn note_latency(&self, event: Event, nanos: u64) {
        let (millis, threshold) = (nanos / 1_000_000, self.config.latency_monitor_threshold());
        if threshold > 0 && millis >= threshold {
            let at_seconds = self.store.clock().now() / 1000;
            self.spikes.add(event, Sample { at_seconds, millis });
        }
    }

    /// Posts a message, whatever locks are held. Once they are not, the mailboxes are to be
    /// [woken](Mailboxes::wake).
    pub fn post(&self, message: &Message, to: &Audience) {
        let bytes = self.mail.post(message, to);
        self.store.note_outside(bytes.cast_signed());
    }

    /// Publishes these classes of keyspace events from now on, and no others.
    pub(crate) fn notify(&self, classes: EventClasses) {
        let mut view = self.store.view(Scope::Walk, self.store.clock().now());
        self.notifications.publish(&mut view, classes);
    }

    /// Posts what `payload` is to those who listen to a channel; how many get it. See [`post`](Self::post).
    pub fn publish(&self, kind: Kind, channel: &[u8], payload: &[u8]) -> usize {
        self.registry.publish(kind, channel, payload, |message, to| self.post(message, to))
    }

    /// Has commands wait, and data stand still, until a moment in milliseconds since the epoch.
    pub(crate) fn pause(&self, paused: Paused, now: u64, until_ms: u64) {
        self.pause.begin(paused, now, until_ms, || self.store.keep_expired(true));
    }

    /// Lets everything go on.
    pub(crate) fn unpause(&self) {
        self.pause.cut_short(|| self.store.keep_expired(false));
    }

    /// Ends a pause whose time is over. First those are served who wait for keys, and could not take what
    /// came meanwhile. Not while a view is open.
    #[cold]
    pub(crate) fn end_pause_if_over(&self, now: u64) {
        if self.pause.has_held_back(now)
            && let Ok(mut view) = self.view(Scope::All, now)
        {
            self.pause.forget_held_back();
            view.offer_again();
        }
        self.pause.end_if_over(now, || self.store.keep_expired(false));
    }

    /// Locks what `scope` names, for one command at the moment `now`.
    ///
    /// # Errors
    /// When somebody holds some of it for so long that others are told so.
    pub(crate) fn view<'s>(&'s self, scope: Scope<'_>, now: u64) -> Result<View<'s>, Error> {
        /// After so long it is looked at whether that is so.
        const PATIENCE: Duration = Duration::from_millis(20);
        loop {
            // Whoever is busy may be this very thread, in the middle of a command of another client.
            let patience = if self.busy.with().is_some() { Duration::ZERO } else { PATIENCE };
            if let Some(view) = self.store.view_within(scope, now, patience) {
                return Ok(view);
            }
            if let Some(program) = self.busy.with() {
                return Err(program.error(self.config.identity()));
            }
        }
    }
}

/// What keeps a server busy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// A script.
    Script,
    /// A function of a library.
    Function,
}

impl Program {
    /// What is said of one that was killed.
    #[cfg(feature = "script")]
    pub(crate) fn killed(self) -> &'static str {
        match self {
            Self::Script => "ERR Script killed by user with SCRIPT KILL.",
            Self::Function => "ERR Script killed by user with FUNCTION KILL.",
        }
    }

    /// What others are told meanwhile.
    pub(crate) fn error(self, server: Identity) -> Error {
        let (server, killer) = match self {
            Self::Script => (server.title, "SCRIPT"),
            Self::Function => (server.title, "FUNCTION"),
        };
        Error::Owned(format!(
            "BUSY {server} is busy running a script. You can only call {killer} KILL or SHUTDOWN NOSAVE."
        ))
    }
}

/// Whether something runs for so long that others are told so, and may only end it: a script that passed
/// `busy-reply-threshold`.
#[derive(Debug, Default)]
pub struct Busy(scrubjay::sync::atomic::AtomicU8);

impl Busy {
    /// With what.
    #[inline]
    pub fn with(&self) -> Option<Program> {
        match self.0.load(Relaxed) {
            0 => None,
            1 => Some(Program::Script),
            _ => Some(Program::Function),
        }
    }

    /// Says with what, or that it is over.
    pub fn set(&self, program: Option<Program>) {
        let number = match program {
            None => 0,
            Some(Program::Script) => 1,
            Some(Program::Function) => 2,
        };
        self.0.store(number, Relaxed);
    }
}

/// Facts about this server that hold from start to end.
#[derive(Debug)]
pub struct Start {
    /// When it started, in milliseconds since the epoch.
    pub at_ms: u64,
    /// 40 random hexadecimal digits.
    pub run_id: String,
    /// As many, that name the history of the data.
    pub replication_id: String,
    /// Bytes the store held at that time.
    pub used_bytes: usize,
    /// The TCP port it listens on; 0 for none.
    pub port: u16,
    /// How many threads run commands.
    pub threads: usize,
}

/// The way to end the server from anywhere in it.
#[derive(Debug, Default)]
pub struct Shutdown {
    asked: AtomicBool,
    wake: Notify,
}

impl Shutdown {
    /// Ends the server soon.
    pub fn ask(&self) {
        self.asked.store(true, std::sync::atomic::Ordering::Release);
        self.wake.notify_waiters();
    }

    /// Whether somebody has asked.
    pub fn is_asked(&self) -> bool {
        self.asked.load(std::sync::atomic::Ordering::Acquire)
    }

    /// Returns once somebody has asked.
    pub async fn wait(&self) {
        let notified = self.wake.notified();
        tokio::pin!(notified);
        // Enabled before the look, so that asking between the look and the wait is not missed.
        notified.as_mut().enable();
        if !self.asked.load(std::sync::atomic::Ordering::Acquire) {
            notified.await;
        }
    }
}

/// 40 hexadecimal digits that no other run has.
fn run_id() -> String {
    let mut random = scrubjay::random::Random::from_os();
    (0..40).map(|_| char::from_digit(random.below(16) as u32, 16).expect("invariant: below 16")).collect()
}
