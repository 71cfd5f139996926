//! What the operating system knows of this process. Every figure is 0 where it cannot be had.

use std::fs;

/// CPU time in seconds.
#[derive(Debug, Clone, Copy, Default)]
pub struct CpuTime {
    /// In the kernel.
    pub system: f64,
    /// Elsewhere.
    pub user: f64,
}

impl CpuTime {
    /// All of it, in microseconds.
    pub fn micros(self) -> u64 {
        ((self.system + self.user) * 1e6) as u64
    }
}

/// Whose CPU time is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// All threads of this process.
    Process,
    /// Its children that have ended.
    Children,
    /// The thread that asks.
    Thread,
}

/// The CPU time used so far.
#[cfg(unix)]
pub fn cpu_time(who: Who) -> CpuTime {
    use nix::sys::resource::{UsageWho, getrusage};
    use nix::sys::time::TimeVal;
    let who = match who {
        Who::Process => UsageWho::RUSAGE_SELF,
        Who::Children => UsageWho::RUSAGE_CHILDREN,
        #[cfg(target_os = "linux")]
        Who::Thread => UsageWho::RUSAGE_THREAD,
        #[cfg(not(target_os = "linux"))]
        Who::Thread => return CpuTime::default(),
    };
    let seconds = |time: TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    getrusage(who).map_or(CpuTime::default(), |usage| CpuTime {
        system: seconds(usage.system_time()),
        user: seconds(usage.user_time()),
    })
}

/// The CPU time used so far.
#[cfg(not(unix))]
pub fn cpu_time(_: Who) -> CpuTime {
    CpuTime::default()
}

/// Bytes of memory that lie in RAM.
pub fn resident_bytes() -> u64 {
    #[cfg(target_os = "linux")]
    {
        kilobytes("/proc/self/status", "VmRSS:")
    }
    #[cfg(not(target_os = "linux"))]
    {
        0
    }
}

/// Bytes of RAM in this machine.
pub fn system_bytes() -> u64 {
    #[cfg(target_os = "linux")]
    {
        kilobytes("/proc/meminfo", "MemTotal:")
    }
    #[cfg(not(target_os = "linux"))]
    {
        0
    }
}

/// The figure of a line such as `VmRSS:   1234 kB`, in bytes.
#[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "only Linux has such files"))]
fn kilobytes(path: &str, name: &str) -> u64 {
    let text = fs::read_to_string(path).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    line.split_ascii_whitespace().next().and_then(|word| word.parse::<u64>().ok()).unwrap_or(0) * 1024
}

/// The operating system: its name, its release and the machine's architecture.
pub fn system_name() -> String {
    #[cfg(unix)]
    if let Ok(names) = nix::sys::utsname::uname() {
        return [names.sysname(), names.release(), names.machine()]
            .map(|name| name.to_string_lossy())
            .join(" ");
    }
    format!("{} {}", std::env::consts::OS, std::env::consts::ARCH)
}

/// Files beside the clients' sockets that the server may have open, as many as Valkey reckons with.
const OTHER_FILES: u64 = 32;

/// Has the system allow files enough for so many clients, as far as it lets us; for how many it does.
///
/// # Errors
/// How many clients there is room for, when it is less: 0 when there is room for none.
pub fn allow_clients(clients: u64) -> Result<(), u64> {
    #[cfg(unix)]
    {
        use nix::sys::resource::{Resource, getrlimit, setrlimit};
        let wanted = clients.saturating_add(OTHER_FILES);
        let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return Ok(()) };
        if soft >= wanted {
            return Ok(());
        }
        // Beyond the hard limit only root comes.
        if setrlimit(Resource::RLIMIT_NOFILE, wanted, wanted.max(hard)).is_ok() {
            return Ok(());
        }
        let most = hard.min(wanted);
        let reached = match setrlimit(Resource::RLIMIT_NOFILE, most, hard) {
            Ok(()) => most,
            Err(_) => soft,
        };
        if reached >= wanted { Ok(()) } else { Err(reached.saturating_sub(OTHER_FILES)) }
    }
    #[cfg(not(unix))]
    {
        let _ = clients;
        Ok(())
    }
}
