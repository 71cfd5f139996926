//! What the machines of all threads hold, which counts with what the store holds.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Weak};

use scrubjay::Store;

/// The sum over all threads.
#[derive(Debug)]
pub(super) struct Account {
    store: Weak<Store>,
    bytes: AtomicUsize,
}

impl Account {
    pub(super) fn new(store: &Arc<Store>) -> Arc<Self> {
        Arc::new(Self { store: Arc::downgrade(store), bytes: AtomicUsize::new(0) })
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Relaxed)
    }

    fn change(&self, by: isize) {
        self.bytes.fetch_add(by.cast_unsigned(), Relaxed);
        if let Some(store) = self.store.upgrade() {
            store.note_outside(by);
        }
    }
}

impl Drop for Account {
    /// The store may be used on, and threads that still have machines find nobody to tell of them.
    fn drop(&mut self) {
        self.change(-self.bytes().cast_signed());
    }
}

/// One thread's part in it, which is taken back when the thread ends.
#[derive(Debug)]
pub(super) struct Part {
    account: Weak<Account>,
    bytes: usize,
}

impl Part {
    pub(super) fn of(account: &Arc<Account>) -> Self {
        Self { account: Arc::downgrade(account), bytes: 0 }
    }

    /// Whether anybody is interested any more.
    pub(super) fn is_open(&self) -> bool {
        self.account.strong_count() > 0
    }

    /// The thread's machine holds so much now.
    pub(super) fn note(&mut self, bytes: usize) {
        if bytes == self.bytes {
            return;
        }
        if let Some(account) = self.account.upgrade() {
            account.change(bytes as isize - self.bytes as isize);
        }
        self.bytes = bytes;
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.note(0);
    }
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn what_a_thread_holds_counts_until_it_ends() {
        let store = Arc::new(Store::default());
        let before = store.used_bytes();
        let account = Account::new(&store);
        let (mut one, mut other) = (Part::of(&account), Part::of(&account));
        one.note(1000);
        other.note(50);
        one.note(100);
        assert_eq!((account.bytes(), store.used_bytes() - before), (150, 150));
        drop(one);
        assert_eq!((account.bytes(), store.used_bytes() - before), (50, 50));
        assert!(other.is_open());
        drop(account);
        assert_eq!(store.used_bytes(), before);
        assert!(!other.is_open());
        drop(other);
        assert_eq!(store.used_bytes(), before);
    }
}
