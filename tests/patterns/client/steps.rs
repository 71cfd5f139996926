//! The steps that the patterns are made of, one by one: a backend that passes is a place for all of them.

use std::time::Duration;

use scrubjay_client::backend::record::{Content, Record, Token};
use scrubjay_client::backend::{Backend, Lease};

use super::{LONG, Place, SHORT, World, until};

const A: Token = Token::new(0xa);
const B: Token = Token::new(u128::MAX);
const NOW: Duration = Duration::ZERO;

/// A value that is stale from the first.
fn stale(text: &str) -> Vec<u8> {
    Record::new(Content::Value(text.as_bytes())).grace(LONG * 4).to_bytes()
}

pub(super) async fn steps<P: Place>(world: World<P>) {
    let backend = world.backend().await;
    values(&backend).await;
    versions(&backend).await;
    leases(&backend).await;
    stale_leases(&backend).await;
    generations(&backend).await;
}

async fn values(backend: &impl Backend) {
    assert_eq!(backend.get(b"v").await.expect("it is reached"), None);
    let record = Record::new(Content::Value(b"a\r\n\0b")).to_bytes();
    backend.put(b"v", &record, LONG).await.expect("it is reached");
    let kept = backend.get(b"v").await.expect("it is reached").expect("it was put");
    assert_eq!(kept.bytes, record);
    assert!(kept.left.is_some_and(|left| left <= LONG && left > LONG / 2), "{:?}", kept.left);
    assert!(!backend.remove_if_equal(b"v", b"=\n").await.expect("it is reached"));
    assert!(backend.remove_if_equal(b"v", &record).await.expect("it is reached"));
    assert!(!backend.remove(b"v").await.expect("it is reached"));
    backend.put(b"v", &record, Duration::from_micros(1)).await.expect("a part of a millisecond is one");
    until("it expires", async || backend.get(b"v").await.expect("it is reached").is_none()).await;
}

async fn versions(backend: &impl Backend) {
    let mut newest = None;
    for version in [2, 1, 2, 10, 9, 0, u64::MAX - 1, u64::MAX, u64::MAX - 1] {
        let record = Record::new(Content::Absent).version(version).to_bytes();
        let put = backend.put_if_newer(b"n", version, &record, LONG).await.expect("it is reached");
        assert_eq!(put, newest.is_none_or(|newest| newest < version), "{version} after {newest:?}");
        newest = newest.max(Some(version));
    }
    // What has no version is older than what has one.
    backend.put(b"n", b"=\nx", LONG).await.expect("it is reached");
    assert!(backend.put_if_newer(b"n", 0, b"= n0\nx", LONG).await.expect("it is reached"));
}

async fn leases(backend: &impl Backend) {
    let lease = async |token| backend.lease(b"l", token, LONG, NOW).await.expect("it is reached");
    let fill = async |token| backend.fill(b"l", token, b"=\nfilled", LONG).await.expect("it is reached");
    let extend = async |token| backend.extend_lease(b"l", token, LONG).await.expect("it is reached");
    let release = async |token| backend.release(b"l", token).await.expect("it is reached");
    assert!(!extend(A).await && !release(A).await && !fill(A).await, "nobody has it");
    assert_eq!(lease(A).await, Lease::Granted { stale: None });
    assert_eq!(lease(A).await, Lease::Granted { stale: None });
    assert_eq!(lease(B).await, Lease::Taken { stale: None });
    assert!(extend(A).await && !extend(B).await && !release(B).await && !fill(B).await);
    assert!(release(A).await);
    assert_eq!(backend.get(b"l").await.expect("it is reached"), None);
    assert_eq!(lease(B).await, Lease::Granted { stale: None });
    assert!(fill(B).await);
    assert!(matches!(lease(A).await, Lease::Fresh(kept) if kept.bytes == b"=\nfilled"));
    assert!(!fill(B).await, "it has ended");
    // With more of an advance than is left it is due.
    let due = backend.lease(b"l", A, LONG, LONG).await.expect("it is reached");
    assert!(matches!(due, Lease::Granted { stale: Some(kept) } if kept.bytes == b"=\nfilled"));

    // Whatever happens to the key ends the lease.
    assert!(backend.remove(b"l").await.expect("it is reached"));
    assert!(!extend(A).await && !fill(A).await);
    lease(A).await;
    assert!(backend.put_if_newer(b"l", 1, b"= n1\nx", LONG).await.expect("it is reached"));
    assert!(!fill(A).await);
    // What is no record is as good as nothing.
    for foreign in [&b"plain text"[..], b"", b"*\n", b"= no line end"] {
        backend.put(b"l", foreign, LONG).await.expect("it is reached");
        assert_eq!(lease(A).await, Lease::Granted { stale: None });
        assert!(fill(A).await);
    }
    // A dead holder's ends by itself.
    backend.lease(b"dead", A, SHORT, NOW).await.expect("it is reached");
    let next = async || backend.lease(b"dead", B, LONG, NOW).await.expect("it is reached");
    until("his lease is over", async || next().await == Lease::Granted { stale: None }).await;
    assert!(!backend.fill(b"dead", A, b"=\nlate", LONG).await.expect("it is reached"));
}

async fn stale_leases(backend: &impl Backend) {
    let record = stale("old");
    backend.put(b"s", &record, LONG * 2).await.expect("it is reached");
    let lease = async |token, ttl| backend.lease(b"s", token, ttl, NOW).await.expect("it is reached");
    let granted = lease(A, SHORT).await;
    assert!(matches!(granted, Lease::Granted { stale: Some(kept) } if kept.bytes == record));
    // While A lives B is told of what is stale; when A's time is over it is B's turn.
    let turn = async || match lease(B, LONG).await {
        Lease::Granted { stale: Some(_) } => true,
        Lease::Taken { stale: Some(kept) } => {
            let parsed = Record::parse(&kept.bytes).expect("a record");
            assert_eq!(parsed.content, Content::Value(b"old"));
            false
        }
        other => panic!("{other:?}"),
    };
    until("A's lease is over", turn).await;
    assert!(!backend.release(b"s", A).await.expect("it is reached"));
    assert!(backend.release(b"s", B).await.expect("it is reached"));
    let kept = backend.get(b"s").await.expect("it is reached").expect("it stays");
    assert_eq!(kept.bytes, record, "as it was");

    // The lease outlives what it lies upon, which ends when it would have.
    backend.put(b"s", &record, Duration::from_millis(100)).await.expect("it is reached");
    assert!(matches!(lease(A, LONG).await, Lease::Granted { .. }));
    assert!(backend.extend_lease(b"s", A, LONG).await.expect("it is reached"));
    let is_over = async || lease(B, LONG).await == Lease::Taken { stale: None };
    until("the record is over", is_over).await;
    assert!(backend.fill(b"s", A, b"=\nnew", LONG).await.expect("it is reached"));
    assert!(matches!(lease(B, LONG).await, Lease::Fresh(kept) if kept.bytes == b"=\nnew"));
}

async fn generations(backend: &impl Backend) {
    // In slots of three nodes, if there are as many.
    let tags: Vec<Vec<u8>> = (0..8).map(|tag| format!("tag:{tag}").into_bytes()).collect();
    assert_eq!(backend.generations(&tags, u64::MAX).await.expect("it is reached"), [u64::MAX; 8]);
    backend.renew_generation(&tags[3], 7).await.expect("it is reached");
    assert!(backend.remove(&tags[4]).await.expect("it is reached"));
    let now = backend.generations(&tags, 1).await.expect("it is reached");
    assert_eq!((now[2], now[3], now[4]), (u64::MAX, 7, 1));
}
