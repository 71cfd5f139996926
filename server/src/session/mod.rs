//! One client: what its connection has chosen (database, name, protocol, user) and what others may see of it.

pub mod clients;

use std::sync::Arc;

use self::clients::Client;

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
    /// Whether the client may run commands: no password is asked for, or it has given the right one.
    pub authenticated: bool,
    /// `CLIENT REPLY`.
    pub replies: Replies,
    /// `CLIENT NO-TOUCH`: reads do not count as uses of a key.
    pub no_touch: bool,
    /// The connection closes once the replies so far are sent: `QUIT`, `CLIENT KILL` of itself.
    pub closing: bool,
}

impl Session {
    /// A session just connected.
    pub fn new(client: Arc<Client>, authenticated: bool) -> Self {
        Self { client, db: 0, authenticated, replies: Replies::On, no_touch: false, closing: false }
    }
}
