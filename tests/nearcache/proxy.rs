//! A proxy between a client and its server that makes the way between them what it is in the field: each
//! direction of each connection is delayed on its own, so that what goes over two connections arrives in any
//! order; connections are cut, in the middle of a word too; and some fall silent without being closed.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use scrubjay::random::Random;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::AbortHandle;

/// How bad the way is.
#[derive(Clone, Copy, Default)]
pub(crate) struct Weather {
    /// How long a piece may be held back at most.
    pub(crate) delay_micros: u64,
    /// Of how many pieces one is the last before a cut; 0 for none.
    pub(crate) cut_one_in: u64,
    /// Of how many pieces one is the last before silence; 0 for none.
    pub(crate) silence_one_in: u64,
}

/// Whether anything passes at all.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Passage {
    Open,
    /// What is said waits until it is open again.
    Held,
    /// All connections are cut, and new ones as soon as they are made.
    Shut,
}

/// Ends with this, and with it all of its connections.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    way: Arc<Way>,
    accepting: AbortHandle,
}

struct Way {
    server: SocketAddr,
    weather: Weather,
    is_bad: AtomicBool,
    passage: watch::Sender<Passage>,
    cuts: AtomicUsize,
    silences: AtomicUsize,
}

impl Proxy {
    /// Starts with good weather.
    pub(crate) async fn start(server: SocketAddr, weather: Weather, seed: u64) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let (is_bad, cuts, silences) = Default::default();
        let passage = watch::Sender::new(Passage::Open);
        let way = Arc::new(Way { server, weather, is_bad, passage, cuts, silences });
        let accepting = {
            let way = Arc::clone(&way);
            tokio::spawn(async move {
                let mut random = Random::seeded(seed);
                let mut connections = tokio::task::JoinSet::new();
                while let Ok((client, _)) = listener.accept().await {
                    let random = [random.next_u64(), random.next_u64()].map(Random::seeded);
                    connections.spawn(connect(Arc::clone(&way), client, random));
                }
            })
        };
        Self { address, way, accepting: accepting.abort_handle() }
    }

    pub(crate) fn set_bad(&self, is_bad: bool) {
        self.way.is_bad.store(is_bad, SeqCst);
    }

    pub(crate) fn set_passage(&self, passage: Passage) {
        self.way.passage.send_replace(passage);
    }

    /// How many connections were cut, and how many fell silent.
    pub(crate) fn harm(&self) -> (usize, usize) {
        (self.way.cuts.load(SeqCst), self.way.silences.load(SeqCst))
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn connect(way: Arc<Way>, client: TcpStream, [there, back]: [Random; 2]) {
    let Ok(server) = TcpStream::connect(way.server).await else { return };
    for stream in [&client, &server] {
        // Pieces are to go on their way as they come.
        let _ = stream.set_nodelay(true);
    }
    let (client_says, to_client) = client.into_split();
    let (server_says, to_server) = server.into_split();
    let mut passage = way.passage.subscribe();
    // Whichever ends closes both connections.
    tokio::select! {
        _ = passage.wait_for(|passage| *passage == Passage::Shut) => {}
        () = way.pump(client_says, to_server, there) => {}
        () = way.pump(server_says, to_client, back) => {}
    }
}

impl Way {
    async fn pump(&self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut random: Random) {
        let Weather { delay_micros, cut_one_in, silence_one_in } = self.weather;
        let mut piece = vec![0; 4096];
        while let Ok(length @ 1..) = from.read(&mut piece).await {
            let mut passes = length;
            let mut then = Then::GoOn;
            if self.is_bad.load(SeqCst) {
                if random.below(2) == 0 {
                    tokio::time::sleep(Duration::from_micros(random.below(delay_micros + 1))).await;
                }
                if cut_one_in > 0 && random.below(cut_one_in) == 0 {
                    (passes, then) = (random.below(length as u64 + 1) as usize, Then::Cut);
                } else if silence_one_in > 0 && random.below(silence_one_in) == 0 {
                    then = Then::FallSilent;
                }
            }
            let mut passage = self.passage.subscribe();
            if passage.wait_for(|passage| *passage == Passage::Open).await.is_err() {
                return;
            }
            if to.write_all(&piece[..passes]).await.is_err() {
                return;
            }
            match then {
                Then::GoOn => {}
                Then::Cut => {
                    self.cuts.fetch_add(1, SeqCst);
                    return;
                }
                Then::FallSilent => {
                    self.silences.fetch_add(1, SeqCst);
                    std::future::pending::<()>().await;
                }
            }
        }
    }
}

enum Then {
    GoOn,
    Cut,
    FallSilent,
}
