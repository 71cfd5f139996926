//! Commands: one item each (declaration, handler, tests), and the machinery that reads the declarations.

pub(crate) mod apart;
pub(crate) mod spec;
pub(crate) mod table;

pub mod args;
mod blocking;
pub mod dispatch;
mod draw;
mod element;
pub(crate) mod keys;
pub mod measure;
pub(crate) mod nested;
mod shown;
mod tracked;

mod describe;

mod bitmap;
mod cluster;
mod connection;
mod generic;
mod geo;
mod hash;
mod hyperloglog;
mod list;
mod pubsub;
mod scan;
#[cfg(feature = "script")]
mod scripting;
mod server;
mod set;
mod sorted_set;
mod stream;
mod string;
pub(crate) mod transactions;

use scrubjay::{Key, View};

use self::args::Args;
use crate::error::Error;
use crate::resp::reply::Reply;
use crate::session::Session;
use crate::shared::Shared;

/// A command's code: reads its arguments, works on the view, writes its reply. What it wrote is dropped when
/// it fails.
pub type Handler = fn(&mut Ctx<'_, '_>) -> Result<(), Error>;

/// What runs a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A client's request.
    Client,
    /// `EXEC`.
    Transaction,
    /// A script.
    #[cfg(feature = "script")]
    Script,
}

impl Origin {
    /// Whether a script calls it, which has a client of its own.
    pub(crate) fn is_script(self) -> bool {
        match self {
            Self::Client | Self::Transaction => false,
            #[cfg(feature = "script")]
            Self::Script => true,
        }
    }

    /// Whether strings that it sets are looked at for integers. Valkey shares those of a script with the
    /// script, and leaves them as they are.
    pub(crate) fn looks_for_integers(self) -> bool {
        !self.is_script()
    }
}

/// What a handler may use: of the request, and of the store.
pub struct Ctx<'a, 's> {
    /// What all clients share.
    pub shared: &'a Shared,
    /// What runs.
    pub(crate) command: &'static table::Entry,
    /// The client that asks.
    pub session: &'a mut Session,
    /// The keyspace, as far as the command's declaration lets it see.
    pub view: &'a mut View<'s>,
    /// What runs the command.
    pub origin: Origin,
    /// The keys that the declaration finds in the request, in their order.
    pub keys: &'a [Key<'a>],
    /// The request.
    pub args: Args<'a>,
    /// Where the answer goes.
    pub reply: &'a mut Reply,
}

impl<'a> Ctx<'a, '_> {
    /// The argument at `index` as a key of the client's database.
    pub fn key(&self, index: usize) -> Key<'a> {
        let bytes = self.args.at(index);
        // The dispatcher has hashed the declared keys already; the first is nearly always the one asked for.
        match self.keys.first() {
            Some(key) if std::ptr::eq(key.bytes(), bytes) => *key,
            _ => self.shared.store.key(self.session.db, bytes),
        }
    }

    /// The argument at `index` as the number of a database.
    ///
    /// # Errors
    /// When it is none; the texts tell an integer that no database has from one that C's `int` does not hold.
    pub fn database(&self, index: usize) -> Result<u16, Error> {
        let number = i32::try_from(self.args.integer(index)?).map_err(|_| {
            Error::Text("ERR value is out of range, value must between -2147483648 and 2147483647")
        })?;
        let db = u16::try_from(number).ok().filter(|db| *db < self.shared.store.databases());
        db.ok_or(Error::Text("ERR DB index is out of range"))
    }

    /// Whether the command has this option, which not all servers have. Asked of an option that a call uses:
    /// it is counted.
    pub(crate) fn has(&self, option: impl AsRef<[u8]>) -> bool {
        self.command.option(option.as_ref()).is_none_or(|(id, refusers)| {
            self.shared.portability.note(&self.session.client, id);
            table::knows(self.shared.config.compat(), refusers)
        })
    }

    /// Whether it is Valkey that the server passes for.
    pub(crate) fn is_valkey(&self) -> bool {
        self.shared.config.compat().is_valkey()
    }

    /// Whether the client may be made to wait: not inside another command.
    pub fn may_wait(&self) -> bool {
        self.origin == Origin::Client
    }

    /// The moment of this command, in milliseconds since the epoch.
    pub fn now(&self) -> u64 {
        self.view.now()
    }
}
