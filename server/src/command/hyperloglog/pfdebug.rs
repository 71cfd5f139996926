//! PFDEBUG: the inside of a HyperLogLog.

use std::fmt::Write as _;

use scrubjay::types::hyperloglog::{Form, REGISTERS, Run};

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static PFDEBUG: Command = Command {
    name: "pfdebug",
    summary: "Internal commands for debugging HyperLogLog values.",
    since: "2.8.9",
    complexity: "N/A",
    syscmd: true,
    arity: 3,
    flags: Flags::WRITE.or(Flags::DENYOOM).or(Flags::ADMIN),
    acl: Acl::HYPERLOGLOG,
    keys: &[Key::at(2).rw().access()],
    args: &[Arg::string("subcommand"), Arg::key("key")],
    handler: pfdebug,
    ..Command::BASE
}
.checked();

fn pfdebug(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    if ctx.args.is(1, "SIMD") {
        return simd(ctx);
    }
    let key = ctx.key(2);
    let form = ctx.view.hll(key)?.ok_or(Error::Text("ERR The specified key does not exist"))?.form();
    match () {
        () if ctx.args.is(1, "GETREG") => {
            ctx.view.hll_to_dense(key)?;
            let mut registers = [0; REGISTERS];
            if let Some(hll) = ctx.view.hll(key)? {
                hll.merge_into(&mut registers).map_err(scrubjay::HllError::from)?;
            }
            ctx.reply.array(REGISTERS);
            registers.iter().for_each(|register| ctx.reply.integer(i64::from(*register)));
        }
        () if ctx.args.is(1, "DECODE") => {
            let hll = ctx.view.hll(key)?;
            let runs = hll.as_ref().and_then(|hll| hll.runs());
            let runs = runs.ok_or(Error::Text("ERR HLL encoding is not sparse"))?;
            ctx.reply.bulk(shown(runs));
        }
        () if ctx.args.is(1, "ENCODING") => {
            ctx.reply.simple(if form == Form::Dense { "dense" } else { "sparse" });
        }
        () if ctx.args.is(1, "TODENSE") => {
            let converted = ctx.view.hll_to_dense(key)?.unwrap_or_default();
            ctx.reply.integer(i64::from(converted));
        }
        () => {
            return Err(Error::quoting("ERR Unknown PFDEBUG subcommand '", ctx.args.at(1), "'"));
        }
    }
    Ok(())
}

/// There is one way of working here, and nothing to choose; the reply is that of the choice. After its error
/// Valkey sends a second reply, which a client would take for that of its next command: we do not.
fn simd(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    match () {
        () if ctx.args.is(2, "ON") => ctx.reply.simple("enabled"),
        () if ctx.args.is(2, "OFF") => ctx.reply.simple("disabled"),
        () => return Err(Error::Text("ERR Argument must be ON or OFF")),
    }
    Ok(())
}

fn shown(runs: impl Iterator<Item = Run>) -> String {
    let mut text = String::new();
    for run in runs {
        if !text.is_empty() {
            text.push(' ');
        }
        let written = match run {
            Run::Zero(len) => write!(text, "z:{len}"),
            Run::LongZero(len) => write!(text, "Z:{len}"),
            Run::Value { value, len } => write!(text, "v:{value},{len}"),
        };
        written.expect("invariant: a string takes any text");
    }
    text
}
