//! A client that monitors the server: `MONITOR`.

use std::sync::atomic::Ordering::Relaxed;

use super::{Replies, Session};
use crate::shared::Shared;

impl Session {
    /// Whether the client monitors the server.
    #[inline]
    pub fn monitors(&self) -> bool {
        self.client.monitors.load(Relaxed)
    }

    /// Has the client monitor the server; whether it did not yet.
    pub fn begin_monitoring(&mut self, shared: &Shared) -> bool {
        if self.client.monitors.swap(true, Relaxed) {
            return false;
        }
        if self.replies != Replies::Off {
            self.join_monitors(shared);
        }
        true
    }

    /// The client monitors no more; whether it did. What it still gets has come for its thread already.
    pub fn end_monitoring(&mut self, shared: &Shared) -> bool {
        let monitored = self.client.monitors.swap(false, Relaxed);
        if monitored && self.replies != Replies::Off {
            self.leave_monitors(shared);
        }
        monitored
    }

    /// `CLIENT REPLY ON` and `OFF`. Lines of a monitor are replies: while the client wants none it is shown
    /// nothing.
    pub fn want_replies(&mut self, shared: &Shared, wants: bool) {
        let wanted = self.replies != Replies::Off;
        self.replies = if wants { Replies::On } else { Replies::Off };
        match (wanted, wants) {
            (false, true) if self.monitors() => self.join_monitors(shared),
            (true, false) if self.monitors() => self.leave_monitors(shared),
            _ => {}
        }
    }

    fn join_monitors(&self, shared: &Shared) {
        let (thread, recipient) = self.inbox.address();
        shared.monitors.join(thread, recipient);
    }

    fn leave_monitors(&self, shared: &Shared) {
        let (thread, recipient) = self.inbox.address();
        shared.monitors.leave(thread, recipient);
    }
}
