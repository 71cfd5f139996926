//! EVAL, EVALSHA and their kin that only read: run a script. It may touch keys that it has not named, so the
//! whole keyspace is locked.

use std::sync::Arc;

use super::caller::Caller;
use crate::command::Ctx;
use crate::command::args::Args;
use crate::command::measure::Lap;
use crate::command::spec::{Acl, Arg, Command, Effects, Flags, Key, Locks, MayWrite};
use crate::error::Error;
use crate::script::cache::{Digest, Origin, Script};
use crate::script::engine::{Call, Host};
use crate::script::running::Program;
use crate::script::shebang::{self, ScriptFlags};
use crate::script::thread;
use crate::shared::{self, Shared};

pub(super) static EVAL: Command = Command {
    name: "eval",
    summary: "Executes a server-side Lua script.",
    since: "2.6.0",
    keys: &[WRITTEN.note("We cannot tell how the keys will be used so we assume the worst, RW and UPDATE")],
    args: SCRIPT_ARGS,
    may_write: MayWrite::AsCalled(|_, args| effects_of_body(args, true)),
    handler: eval,
    ..RUNS
}
.checked();

pub(super) static EVAL_RO: Command = Command {
    name: "eval_ro",
    summary: "Executes a read-only server-side Lua script.",
    since: "7.0.0",
    flags: READ_FLAGS,
    keys: &[READ.note("We cannot tell how the keys will be used so we assume the worst, RO and ACCESS")],
    args: SCRIPT_ARGS,
    may_write: MayWrite::AsCalled(|_, args| effects_of_body(args, false)),
    handler: eval_ro,
    ..RUNS
}
.checked();

pub(super) static EVALSHA: Command = Command {
    name: "evalsha",
    summary: "Executes a server-side Lua script by SHA1 digest.",
    since: "2.6.0",
    keys: &[WRITTEN],
    args: DIGEST_ARGS,
    may_write: MayWrite::AsCalled(|shared, args| effects_of_digest(shared, args, true)),
    handler: evalsha,
    ..RUNS
}
.checked();

pub(super) static EVALSHA_RO: Command = Command {
    name: "evalsha_ro",
    summary: "Executes a read-only server-side Lua script by SHA1 digest.",
    since: "7.0.0",
    flags: READ_FLAGS,
    keys: &[READ],
    args: DIGEST_ARGS,
    may_write: MayWrite::AsCalled(|shared, args| effects_of_digest(shared, args, false)),
    handler: evalsha_ro,
    ..RUNS
}
.checked();

/// What all commands that run a script declare.
const RUNS: Command = Command {
    complexity: "Depends on the script that is executed.",
    arity: -3,
    flags: FLAGS,
    acl: Acl::SCRIPTING,
    locks: Locks::Growing,
    ..Command::BASE
};

pub(super) const FLAGS: Flags =
    Flags::NOSCRIPT.or(Flags::STALE).or(Flags::SKIP_MONITOR).or(Flags::NO_MANDATORY_KEYS);
pub(super) const READ_FLAGS: Flags = FLAGS.or(Flags::READONLY);

/// The keys of a call that may write, and of one that may not.
pub(super) const WRITTEN: Key = Key::at(2).counted().rw().access().update();
pub(super) const READ: Key = Key::at(2).counted().ro().access();

const SCRIPT_ARGS: &[Arg] = &called_with("script");
const DIGEST_ARGS: &[Arg] = &called_with("sha1");

/// The arguments of a call of what the first of them names.
pub(super) const fn called_with(subject: &'static str) -> [Arg; 4] {
    [
        Arg::string(subject),
        Arg::integer("numkeys"),
        Arg::key("key").optional().multiple(),
        Arg::string("arg").optional().multiple(),
    ]
}

/// What a script may do to data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Write,
    Read,
}

/// What a script may do by what it says of itself. One that says nothing writes or not as its command does.
pub(super) fn effects(flags: ScriptFlags, otherwise: bool) -> Effects {
    Effects {
        writes: if flags.declared { !flags.no_writes } else { otherwise },
        takes_memory: flags.declared && !flags.no_writes && !flags.allow_oom,
    }
}

fn effects_of_body(args: &Args<'_>, otherwise: bool) -> Effects {
    let flags = shebang::read(args.at(1)).map_or_else(|_| ScriptFlags::default(), |(flags, _)| flags);
    effects(flags, otherwise)
}

fn effects_of_digest(shared: &Shared, args: &Args<'_>, otherwise: bool) -> Effects {
    let script = Digest::parse(args.at(1)).and_then(|digest| shared.scripts.cache.get(digest));
    effects(script.map_or_else(ScriptFlags::default, |script| script.flags), otherwise)
}

fn eval(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    eval_body(ctx, Access::Write)
}

fn eval_ro(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    eval_body(ctx, Access::Read)
}

fn evalsha(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    eval_digest(ctx, Access::Write)
}

fn evalsha_ro(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    eval_digest(ctx, Access::Read)
}

fn eval_body(ctx: &mut Ctx<'_, '_>, access: Access) -> Result<(), Error> {
    let keys = count_of_keys(ctx)?;
    let body = ctx.args.at(1);
    let digest = Digest::of(body);
    let script = match thread::find(&ctx.shared.scripts, digest) {
        Some(script) => script,
        None => load(ctx, digest, body, Origin::Evaluated)?,
    };
    run(ctx, &script, keys, access)
}

fn eval_digest(ctx: &mut Ctx<'_, '_>, access: Access) -> Result<(), Error> {
    const NO_SCRIPT: Error = Error::Text("NOSCRIPT No matching script.");
    let name = ctx.args.at(1);
    // A name of another length is none whatever comes behind it.
    if name.len() != 40 {
        return Err(NO_SCRIPT);
    }
    let keys = count_of_keys(ctx)?;
    let digest = Digest::parse(name).ok_or(NO_SCRIPT)?;
    let script = thread::find(&ctx.shared.scripts, digest).ok_or(NO_SCRIPT)?;
    run(ctx, &script, keys, access)
}

/// How many of the arguments are keys.
fn count_of_keys(ctx: &Ctx<'_, '_>) -> Result<usize, Error> {
    let count = ctx.args.integer(2)?;
    checked_count_of_keys(ctx, count)
}

/// The same number, if there are so many.
pub(super) fn checked_count_of_keys(ctx: &Ctx<'_, '_>, count: i64) -> Result<usize, Error> {
    if count > ctx.args.len() as i64 - 3 {
        return Err(Error::Text("ERR Number of keys can't be greater than number of args"));
    }
    usize::try_from(count).map_err(|_| Error::Text("ERR Number of keys can't be negative"))
}

/// Compiles a script and keeps it.
pub(super) fn load(
    ctx: &Ctx<'_, '_>,
    digest: Digest,
    body: &[u8],
    origin: Origin,
) -> Result<Arc<Script>, Error> {
    let (script, evicted) = thread::load(&ctx.shared.scripts, digest, body, origin).map_err(Error::Bytes)?;
    ctx.shared.stats.block(ctx.session.client.thread).evicted_scripts.add(evicted);
    Ok(script)
}

/// Runs a script, which answers by itself.
fn run(ctx: &mut Ctx<'_, '_>, script: &Arc<Script>, keys: usize, access: Access) -> Result<(), Error> {
    let scripts = &ctx.shared.scripts;
    let program = Program::Script(Arc::clone(script));
    run_with(ctx, script.flags, program, keys, access, |call, host| thread::run(scripts, script, call, host))
}

/// Runs what `work` runs, with the server as its caller.
pub(super) fn run_with(
    ctx: &mut Ctx<'_, '_>,
    flags: ScriptFlags,
    program: Program,
    keys: usize,
    access: Access,
    work: impl FnOnce(Call<'_>, &mut dyn Host),
) -> Result<(), Error> {
    let short = ctx.session.memory_is_short;
    if access == Access::Read && flags.declared && !flags.no_writes {
        return Err(Error::Text("ERR Can not execute a script with write flag using *_ro command."));
    }
    let scripts = &ctx.shared.scripts;
    let kind = match program {
        Program::Script(_) => shared::Program::Script,
        Program::Function { .. } => shared::Program::Function,
    };
    let running = scripts.running.begin(program, ctx.shared.store.clock().monotonic_nanos());
    let (db, commands, mark) = (ctx.session.db, ctx.session.commands, ctx.reply.mark());
    let (shared, args) = (ctx.shared, ctx.args);
    let mut caller = Caller {
        reads_only: access == Access::Read || flags.no_writes,
        denies_oom: short && !flags.allow_oom,
        program: kind,
        ended: false,
        lap: Lap::begin(shared.store.clock()),
        ctx,
    };
    let call = Call { args: *args, first_key: 3, keys };
    work(call, &mut caller);
    if running.finish(&shared.busy) && !caller.ended {
        caller.ctx.reply.truncate_to(mark);
        caller.fail(kind.killed().as_bytes(), false);
    }
    // A SELECT was the script's own, and its commands are not the client's.
    ctx.session.db = db;
    ctx.session.commands = commands;
    Ok(())
}
