//! Keyspace notifications: changes, as messages to whoever subscribes to them.
//!
//! They are made from what the engine records, under the locks of the keys, so those of one key come in the
//! order of its changes, whoever makes them. Nobody records anything for them while the parameter
//! `notify-keyspace-events` asks for none.

use std::fmt;
use std::io::Write;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use scrubjay::{Change, Event, EventClass, Log, Observer, View};

use super::Kind;
use crate::config::EventClasses;
use crate::shared::Shared;

/// The letter by which `notify-keyspace-events` asks for a class.
fn letter(class: EventClass) -> u8 {
    match class {
        EventClass::Generic => b'g',
        EventClass::String => b'$',
        EventClass::List => b'l',
        EventClass::Set => b's',
        EventClass::SortedSet => b'z',
        EventClass::Hash => b'h',
        EventClass::Stream => b't',
        EventClass::Expired => b'x',
        EventClass::Evicted => b'e',
        EventClass::New => b'n',
        EventClass::Miss => b'm',
        // None that Valkey has.
        _ => 0,
    }
}

/// The notifications of a server.
pub struct Notifications {
    server: Weak<Shared>,
    /// Who observes the store, while something is asked for.
    publisher: Mutex<Option<Arc<dyn Observer>>>,
}

impl Notifications {
    /// None yet.
    pub fn new(server: Weak<Shared>) -> Self {
        Self { server, publisher: Mutex::default() }
    }

    /// Publishes these classes from now on, and no others.
    pub fn publish(&self, view: &mut View<'_>, classes: EventClasses) {
        let new = classes.any().then(|| {
            let server = Weak::clone(&self.server);
            Arc::new(Publisher { server, classes }) as Arc<dyn Observer>
        });
        // Only who changes parameters comes here, so nobody waits for this under the locks of the store.
        let mut publisher = self.publisher.lock();
        if publisher.is_some() || new.is_some() {
            view.observe_instead(publisher.as_ref(), new.clone());
            *publisher = new;
        }
    }
}

impl fmt::Debug for Notifications {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notifications").finish_non_exhaustive()
    }
}

/// Publishes events of some classes.
struct Publisher {
    server: Weak<Shared>,
    classes: EventClasses,
}

impl Publisher {
    fn publish(&self, server: &Shared, db: u16, key: &[u8], event: Event) {
        if !self.classes.has(letter(event.class())) {
            return;
        }
        let mut channel = Vec::new();
        let mut tell = |kind, subject: &[u8], payload: &[u8]| {
            channel.clear();
            write!(channel, "__{kind}@{db}__:").expect("invariant: memory takes what is written");
            channel.extend_from_slice(subject);
            server.publish(Kind::Channel, &channel, payload);
        };
        let name = event.name().as_bytes();
        if self.classes.has(b'K') {
            tell("keyspace", key, name);
        }
        if self.classes.has(b'E') {
            tell("keyevent", name, key);
        }
    }
}

impl Observer for Publisher {
    fn changed(&self, changes: &Log) {
        let Some(server) = self.server.upgrade() else { return };
        if server.registry.is_empty() {
            return;
        }
        for change in changes.iter() {
            if let Change::Key { db, key, event } | Change::Told { db, key, event } = change {
                self.publish(&server, db, key, event);
            }
        }
    }

    fn unlocked(&self) {
        if let Some(server) = self.server.upgrade() {
            server.mail.wake();
        }
    }

    fn asks_for_asides(&self) -> bool {
        self.classes.has(b'm') || self.classes.has(b'n')
    }
}
