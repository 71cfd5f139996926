//! The `scrubjay` binary: the process around a server. Its start, its log, its signals and its end.
#![forbid(unsafe_code)]

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use scrubjay_server::Server;
use scrubjay_server::config::{Config, Startup, Stream};
use scrubjay_server::observe::{log, process};
use scrubjay_server::shared::Shared;
use tracing::{info, warn};

fn main() -> ExitCode {
    // Before anything is allocated that would not follow it.
    scrubjay::raw::heap::configure_process();
    match Startup::from_args(std::env::args_os().skip(1), &mut io::stdin()) {
        Startup::Print { text, stream: Stream::Output, code } => {
            print!("{text}");
            code.into()
        }
        Startup::Print { text, stream: Stream::Error, code } => {
            eprint!("{text}");
            code.into()
        }
        Startup::Run(config) => match serve(*config) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                warn!("{error}");
                ExitCode::FAILURE
            }
        },
    }
}

fn serve(config: Config) -> io::Result<()> {
    let settings = config.settings();
    log::start(&settings);
    allow_clients(&config)?;
    let signals = Signals::catch()?;
    let server = Server::bind(config)?;
    let _pidfile = settings.path(&settings.pidfile).and_then(Pidfile::write);
    greet(server.shared());
    info!("Ready to accept connections");
    signals.end_on_them(Arc::clone(server.shared()))?;
    server.run()?;
    warn!("Scrubjay is now ready to exit, bye bye...");
    Ok(())
}

/// Says what has been started: on standard output, or in the log file where there is one.
fn greet(shared: &Shared) {
    let settings = shared.config.settings();
    let limit = match settings.maxmemory {
        0 => "no memory limit".to_owned(),
        bytes => format!("memory limit {bytes} bytes ({})", settings.maxmemory_policy.name()),
    };
    let listens = match (shared.start.port, settings.unixsocket.is_empty()) {
        (0, _) => format!("UNIX socket {}", String::from_utf8_lossy(&settings.unixsocket)),
        (port, true) => format!("port {port}"),
        (port, false) => {
            format!("port {port}, UNIX socket {}", String::from_utf8_lossy(&settings.unixsocket))
        }
    };
    let threads = match shared.start.threads {
        1 => "1 thread".to_owned(),
        threads => format!("{threads} threads"),
    };
    let speaks = settings.compat.identity();
    let lines = [
        format!("Scrubjay {}, speaks {} {}", env!("CARGO_PKG_VERSION"), speaks.title, speaks.version),
        format!("{listens}, {limit}, {threads}, pid {}", std::process::id()),
    ];
    for line in lines {
        if settings.logfile.is_empty() {
            // Nobody may be reading, and that is no reason not to serve.
            let _ = writeln!(io::stdout(), "{line}");
        } else {
            info!("{line}");
        }
    }
}

/// Has the system allow as many files as there may be clients, or allows fewer clients.
fn allow_clients(config: &Config) -> io::Result<()> {
    let wanted = config.maxclients();
    match process::allow_clients(wanted.into()) {
        Ok(()) => Ok(()),
        Err(0) => Err(io::Error::other(format!(
            "The limit of open files is not enough for the server to start. Please increase it ('ulimit -n') to at \
                least {}. Exiting.",
            u64::from(wanted) + 32
        ))),
        Err(fewer) => {
            warn!(
                "You requested maxclients of {wanted}. It has been reduced to {fewer} to compensate for low ulimit. If \
                    you need higher maxclients increase 'ulimit -n'."
            );
            config.maxclients_is(u32::try_from(fewer).unwrap_or(wanted));
            Ok(())
        }
    }
}

/// The file that holds the process id while the server runs.
struct Pidfile(PathBuf);

impl Pidfile {
    /// A server whose pid file cannot be written runs all the same, as Valkey does.
    fn write(path: PathBuf) -> Option<Self> {
        match fs::write(&path, format!("{}\n", std::process::id())) {
            Ok(()) => Some(Self(path)),
            Err(error) => {
                warn!("Could not write the pid file {}: {error}", path.display());
                None
            }
        }
    }
}

impl Drop for Pidfile {
    fn drop(&mut self) {
        info!("Removing the pid file.");
        // Somebody may have removed it already, and that is as well.
        let _ = fs::remove_file(&self.0);
    }
}

/// The signals that end the server: from the start on they are caught.
struct Signals {
    runtime: tokio::runtime::Runtime,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    /// Caught and left alone: a server outlives the terminal it was started from.
    #[cfg(unix)]
    _hang_up: tokio::signal::unix::Signal,
}

impl Signals {
    fn catch() -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            let _entered = runtime.enter();
            let terminate = signal(SignalKind::terminate())?;
            let interrupt = signal(SignalKind::interrupt())?;
            let _hang_up = signal(SignalKind::hangup())?;
            drop(_entered);
            Ok(Self { runtime, terminate, interrupt, _hang_up })
        }
        #[cfg(not(unix))]
        Ok(Self { runtime })
    }

    /// Ends the server when the first signal comes, and the process when a second one does, since somebody
    /// insists.
    fn end_on_them(mut self, shared: Arc<Shared>) -> io::Result<()> {
        let wait = move || {
            for insists in [false, true] {
                let name = self.next();
                if insists {
                    warn!("You insist... exiting now.");
                    std::process::exit(1);
                }
                warn!("Received {name} scheduling shutdown...");
                shared.shutdown.ask();
            }
        };
        std::thread::Builder::new().name("scrubjay-signals".to_owned()).spawn(wait).map(drop)
    }

    #[cfg(unix)]
    fn next(&mut self) -> &'static str {
        let Self { runtime, terminate, interrupt, .. } = self;
        runtime.block_on(async {
            tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
            }
        })
    }

    #[cfg(not(unix))]
    fn next(&mut self) -> &'static str {
        // An error means that there is no such signal; then this thread has nothing to wait for.
        if self.runtime.block_on(tokio::signal::ctrl_c()).is_err() {
            self.runtime.block_on(std::future::pending::<()>());
        }
        "Ctrl-C"
    }
}
