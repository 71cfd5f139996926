//! Where Redis and Valkey have come apart: which of their releases would refuse a command or an option.
//!
//! The two share all that there was in Redis 7.2. What is newer says so where it is declared: a version of
//! Valkey, and one of Redis if that has it too ([`Command::redis`](super::spec::Command::redis)). From these
//! the table makes one [`Use`] for each command and option that somebody would refuse; what
//! `SCRUBJAY PORTABILITY` reports, and what a server that passes for Redis hides, are these.

/// A release that a use is held against.
pub(crate) struct Release {
    /// As the report names it.
    pub(crate) name: &'static str,
    line: Line,
    version: Version,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Line {
    Redis,
    Valkey,
}

/// Major and minor: patches add nothing.
type Version = (u32, u32);

/// Those that people run: of each line the one that they may still have, and those after it.
pub(crate) const RELEASES: [Release; 6] = [
    Release { name: "redis-7.2", line: Line::Redis, version: (7, 2) },
    Release { name: "redis-8.0", line: Line::Redis, version: (8, 0) },
    Release { name: "valkey-8.0", line: Line::Valkey, version: (8, 0) },
    Release { name: "valkey-8.1", line: Line::Valkey, version: (8, 1) },
    Release { name: "valkey-9.0", line: Line::Valkey, version: (9, 0) },
    Release { name: "valkey-9.1", line: Line::Valkey, version: (9, 1) },
];

/// The first version of Valkey that is none of Redis's.
const APART_SINCE: u32 = 8;

/// Which releases refuse something: one bit each, in the order of [`RELEASES`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Refusers(u8);

impl Refusers {
    /// Those of the release that a server passes for which has `compat redis-8.0`.
    pub(crate) const REDIS_8_0: Self = Self(1 << 1);

    /// Who refuses what these versions were the first to have; an empty one for what a line never had. What
    /// came to Valkey before the two parted has come to both.
    pub(crate) fn of(valkey: &str, redis: &str) -> Self {
        let [valkey, redis] = [valkey, redis].map(version);
        if valkey.is_some_and(|(major, _)| major < APART_SINCE) {
            return Self::default();
        }
        let refuses = |release: &Release| {
            let since = if release.line == Line::Redis { redis } else { valkey };
            since.is_none_or(|since| since > release.version)
        };
        let bits = RELEASES.iter().enumerate().filter(|(_, release)| refuses(release));
        Self(bits.fold(0, |all, (at, _)| all | 1 << at))
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether it has one that `other` has.
    pub(crate) fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether it has one that `other` has not.
    pub(crate) fn is_more_than(self, other: Self) -> bool {
        self.0 & !other.0 != 0
    }

    pub(crate) fn releases(self) -> impl Iterator<Item = &'static Release> {
        RELEASES.iter().enumerate().filter(move |(at, _)| self.0 & 1 << at != 0).map(|(_, release)| release)
    }
}

fn version(text: &str) -> Option<Version> {
    let mut parts = text.split('.').map(|part| part.parse().ok());
    Some((parts.next()??, parts.next()??))
}

/// A command, or an option of one, that some release would refuse.
pub(crate) struct Use {
    /// The command's full name.
    pub(crate) command: Box<str>,
    /// Empty for the command itself.
    pub(crate) option: &'static str,
    pub(crate) refusers: Refusers,
}

/// The place of a [`Use`] in the table of all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct UseId(pub(crate) u16);

/// Commands that one of the two has and Scrubjay has not, with the versions of Valkey and of Redis: they are
/// refused here, and the report says by whom else.
pub(crate) const ELSEWHERE: &[(&str, &str, &str)] = &[
    ("clusterscan", "9.1.0", ""),
    ("cluster|cancelslotmigrations", "9.0.0", ""),
    ("cluster|flushslot", "9.0.0", ""),
    ("cluster|getslotmigrations", "9.0.0", ""),
    ("cluster|migrateslots", "9.0.0", ""),
    ("cluster|slot-stats", "8.0.0", ""),
    ("cluster|syncslots", "9.0.0", ""),
    ("vadd", "", "8.0.0"),
    ("vcard", "", "8.0.0"),
    ("vdim", "", "8.0.0"),
    ("vemb", "", "8.0.0"),
    ("vgetattr", "", "8.0.0"),
    ("vinfo", "", "8.0.0"),
    ("vismember", "", "8.0.0"),
    ("vlinks", "", "8.0.0"),
    ("vrandmember", "", "8.0.0"),
    ("vrem", "", "8.0.0"),
    ("vsetattr", "", "8.0.0"),
    ("vsim", "", "8.0.0"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn names(valkey: &str, redis: &str) -> Vec<&'static str> {
        Refusers::of(valkey, redis).releases().map(|release| release.name).collect()
    }

    #[test]
    fn a_version_says_who_refuses() {
        assert_eq!(names("1.0.0", ""), [""; 0]);
        assert_eq!(names("7.2.0", ""), [""; 0]);
        assert_eq!(names("8.1.0", ""), ["redis-7.2", "redis-8.0", "valkey-8.0"]);
        assert_eq!(names("9.0.0", "7.4.0"), ["redis-7.2", "valkey-8.0", "valkey-8.1"]);
        assert_eq!(names("9.1.0", "8.0.0"), ["redis-7.2", "valkey-8.0", "valkey-8.1", "valkey-9.0"]);
        assert_eq!(names("", "8.0.0"), ["redis-7.2", "valkey-8.0", "valkey-8.1", "valkey-9.0", "valkey-9.1"]);
    }
}
