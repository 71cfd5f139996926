//! The script that runs on this thread, for functions that Lua calls: they get nothing from the server but
//! what they find here.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};

use scoped_tls_hkt::scoped_thread_local;

use crate::resp::{ArgBuffer, Protocol, Reply};
use crate::script::engine::{FIRST_PROTOCOL, Host};

scoped_thread_local!(
    /// Whom the running script may ask.
    pub(super) static mut HOST: for<'a> &'a mut (dyn Host + 'a)
);

thread_local! {
    /// What commands are called with and what they answer, reused from call to call.
    pub(super) static SCRATCH: RefCell<Scratch> = RefCell::default();
    /// In which protocol commands answer the script.
    pub(super) static PROTOCOL: Cell<Protocol> = const { Cell::new(FIRST_PROTOCOL) };
    /// Whether it is in a command: for ever, if the command panicked.
    pub(super) static CALLING: Cell<bool> = const { Cell::new(false) };
    /// Where the script was when it last failed to go on, as `name:line:`.
    pub(super) static PLACE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    /// Why the script has to end, if it has to.
    pub(super) static ENDING: Cell<Option<Ending>> = const { Cell::new(None) };
}

/// What goes wrong in a function of the table `server`, in the words of the server that scripts see.
pub(super) fn in_its_words(text: &str) -> Cow<'_, str> {
    if HOST.with(|host| host.compat().is_valkey()) {
        return Cow::Borrowed(text);
    }
    match text {
        "ERR Please specify at least one argument for this call" => {
            "ERR Please specify at least one argument for this redis lib call".into()
        }
        "ERR Command arguments must be strings or integers" => {
            "ERR Lua redis lib command arguments must be strings or integers".into()
        }
        other => other.replace("server.", "redis.").into(),
    }
}

#[derive(Default)]
pub(super) struct Scratch {
    pub(super) args: ArgBuffer,
    pub(super) reply: Reply,
    /// A reply that was in several pieces.
    pub(super) joined: Vec<u8>,
}

/// Why a script is ended, whatever it catches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// Somebody asked for it, and this is what is said of it.
    Killed(&'static str),
    /// It holds too much.
    OutOfMemory,
}
