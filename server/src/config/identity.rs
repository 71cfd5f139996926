//! Which server this one says it is: `compat` and `extended-redis-compatibility`.

use super::Config;
use super::types::Compat;

/// What Valkey says that it is compatible with.
pub const REDIS_VERSION: &str = "7.2.4";
/// The version of Valkey that this server stands in for.
pub const VALKEY_VERSION: &str = "9.1.2";
/// The version of Redis that it stands in for with `compat redis-8.0`.
const REDIS_8_0_VERSION: &str = "8.0.6";

/// What a server says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// As `HELLO` names it.
    pub server: &'static str,
    /// The version that it gives with that name.
    pub version: &'static str,
    /// As sentences name it.
    pub title: &'static str,
}

impl Compat {
    /// The server that it is without a word about another.
    pub fn identity(self) -> Identity {
        match self {
            Self::Valkey91 => Identity { server: "valkey", version: VALKEY_VERSION, title: "Valkey" },
            Self::Redis80 => Identity { server: "redis", version: REDIS_8_0_VERSION, title: "Redis" },
        }
    }

    /// The version of Redis that is said.
    pub fn redis_version(self) -> &'static str {
        match self {
            Self::Valkey91 => REDIS_VERSION,
            Self::Redis80 => REDIS_8_0_VERSION,
        }
    }

    /// Whether it is Valkey that it is like.
    pub fn is_valkey(self) -> bool {
        self == Self::Valkey91
    }
}

impl Config {
    /// What the server says of itself now.
    pub fn identity(&self) -> Identity {
        let compat = self.compat();
        if compat.is_valkey() && self.extended_redis_compatibility() {
            return Identity { version: REDIS_VERSION, ..Compat::Redis80.identity() };
        }
        compat.identity()
    }
}
