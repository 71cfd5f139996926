//! Names and who listens to each.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use bytes::Bytes;

use super::audience::Audience;

/// Names of one kind (channels, patterns, shard channels) that somebody listens to.
///
/// A name's audience is lent under a lock that is shared by whoever posts to it, and is nobody else's while
/// somebody joins or leaves: after that, all that was posted to the audience as it was lies in the mailboxes.
#[derive(Default)]
pub(super) struct Topics {
    map: Map,
    /// So that nobody walks through an empty map.
    count: AtomicUsize,
}

#[cfg(not(shuttle))]
type Map = dashmap::DashMap<Bytes, Audience>;
#[cfg(shuttle)]
type Map = model::Map;

impl Topics {
    /// How many names there are.
    pub(super) fn len(&self) -> usize {
        self.count.load(Relaxed)
    }

    /// Shows the audience of a name to `act`, if it has one.
    pub(super) fn with<R>(&self, name: &[u8], act: impl FnOnce(&Audience) -> R) -> Option<R> {
        self.map.get(name).map(|audience| act(&audience))
    }

    /// Shows all names and their audiences, in no order.
    pub(super) fn for_each(&self, mut show: impl FnMut(&[u8], &Audience)) {
        if self.len() > 0 {
            self.map.iter().for_each(|entry| show(entry.key(), entry.value()));
        }
    }

    /// Changes the audience of a name.
    pub(super) fn change(&self, name: &Bytes, change: impl FnOnce(&mut Audience)) {
        let mut audience = self.map.entry(name.clone()).or_default();
        let was_empty = audience.is_empty();
        change(&mut audience);
        let is_empty = audience.is_empty();
        if was_empty && !is_empty {
            self.count.fetch_add(1, Relaxed);
        } else if is_empty && !was_empty {
            self.count.fetch_sub(1, Relaxed);
        }
        drop(audience);
        if is_empty {
            self.map.remove_if(name, |_, audience| audience.is_empty());
        }
    }
}

/// As much of a `DashMap` as is needed, over the model checker's locks.
#[cfg(shuttle)]
mod model {
    use std::collections::HashMap;
    use std::ops::{Deref, DerefMut};

    use bytes::Bytes;
    use scrubjay::sync::{Mutex, MutexGuard};

    use super::Audience;

    /// One lock over all names, where a `DashMap` has one for a few of them.
    #[derive(Default)]
    pub(super) struct Map(Mutex<HashMap<Bytes, Audience>>);

    /// The audience of a name, under the lock.
    pub(super) struct Entry<'a> {
        map: MutexGuard<'a, HashMap<Bytes, Audience>>,
        name: Bytes,
    }

    impl Map {
        pub(super) fn get(&self, name: &[u8]) -> Option<Entry<'_>> {
            let map = self.0.lock();
            map.contains_key(name).then(|| Entry { map, name: Bytes::copy_from_slice(name) })
        }

        pub(super) fn entry(&self, name: Bytes) -> Entry<'_> {
            Entry { map: self.0.lock(), name }
        }

        pub(super) fn remove_if(&self, name: &Bytes, remove: impl FnOnce(&Bytes, &Audience) -> bool) {
            let mut map = self.0.lock();
            if map.get(name).is_some_and(|audience| remove(name, audience)) {
                map.remove(name);
            }
        }

        pub(super) fn iter(&self) -> impl Iterator<Item = Entry<'_>> {
            let names: Vec<Bytes> = self.0.lock().keys().cloned().collect();
            names.into_iter().filter_map(|name| self.get(&name))
        }
    }

    impl Entry<'_> {
        pub(super) fn or_default(mut self) -> Self {
            self.map.entry(self.name.clone()).or_default();
            self
        }

        pub(super) fn key(&self) -> &[u8] {
            &self.name
        }

        pub(super) fn value(&self) -> &Audience {
            self
        }
    }

    impl Deref for Entry<'_> {
        type Target = Audience;
        fn deref(&self) -> &Audience {
            &self.map[&self.name]
        }
    }

    impl DerefMut for Entry<'_> {
        fn deref_mut(&mut self) -> &mut Audience {
            self.map.get_mut(&self.name).expect("invariant: made by `or_default`")
        }
    }
}
