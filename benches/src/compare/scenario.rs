//! The scenarios, as data. A new row is a new item here: a command line, how deep it is pipelined, what the
//! keyspace holds before, and what is to be reached.

use anyhow::{Result, bail};

use super::measure::{Goal, Metric};

/// One row of the comparison.
#[derive(Debug)]
pub(crate) struct Scenario {
    /// What `--only` calls it. Parts are separated by dashes, so that `--only memory` means all that start
    /// so.
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    /// `--io-threads` of every server.
    pub(crate) threads: usize,
    pub(crate) work: Work,
    pub(crate) goals: &'static [(Metric, Goal)],
}

/// What is done to the servers.
#[derive(Debug)]
pub(crate) enum Work {
    /// Requests as fast as they are answered, or at `--rate`.
    Load(Load),
    /// Records written to an empty server, and what they occupy.
    Memory(Records),
    /// Records whose deadlines lie within one second, watched by a prober.
    Expiry(Records),
    /// Five times as many records written to an empty server, watched by a prober.
    Growth(Records),
}

/// What is sent, and the keyspace it is sent to. A load must leave the keyspace as it finds it, since loads
/// with the same `before` share a server.
#[derive(Debug)]
pub(crate) struct Load {
    pub(crate) template: &'static str,
    pub(crate) pipeline: u64,
    pub(crate) before: Records,
}

/// What a keyspace holds: every key, written with this template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Records {
    pub(crate) template: &'static str,
    pub(crate) value_bytes: usize,
}

const SET: &str = "SET {key} {value}";
const SET_WITH_TTL: &str = "SET {key} {value} EX 100000";
const SET_WITH_DEADLINE: &str = "SET {key} {value} PXAT {deadline}";
const STRINGS_OF_64: Records = Records { template: SET, value_bytes: 64 };

/// A load on strings of 64 bytes.
const fn strings(template: &'static str, pipeline: u64) -> Work {
    Work::Load(Load { template, pipeline, before: STRINGS_OF_64 })
}

const ALONE: &[(Metric, Goal)] = &[(Metric::CpuPerRequest, Goal::RatioOrSpread(1.0))];
const BATCHED: &[(Metric, Goal)] = &[(Metric::CpuPerRequest, Goal::Ratio(0.85))];
const DEEP: &[(Metric, Goal)] = &[(Metric::CpuPerRequest, Goal::RatioAndStretch(0.65, 0.5))];
const HALF: &[(Metric, Goal)] = &[(Metric::CpuPerRequest, Goal::Ratio(0.5))];

/// Every scenario, in the order in which they run.
#[rustfmt::skip] // A table: one row, one line, as far as they fit.
pub(crate) const ALL: &[Scenario] = &[
    Scenario { name: "get-p1", title: "GET 64 B, pipeline 1", threads: 1, work: strings("GET {key}", 1), goals: ALONE },
    Scenario { name: "get-p16", title: "GET 64 B, pipeline 16", threads: 1, work: strings("GET {key}", 16), goals: BATCHED },
    Scenario { name: "get-p64", title: "GET 64 B, pipeline 64", threads: 1, work: strings("GET {key}", 64), goals: DEEP },
    Scenario { name: "set-p1", title: "SET 64 B, pipeline 1", threads: 1, work: strings(SET, 1), goals: ALONE },
    Scenario { name: "set-p16", title: "SET 64 B, pipeline 16", threads: 1, work: strings(SET, 16), goals: BATCHED },
    Scenario { name: "set-p64", title: "SET 64 B, pipeline 64", threads: 1, work: strings(SET, 64), goals: DEEP },
    Scenario { name: "mset10-p16", title: "MSET of 10, 64 B, pipeline 16", threads: 1, work: strings("MSET [{key} {value}]*10", 16), goals: HALF },
    Scenario { name: "threads2-get-p1", title: "GET 64 B, pipeline 1, two threads", threads: 2, work: strings("GET {key}", 1), goals: HALF },
    Scenario { name: "threads2-get-p16", title: "GET 64 B, pipeline 16, two threads", threads: 2, work: strings("GET {key}", 16), goals: HALF },
    Scenario {
        name: "memory-8", title: "16 B key, 8 B value", threads: 1,
        work: Work::Memory(Records { template: SET, value_bytes: 8 }),
        goals: &[(Metric::ResidentPerKey, Goal::Ratio(0.8))],
    },
    Scenario {
        name: "memory-64", title: "16 B key, 64 B value", threads: 1,
        work: Work::Memory(Records { template: SET, value_bytes: 64 }),
        goals: &[(Metric::ResidentPerKey, Goal::Ratio(0.85))],
    },
    Scenario {
        name: "memory-1024", title: "16 B key, 1,024 B value", threads: 1,
        work: Work::Memory(Records { template: SET, value_bytes: 1024 }),
        goals: &[(Metric::ResidentPerKey, Goal::Ratio(0.9))],
    },
    Scenario {
        name: "memory-ttl-8", title: "16 B key, 8 B value, TTL", threads: 1,
        work: Work::Memory(Records { template: SET_WITH_TTL, value_bytes: 8 }),
        goals: &[(Metric::ResidentPerKey, Goal::Ratio(0.8))],
    },
    Scenario {
        name: "memory-ttl-64", title: "16 B key, 64 B value, TTL", threads: 1,
        work: Work::Memory(Records { template: SET_WITH_TTL, value_bytes: 64 }),
        goals: &[(Metric::ResidentPerKey, Goal::Ratio(0.8))],
    },
    Scenario {
        name: "memory-ttl-1024", title: "16 B key, 1,024 B value, TTL", threads: 1,
        work: Work::Memory(Records { template: SET_WITH_TTL, value_bytes: 1024 }), goals: &[],
    },
    Scenario {
        name: "expiry", title: "All keys expire within one second", threads: 1,
        work: Work::Expiry(Records { template: SET_WITH_DEADLINE, value_bytes: 8 }),
        goals: &[
            (Metric::SecondsUntilGone, Goal::Value(0.2)),
            (Metric::LatencyP99, Goal::Value(1.0)),
            (Metric::LatencyMax, Goal::Value(5.0)),
        ],
    },
    Scenario {
        name: "growth", title: "Growing from nothing, 64 B, batches of 64", threads: 1,
        work: Work::Growth(Records { template: SET, value_bytes: 64 }),
        goals: &[(Metric::LatencyP999, Goal::Ratio(0.8)), (Metric::LatencyMax, Goal::Ratio(1.2))],
    },
];

/// The scenarios that `names` mean; all of them for no names.
pub(crate) fn select(names: &[String]) -> Result<Vec<&'static Scenario>> {
    for name in names {
        if !ALL.iter().any(|scenario| scenario.is_meant_by(name)) {
            let known: Vec<&str> = ALL.iter().map(|scenario| scenario.name).collect();
            bail!("no scenario is called {name}; there are {}", known.join(", "));
        }
    }
    let is_meant =
        |scenario: &&Scenario| names.is_empty() || names.iter().any(|name| scenario.is_meant_by(name));
    Ok(ALL.iter().filter(is_meant).collect())
}

impl Scenario {
    /// By its whole name or the first parts of it.
    fn is_meant_by(&self, name: &str) -> bool {
        self.name.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_select() {
        let names = |given: &[&str]| -> Vec<&str> {
            let given: Vec<String> = given.iter().map(|&name| name.to_owned()).collect();
            select(&given).unwrap().iter().map(|scenario| scenario.name).collect()
        };
        assert_eq!(names(&["get-p1", "memory-ttl-8"]), ["get-p1", "memory-ttl-8"]);
        assert_eq!(names(&["threads2"]), ["threads2-get-p1", "threads2-get-p16"]);
        assert_eq!(names(&[]).len(), ALL.len());
        assert!(select(&["get-p".to_owned()]).is_err());
    }

    #[test]
    fn names_are_unique() {
        for (index, scenario) in ALL.iter().enumerate() {
            assert!(ALL[..index].iter().all(|other| other.name != scenario.name), "{}", scenario.name);
        }
    }
}
