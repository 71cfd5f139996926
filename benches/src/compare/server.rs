//! One server process: started pinned, watched from outside, ended with its owner.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use nix::time::{ClockId, clock_getcpuclockid};
use nix::unistd::Pid;

use super::client::Client;
use crate::clock;
use crate::cores::{self, Placement};

/// A running server. Dropping it ends the process.
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
    /// Counts the CPU time of all its threads, ended ones too, in nanoseconds.
    cpu_clock: ClockId,
    /// Its working directory and log.
    directory: tempfile::TempDir,
}

/// A server that has not answered PING after this will not.
const START_MAX: Duration = Duration::from_secs(20);

impl Server {
    /// Starts `program` where `placement` says and waits until it answers.
    ///
    /// The command line is valkey-server's: no persistence, one address, everything else at its default.
    pub(crate) fn start(program: &Path, placement: &Placement, first_port: u16) -> Result<Self> {
        let address = free_address(first_port)?;
        let directory = tempfile::tempdir()?;
        let log = File::create(directory.path().join("log"))?;
        let mut command = Command::new(program);
        command
            .args(["--bind", "127.0.0.1", "--port", &address.port().to_string()])
            .args(["--io-threads", &placement.threads.to_string()])
            .args(["--save", "", "--appendonly", "no", "--daemonize", "no"])
            .current_dir(directory.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        let before = cores::available()?;
        cores::pin(&placement.server)?;
        let spawned = command.spawn();
        cores::pin(&before)?;
        let child = spawned.with_context(|| format!("starting {}", program.display()))?;
        let pid = Pid::from_raw(child.id().try_into()?);
        let cpu_clock = clock_getcpuclockid(pid)?;
        let mut server = Self { child, address, cpu_clock, directory };
        server.wait_until_ready().with_context(|| format!("starting {}", program.display()))?;
        Ok(server)
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// CPU time of all its threads since the start, user and kernel.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        Ok(self.cpu_clock.now().context("reading a server's CPU time")?.into())
    }

    /// Bytes of memory it holds, counted page by page (the cheaper counters of /proc are approximate).
    pub(crate) fn resident_bytes(&self) -> Result<u64> {
        let path = format!("/proc/{}/smaps_rollup", self.child.id());
        let rollup = std::fs::read_to_string(&path).with_context(|| path.clone())?;
        let kib = rollup.lines().find_map(|line| line.strip_prefix("Rss:")?.strip_suffix("kB"));
        Ok(1024 * kib.with_context(|| format!("{path} has no Rss"))?.trim().parse::<u64>()?)
    }

    /// Waits until the resident size stands still, for three seconds at most.
    pub(crate) fn settled_resident_bytes(&self) -> Result<u64> {
        let mut last = self.resident_bytes()?;
        let mut still = 0;
        for _ in 0..30 {
            clock::pause(Duration::from_millis(100));
            let now = self.resident_bytes()?;
            still = if now == last { still + 1 } else { 0 };
            last = now;
            if still == 4 {
                break;
            }
        }
        Ok(last)
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        let give_up = clock::now() + START_MAX;
        while clock::now() < give_up {
            if let Some(status) = self.child.try_wait()? {
                bail!("it ended with {status}: {}", self.log());
            }
            if let Ok(mut client) = Client::connect(self.address) {
                ensure!(client.ask(&["PING"])? == "PONG", "PING must answer PONG");
                return Ok(());
            }
            clock::pause(Duration::from_millis(5));
        }
        bail!("no answer at {} after {START_MAX:?}: {}", self.address, self.log())
    }

    fn log(&self) -> String {
        let log = std::fs::read_to_string(self.directory.path().join("log")).unwrap_or_default();
        if log.trim().is_empty() { "it wrote nothing".to_owned() } else { log.trim().to_owned() }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only when the process has already ended, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The first free port from `first` on.
fn free_address(first: u16) -> Result<SocketAddr> {
    (first..first.saturating_add(100))
        .map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
        .find(|&address| TcpListener::bind(address).is_ok())
        .with_context(|| format!("no free port from {first} on"))
}
