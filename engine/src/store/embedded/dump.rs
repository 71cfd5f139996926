//! Values as bytes, to keep elsewhere or to give to another server.

use std::time::Duration;

use super::{DB, after};
use crate::Event;
use crate::dump::{Payload, RestoreError, Trust};
use crate::store::{Deadline, Lookup, Scope, Store, Usage};

impl Store {
    /// The value of `key` as bytes that Valkey's `RESTORE` takes too: see [`dump`](mod@crate::dump). Its
    /// deadline is no part of them.
    ///
    /// ```
    /// # let store = scrubjay::Store::default();
    /// store.set("greeting", "hello")?;
    /// let payload = store.dump("greeting").expect("just set");
    /// store.restore("copy", &payload, None)?;
    /// assert_eq!(store.get("copy")?.expect("just restored"), "hello");
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn dump(&self, key: impl AsRef<[u8]>) -> Option<Vec<u8>> {
        let key = self.key(DB, key.as_ref());
        self.view(Scope::Key(&key), self.clock().now()).dump(key, Lookup::Read, true)
    }

    /// Puts the value that was dumped at `key`, whatever was there, for as long as `ttl` if one is given.
    ///
    /// The bytes may come from anywhere: what is no payload of a value is refused.
    ///
    /// # Errors
    /// See [`RestoreError`]; nothing is changed then.
    pub fn restore(
        &self,
        key: impl AsRef<[u8]>,
        payload: &[u8],
        ttl: Option<Duration>,
    ) -> Result<(), RestoreError> {
        let now = self.clock().now();
        let key = self.key(DB, key.as_ref());
        let opened = Payload::open(payload, Trust::default())?;
        self.make_room(key.bytes().len() + payload.len(), now)?;
        let mut view = self.view(Scope::Key(&key), now);
        let value = view.read_payload(key, opened)?;
        match ttl.map(|ttl| after(now, ttl)) {
            Some(at) if at <= now => drop(view.remove(key, Event::Del)),
            Some(at) => view.restore(key, value, Deadline::At(at), Usage::default()),
            None => view.restore(key, value, Deadline::Clear, Usage::default()),
        }
        Ok(())
    }
}
