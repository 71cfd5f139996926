//! WAIT and WAITAOF, as a server answers them that has no replicas and writes no file.

use scrubjay::{Kind, View, Wanted};

use crate::command::Ctx;
use crate::command::blocking::{Timeout, attempt_or_block};
use crate::command::spec::{Acl, Arg, Command, Flags};
use crate::error::Error;
use crate::resp::Reply;
use crate::resp::number::parse_i64;
use crate::session::blocked::{Attempt, Keys};

pub(super) static WAIT: Command = Command {
    name: "wait",
    summary: "Blocks until the asynchronous replication of all preceding write commands sent by the connection \
        is completed.",
    since: "3.0.0",
    complexity: "O(1)",
    arity: 3,
    flags: Flags::BLOCKING,
    acl: Acl::CONNECTION,
    tips: &["request_policy:all_shards", "response_policy:agg_min"],
    args: &[Arg::integer("numreplicas"), Arg::integer("timeout")],
    handler: wait,
    ..Command::BASE
}
.checked();

pub(super) static WAITAOF: Command = Command {
    name: "waitaof",
    summary: "Blocks until all of the preceding write commands sent by the connection are written to the \
        append-only file of the primary and/or replicas.",
    since: "7.2.0",
    complexity: "O(1)",
    arity: 4,
    flags: Flags::BLOCKING,
    acl: Acl::CONNECTION,
    tips: &["request_policy:all_shards", "response_policy:agg_min"],
    args: &[Arg::integer("numlocal"), Arg::integer("numreplicas"), Arg::integer("timeout")],
    handler: waitaof,
    ..Command::BASE
}
.checked();

/// There will never be one that acknowledges anything.
struct Replicas {
    /// Whether the file of this server is asked about, too.
    with_file: bool,
}

impl Replicas {
    fn answer(&self, reply: &mut Reply) {
        if self.with_file {
            reply.array(2);
            reply.integer(0);
        }
        reply.integer(0);
    }
}

impl Attempt for Replicas {
    fn attempt(&self, _: &mut View<'_>, _: Keys<'_>, _: &mut Reply) -> Result<bool, Error> {
        Ok(false)
    }

    fn in_vain(&self, reply: &mut Reply) {
        self.answer(reply);
    }

    fn timed_out(&self, reply: &mut Reply) {
        self.answer(reply);
    }
}

fn wait(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let replicas = ctx.args.integer(1)?;
    let timeout = Timeout::millis(ctx.args.at(2), ctx.now())?;
    wait_for(ctx, replicas, timeout, Replicas { with_file: false })
}

fn waitaof(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let local = ctx.args.integer(1)?;
    if !(0..=1).contains(&local) {
        return Err(Error::Text("ERR value is out of range, value must between 0 and 1"));
    }
    let replicas = parse_i64(ctx.args.at(2)).filter(|replicas| *replicas >= 0);
    let replicas = replicas.ok_or(Error::Text("ERR value is out of range, must be positive"))?;
    let timeout = Timeout::millis(ctx.args.at(3), ctx.now())?;
    if local > 0 {
        return Err(Error::Text(
            "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.",
        ));
    }
    wait_for(ctx, replicas, timeout, Replicas { with_file: true })
}

fn wait_for(ctx: &mut Ctx<'_, '_>, replicas: i64, timeout: Timeout, answer: Replicas) -> Result<(), Error> {
    if replicas <= 0 {
        answer.answer(ctx.reply);
        return Ok(());
    }
    attempt_or_block(ctx, |_| Wanted::new(&[], Kind::String), timeout, answer)
}
