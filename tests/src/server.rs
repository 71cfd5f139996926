//! The servers under test: Scrubjay, and the references Valkey and Redis, each on a port and in a folder of
//! its own.
//!
//! A server ends when its [`Server`] is dropped, and also when the test process dies without dropping
//! anything: `tests/setup/watchdog` stands between the two and ends the server once its input, which we hold
//! open, is closed.
//!
//! Where a program comes from: an environment variable (`SCRUBJAY`, `VALKEY_SERVER`, `REDIS_SERVER`), what
//! `tests/setup/references` unpacked under `target/`, or else the `PATH`. Scrubjay is what cargo built beside
//! the running test, built anew when its sources are newer than it.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use crate::patience::{Deadline, GENEROUS, pause};
use crate::wire::{Client, Reply};

/// What answers on the other side of the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Backend {
    /// Ours.
    Scrubjay,
    /// The reference.
    Valkey,
    /// The reference's elder sister, which the patterns also run against.
    Redis,
}

impl Backend {
    /// All of them, ours first.
    pub const ALL: [Self; 3] = [Self::Scrubjay, Self::Valkey, Self::Redis];

    /// The name in lower case, as test names and directives spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Scrubjay => "scrubjay",
            Self::Valkey => "valkey",
            Self::Redis => "redis",
        }
    }

    /// The server program.
    ///
    /// # Errors
    /// One line that says why it cannot be had.
    pub fn program(self) -> Result<PathBuf, String> {
        static FOUND: [OnceLock<Result<PathBuf, String>>; 3] = [const { OnceLock::new() }; 3];
        FOUND[self as usize].get_or_init(|| self.find()).clone()
    }

    fn find(self) -> Result<PathBuf, String> {
        let (variable, program) = match self {
            Self::Scrubjay => ("SCRUBJAY", "scrubjay"),
            Self::Valkey => ("VALKEY_SERVER", "valkey-server"),
            Self::Redis => ("REDIS_SERVER", "redis-server"),
        };
        if let Some(named) = std::env::var_os(variable).filter(|named| !named.is_empty()) {
            let named = PathBuf::from(named);
            return if named.is_file() {
                Ok(named)
            } else {
                Err(format!("{variable} names no file: {named:?}"))
            };
        }
        if self == Self::Scrubjay {
            return built_by_cargo();
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(target().join("references/bin")).chain(std::env::split_paths(&path));
        folders
            .map(|folder| folder.join(program))
            .find(|candidate| candidate.is_file())
            .ok_or_else(|| format!("{self} left out: no {program} (tests/setup/references unpacks one)"))
    }

    /// What the program says its version is, `9.1.2` for example.
    ///
    /// # Errors
    /// One line that says why it cannot be had.
    pub fn version(self) -> Result<String, String> {
        let program = self.program()?;
        let output = Command::new(&program).arg("--version").output().map_err(|error| error.to_string())?;
        let line = String::from_utf8_lossy(&output.stdout).into_owned();
        // Ours names Valkey's version where harnesses look for it, and its own further on.
        let field = if self == Self::Scrubjay { "scrubjay=" } else { "v=" };
        let version = line.split_ascii_whitespace().find_map(|word| word.strip_prefix(field));
        version.map(str::to_owned).ok_or_else(|| format!("{program:?} --version says {line:?}"))
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Scrubjay => "Scrubjay",
            Self::Valkey => "Valkey",
            Self::Redis => "Redis",
        })
    }
}

/// Cargo's target folder: the one the running test was built into.
pub fn target() -> PathBuf {
    built().parent().expect("a profile's folder lies in the target folder").to_owned()
}

/// The folder of the running test's profile, `target/debug` for example.
fn built() -> PathBuf {
    let test = std::env::current_exe().expect("the path of the running test");
    // target/debug/deps/commands-0123
    test.ancestors().nth(2).expect("tests lie two folders deep").to_owned()
}

/// The root of the workspace.
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests are a folder of the workspace")
}

/// The `scrubjay` of the same profile as the running test.
fn built_by_cargo() -> Result<PathBuf, String> {
    let folder = built();
    let program = folder.join(format!("scrubjay{}", std::env::consts::EXE_SUFFIX));
    let built = fs::metadata(&program).and_then(|file| file.modified()).ok();
    let changed = ["engine", "server"].iter().filter_map(|part| newest(&workspace().join(part))).max();
    if built.is_none() || built < changed {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut build = Command::new(cargo);
        build.current_dir(workspace()).args(["build", "--quiet", "--package", "scrubjay-server", "--bins"]);
        build.arg("--target-dir").arg(target());
        if folder.ends_with("release") {
            build.arg("--release");
        }
        let output = build.output().map_err(|error| format!("cargo does not run: {error}"))?;
        if !output.status.success() {
            return Err(format!("scrubjay does not build:\n{}", String::from_utf8_lossy(&output.stderr)));
        }
    }
    Ok(program)
}

/// When the newest source file of a crate was written.
fn newest(folder: &Path) -> Option<SystemTime> {
    let entries = fs::read_dir(folder).ok()?.flatten();
    let times = entries.filter_map(|entry| {
        let path = entry.path();
        match entry.file_type().ok()? {
            kind if kind.is_dir() => newest(&path),
            _ if path.extension().is_some_and(|extension| extension == "rs" || extension == "toml") => {
                entry.metadata().ok()?.modified().ok()
            }
            _ => None,
        }
    });
    times.max()
}

/// Which of the references can be had here. The others are named on standard error, once, with the reason.
pub fn references() -> Vec<Backend> {
    static SAID: OnceLock<()> = OnceLock::new();
    let (mut had, mut notes) = (Vec::new(), Vec::new());
    for backend in [Backend::Valkey, Backend::Redis] {
        match backend.version() {
            Ok(version) => {
                had.push(backend);
                notes.push(format!("{backend} {version}"));
            }
            Err(why) => notes.push(why),
        }
    }
    SAID.get_or_init(|| notes.iter().for_each(|note| eprintln!("reference: {note}")));
    had
}

/// A server of ours, running until dropped.
#[derive(Debug)]
pub struct Server {
    /// What it is.
    pub backend: Backend,
    address: SocketAddr,
    watchdog: Child,
    folder: TempDir,
}

impl Server {
    /// Starts a server that keeps nothing on disk and allows DEBUG.
    ///
    /// # Errors
    /// What went wrong, with the server's own words.
    pub fn start(backend: Backend) -> Result<Self, String> {
        Self::start_with(backend, &[] as &[&str])
    }

    /// The same with further arguments, as on the server's command line.
    ///
    /// # Errors
    /// What went wrong, with the server's own words.
    pub fn start_with<A: AsRef<str>>(backend: Backend, arguments: &[A]) -> Result<Self, String> {
        // Between our finding a port and the server's taking it, another may: then once more.
        let mut last = String::new();
        for _ in 0..5 {
            match Self::attempt(backend, arguments) {
                Err(why) if why.contains("in use") => last = why,
                other => return other,
            }
        }
        Err(last)
    }

    fn attempt<A: AsRef<str>>(backend: Backend, arguments: &[A]) -> Result<Self, String> {
        let wrong = |error: std::io::Error| format!("{backend} does not start: {error}");
        let scratch = target().join("tmp");
        fs::create_dir_all(&scratch).map_err(wrong)?;
        let folder = TempDir::with_prefix_in(backend.name(), scratch).map_err(wrong)?;
        let log = File::create(folder.path().join("log")).map_err(wrong)?;
        let address = free_address().map_err(wrong)?;
        let watchdog = Command::new("sh")
            .arg(workspace().join("tests/setup/watchdog"))
            .arg(backend.program()?)
            .args(["--bind", "127.0.0.1", "--port", &address.port().to_string()])
            .args(["--save", "", "--appendonly", "no", "--enable-debug-command", "yes"])
            .args(arguments.iter().map(AsRef::as_ref))
            .current_dir(folder.path())
            .stdin(Stdio::piped())
            .stdout(log.try_clone().map_err(wrong)?)
            .stderr(log)
            .spawn()
            .map_err(wrong)?;
        let mut server = Self { backend, address, watchdog, folder };
        server.wait_for_answer()?;
        Ok(server)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The folder it runs in.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What it has written so far.
    pub fn log(&self) -> String {
        let bytes = fs::read(self.folder.path().join("log")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// A new connection.
    ///
    /// # Panics
    /// When the server does not accept it.
    pub fn connect(&self) -> Client {
        Client::connect(self.address)
            .unwrap_or_else(|error| panic!("{} does not answer: {error}\n{}", self.backend, self.log()))
    }

    /// Whether the process has ended.
    pub fn has_ended(&mut self) -> bool {
        matches!(self.watchdog.try_wait(), Ok(Some(_)))
    }

    fn wait_for_answer(&mut self) -> Result<(), String> {
        let deadline = Deadline::after(GENEROUS);
        loop {
            if let Ok(mut client) = Client::connect(self.address)
                && let Ok(reply) = client.command(&["PING"])
            {
                // A server that asks for a password has started too.
                if reply == Reply::Simple(b"PONG".to_vec()) || reply.is_error() {
                    return Ok(());
                }
            }
            if self.has_ended() || deadline.is_over() {
                let how = if self.has_ended() { "ended" } else { "does not answer" };
                return Err(format!("{} {how} at the start:\n{}", self.backend, self.log()));
            }
            pause(Duration::from_millis(5));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.watchdog.stdin.take());
        // The watchdog ends the server, by force if need be, and then itself.
        let _ = self.watchdog.wait();
    }
}

/// An address no one listens on, as the kernel sees it now, and that nobody else of this program was given
/// before: two tests that were told of the same port would talk to the server of whoever came first.
pub(crate) fn free_address() -> std::io::Result<SocketAddr> {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    loop {
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        if GIVEN.lock().unwrap_or_else(PoisonError::into_inner).insert(address.port()) {
            return Ok(address);
        }
    }
}
