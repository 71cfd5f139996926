//! The patterns for programs without an async runtime: the same ones, on a runtime in a thread of their own.
//!
//! ```
//! use scrubjay_client::{backend::Embedded, codec::Raw};
//! use scrubjay_client::pattern::{Setting, blocking::Blocking, cache_aside::CacheAside};
//!
//! let users = Blocking::start(async || CacheAside::new(Embedded::default(), Raw, Setting::new()))?;
//! let load = || async { Ok::<_, std::io::Error>(Some("Ada".to_owned())) };
//! let name = users.call(async |users| users.get("1", load).await)?;
//! assert_eq!(name.as_deref(), Some("Ada"));
//! users.call(async |users| users.remove("1").await)?;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! A loader that blocks belongs into `tokio::task::spawn_blocking`, as in any async program: the thread of
//! the pattern has others to serve. When the last handle is dropped the thread ends, and what was under way
//! with it: [`WriteBehind::shutdown`](super::write_behind::WriteBehind::shutdown) comes before that.

use std::fmt;
use std::io;
use std::sync::Arc;

use tokio::runtime::{Builder, Runtime};

/// A pattern (or several, in a tuple or a struct) that is called from threads: see the [module](self). A
/// handle: clones are the same, and may be used from any number of threads at once.
pub struct Blocking<P>(Arc<Inner<P>>);

struct Inner<P> {
    /// Dropped first: its tasks end before their thread does.
    pattern: P,
    runtime: Background,
}

/// A runtime that may end anywhere, in an async program too.
struct Background(Option<Runtime>);

impl Drop for Background {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl<P> Blocking<P> {
    /// Starts the thread, and makes the pattern there, with the connections it needs.
    ///
    /// # Errors
    /// The system has no thread to spare.
    pub fn start(make: impl AsyncFnOnce() -> P) -> io::Result<Self> {
        let mut runtime = Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).thread_name("scrubjay-patterns").enable_all().build()?;
        let pattern = runtime.block_on(make());
        Ok(Self(Arc::new(Inner { pattern, runtime: Background(Some(runtime)) })))
    }

    /// Does something with the pattern, and returns when that is done.
    ///
    /// # Panics
    /// Within an async runtime, whose thread would stand still; and when `act` does.
    pub fn call<R>(&self, act: impl AsyncFnOnce(&P) -> R) -> R {
        let Inner { pattern, runtime: Background(runtime) } = &*self.0;
        let runtime = runtime.as_ref().expect("invariant: it is there until the end");
        runtime.block_on(act(pattern))
    }
}

impl<P> Clone for Blocking<P> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<P: fmt::Debug> fmt::Debug for Blocking<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Blocking").field(&self.0.pattern).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

    use super::*;
    use crate::backend::Embedded;
    use crate::codec::Raw;
    use crate::pattern::Setting;
    use crate::pattern::cache_aside::CacheAside;

    #[test]
    fn threads_share_one_load() {
        let aside = Blocking::start(async || CacheAside::new(Embedded::default(), Raw, Setting::new()));
        let aside = aside.expect("a thread");
        let loads = Arc::new(AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                let (aside, loads) = (aside.clone(), Arc::clone(&loads));
                scope.spawn(move || {
                    let load = || async move {
                        loads.fetch_add(1, SeqCst);
                        tokio::task::yield_now().await;
                        Ok::<_, String>(Some("Ada".to_owned()))
                    };
                    let name = aside.call(async |aside| aside.get("1", load).await);
                    assert_eq!(name.expect("no error").as_deref(), Some("Ada"));
                });
            }
        });
        assert_eq!(loads.load(SeqCst), 1);
    }

    #[tokio::test]
    async fn it_may_be_dropped_in_an_async_program() {
        let made = std::thread::spawn(|| Blocking::start(async || 7).expect("a thread"));
        let blocking = made.join().expect("no panic");
        assert_eq!(format!("{blocking:?}"), "Blocking(7)");
        drop(blocking);
    }
}
