//! AUTH: who the client is.

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags};
use crate::error::Error;

pub(super) static AUTH: Command = Command {
    name: "auth",
    summary: "Authenticates the connection.",
    since: "1.0.0",
    complexity: "O(N) where N is the number of passwords defined for the user",
    history: &[("6.0.0", "Added ACL style (username and password).")],
    arity: -2,
    flags: Flags::NOSCRIPT
        .or(Flags::LOADING)
        .or(Flags::STALE)
        .or(Flags::FAST)
        .or(Flags::NO_AUTH)
        .or(Flags::ALLOW_BUSY),
    acl: Acl::CONNECTION,
    args: &[Arg::string("username").since("6.0.0").optional(), Arg::string("password")],
    hides: |args, index| args.len() <= 3 && index > 0,
    handler: auth,
    ..Command::BASE
}
.checked();

fn auth(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let args = ctx.args;
    let (user, password) = match args.len() {
        2 if ctx.shared.config.password().is_none() => return Err(NO_PASSWORD_SET),
        2 => (DEFAULT_USER, args.at(1)),
        3 => (args.at(1), args.at(2)),
        _ => return Err(Error::Syntax),
    };
    authenticate(ctx, user, password)?;
    ctx.reply.ok();
    Ok(())
}

/// The user that every client is from the start.
pub(super) const DEFAULT_USER: &[u8] = b"default";

const NO_PASSWORD_SET: Error = Error::Text(
    "ERR AUTH <password> called without any password configured for the default user. Are you sure your \
     configuration is correct?",
);

/// Lets the client in if it knows the password; any will do where none is set.
pub(super) fn authenticate(ctx: &mut Ctx<'_, '_>, user: &[u8], password: &[u8]) -> Result<(), Error> {
    let right = ctx.shared.config.password().is_none_or(|right| is_same(&right, password));
    if user != DEFAULT_USER || !right {
        return Err(Error::Text("WRONGPASS invalid username-password pair or user is disabled."));
    }
    ctx.session.authenticated = true;
    Ok(())
}

/// Compares in a time that does not tell how much of the password was right.
fn is_same(right: &[u8], given: &[u8]) -> bool {
    let differences = right.iter().zip(given).fold(0, |sum, (right, given)| sum | (right ^ given));
    std::hint::black_box(differences) == 0 && right.len() == given.len()
}
