//! The server, as a script sees it: commands that run in the view that the script has locked.

use crate::command::measure::Lap;
use crate::command::spec::Flags;
use crate::command::table::{self, Entry, Unknown};
use crate::command::{Ctx, Origin, args, keys, nested};
use crate::config::Compat;
use crate::error::Error;
use crate::resp::{Args, Reply};
use crate::script::cache::Digest;
use crate::script::engine::{Called, Host, Interrupt, LogLevel};
use crate::session::meanwhile;
use crate::shared::Program;

/// A script's client.
pub(super) struct Caller<'c, 'a, 's> {
    pub(super) ctx: &'c mut Ctx<'a, 's>,
    /// Commands that write are refused.
    pub(super) reads_only: bool,
    /// Commands that take memory are refused, until one has written.
    pub(super) denies_oom: bool,
    /// What it runs.
    pub(super) program: Program,
    /// It was told to end.
    pub(super) ended: bool,
    /// Times what it calls.
    pub(super) lap: Lap,
}

impl Caller<'_, '_, '_> {
    /// Whether a script may run this command now.
    fn gates(&self, command: &Entry, args: &args::Args<'_>) -> Result<(), Error> {
        if command.flags.has(Flags::NOSCRIPT) {
            return Err(match self.ctx.is_valkey() {
                true => Error::Text("ERR This Valkey command is not allowed from script"),
                false => Error::Text("ERR This Redis command is not allowed from script"),
            });
        }
        let running = &self.ctx.shared.scripts.running;
        if self.denies_oom && command.flags.has(Flags::DENYOOM) && !running.has_written() {
            return Err(Error::OutOfMemory);
        }
        if self.reads_only && command.effects(self.ctx.shared, args).writes {
            return Err(Error::Text("ERR Write commands are not allowed from read-only scripts."));
        }
        if command.flags.has(Flags::WRITE) && !running.note_write() {
            return Err(Error::Text(self.program.killed()));
        }
        Ok(())
    }

    /// Answers a script whose command was not run.
    #[cold]
    fn refuse(&mut self, command: Option<&Entry>, error: &Error, reply: &mut Reply) -> Called {
        let stats = self.ctx.shared.stats.block(self.ctx.session.client.thread);
        stats.error(code(&error.line()));
        if let Some(command) = command {
            stats.command(command.id()).rejected.add(1);
        }
        reply.error_line(&error.line());
        Called::Failed
    }
}

impl Host for Caller<'_, '_, '_> {
    fn call(&mut self, args: Args<'_>, reply: &mut Reply) -> Called {
        let args = args.into();
        let command = match table::resolve(&args, &self.ctx.shared.config) {
            Ok(command) => command,
            Err(unknown) => {
                if let Some(id) = table::use_of_unknown(&args) {
                    self.ctx.shared.portability.note(&self.ctx.session.client, id);
                }
                let error = match unknown {
                    _ if !self.ctx.is_valkey() => Error::Text("ERR Unknown Redis command called from script"),
                    Unknown::Command => Error::Text("ERR Unknown command called from script"),
                    Unknown::Subcommand(_) => unknown.error(&args),
                };
                return self.refuse(None, &error, reply);
            }
        };
        if !command.accepts(args.len()) {
            let error = match self.ctx.is_valkey() {
                true => Error::Text("ERR Wrong number of args calling command from script"),
                false => Error::Text("ERR Wrong number of args calling Redis command from script"),
            };
            return self.refuse(Some(command), &error, reply);
        }
        if let Err(error) = self.gates(command, &args) {
            return self.refuse(Some(command), &error, reply);
        }
        let Ctx { shared, session, view, .. } = &mut *self.ctx;
        // What the script did since its last call is no time of this one.
        self.lap.leave_out(shared.store.clock());
        let outer = nested::Outer { origin: Origin::Script, mark: reply.mark(), lap: &mut self.lap };
        let keys = keys::touched(&shared.store, session.db, command, args);
        let inner = nested::Inner { command, args, keys: &keys };
        match nested::run(shared, session, view, &inner, reply, outer) {
            Ok(()) => Called::Ran,
            Err(_) => Called::Failed,
        }
    }

    fn permits(&mut self, args: Args<'_>) -> Option<bool> {
        // Every client is the default user, who may do everything.
        table::resolve(&args.into(), &self.ctx.shared.config).is_ok().then_some(true)
    }

    fn compat(&self) -> Compat {
        self.ctx.shared.config.compat()
    }

    fn script_name(&self) -> Vec<u8> {
        let name = self.ctx.args.at(1);
        match self.program {
            Program::Function => name.to_vec(),
            Program::Script if self.ctx.command.name.starts_with("evalsha") => name.to_ascii_lowercase(),
            Program::Script => Digest::of(name).hex().into_bytes(),
        }
    }

    fn log(&mut self, level: LogLevel, text: &[u8]) {
        let text = String::from_utf8_lossy(text);
        match level {
            LogLevel::Debug => tracing::trace!("{text}"),
            LogLevel::Verbose => tracing::debug!("{text}"),
            LogLevel::Notice => tracing::info!("{text}"),
            LogLevel::Warning => tracing::warn!("{text}"),
        }
    }

    fn interrupt(&mut self) -> Interrupt {
        let shared = self.ctx.shared;
        let running = &shared.scripts.running;
        if running.is_killed() || shared.shutdown.is_asked() {
            self.ended = true;
            return Interrupt::Kill(self.program.killed());
        }
        let took_nanos = shared.store.clock().monotonic_nanos().saturating_sub(running.began_nanos());
        if let Some(limit) = self.ctx.session.script_time_limit
            && u128::from(took_nanos) > limit.as_nanos()
            && !running.has_written()
        {
            self.ended = true;
            return Interrupt::Kill("ERR Script ran for longer than its time limit.");
        }
        let threshold_ms = shared.config.busy_reply_threshold();
        let took_ms = took_nanos / 1_000_000;
        if took_ms >= threshold_ms {
            if shared.busy.with().is_none() {
                tracing::warn!("Slow script detected: still in execution after {took_ms} milliseconds.");
                shared.busy.set(Some(self.program));
            }
            meanwhile::serve();
        }
        Interrupt::GoOn
    }

    fn reply(&mut self) -> &mut Reply {
        self.ctx.reply
    }

    fn fail(&mut self, error: &[u8], known: bool) {
        let stats = self.ctx.shared.stats.block(self.ctx.session.client.thread);
        if !known {
            stats.error(code(error));
        }
        if let Ok(command) = table::resolve(&self.ctx.args, &self.ctx.shared.config) {
            stats.command(command.id()).failed.add(1);
        }
        self.ctx.reply.error_line(error);
    }
}

/// The first word of an error; of one that has no other words it is not known to be a code.
fn code(error: &[u8]) -> &str {
    let end = memchr::memchr(b' ', error).unwrap_or(0);
    match std::str::from_utf8(&error[..end]) {
        Ok("") | Err(_) => "ERR",
        Ok(code) => code,
    }
}
