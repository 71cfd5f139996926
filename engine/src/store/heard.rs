//! An observer for tests: what happened to which key, until somebody asks.

use super::{Observer, Store};
use crate::shard::change::{Change, Event, Log};
use crate::sync::{Arc, Mutex};

/// Everything that is told of keys, whether it has changed them or not.
#[derive(Default)]
pub(super) struct Heard(Mutex<Vec<(String, Event)>>);

impl Observer for Heard {
    fn changed(&self, changes: &Log) {
        let of_keys = changes.iter().filter_map(|change| match change {
            Change::Key { key, event, .. } | Change::Told { key, event, .. } => {
                Some((String::from_utf8_lossy(key).into_owned(), event))
            }
            _ => None,
        });
        self.0.lock().extend(of_keys);
    }
}

impl Heard {
    /// Hears of what happens in `store` from now on.
    pub(super) fn of(store: &Store) -> Arc<Self> {
        let heard = Arc::new(Self::default());
        store.observe(Arc::clone(&heard) as Arc<dyn Observer>);
        heard
    }

    /// What was heard since this was last asked.
    pub(super) fn take(&self) -> Vec<Event> {
        self.take_with_keys().into_iter().map(|(_, event)| event).collect()
    }

    /// The same, each with its key.
    pub(super) fn take_with_keys(&self) -> Vec<(String, Event)> {
        std::mem::take(&mut *self.0.lock())
    }
}
