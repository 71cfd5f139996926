//! Listening and accepting.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use socket2::{Domain, SockRef, TcpKeepalive, Type};
use tokio::net::{TcpListener, TcpStream};

use super::thread::{Handoff, Stream, Threads};
use crate::session::clients::Peer;
use crate::shared::Shared;

/// How long accepting rests after a failure such as too many open files: it neither spins nor gives up.
const REST_AFTER_FAILURE: Duration = Duration::from_millis(100);

/// A UNIX socket that is listened on; the file goes with it.
#[cfg(unix)]
pub(crate) struct UnixListener {
    listener: std::os::unix::net::UnixListener,
    path: PathBuf,
}

#[cfg(unix)]
impl Drop for UnixListener {
    fn drop(&mut self) {
        // Somebody may have removed it already, and that is as well.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Listens at `address`, port 0 meaning one that the system picks.
pub(crate) fn listen_tcp(address: SocketAddr, backlog: i32) -> io::Result<std::net::TcpListener> {
    let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(backlog)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// Listens on the UNIX socket `path`, in place of a file an earlier run has left there.
#[cfg(unix)]
pub(crate) fn listen_unix(path: &Path, mode: Option<u32>) -> io::Result<UnixListener> {
    use std::os::unix::fs::PermissionsExt;
    let path = PathBuf::from(path);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = std::os::unix::net::UnixListener::bind(&path)?;
    let listener = UnixListener { listener, path };
    if let Some(mode) = mode {
        std::fs::set_permissions(&listener.path, std::fs::Permissions::from_mode(mode))?;
    }
    listener.listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Accepts connections on a TCP listener and hands them to the threads, for ever.
pub(crate) async fn accept_tcp(listener: TcpListener, shared: Arc<Shared>, threads: Arc<Threads>) {
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                rest_after(&error).await;
                continue;
            }
        };
        let local = stream.local_addr().unwrap_or(peer);
        if let Err(error) = prepare(&stream, &shared) {
            tracing::debug!(%error, "the client was gone before it was served");
            continue;
        }
        let refusal = refusal(&shared, &threads, Some(peer));
        let fd = descriptor(&stream);
        let Ok(stream) = stream.into_std() else { continue };
        welcome(
            Handoff { stream: Stream::Tcp(stream), peer: Peer::Tcp(peer, local), fd },
            refusal,
            &shared,
            &threads,
        );
    }
}

/// Accepts connections on a UNIX socket and hands them to the threads, for ever.
#[cfg(unix)]
pub(crate) async fn accept_unix(listener: UnixListener, shared: Arc<Shared>, threads: Arc<Threads>) {
    let path = listener.path.to_string_lossy().into_owned();
    let listening = listener.listener.try_clone().and_then(tokio::net::UnixListener::from_std);
    let Ok(listening) = listening else { return };
    loop {
        let stream = match listening.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                rest_after(&error).await;
                continue;
            }
        };
        let fd = descriptor(&stream);
        let Ok(stream) = stream.into_std() else { continue };
        let handoff = Handoff { stream: Stream::Unix(stream), peer: Peer::Unix(path.clone()), fd };
        welcome(handoff, refusal(&shared, &threads, None), &shared, &threads);
    }
}

/// Hands a connection over, or tells the client why not.
fn welcome(mut handoff: Handoff, refusal: Option<&'static str>, shared: &Shared, threads: &Threads) {
    let Some(refusal) = refusal else { return threads.hand(handoff) };
    shared.stats.rejected_connections.fetch_add(1, Relaxed);
    // The socket is new and its buffer empty; a client that cannot even take this line is none to wait for.
    let _ = handoff.stream.write_all(refusal.as_bytes());
}

/// Why a client is not served, as it is told; `peer` is `None` on a UNIX socket.
fn refusal(shared: &Shared, threads: &Threads, peer: Option<SocketAddr>) -> Option<&'static str> {
    // Not by the list of clients, on which those on their way to a thread do not stand yet.
    if threads.connections() as u64 >= u64::from(shared.config.maxclients()) {
        return Some("-ERR max number of clients reached\r\n");
    }
    let local = peer.is_none_or(|peer| peer.ip().to_canonical().is_loopback());
    (!local && shared.config.protected_mode() && shared.config.password().is_none()).then_some(PROTECTED)
}

/// What a client from elsewhere reads while nobody has said who may come in.
const PROTECTED: &str = "-DENIED Running in protected mode because protected mode is enabled and no password is set for \
    the default user. In this mode connections are only accepted from the loopback interface. If \
    you want to connect from external computers, you may adopt one of the following solutions: 1) \
    Just disable protected mode sending the command 'CONFIG SET protected-mode no' from the \
    loopback interface by connecting from the same host the server is running, however MAKE SURE \
    it's not publicly accessible from internet if you do so. Use CONFIG REWRITE to make this change \
    permanent. 2) Alternatively you can just disable the protected mode by editing the \
    configuration file, and setting the protected mode option to 'no', and then restarting the \
    server. 3) If you started the server manually just for testing, restart it with the \
    '--protected-mode no' option. 4) Set up an authentication password for the default user. NOTE: \
    You only need to do one of the above things in order for the server to start accepting \
    connections from the outside.\r\n";

fn prepare(stream: &TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let seconds = shared.config.tcp_keepalive();
    if seconds > 0 {
        let interval = Duration::from_secs(seconds.into());
        let keepalive = TcpKeepalive::new().with_time(interval);
        #[cfg(any(target_os = "linux", target_os = "macos", target_os = "freebsd"))]
        let keepalive = keepalive.with_interval((interval / 3).max(Duration::from_secs(1))).with_retries(3);
        SockRef::from(stream).set_tcp_keepalive(&keepalive)?;
    }
    Ok(())
}

#[cfg(unix)]
fn descriptor(stream: &impl std::os::fd::AsRawFd) -> i64 {
    stream.as_raw_fd().into()
}

#[cfg(not(unix))]
fn descriptor<T>(_stream: &T) -> i64 {
    0
}

async fn rest_after(error: &io::Error) {
    tracing::warn!(%error, "accepting a connection failed");
    tokio::time::sleep(REST_AFTER_FAILURE).await;
}
