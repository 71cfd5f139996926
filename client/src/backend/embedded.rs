//! The store in this process: each step is one transaction of it, under the locks of the keys it touches, so
//! nobody sees the middle, be it a thread, a client or a script. No step waits.

use std::sync::Arc;
use std::time::Duration;

use scrubjay::time::Millis;
use scrubjay::{Deadline, Event, Key, Lookup, OutOfMemory, Store, View, WrongType};

use super::record::{Record, Token, whole_millis};
use super::{Backend, Error, ErrorKind, Kept, Lease, Locked, MONTH, Rate, Taken, lock_keys, up_to_millis};

/// A [`Store`] as a backend. A handle: clones keep values in the same store, in its database 0.
///
/// ```
/// use std::sync::Arc;
/// use scrubjay_client::backend::Embedded;
///
/// let store = Arc::new(scrubjay::Store::builder().max_memory(64 << 20).build());
/// let backend = Embedded::new(Arc::clone(&store));
/// # let _ = backend;
/// ```
#[derive(Debug, Clone)]
pub struct Embedded(Arc<Store>);

impl Embedded {
    /// Keeps values in this store.
    pub fn new(store: Arc<Store>) -> Self {
        Self(store)
    }

    /// The store.
    pub fn store(&self) -> &Arc<Store> {
        &self.0
    }

    /// Does something to one key.
    fn at<R>(&self, key: &[u8], act: impl FnOnce(&mut View<'_>, Key<'_>) -> R) -> Result<R, Error> {
        let key = self.0.key(0, key);
        Ok(self.0.transaction(&[key], |view| act(view, key))?)
    }
}

impl Default for Embedded {
    /// A new store without a bound.
    fn default() -> Self {
        Self::new(Arc::new(Store::default()))
    }
}

impl Backend for Embedded {
    async fn get(&self, key: &[u8]) -> Result<Option<Kept>, Error> {
        self.at(key, |view, key| kept(view, key, Lookup::Read))?.map_err(Error::from)
    }

    async fn put(&self, key: &[u8], record: &[u8], ttl: Duration) -> Result<(), Error> {
        Ok(self.0.set_for(key, record, ttl)?)
    }

    async fn put_if_newer(
        &self,
        key: &[u8],
        version: u64,
        record: &[u8],
        ttl: Duration,
    ) -> Result<bool, Error> {
        self.at(key, |view, key| {
            let old = kept(view, key, Lookup::Write)?;
            let old = old.as_ref().and_then(|old| Record::parse(&old.bytes)?.version);
            let newer = old.is_none_or(|old| old < version);
            if newer {
                set_for(view, key, record, ttl);
            }
            Ok(newer)
        })?
    }

    async fn remove(&self, key: &[u8]) -> Result<bool, Error> {
        Ok(self.0.remove(key))
    }

    async fn remove_if_equal(&self, key: &[u8], record: &[u8]) -> Result<bool, Error> {
        Ok(self.0.remove_if_equal(key, record))
    }

    async fn lease(&self, key: &[u8], token: Token, ttl: Duration, ahead: Duration) -> Result<Lease, Error> {
        let ttl = up_to_millis(ttl);
        self.at(key, |view, key| {
            let there = kept(view, key, Lookup::Write)?;
            let left = there.as_ref().and_then(|kept| kept.left);
            let record = there.as_ref().and_then(|kept| Record::parse(&kept.bytes));
            if record.as_ref().is_some_and(|record| record.is_fresh(left, ahead)) {
                return Ok(Lease::Fresh(there.expect("invariant: that is what is fresh")));
            }
            let holder = record.as_ref().and_then(|record| record.holder(left));
            let is_taken = holder.is_some_and(|holder| holder != token);
            match record.filter(|record| !record.is_over(left)) {
                Some(_) if is_taken => Ok(Lease::Taken { stale: there }),
                None if is_taken => Ok(Lease::Taken { stale: None }),
                Some(record) => {
                    set_leased(view, key, record, left, token, ttl);
                    Ok(Lease::Granted { stale: there })
                }
                None => {
                    set_for(view, key, &Record::pending(token).to_bytes(), ttl);
                    Ok(Lease::Granted { stale: None })
                }
            }
        })?
    }

    async fn extend_lease(&self, key: &[u8], token: Token, ttl: Duration) -> Result<bool, Error> {
        let ttl = up_to_millis(ttl);
        self.at(key, |view, key| {
            let Some((there, left)) = held(view, key, token)? else { return Ok(false) };
            match Record::parse(&there).filter(|record| !record.is_over(left)) {
                Some(record) => set_leased(view, key, record, left, token, ttl),
                None => set_for(view, key, &Record::pending(token).to_bytes(), ttl),
            }
            Ok(true)
        })?
    }

    async fn fill(&self, key: &[u8], token: Token, record: &[u8], ttl: Duration) -> Result<bool, Error> {
        self.at(key, |view, key| {
            let held = held(view, key, token)?.is_some();
            if held {
                set_for(view, key, record, ttl);
            }
            Ok(held)
        })?
    }

    async fn release(&self, key: &[u8], token: Token) -> Result<bool, Error> {
        self.at(key, |view, key| {
            let Some((there, left)) = held(view, key, token)? else { return Ok(false) };
            match Record::parse(&there).filter(|record| !record.is_over(left)) {
                Some(record) => view.set(key, &record.unleased().to_bytes(), Deadline::Keep, Event::Set),
                None => drop(view.remove(key, Event::Del)),
            }
            Ok(true)
        })?
    }

    async fn generations(&self, tags: &[Vec<u8>], fresh: u64) -> Result<Vec<u64>, Error> {
        let generation = |tag: &Vec<u8>| {
            self.at(tag, |view, key| {
                let (generation, left) = match kept(view, key, Lookup::Read)? {
                    Some(there) => (parsed(&there.bytes).unwrap_or(fresh), there.left.unwrap_or(MONTH)),
                    None => (fresh, Duration::ZERO),
                };
                if left < MONTH / 2 {
                    set_for(view, key, generation.to_string().as_bytes(), MONTH);
                }
                Ok(generation)
            })?
        };
        tags.iter().map(generation).collect()
    }

    async fn renew_generation(&self, tag: &[u8], fresh: u64) -> Result<(), Error> {
        Ok(self.0.set_for(tag, fresh.to_string(), MONTH)?)
    }

    async fn take(&self, key: &[u8], permits: u32, rate: Rate) -> Result<Taken, Error> {
        let now = self.0.clock().wall_micros();
        self.at(key, |view, key| {
            let (until, taken) = rate.take(number(view, key)?, now, permits);
            if taken.allowed {
                let ttl = Duration::from_micros(until.saturating_sub(now));
                set_for(view, key, until.to_string().as_bytes(), ttl);
            }
            Ok(taken)
        })?
    }

    async fn lock(&self, name: &[u8], token: Token, ttl: Duration) -> Result<Locked, Error> {
        let now_micros = self.0.clock().wall_micros();
        let [lock, fence] = lock_keys(name);
        let (lock, fence) = (self.0.key(0, &lock), self.0.key(0, &fence));
        self.0.transaction(&[lock, fence], |view| {
            if let Some(there) = kept(view, lock, Lookup::Write)? {
                return Ok(Locked::Taken { left: there.left.unwrap_or(MONTH) });
            }
            // The clock, so that a fence that was lost is not given again; the last one, should it go back.
            let last = number(view, fence)?.unwrap_or(0);
            let next = last.saturating_add(1).max(now_micros);
            set_for(view, lock, token.to_string().as_bytes(), ttl);
            set_for(view, fence, next.to_string().as_bytes(), MONTH);
            Ok(Locked::Granted { fence: next })
        })?
    }

    async fn extend_lock(&self, name: &[u8], token: Token, ttl: Duration) -> Result<bool, Error> {
        let [lock, _] = lock_keys(name);
        self.at(&lock, |view, key| {
            let there = kept(view, key, Lookup::Write)?;
            let own = there.is_some_and(|there| there.bytes == token.to_string().as_bytes());
            let deadline = after(view, ttl);
            Ok(own && view.set_deadline(key, Some(deadline), Event::Expire))
        })?
    }

    async fn unlock(&self, name: &[u8], token: Token) -> Result<bool, Error> {
        let [lock, _] = lock_keys(name);
        Ok(self.0.remove_if_equal(lock, token.to_string()))
    }
}

/// What lies under a key.
fn kept(view: &mut View<'_>, key: Key<'_>, lookup: Lookup) -> Result<Option<Kept>, WrongType> {
    let now = view.now();
    let left = |deadline: Millis| Duration::from_millis(deadline.saturating_sub(now));
    let text = view.string(key, lookup)?;
    Ok(text.map(|text| Kept { bytes: text.to_vec(), left: text.deadline.map(left) }))
}

/// A record's bytes, and what is left of their life.
type Leased = (Vec<u8>, Option<Duration>);

/// The bytes under a key whose lease this token has, and what is left of their life.
fn held(view: &mut View<'_>, key: Key<'_>, token: Token) -> Result<Option<Leased>, Error> {
    let there = kept(view, key, Lookup::Write)?;
    let own = |kept: &Kept| {
        Record::parse(&kept.bytes).is_some_and(|record| record.holder(kept.left) == Some(token))
    };
    Ok(there.filter(own).map(|kept| (kept.bytes, kept.left)))
}

/// Puts a lease on a record that is there.
fn set_leased(
    view: &mut View<'_>,
    key: Key<'_>,
    record: Record<'_>,
    left: Option<Duration>,
    token: Token,
    ttl: Duration,
) {
    let (leased, left) = record.leased_for(left.unwrap_or_default(), token, ttl);
    set_for(view, key, &leased.to_bytes(), left);
}

fn number(view: &mut View<'_>, key: Key<'_>) -> Result<Option<u64>, Error> {
    let there = kept(view, key, Lookup::Write)?;
    Ok(there.and_then(|there| parsed(&there.bytes)))
}

fn parsed(bytes: &[u8]) -> Option<u64> {
    str::from_utf8(bytes).ok()?.parse().ok()
}

fn set_for(view: &mut View<'_>, key: Key<'_>, value: &[u8], ttl: Duration) {
    let deadline = after(view, ttl);
    view.set(key, value, Deadline::At(deadline), Event::Set);
}

fn after(view: &View<'_>, ttl: Duration) -> Millis {
    view.now().saturating_add(whole_millis(up_to_millis(ttl)))
}

impl From<OutOfMemory> for Error {
    fn from(error: OutOfMemory) -> Self {
        Self::new(ErrorKind::OutOfMemory, error)
    }
}

impl From<WrongType> for Error {
    fn from(error: WrongType) -> Self {
        Self::new(ErrorKind::WrongType, error)
    }
}

#[cfg(test)]
mod tests {
    use scrubjay::time::ManualClock;

    use super::super::record::Content;
    use super::*;

    const A: Token = Token::new(0xa);
    const B: Token = Token::new(0xb);

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn stopped() -> (ManualClock, Embedded) {
        let clock = ManualClock::new(1_000_000);
        let store = Store::builder().clock(clock.clone()).build();
        (clock, Embedded::new(Arc::new(store)))
    }

    fn value(text: &str) -> Record<'_> {
        Record::new(Content::Value(text.as_bytes()))
    }

    async fn lease(backend: &Embedded, token: Token) -> Lease {
        backend.lease(b"k", token, ms(100), ms(0)).await.expect("no limit")
    }

    #[tokio::test]
    async fn a_lease_is_one_holders_until_it_ends() {
        let (clock, backend) = stopped();
        assert_eq!(lease(&backend, A).await, Lease::Granted { stale: None });
        assert_eq!(lease(&backend, A).await, Lease::Granted { stale: None }, "asked for twice");
        assert_eq!(lease(&backend, B).await, Lease::Taken { stale: None });
        clock.advance(ms(99));
        assert_eq!(backend.extend_lease(b"k", A, ms(100)).await.ok(), Some(true));
        clock.advance(ms(99));
        assert_eq!(lease(&backend, B).await, Lease::Taken { stale: None });
        clock.advance(ms(1));
        assert_eq!(lease(&backend, B).await, Lease::Granted { stale: None }, "its holder is dead");
        let bytes = value("a").to_bytes();
        assert_eq!(backend.fill(b"k", A, &bytes, ms(500)).await.ok(), Some(false));
        assert_eq!(backend.extend_lease(b"k", A, ms(100)).await.ok(), Some(false));
        assert_eq!(backend.fill(b"k", B, &bytes, ms(500)).await.ok(), Some(true));
        let kept = Kept { bytes, left: Some(ms(500)) };
        assert_eq!(lease(&backend, A).await, Lease::Fresh(kept));
    }

    #[tokio::test]
    async fn a_lease_on_what_is_stale_lets_it_be_served() {
        let (clock, backend) = stopped();
        let record = value("old").grace(ms(50));
        backend.put(b"k", &record.to_bytes(), ms(80)).await.expect("no limit");
        clock.advance(ms(40));
        let stale = Kept { bytes: record.to_bytes(), left: Some(ms(40)) };
        assert_eq!(lease(&backend, A).await, Lease::Granted { stale: Some(stale) });
        let Lease::Taken { stale: Some(stale) } = lease(&backend, B).await else { panic!("A has it") };
        let parsed = Record::parse(&stale.bytes).expect("a record");
        assert_eq!((parsed.content, parsed.is_over(stale.left)), (Content::Value(b"old"), false));
        // The lease outlives the record, which ends when it would have.
        clock.advance(ms(40));
        assert_eq!(lease(&backend, B).await, Lease::Taken { stale: None });
        assert_eq!(backend.release(b"k", B).await.ok(), Some(false));
        assert_eq!(backend.release(b"k", A).await.ok(), Some(true));
        assert_eq!(backend.get(b"k").await.ok(), Some(None));
    }

    #[tokio::test]
    async fn a_lease_given_back_leaves_what_is_stale() {
        let (clock, backend) = stopped();
        let record = value("old").grace(ms(500));
        backend.put(b"k", &record.to_bytes(), ms(510)).await.expect("no limit");
        clock.advance(ms(10));
        assert!(matches!(lease(&backend, A).await, Lease::Granted { stale: Some(_) }));
        assert_eq!(backend.release(b"k", A).await.ok(), Some(true));
        let kept = Kept { bytes: record.to_bytes(), left: Some(ms(500)) };
        assert_eq!(backend.get(b"k").await.ok(), Some(Some(kept)));
    }

    #[tokio::test]
    async fn what_removes_or_writes_a_key_takes_its_lease_away() {
        let (_, backend) = stopped();
        lease(&backend, A).await;
        assert_eq!(backend.remove(b"k").await.ok(), Some(true));
        assert_eq!(backend.extend_lease(b"k", A, ms(100)).await.ok(), Some(false), "not granted anew");
        let bytes = value("late").to_bytes();
        assert_eq!(backend.fill(b"k", A, &bytes, ms(100)).await.ok(), Some(false));
        lease(&backend, A).await;
        let newer = value("newer").version(2).to_bytes();
        assert_eq!(backend.put_if_newer(b"k", 2, &newer, ms(100)).await.ok(), Some(true));
        assert_eq!(backend.fill(b"k", A, &bytes, ms(100)).await.ok(), Some(false));
        for (version, kept) in [(1, false), (2, false), (10, true), (9, false), (u64::MAX, true)] {
            let record = value("").version(version).to_bytes();
            let outcome = backend.put_if_newer(b"k", version, &record, ms(100)).await;
            assert_eq!(outcome.ok(), Some(kept), "{version}");
        }
    }

    #[tokio::test]
    async fn a_fence_only_goes_up() {
        let (clock, backend) = stopped();
        let mut last = 0;
        for round in 0..4 {
            let Ok(Locked::Granted { fence }) = backend.lock(b"n", A, ms(100)).await else {
                panic!("it is free")
            };
            assert!(fence > last, "{fence} after {last}");
            last = fence;
            assert_eq!(backend.lock(b"n", B, ms(100)).await.ok(), Some(Locked::Taken { left: ms(100) }));
            assert_eq!(backend.unlock(b"n", B).await.ok(), Some(false));
            assert_eq!(backend.unlock(b"n", A).await.ok(), Some(true));
            assert_eq!(backend.extend_lock(b"n", A, ms(100)).await.ok(), Some(false));
            // The clock stands still, goes on, and goes back.
            clock.set([1_000_000, 1_000_005, 900_000][round % 3]);
        }
    }

    #[tokio::test]
    async fn a_generation_that_was_lost_does_not_come_again() {
        let (clock, backend) = stopped();
        let tags = [b"t".to_vec(), b"u".to_vec()];
        assert_eq!(backend.generations(&tags, 5).await.ok(), Some(vec![5, 5]));
        assert_eq!(backend.generations(&tags, 6).await.ok(), Some(vec![5, 5]));
        backend.renew_generation(b"t", 7).await.expect("no limit");
        assert_eq!(backend.generations(&tags, 8).await.ok(), Some(vec![7, 5]));
        backend.remove(b"u").await.expect("no limit");
        assert_eq!(backend.generations(&tags, 9).await.ok(), Some(vec![7, 9]));
        // One that is in use does not expire.
        for _ in 0..4 {
            clock.advance(MONTH.mul_f64(0.6));
            assert_eq!(backend.generations(&tags, 10).await.ok(), Some(vec![7, 9]));
        }
    }

    #[tokio::test]
    async fn other_types_are_an_error() {
        let (_, backend) = stopped();
        backend.store().list("k").push_right(["x"]).expect("no limit");
        assert_eq!(backend.get(b"k").await.expect_err("a list").kind(), ErrorKind::WrongType);
        let error = backend.lease(b"k", A, ms(1), ms(0)).await.expect_err("a list");
        assert_eq!(error.kind(), ErrorKind::WrongType);
    }
}
