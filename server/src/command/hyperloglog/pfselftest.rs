//! PFSELFTEST.

use scrubjay::random::Random;
use scrubjay::types::hyperloglog;

use crate::command::Ctx;
use crate::command::spec::{Acl, Command, Flags};
use crate::error::Error;

pub(super) static PFSELFTEST: Command = Command {
    name: "pfselftest",
    summary: "An internal command for testing HyperLogLog values.",
    since: "2.8.9",
    complexity: "N/A",
    syscmd: true,
    arity: 1,
    flags: Flags::ADMIN,
    acl: Acl::HYPERLOGLOG,
    handler: pfselftest,
    ..Command::BASE
}
.checked();

fn pfselftest(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    hyperloglog::self_test(&mut Random::seeded(ctx.now()))
        .map_err(|wrong| Error::Owned(format!("TESTFAILED {wrong}")))?;
    ctx.reply.ok();
    Ok(())
}
