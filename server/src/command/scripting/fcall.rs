//! FCALL and FCALL_RO: call a function of a library. Like a script it may touch keys that it has not named.

use super::eval::{self, Access, FLAGS, READ, READ_FLAGS, WRITTEN, called_with};
use crate::command::Ctx;
use crate::command::args::Args;
use crate::command::spec::{Acl, Command, Effects, Locks, MayWrite};
use crate::error::Error;
use crate::script::functions::Function;
use crate::script::running::Program;
use crate::script::shebang::ScriptFlags;
use crate::script::thread;
use crate::shared::Shared;

pub(super) static FCALL: Command = Command {
    name: "fcall",
    summary: "Invokes a function.",
    keys: &[WRITTEN.note("We cannot tell how the keys will be used so we assume the worst, RW and UPDATE")],
    may_write: MayWrite::AsCalled(|shared, args| effects(shared, args, true)),
    handler: fcall,
    ..CALLS
}
.checked();

pub(super) static FCALL_RO: Command = Command {
    name: "fcall_ro",
    summary: "Invokes a read-only function.",
    flags: READ_FLAGS,
    keys: &[READ.note("We cannot tell how the keys will be used so we assume the worst, RO and ACCESS")],
    may_write: MayWrite::AsCalled(|shared, args| effects(shared, args, false)),
    handler: fcall_ro,
    ..CALLS
}
.checked();

/// What both declare.
const CALLS: Command = Command {
    since: "7.0.0",
    complexity: "Depends on the function that is executed.",
    arity: -3,
    flags: FLAGS,
    acl: Acl::SCRIPTING,
    args: &called_with("function"),
    locks: Locks::Growing,
    ..Command::BASE
};

/// What the function may do: what it says of itself. Where there is none, what its command says.
fn effects(shared: &Shared, args: &Args<'_>, otherwise: bool) -> Effects {
    let found = shared.scripts.functions.find(args.at(1));
    let flags =
        found.map_or_else(ScriptFlags::default, |(library, index)| declared(&library.functions[index]));
    eval::effects(flags, otherwise)
}

fn declared(function: &Function) -> ScriptFlags {
    let flags = function.flags;
    ScriptFlags { declared: true, no_writes: flags.no_writes(), allow_oom: flags.allow_oom() }
}

fn fcall(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    call(ctx, Access::Write)
}

fn fcall_ro(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    call(ctx, Access::Read)
}

fn call(ctx: &mut Ctx<'_, '_>, access: Access) -> Result<(), Error> {
    let args = ctx.args;
    let scripts = &ctx.shared.scripts;
    let found = scripts.functions.find(args.at(1));
    let (library, index) = found.ok_or(Error::Text("ERR Function not found"))?;
    let count = args.integer(2).map_err(|_| Error::Text("ERR Bad number of keys provided"))?;
    let keys = eval::checked_count_of_keys(ctx, count)?;
    let function = &library.functions[index];
    let program =
        Program::Function { name: function.name.clone(), command: args.iter().map(Box::from).collect() };
    eval::run_with(ctx, declared(function), program, keys, access, |call, host| {
        thread::run_function(scripts, (&library, index), call, host)
    })
}
