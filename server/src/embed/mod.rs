//! What a program has of a server without a socket.

mod publisher;

#[cfg(feature = "script")]
mod scripts;

#[cfg(feature = "script")]
mod value;

pub use self::publisher::Publisher;
#[cfg(feature = "script")]
pub use self::scripts::{ScriptCall, ScriptError, Scripts};
#[cfg(feature = "script")]
pub use self::value::Value;
