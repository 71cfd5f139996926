//! How reading goes wrong, and what comes of it then: with a clock and a backend that the test moves.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use scrubjay::Store;
use scrubjay::time::ManualClock;
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::backend::away::Away;
use crate::backend::record::{Content, Record, Token};
use crate::backend::{Backend, Embedded, Lease};
use crate::codec::Raw;
use crate::pattern::cache_aside::CacheAside;
use crate::pattern::lease::Leased;
use crate::pattern::negative::Negative;
use crate::pattern::refresh_ahead::RefreshAhead;
use crate::pattern::tags::Tagged;
use crate::pattern::{Chance, Error, Setting};

type Outcome = Result<Option<String>, Error<String>>;

/// A clock, a backend with it, and what may be asked of a database.
struct World {
    clock: ManualClock,
    backend: Away,
    database: Database,
}

/// One value, the number of times it was asked for, and a gate that loads stop at while it is closed.
#[derive(Clone)]
struct Database(Arc<Table>);

struct Table {
    answer: Mutex<Result<Option<String>, String>>,
    loads: AtomicUsize,
    closed: AtomicBool,
    opened: Notify,
}

impl Default for World {
    fn default() -> Self {
        let clock = ManualClock::new(1_000_000);
        let store = Store::builder().clock(clock.clone()).build();
        let backend = Away::from(Embedded::new(Arc::new(store)));
        let answer = Mutex::new(Ok(Some("first".to_owned())));
        let (loads, closed, opened) = Default::default();
        let database = Database(Arc::new(Table { answer, loads, closed, opened }));
        Self { clock, backend, database }
    }
}

impl World {
    fn setting(&self) -> Setting {
        let chance = Chance::seeded(1);
        Setting::new().ttl(secs(60)).jitter(0.0).clock(self.clock.clone()).chance(chance)
    }

    fn aside(&self, setting: Setting) -> CacheAside<String, Away, Raw> {
        CacheAside::new(self.backend.clone(), Raw, setting)
    }

    async fn record(&self, key: &str) -> Option<Vec<u8>> {
        let kept = self.backend.inner.get(key.as_bytes()).await.expect("never away");
        kept.map(|kept| kept.bytes)
    }
}

impl Database {
    fn answer(&self, answer: Result<Option<&str>, &str>) {
        let answer = answer.map(|value| value.map(str::to_owned)).map_err(str::to_owned);
        *self.0.answer.lock().expect("not poisoned") = answer;
    }

    fn set(&self, value: &str) {
        self.answer(Ok(Some(value)));
    }

    fn fail(&self, error: &str) {
        self.answer(Err(error));
    }

    fn empty(&self) {
        self.answer(Ok(None));
    }

    fn loads(&self) -> usize {
        self.0.loads.load(SeqCst)
    }

    /// Loads read what there is and then stop here.
    fn close(&self) {
        self.0.closed.store(true, SeqCst);
    }

    fn open(&self) {
        self.0.closed.store(false, SeqCst);
        self.0.opened.notify_waiters();
    }

    /// Returns when so many loads have read what there was.
    async fn reached(&self, loads: usize) {
        for _ in 0..10_000 {
            if self.loads() >= loads {
                return;
            }
            tokio::task::yield_now().await;
        }
        panic!("{loads} loads were expected, and there are {}", self.loads());
    }

    fn load(&self) -> impl FnOnce() -> Loading + Send + use<> {
        let table = Arc::clone(&self.0);
        move || {
            Box::pin(async move {
                let answer = table.answer.lock().expect("not poisoned").clone();
                table.loads.fetch_add(1, SeqCst);
                loop {
                    let opened = table.opened.notified();
                    if !table.closed.load(SeqCst) {
                        return answer;
                    }
                    opened.await;
                }
            })
        }
    }
}

type Loading = Pin<Box<dyn Future<Output = Result<Option<String>, String>> + Send>>;

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn is(outcome: &Outcome, value: &str) -> bool {
    matches!(outcome, Ok(Some(there)) if there == value)
}

/// Runs what others wait for.
async fn others() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn many_readers_share_one_load() {
    let world = World::default();
    let aside = world.aside(world.setting());
    world.database.close();
    let readers: Vec<_> = (0..50)
        .map(|_| {
            let (aside, load) = (aside.clone(), world.database.load());
            tokio::spawn(async move { aside.get("k", load).await })
        })
        .collect();
    world.database.reached(1).await;
    others().await;
    world.database.open();
    for reader in readers {
        assert!(is(&reader.await.expect("no panic"), "first"));
    }
    let stats = aside.stats();
    assert_eq!((world.database.loads(), stats.loads, stats.misses, stats.flight_waits), (1, 1, 50, 49));
    assert!(is(&aside.get("k", world.database.load()).await, "first"));
    assert_eq!((aside.stats().hits, world.database.loads()), (1, 1));
}

#[tokio::test]
async fn a_load_goes_on_without_the_reader_who_began_it() {
    let world = World::default();
    let aside = world.aside(world.setting());
    world.database.close();
    let first = tokio::spawn({
        let (aside, load) = (aside.clone(), world.database.load());
        async move { aside.get("k", load).await }
    });
    world.database.reached(1).await;
    let second = tokio::spawn({
        let (aside, load) = (aside.clone(), world.database.load());
        async move { aside.get("k", load).await }
    });
    others().await;
    first.abort();
    others().await;
    world.database.open();
    assert!(is(&second.await.expect("no panic"), "first"));
    assert_eq!(world.database.loads(), 1);
    assert!(world.record("k").await.is_some(), "and is kept");
}

#[tokio::test]
async fn a_loader_that_panics_leaves_nobody_behind() {
    let world = World::default();
    let aside = world.aside(world.setting());
    let (enter, entered) = tokio::sync::oneshot::channel();
    let panics = tokio::spawn({
        let aside = aside.clone();
        async move {
            let load = || async move {
                entered.await.expect("it is sent");
                panic!("the loader's own")
            };
            let outcome: Outcome = aside.get("k", load).await;
            outcome
        }
    });
    others().await;
    let waits = tokio::spawn({
        let (aside, load) = (aside.clone(), world.database.load());
        async move { aside.get("k", load).await }
    });
    others().await;
    enter.send(()).expect("the loader waits");
    let panic = panics.await.expect_err("it panics in its caller").into_panic();
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"the loader's own"));
    assert!(is(&waits.await.expect("no panic"), "first"), "the next one loads");
    others().await;
    assert!(is(&aside.get("k", world.database.load()).await, "first"), "and the lease is given back");
}

#[tokio::test]
async fn what_was_loaded_before_a_removal_is_neither_kept_nor_joined() {
    let world = World::default();
    let aside = world.aside(world.setting());
    world.database.close();
    let early = tokio::spawn({
        let (aside, load) = (aside.clone(), world.database.load());
        async move { aside.get("k", load).await }
    });
    world.database.reached(1).await;
    world.database.set("second");
    aside.remove("k").await.expect("it is there");
    let late = tokio::spawn({
        let (aside, load) = (aside.clone(), world.database.load());
        async move { aside.get("k", load).await }
    });
    world.database.reached(2).await;
    world.database.open();
    assert!(is(&early.await.expect("no panic"), "first"), "he asked before");
    assert!(is(&late.await.expect("no panic"), "second"));
    assert!(is(&aside.get("k", world.database.load()).await, "second"));
    let stats = aside.stats();
    assert_eq!((stats.loads, stats.fills_discarded, stats.leases_lost), (2, 1, 1));
}

#[tokio::test]
async fn a_removal_elsewhere_counts_for_who_joins_afterwards() {
    let world = World::default();
    let [one, other] = [1, 2].map(|seed| world.aside(world.setting().chance(Chance::seeded(seed))));
    world.database.close();
    let early = tokio::spawn({
        let (one, load) = (one.clone(), world.database.load());
        async move { one.get("k", load).await }
    });
    world.database.reached(1).await;
    world.database.set("second");
    other.remove("k").await.expect("it is there");
    // He finds a load of his process under way, and cannot know that it is too old.
    let late = tokio::spawn({
        let (one, load) = (one.clone(), world.database.load());
        async move { one.get("k", load).await }
    });
    others().await;
    assert_eq!(one.stats().flight_waits, 1);
    world.database.open();
    assert!(is(&early.await.expect("no panic"), "first"));
    assert!(is(&late.await.expect("no panic"), "second"));
}

#[tokio::test]
async fn somebody_elses_removal_counts_as_well() {
    let world = World::default();
    let aside = world.aside(world.setting());
    world.database.close();
    let early = tokio::spawn({
        let (aside, load) = (aside.clone(), world.database.load());
        async move { aside.get("k", load).await }
    });
    world.database.reached(1).await;
    // By hand, in valkey-cli perhaps.
    assert!(world.backend.inner.store().remove("k"));
    world.database.open();
    assert!(is(&early.await.expect("no panic"), "first"));
    assert_eq!(world.record("k").await, None);
}

#[tokio::test]
async fn what_is_stale_stands_in_until_it_is_removed() {
    let world = World::default();
    let aside = world.aside(world.setting().stale_for(secs(600)).retry_after(secs(5)));
    assert!(is(&aside.get("k", world.database.load()).await, "first"));
    world.clock.advance(secs(61));
    world.database.fail("down");
    assert!(is(&aside.get("k", world.database.load()).await, "first"));
    assert_eq!(world.database.loads(), 2);
    assert!(is(&aside.get("k", world.database.load()).await, "first"));
    assert_eq!(world.database.loads(), 2, "and the database is left in peace for a while");
    world.clock.advance(secs(6));
    assert!(is(&aside.get("k", world.database.load()).await, "first"));
    assert_eq!((world.database.loads(), aside.stats().stale_hits), (3, 3));

    aside.remove("k").await.expect("it is there");
    let outcome = aside.get("k", world.database.load()).await;
    assert_eq!(outcome.expect_err("nothing stands in").as_load().map(String::as_str), Some("down"));
    world.database.set("second");
    assert!(is(&aside.get("k", world.database.load()).await, "second"));
}

#[tokio::test]
async fn what_is_stale_ends_with_its_grace() {
    let world = World::default();
    let aside = world.aside(world.setting().stale_for(secs(10)).retry_after(Duration::ZERO));
    aside.get("k", world.database.load()).await.expect("it loads");
    world.database.fail("down");
    world.clock.advance(secs(69));
    assert!(is(&aside.get("k", world.database.load()).await, "first"));
    // The lease that was on it, for 5 s, does not make it live longer.
    world.clock.advance(secs(1));
    assert!(aside.get("k", world.database.load()).await.is_err());
}

#[tokio::test]
async fn what_is_removed_during_a_load_that_fails_does_not_stand_in() {
    let world = World::default();
    let aside = world.aside(world.setting().stale_for(secs(600)));
    aside.get("k", world.database.load()).await.expect("it loads");
    world.clock.advance(secs(61));
    world.database.fail("down");
    world.database.close();
    let reader = tokio::spawn({
        let (aside, load) = (aside.clone(), world.database.load());
        async move { aside.get("k", load).await }
    });
    world.database.reached(2).await;
    assert!(world.backend.inner.store().remove("k"));
    world.database.open();
    assert!(reader.await.expect("no panic").is_err());
}

#[tokio::test(start_paused = true)]
async fn a_slow_load_is_waited_for_softly_or_given_up() {
    let world = World::default();
    let setting = world.setting().stale_for(secs(600)).soft_timeout(secs(1)).hard_timeout(secs(10));
    let aside = world.aside(setting);
    aside.get("k", world.database.load()).await.expect("it loads");
    world.clock.advance(secs(61));
    world.database.set("second");
    world.database.close();
    assert!(is(&aside.get("k", world.database.load()).await, "first"), "after a second");
    world.database.open();
    others().await;
    assert!(is(&aside.get("k", world.database.load()).await, "second"), "the load went on");
    assert_eq!((world.database.loads(), aside.stats().stale_hits), (2, 1));

    // Removed while somebody waits: what was stale is not served.
    world.clock.advance(secs(61));
    world.database.set("third");
    world.database.close();
    let reader = tokio::spawn({
        let (aside, load) = (aside.clone(), world.database.load());
        async move { aside.get("k", load).await }
    });
    others().await;
    aside.remove("k").await.expect("it is there");
    assert!(matches!(reader.await.expect("no panic"), Err(Error::TimedOut(limit)) if limit == secs(10)));
    assert_eq!((aside.stats().load_timeouts, aside.stats().load_failures), (1, 1));
}

#[tokio::test]
async fn what_cannot_be_decoded_is_replaced() {
    let world = World::default();
    let aside = world.aside(world.setting());
    let of_another_type = Record::new(Content::Value(b"\xff")).to_bytes();
    for foreign in [&b"{\"json\":true}"[..], b"\xff\xff", &of_another_type, b"- 5 apples\n"] {
        world.backend.inner.store().set("k", foreign).expect("no bound");
        let loads = world.database.loads();
        assert!(is(&aside.get("k", world.database.load()).await, "first"));
        assert!(is(&aside.get("k", world.database.load()).await, "first"));
        assert_eq!(world.database.loads(), loads + 1, "{foreign:?}");
    }
    assert_eq!((aside.stats().undecodable, aside.stats().misses), (4, 4));
}

#[tokio::test]
async fn reads_go_on_without_the_backend_and_removals_do_not() {
    let world = World::default();
    let aside = world.aside(world.setting());
    world.backend.set(true);
    for _ in 0..2 {
        assert!(is(&aside.get("k", world.database.load()).await, "first"));
    }
    assert_eq!(world.database.loads(), 2);
    assert!(aside.remove("k").await.is_err());
    assert_eq!(aside.stats().backend_failures, 3, "each is tried once");
    world.backend.set(false);
    assert!(is(&aside.get("k", world.database.load()).await, "first"));
    assert!(is(&aside.get("k", world.database.load()).await, "first"));
    assert_eq!(world.database.loads(), 3);
}

#[tokio::test]
async fn ttls_are_shortened_by_chance() {
    let world = World::default();
    let aside = world.aside(world.setting().jitter(0.5));
    let mut lives = std::collections::BTreeSet::new();
    for key in 0..50 {
        let key = key.to_string();
        aside.get(&key, world.database.load()).await.expect("it loads");
        let kept = world.backend.get(key.as_bytes()).await.expect("there").expect("kept");
        let left = kept.left.expect("a TTL");
        assert!(left > secs(29) && left <= secs(60), "{left:?}");
        lives.insert(left);
    }
    assert!(lives.len() > 40);
}

#[tokio::test(start_paused = true)]
async fn a_dead_holder_is_followed_and_a_living_one_waited_for() {
    let world = World::default();
    let leased: Leased<String, _, _> =
        Leased::new(world.backend.clone(), Raw, world.setting().lease_wait(secs(3600)));
    let dead = Token::new(1);
    let lease = world.backend.lease(b"k", dead, secs(5), Duration::ZERO).await.expect("there");
    assert_eq!(lease, Lease::Granted { stale: None });
    let reader = tokio::spawn({
        let (leased, load) = (leased.clone(), world.database.load());
        async move { leased.get("k", load).await }
    });
    for _ in 0..4 {
        sleep(secs(1)).await;
        world.clock.advance(secs(1));
    }
    sleep(secs(1)).await;
    assert_eq!((world.database.loads(), leased.stats().lease_waits), (0, 1), "he may live yet");
    world.clock.advance(secs(1));
    assert!(is(&reader.await.expect("no panic"), "first"));
    assert!(!world.backend.fill(b"k", dead, b"=\nlate", secs(60)).await.expect("there"));
    assert!(is(&leased.get("k", world.database.load()).await, "first"));
    assert_eq!(world.database.loads(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_slow_holder_keeps_his_lease() {
    let world = World::default();
    let setting = world.setting().lease_wait(secs(3600)).lease_ttl(secs(6));
    let [one, other] = [1, 2]
        .map(|seed| Leased::new(world.backend.clone(), Raw, setting.clone().chance(Chance::seeded(seed))));
    world.database.close();
    let [slow, waits] = [&one, &other].map(|leased| {
        let (leased, load) = (leased.clone(), world.database.load());
        tokio::spawn(async move { leased.get("k", load).await })
    });
    for _ in 0..60 {
        sleep(secs(1)).await;
        world.clock.advance(secs(1));
    }
    assert_eq!(world.database.loads(), 1, "a minute long");
    world.database.open();
    for reader in [slow, waits] {
        assert!(is(&reader.await.expect("no panic"), "first"));
    }
    assert_eq!((world.database.loads(), one.stats().leases_lost + other.stats().leases_lost), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn who_waits_too_long_loads_and_keeps_nothing() {
    let world = World::default();
    let leased: Leased<String, _, _> =
        Leased::new(world.backend.clone(), Raw, world.setting().lease_wait(secs(2)));
    world.backend.lease(b"k", Token::new(1), secs(60), Duration::ZERO).await.expect("there");
    assert!(is(&leased.get("k", world.database.load()).await, "first"));
    let stats = leased.stats();
    assert_eq!((stats.lease_waits, stats.fills_discarded), (1, 1));
    assert!(world.backend.fill(b"k", Token::new(1), b"=\nslow", secs(60)).await.expect("there"));
}

#[tokio::test]
async fn nobody_waits_who_can_have_something_stale() {
    let world = World::default();
    let leased: Leased<String, _, _> =
        Leased::new(world.backend.clone(), Raw, world.setting().stale_for(secs(600)));
    leased.get("k", world.database.load()).await.expect("it loads");
    world.clock.advance(secs(61));
    world.backend.lease(b"k", Token::new(1), secs(60), Duration::ZERO).await.expect("there");
    assert!(is(&leased.get("k", world.database.load()).await, "first"));
    assert_eq!((leased.stats().stale_hits, world.database.loads()), (1, 1));
}

#[tokio::test]
async fn absence_and_failure_have_lives_of_their_own() {
    let world = World::default();
    let setting = world.setting().absent_ttl(secs(10)).failed_ttl(secs(3));
    let negative: Negative<String, _, _> = Negative::new(world.backend.clone(), Raw, setting);
    world.database.empty();
    for _ in 0..3 {
        assert!(matches!(negative.get("k", world.database.load()).await, Ok(None)));
    }
    assert_eq!((world.database.loads(), negative.stats().negative_hits), (1, 2));
    world.clock.advance(secs(11));
    world.database.fail("down");
    for _ in 0..3 {
        let error = negative.get("k", world.database.load()).await.expect_err("it fails");
        assert_eq!(error.as_load().map(String::as_str), Some("down"));
    }
    assert_eq!(world.database.loads(), 2);
    world.clock.advance(secs(4));
    world.database.set("first");
    assert!(is(&negative.get("k", world.database.load()).await, "first"));
    // A value that goes becomes an absence, also where it was kept to stand in.
    negative.remove("k").await.expect("there");
    world.database.empty();
    assert!(matches!(negative.get("k", world.database.load()).await, Ok(None)));
}

#[tokio::test]
async fn what_is_gone_at_its_source_does_not_stay_stale() {
    let world = World::default();
    let aside = world.aside(world.setting().stale_for(secs(600)));
    aside.get("k", world.database.load()).await.expect("it loads");
    world.clock.advance(secs(61));
    world.database.empty();
    assert!(matches!(aside.get("k", world.database.load()).await, Ok(None)));
    world.clock.advance(secs(1));
    world.database.fail("down");
    assert!(aside.get("k", world.database.load()).await.is_err(), "nothing stands in for what is gone");
}

#[tokio::test]
async fn one_of_two_processes_refreshes() {
    let world = World::default();
    let setting = world.setting().ahead(secs(20)).retry_after(secs(5));
    let [one, other] = [1, 2].map(|seed| {
        let database = world.database.clone();
        let setting = setting.clone().chance(Chance::seeded(seed));
        RefreshAhead::new(world.backend.clone(), Raw, setting, move |_| database.load()())
    });
    assert!(is(&one.get("k").await, "first"));
    world.clock.advance(secs(39));
    assert!(is(&other.get("k").await, "first"));
    others().await;
    assert_eq!(world.database.loads(), 1, "it is not due yet");
    world.clock.advance(secs(2));
    // A refresh that fails is not tried at every read.
    world.database.fail("down");
    for _ in 0..5 {
        assert!(is(&one.get("k").await, "first"));
        others().await;
    }
    assert_eq!(world.database.loads(), 2);
    world.database.set("second");
    world.database.close();
    for _ in 0..5 {
        assert!(is(&other.get("k").await, "first"));
        others().await;
        assert!(is(&one.get("k").await, "first"));
    }
    world.database.open();
    others().await;
    assert!(is(&one.get("k").await, "second") && is(&other.get("k").await, "second"));
    assert_eq!(world.database.loads(), 3);
    assert_eq!((one.stats().misses, other.stats().misses), (1, 0));
}

#[tokio::test]
async fn a_tag_outdates_what_is_kept_and_what_is_under_way() {
    let world = World::default();
    let tagged: Tagged<String, _, _> =
        Tagged::new(world.backend.clone(), Raw, world.setting().stale_for(secs(600)).prefix("p:"));
    for key in ["a", "b"] {
        tagged.get(key, &["t u", "v"], world.database.load()).await.expect("it loads");
    }
    tagged.get("c", &["v"], world.database.load()).await.expect("it loads");
    world.database.set("second");
    tagged.invalidate("t u").await.expect("there");
    assert!(is(&tagged.get("a", &["t u", "v"], world.database.load()).await, "second"));
    assert!(is(&tagged.get("c", &["v"], world.database.load()).await, "first"));
    world.database.fail("down");
    assert!(tagged.get("b", &["t u", "v"], world.database.load()).await.is_err(), "not even as a stale one");
    assert_eq!(tagged.stats().outdated, 2);

    // What was asked for before is outdated when it comes.
    world.database.set("third");
    world.database.close();
    let early = tokio::spawn({
        let (tagged, load) = (tagged.clone(), world.database.load());
        async move { tagged.get("b", &["t u"], load).await }
    });
    world.database.reached(6).await;
    world.database.set("fourth");
    tagged.invalidate("t u").await.expect("there");
    world.database.open();
    assert!(is(&early.await.expect("no panic"), "third"));
    assert!(is(&tagged.get("b", &["t u"], world.database.load()).await, "fourth"));
    // A generation that is lost outdates as well.
    world.database.set("fifth");
    assert!(world.backend.inner.store().remove("tag:p:v"));
    assert!(is(&tagged.get("c", &["v"], world.database.load()).await, "fifth"));
}
