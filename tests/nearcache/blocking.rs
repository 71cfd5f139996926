//! The blocking front, from several threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;

use scrubjay_client::blocking::NearCache;
use scrubjay_client::codec::Raw;
use scrubjay_client::near::{self, Condition, Error, Source};
use scrubjay_client::wire::Connector;
use scrubjay_tests::patience::{GENEROUS, poll};

use crate::{patient, servers, url};

#[test]
fn threads_share_a_cache_and_its_loads() {
    for server in servers() {
        let builder = near::NearCache::<String>::builder(Raw);
        let cache =
            NearCache::connect(builder, patient(Connector::server(url(&server)))).expect("a connection");
        let calls = Arc::new(AtomicUsize::new(0));
        let threads = (0..8).map(|_| {
            let (cache, calls) = (cache.clone(), Arc::clone(&calls));
            thread::spawn(move || {
                let load = move || {
                    calls.fetch_add(1, SeqCst);
                    Ok::<_, std::io::Error>(Some("1".to_owned()))
                };
                cache.get_or_load("k", load)
            })
        });
        for thread in threads.collect::<Vec<_>>() {
            let loaded = thread.join().expect("no panic").expect("loaded");
            assert_eq!(loaded.as_deref(), Some("1"));
        }
        assert_eq!(calls.load(SeqCst), 1);
        assert_eq!(cache.lookup("k").expect("k").source, Source::Local);

        server.connect().typed("SET k 2").expect("SET");
        let seen = poll(GENEROUS, || (cache.get("k").expect("k").as_deref() == Some("2")).then_some(()));
        assert!(seen.is_some(), "2 is never seen");
        cache.set("k", "3".to_owned(), None).expect("SET");
        assert!(!cache.set_if("k", "4".to_owned(), None, Condition::IfAbsent).expect("SET"));
        assert_eq!(cache.get_many(["k", "none"]).expect("both"), [Some("3".to_owned()), None]);
        assert!(cache.remove("k").expect("DEL"));
        cache.invalidate("k");
        cache.clear();
        assert_eq!(cache.get("k").expect("k"), None);
        let failed = cache.get_or_load("k", || Err("no way"));
        assert!(matches!(failed, Err(Error::Loader(error)) if error.to_string() == "no way"));
        assert!(cache.stats().loads >= 2);
    }
    let builder = near::NearCache::<String>::builder(Raw);
    let nobody = NearCache::connect(builder, Connector::server("redis://127.0.0.1:1"));
    assert!(matches!(nobody, Err(error) if error.is_outage()));
}
