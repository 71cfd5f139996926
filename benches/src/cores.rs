//! Which core runs what.
//!
//! A load generator that shares the server's core measures the scheduler. A server is pinned by pinning the
//! thread that starts it, since a child inherits the affinity and so do the threads it starts at once:
//! setting the affinity of a running process would miss those.

use anyhow::{Context, Result, ensure};
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

/// The cores of one measurement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Placement {
    /// Threads of the server.
    pub(crate) threads: usize,
    /// One per thread of the server, as far as there are enough.
    pub(crate) server: Vec<usize>,
    /// The load generator's; shared with the server's last thread where cores are few.
    pub(crate) load: usize,
    /// The prober's; shared with the load where cores are few.
    pub(crate) prober: usize,
}

impl Placement {
    /// Lays a server of `threads` threads out on the `available` cores, which must not be empty.
    pub(crate) fn new(threads: usize, available: &[usize]) -> Self {
        let last = available.len() - 1;
        let core = |index: usize| available[index.min(last)];
        Self {
            threads,
            server: (0..threads.min(available.len())).map(core).collect(),
            load: core(threads),
            prober: core(threads + 1),
        }
    }

    /// Whether the load has to share a core with the server.
    pub(crate) fn is_shared(&self) -> bool {
        self.server.contains(&self.load)
    }
}

/// The cores this process may use.
pub(crate) fn available() -> Result<Vec<usize>> {
    let allowed = sched_getaffinity(Pid::from_raw(0)).context("reading the CPU affinity")?;
    let cores: Vec<usize> =
        (0..CpuSet::count()).filter(|&core| allowed.is_set(core).unwrap_or(false)).collect();
    ensure!(!cores.is_empty(), "no core is available");
    Ok(cores)
}

/// Pins the calling thread, and whatever it starts from now on.
pub(crate) fn pin(cores: &[usize]) -> Result<()> {
    let mut set = CpuSet::new();
    for &core in cores {
        set.set(core).with_context(|| format!("core {core}"))?;
    }
    sched_setaffinity(Pid::from_raw(0), &set).with_context(|| format!("pinning to cores {cores:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cores_are_apart_while_they_last() {
        let four = Placement::new(1, &[2, 3, 4, 5]);
        assert_eq!(four, Placement { threads: 1, server: vec![2], load: 3, prober: 4 });
        let two = Placement::new(1, &[0, 1]);
        assert_eq!(two, Placement { threads: 1, server: vec![0], load: 1, prober: 1 });
        assert!(!two.is_shared());
        let crowded = Placement::new(2, &[0, 1]);
        assert_eq!(crowded, Placement { threads: 2, server: vec![0, 1], load: 1, prober: 1 });
        assert!(crowded.is_shared());
    }
}
