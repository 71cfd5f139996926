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
    /// One request, or several in turns; in front of a bar, what a connection sends first, once.
    pub(crate) template: &'static str,
    pub(crate) pipeline: u64,
    pub(crate) before: Records,
    pub(crate) scene: Scene,
}

/// What a load finds beside the keyspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scene {
    /// Commands that each server has been sent.
    pub(crate) commands: &'static [&'static [&'static str]],
    /// How many clients listen to the channel `news`.
    pub(crate) subscribers: usize,
}

/// Nothing.
const EMPTY: Scene = Scene { commands: &[], subscribers: 0 };

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
    Work::Load(Load { template, pipeline, before: STRINGS_OF_64, scene: EMPTY })
}

/// One key with as many members as there are keys otherwise.
const BOARD: Records = Records { template: "ZADD board {number} {member}", value_bytes: 8 };
const QUEUE: Records = Records { template: "RPUSH queue {member}", value_bytes: 8 };
const STACK: Records = Records { template: "LPUSH stack {member}", value_bytes: 8 };
const LIST: Records = Records { template: "RPUSH list {member}", value_bytes: 8 };
const SET_OF: Records = Records { template: "SADD set {member}", value_bytes: 8 };
const HASH: Records = Records { template: "HSET hash {member} {value}", value_bytes: 8 };
const STREAM: Records = Records { template: "XADD stream {sequence} field {value}", value_bytes: 8 };
const BITMAP: Records = Records { template: "SETBIT bitmap {index} 1", value_bytes: 0 };
const SKETCH: Records = Records { template: "PFADD sketch {key}", value_bytes: 0 };
const COUNTERS: Records = Records { template: "SET {key} 1", value_bytes: 0 };

/// Ten members of eight bytes for each key.
const HASHES_OF_10: Records = Records {
    template: "HSET {key} field:00 {value} field:01 {value} field:02 {value} field:03 {value} field:04 {value} \
        field:05 {value} field:06 {value} field:07 {value} field:08 {value} field:09 {value}",
    value_bytes: 8,
};
const BOARDS_OF_10: Records = Records {
    template: "ZADD {key} 1000 member:0 2000 member:1 3000 member:2 4000 member:3 5000 member:4 6000 member:5 \
        7000 member:6 8000 member:7 9000 member:8 10000 member:9",
    value_bytes: 0,
};
const LISTS_OF_10: Records = Records { template: "RPUSH {key} [{value}]*10", value_bytes: 8 };
const SETS_OF_10: Records = Records {
    template: "SADD {key} 10000019 21000037 32000041 43000059 54000061 65000077 76000083 87000091 98000003 10900017",
    value_bytes: 0,
};

/// A load of one command on one key, or on many, pipelined.
const fn typed(template: &'static str, before: Records) -> Work {
    Work::Load(Load { template, pipeline: 16, before, scene: EMPTY })
}

/// A load on strings of 64 bytes, in a scene of its own.
const fn staged(template: &'static str, pipeline: u64, scene: Scene) -> Work {
    Work::Load(Load { template, pipeline, before: STRINGS_OF_64, scene })
}

const TRANSACTION: &str = "MULTI ; SET {key} {value} ; SET {key} {value} ; SET {key} {value} ; SET {key} {value} ; \
    SET {key} {value} ; SET {key} {value} ; SET {key} {value} ; SET {key} {value} ; SET {key} {value} ; \
    SET {key} {value} ; EXEC";

/// What every connection sends first, and what it reads then.
const TRACKED_GET: &str = "CLIENT TRACKING ON | GET {key}";

/// Gives back a lock that the caller holds: what every library of locks sends.
const UNLOCK: Scene = Scene {
    commands: &[&[
        "SCRIPT",
        "LOAD",
        "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) else return 0 end",
    ]],
    subscribers: 0,
};
const NOTIFIED: Scene =
    Scene { commands: &[&["CONFIG", "SET", "notify-keyspace-events", "KEA"]], subscribers: 0 };
const HEARD: Scene = Scene { commands: &[], subscribers: 100 };

const ALONE: &[(Metric, Goal)] = &[(Metric::CpuPerRequest, Goal::RatioOrSpread(1.0))];
const BATCHED: &[(Metric, Goal)] = &[(Metric::CpuPerRequest, Goal::Ratio(0.85))];
const DEEP: &[(Metric, Goal)] = &[(Metric::CpuPerRequest, Goal::RatioAndStretch(0.65, 0.5))];
const HALF: &[(Metric, Goal)] = &[(Metric::CpuPerRequest, Goal::Ratio(0.5))];
const ADDED: &[(Metric, Goal)] = &[(Metric::CpuPerRequest, Goal::Ratio(0.4))];
const RANKED: &[(Metric, Goal)] = &[(Metric::CpuPerRequest, Goal::Ratio(0.7))];
const TYPED: &[(Metric, Goal)] = &[(Metric::CpuPerRequest, Goal::Ratio(0.9))];
const SCRIPTED: &[(Metric, Goal)] = &[(Metric::CpuPerRequest, Goal::Ratio(1.3))];
const TOGETHER: &[(Metric, Goal)] = &[(Metric::CpuPerRequest, Goal::Ratio(0.6))];
const DELIVERED: &[(Metric, Goal)] = &[(Metric::CpuPerRequest, Goal::Ratio(0.8))];
const SMALL: &[(Metric, Goal)] = &[(Metric::ResidentPerKey, Goal::Ratio(0.9))];
const MEMBERS: &[(Metric, Goal)] = &[(Metric::ResidentPerKey, Goal::Ratio(0.8))];
const BLOCKS: &[(Metric, Goal)] = &[(Metric::ResidentPerKey, Goal::Ratio(1.02))];

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
    Scenario { name: "types-zadd", title: "ZADD, a million members", threads: 1, work: typed(BOARD.template, BOARD), goals: ADDED },
    Scenario { name: "types-zrange", title: "ZRANGE of 10 of a million", threads: 1, work: typed("ZRANGE board {index} {index+9}", BOARD), goals: RANKED },
    Scenario { name: "types-zrank", title: "ZRANK, a million members", threads: 1, work: typed("ZRANK board {member}", BOARD), goals: RANKED },
    Scenario { name: "types-zrangebyscore", title: "ZRANGEBYSCORE of 10 of a million", threads: 1, work: typed("ZRANGEBYSCORE board {number} +inf LIMIT 0 10", BOARD), goals: RANKED },
    // The list grows while this runs, and is used for nothing else.
    Scenario { name: "types-lpush", title: "LPUSH, a million elements", threads: 1, work: typed(STACK.template, STACK), goals: TYPED },
    Scenario { name: "types-lpop", title: "LPOP and RPUSH by turns, a million elements", threads: 1, work: typed("RPUSH queue {member} ; LPOP queue", QUEUE), goals: TYPED },
    Scenario { name: "types-lrange", title: "LRANGE of 100 of a million", threads: 1, work: typed("LRANGE list {index} {index+99}", LIST), goals: TYPED },
    Scenario { name: "types-sadd", title: "SADD, a million members", threads: 1, work: typed(SET_OF.template, SET_OF), goals: TYPED },
    Scenario { name: "types-hset", title: "HSET, a million fields", threads: 1, work: typed(HASH.template, HASH), goals: TYPED },
    Scenario { name: "types-hget", title: "HGET, a million fields", threads: 1, work: typed("HGET hash {member}", HASH), goals: TYPED },
    Scenario { name: "types-xrange", title: "XRANGE of 10 of a million", threads: 1, work: typed("XRANGE stream {sequence} + COUNT 10", STREAM), goals: TYPED },
    // So does the stream, and nothing comes after it.
    Scenario { name: "types-xadd", title: "XADD, a million entries", threads: 1, work: typed("XADD stream * field {value}", STREAM), goals: TYPED },
    Scenario { name: "types-incr", title: "INCR, a million keys", threads: 1, work: typed("INCR {key}", COUNTERS), goals: TYPED },
    Scenario { name: "types-pfadd", title: "PFADD, a million elements", threads: 1, work: typed(SKETCH.template, SKETCH), goals: TYPED },
    Scenario { name: "types-getbit", title: "GETBIT, a million bits", threads: 1, work: typed("GETBIT bitmap {index}", BITMAP), goals: TYPED },
    Scenario { name: "types-hgetall", title: "HGETALL of 10 fields, a million keys", threads: 1, work: typed("HGETALL {key}", HASHES_OF_10), goals: TYPED },
    Scenario { name: "types-smembers", title: "SMEMBERS of 10, a million keys", threads: 1, work: typed("SMEMBERS {key}", SETS_OF_10), goals: TYPED },
    Scenario { name: "script-unlock", title: "EVALSHA of unlocking, held by another", threads: 1, work: staged("EVALSHA e9f69f2beb755be68b5e456ee2ce9aadfbc4ebf4 1 {key} token", 16, UNLOCK), goals: SCRIPTED },
    Scenario { name: "script-lock-unlock", title: "SET and EVALSHA of unlocking by turns", threads: 1, work: staged("SET {key} token ; EVALSHA e9f69f2beb755be68b5e456ee2ce9aadfbc4ebf4 1 {key} token", 16, UNLOCK), goals: &[] },
    Scenario { name: "multi-10", title: "MULTI, 10 SETs and EXEC, 16 times a batch", threads: 1, work: staged(TRANSACTION, 192, EMPTY), goals: TOGETHER },
    Scenario { name: "publish-100", title: "PUBLISH to 100 subscribers, pipeline 16", threads: 1, work: staged("PUBLISH news {value}", 16, HEARD), goals: DELIVERED },
    Scenario { name: "notify-get", title: "GET 64 B, pipeline 16, notifications on", threads: 1, work: staged("GET {key}", 16, NOTIFIED), goals: TYPED },
    Scenario { name: "get-tracked", title: "GET 64 B, pipeline 16, by clients that track", threads: 1, work: strings(TRACKED_GET, 16), goals: TYPED },
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
    Scenario { name: "memory-types-hash", title: "Hash of 10 fields of 8 B, values of 8 B", threads: 1, work: Work::Memory(HASHES_OF_10), goals: SMALL },
    Scenario { name: "memory-types-zset", title: "Sorted set of 10 members of 8 B", threads: 1, work: Work::Memory(BOARDS_OF_10), goals: SMALL },
    Scenario { name: "memory-types-list", title: "List of 10 elements of 8 B", threads: 1, work: Work::Memory(LISTS_OF_10), goals: SMALL },
    Scenario {
        name: "memory-types-set", title: "Set of 10 integers of eight digits", threads: 1, work: Work::Memory(SETS_OF_10),
        goals: &[(Metric::ResidentPerKey, Goal::Ratio(0.85))],
    },
    Scenario { name: "memory-member-hash", title: "Per field of a million of 8 B, value of 8 B", threads: 1, work: Work::Memory(HASH), goals: MEMBERS },
    Scenario { name: "memory-member-set", title: "Per member of a set of a million, 8 B", threads: 1, work: Work::Memory(SET_OF), goals: MEMBERS },
    Scenario { name: "memory-member-zset", title: "Per member of a sorted set of a million, 8 B", threads: 1, work: Work::Memory(BOARD), goals: MEMBERS },
    Scenario { name: "memory-member-list", title: "Per element of a list of a million, 8 B", threads: 1, work: Work::Memory(LIST), goals: BLOCKS },
    Scenario { name: "memory-member-stream", title: "Per entry of a stream of a million, 8 B", threads: 1, work: Work::Memory(STREAM), goals: BLOCKS },
    Scenario { name: "memory-tracked", title: "Per key of 16 B that a client has read and tracks", threads: 1, work: Work::Memory(Records { template: TRACKED_GET, value_bytes: 0 }), goals: MEMBERS },
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
