//! The only names of locks and atomics.
//!
//! Everything that threads share is named through this file, so that a model checker can take its place:
//! built with `RUSTFLAGS="--cfg shuttle"` the same names are [shuttle]'s, which runs a test under thousands
//! of interleavings of its own choosing and repeats the one that failed. Outside of a shuttle run these types
//! cannot be used then, so such a build runs the tests written for it and leaves out the others.
//!
//! [shuttle]: https://docs.rs/shuttle

use std::ops::{Deref, DerefMut};

use parking_lot::Mutex as RealMutex;
#[cfg(not(shuttle))]
pub use parking_lot::{Condvar, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard, lock_api};
#[cfg(shuttle)]
pub use shuttle::{
    sync::{Arc, Weak, atomic},
    thread,
};
#[cfg(not(shuttle))]
pub use std::{
    sync::{Arc, Weak, atomic},
    thread,
};

#[cfg(shuttle)]
pub use self::model::{Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// A value on cache lines of its own, so that threads that write to neighbours do not slow each other down.
///
/// 128 bytes: x86 fetches lines in pairs, and Apple's AArch64 lines are that long.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct CachePadded<T>(T);

impl<T> CachePadded<T> {
    /// Gives `value` its own lines.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value, without the padding.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> Deref for CachePadded<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for CachePadded<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

/// A lock that the model checker does not take the place of: for what stands beneath everything else, and is
/// to its users one step, as an allocator is.
pub(crate) struct Plain<T>(RealMutex<T>);

impl<T> Plain<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(RealMutex::new(value))
    }

    /// Lends the value to one caller at a time.
    pub(crate) fn with<R>(&self, act: impl FnOnce(&mut T) -> R) -> R {
        act(&mut self.0.lock())
    }
}

/// parking_lot's interface over shuttle's mutex.
#[cfg(shuttle)]
mod model {
    use std::time::Duration;

    use shuttle::rand::Rng;
    use shuttle::sync::{TryLockError, TryLockResult};

    pub use shuttle::sync::{MutexGuard, RwLockReadGuard, RwLockWriteGuard};

    /// A mutex whose scheduling shuttle decides.
    #[derive(Debug, Default)]
    pub struct Mutex<T>(shuttle::sync::Mutex<T>);

    impl<T> Mutex<T> {
        /// An unlocked mutex.
        pub const fn new(value: T) -> Self {
            Self(shuttle::sync::Mutex::new(value))
        }

        /// Waits for the lock. As parking_lot's, it knows no poison.
        pub fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
        }

        /// Takes the lock if it is free.
        pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
            match self.0.try_lock() {
                Ok(guard) => Some(guard),
                Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
                Err(TryLockError::WouldBlock) => None,
            }
        }

        /// Takes the lock or gives up.
        pub fn try_lock_for(&self, _timeout: Duration) -> Option<MutexGuard<'_, T>> {
            until_chance_says_no(|| self.0.try_lock())
        }

        /// The value, which nobody else can reach.
        pub fn get_mut(&mut self) -> &mut T {
            self.0.get_mut().unwrap_or_else(|poisoned| poisoned.into_inner())
        }

        /// The value, without its lock.
        pub fn into_inner(self) -> T {
            self.0.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner())
        }
    }

    /// A lock for many readers or one writer, whose scheduling shuttle decides.
    #[derive(Debug, Default)]
    pub struct RwLock<T>(shuttle::sync::RwLock<T>);

    impl<T> RwLock<T> {
        /// Waits until nobody writes, even if somebody waits to.
        pub fn read_recursive(&self) -> RwLockReadGuard<'_, T> {
            self.0.read().unwrap_or_else(|poisoned| poisoned.into_inner())
        }

        /// Waits until nobody else has it.
        pub fn write(&self) -> RwLockWriteGuard<'_, T> {
            self.0.write().unwrap_or_else(|poisoned| poisoned.into_inner())
        }

        /// The same, or gives up: see [`Mutex::try_lock_for`].
        pub fn try_read_recursive_for(&self, _timeout: Duration) -> Option<RwLockReadGuard<'_, T>> {
            until_chance_says_no(|| self.0.try_read())
        }

        /// The same, or gives up.
        pub fn try_write_for(&self, _timeout: Duration) -> Option<RwLockWriteGuard<'_, T>> {
            until_chance_says_no(|| self.0.try_write())
        }
    }

    /// No time passes in a model: chance decides when it is up, so that both endings are explored.
    fn until_chance_says_no<G>(mut attempt: impl FnMut() -> TryLockResult<G>) -> Option<G> {
        loop {
            match attempt() {
                Ok(guard) => return Some(guard),
                Err(TryLockError::Poisoned(poisoned)) => return Some(poisoned.into_inner()),
                Err(TryLockError::WouldBlock) if shuttle::rand::thread_rng().gen_bool(0.25) => return None,
                Err(TryLockError::WouldBlock) => shuttle::thread::yield_now(),
            }
        }
    }
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn neighbours_never_share_a_line() {
        let mut pair = [CachePadded::new(1_u8), CachePadded::new(2)];
        assert_eq!(size_of_val(&pair), 256);
        *pair[1] += 1;
        assert_eq!((*pair[0], pair.map(CachePadded::into_inner)), (1, [1, 3]));
    }

    #[test]
    fn a_timed_lock_gives_up() {
        let mutex = Mutex::new(());
        let held = mutex.lock();
        assert!(mutex.try_lock_for(Duration::from_millis(1)).is_none());
        drop(held);
        assert!(mutex.try_lock_for(Duration::from_millis(1)).is_some());
    }
}

/// Proofs that the names above are the model checker's in a shuttle build.
#[cfg(all(test, shuttle))]
mod tests {
    use std::time::Duration;

    use shuttle::thread;

    use super::atomic::{AtomicU64, Ordering};
    use super::*;

    #[test]
    fn a_mutex_excludes_under_every_interleaving() {
        let body = || {
            let count = Arc::new(Mutex::new(0));
            let add = |count: Arc<Mutex<u32>>| {
                move || {
                    let read = *count.lock();
                    thread::yield_now();
                    let mut guard = count.lock();
                    *guard += 1;
                    assert!(*guard > read);
                }
            };
            let threads = [thread::spawn(add(count.clone())), thread::spawn(add(count.clone()))];
            threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
            assert_eq!(*count.lock(), 2);
        };
        shuttle::check_random(body, 200);
    }

    #[test]
    fn a_timed_lock_ends_both_ways() {
        use std::sync::atomic::AtomicBool as Seen;
        static TAKEN: Seen = Seen::new(false);
        static GAVE_UP: Seen = Seen::new(false);
        let body = || {
            let mutex = Arc::new(Mutex::new(()));
            let holder = {
                let mutex = mutex.clone();
                thread::spawn(move || {
                    let _held = mutex.lock();
                    thread::yield_now();
                })
            };
            let seen = if mutex.try_lock_for(Duration::from_secs(1)).is_some() { &TAKEN } else { &GAVE_UP };
            seen.store(true, Ordering::Relaxed);
            holder.join().expect("no panic");
        };
        shuttle::check_random(body, 500);
        assert!(TAKEN.load(Ordering::Relaxed) && GAVE_UP.load(Ordering::Relaxed));
    }

    #[test]
    #[should_panic(expected = "lost update")]
    fn a_race_between_atomics_is_found() {
        let body = || {
            let count = Arc::new(AtomicU64::new(0));
            let other = count.clone();
            let racy = |count: &AtomicU64| count.store(count.load(Ordering::SeqCst) + 1, Ordering::SeqCst);
            let thread = thread::spawn(move || racy(&other));
            racy(&count);
            thread.join().expect("no panic");
            assert_eq!(count.load(Ordering::SeqCst), 2, "lost update");
        };
        shuttle::check_random(body, 1000);
    }
}
