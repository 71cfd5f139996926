//! Several steps of an embedding program as one.

use crate::OutOfMemory;
use crate::store::{Key, Scope, Store, View};

impl Store {
    /// Does several things to several keys as one step: `act` sees what they hold at one moment, and nobody
    /// sees the middle of what it does, be it another thread, a client's command, a transaction of a client
    /// or a script. Other keys are used meanwhile, unless they share a lock with one of these.
    ///
    /// `act` may touch the keys that were named and no others, must be quick, and must not use the store but
    /// through its view: it would wait for itself. What it has done stays if it panics.
    ///
    /// ```
    /// use scrubjay::{OutOfMemory, Store};
    ///
    /// /// Moves money, if there is enough of it.
    /// fn transfer(store: &Store, from: &str, to: &str, amount: i64) -> Result<bool, OutOfMemory> {
    ///     let [from, to] = [from, to].map(|name| store.key(0, name.as_bytes()));
    ///     store.transaction(&[from, to], |view| {
    ///         let Ok(left) = view.increment(from, -amount) else { return false };
    ///         let moved = left >= 0 && view.increment(to, amount).is_ok();
    ///         if !moved {
    ///             view.increment(from, amount).expect("it was there a moment ago");
    ///         }
    ///         moved
    ///     })
    /// }
    ///
    /// let store = Store::default();
    /// store.set("alice", "10")?;
    /// assert!(transfer(&store, "alice", "bob", 7)?);
    /// assert!(!transfer(&store, "alice", "bob", 7)?);
    /// assert_eq!(store.get("bob")?.as_deref(), Some(&b"7"[..]));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`OutOfMemory`] when the limit is reached and nothing can be evicted; `act` is not called then.
    ///
    /// # Panics
    /// When `act` touches a key that was not named.
    pub fn transaction<R>(
        &self,
        keys: &[Key<'_>],
        act: impl FnOnce(&mut View<'_>) -> R,
    ) -> Result<R, OutOfMemory> {
        let now = self.clock().now();
        self.make_room(0, now)?;
        Ok(act(&mut self.view(Scope::Keys(keys), now)))
    }
}
