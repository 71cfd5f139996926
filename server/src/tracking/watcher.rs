//! Whoever hears of changes for the clients that track.

use std::sync::Weak;

use scrubjay::{Change, Log, Observer};

use super::cycle;
use crate::shared::Shared;

/// Tells clients that track of what has changed.
pub(super) struct Watcher(pub(super) Weak<Shared>);

impl Observer for Watcher {
    fn changed(&self, changes: &Log) {
        let Some(shared) = self.0.upgrade() else { return };
        let tracking = &shared.tracking;
        for (author, change) in changes.iter_with_authors() {
            match change {
                // A cache does not know databases.
                Change::Key { key, .. } | Change::Touched { key, .. } => {
                    if !tracking.prefixes.is_empty() {
                        tracking.prefixes.gather(key, author);
                    }
                    if tracking.keys() > 0 {
                        let readers = tracking.forget(shared.store.key(0, key));
                        shared.tell_of_key(&readers, key, author);
                    }
                }
                Change::Flushed(_) => {
                    // In this order: whoever reads in between is told in vain, and not missed.
                    tracking.forget_all();
                    shared.tell_of_flush();
                }
                _ => {}
            }
        }
    }

    fn unlocked(&self) {
        // Of what a client's requests have changed it is told when all of them have run.
        if !cycle::is_open()
            && let Some(shared) = self.0.upgrade()
        {
            shared.tell_of_prefixes();
            shared.mail.wake();
        }
    }
}
