//! Those who are shown every command: `MONITOR`.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use parking_lot::Mutex;

use super::audience::{Audience, Recipient};

/// The clients that monitor the server.
///
/// Whoever shows them a command posts it under their lock, so all of them read everything in one order.
#[derive(Default)]
pub struct Monitors {
    audience: Mutex<Audience>,
    /// How many there are; looked at for each command.
    count: AtomicUsize,
}

impl Monitors {
    /// Whether nobody is there to be shown anything.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.count.load(Relaxed) == 0
    }

    /// A client that `thread` serves is shown what runs from now on.
    pub fn join(&self, thread: usize, recipient: Recipient) {
        let mut audience = self.audience.lock();
        audience.add(thread, recipient);
        self.count.store(audience.len(), Relaxed);
    }

    /// A client is shown nothing more. What it still gets lies in its thread's mailbox already.
    pub fn leave(&self, thread: usize, recipient: Recipient) {
        let mut audience = self.audience.lock();
        audience.remove(thread, recipient);
        self.count.store(audience.len(), Relaxed);
    }

    /// Lends the audience to whoever has something to post to it.
    pub fn with(&self, post: impl FnOnce(&Audience)) {
        post(&self.audience.lock());
    }
}

impl fmt::Debug for Monitors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Monitors").field("count", &self.count).finish_non_exhaustive()
    }
}
