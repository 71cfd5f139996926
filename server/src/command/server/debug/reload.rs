//! DEBUG RELOAD: everything goes through the bytes that DUMP makes of it, and back.
//!
//! Valkey writes a file and reads it. There is none here: values are taken down in memory, then put back, so
//! that whoever tests with it sees what a restart would leave of them. To clients it is a FLUSHALL, after
//! which everything is there again without a word.

use scrubjay::dump::{Payload, Trust};
use scrubjay::{Deadline, Flush, Lookup, Usage};

use crate::command::Ctx;
use crate::error::Error;

/// A value taken down.
struct Kept {
    db: u16,
    name: Box<[u8]>,
    payload: Vec<u8>,
    deadline: Deadline,
    usage: Usage,
}

pub(super) fn reload(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    const NO_FILE: Error = Error::Text("ERR Error trying to load the RDB dump, check server logs.");
    let (mut saves, mut flushes, mut merges) = (true, true, false);
    for option in ctx.args.skip(2).iter() {
        match option {
            option if option.eq_ignore_ascii_case(b"NOSAVE") => saves = false,
            option if option.eq_ignore_ascii_case(b"NOFLUSH") => flushes = false,
            option if option.eq_ignore_ascii_case(b"MERGE") => merges = true,
            _ => {
                return Err(Error::Text(
                    "ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.",
                ));
            }
        }
    }
    // Keys that come to where keys are end a Valkey.
    if !saves || !flushes && !merges {
        return Err(NO_FILE);
    }
    let kept = take_down(ctx);
    if flushes {
        ctx.view.flush(None, Flush::Sync);
    }
    put_back(ctx, &kept).ok_or(NO_FILE)?;
    #[cfg(feature = "script")]
    crate::command::scripting::reload(ctx.shared)?;
    ctx.reply.ok();
    Ok(())
}

fn take_down(ctx: &mut Ctx<'_, '_>) -> Vec<Kept> {
    let store = &*ctx.shared.store;
    let compress = ctx.shared.config.rdbcompression();
    let (policy, _) = store.policy();
    let mut kept = Vec::new();
    for db in 0..store.databases() {
        let mut cursor = 0;
        loop {
            let mut names = Vec::new();
            cursor = ctx.view.scan(db, cursor, |name, _| names.push(Box::from(name)));
            for name in names {
                let key = store.key(db, &name);
                let Some(meta) = ctx.view.meta(key, Lookup::Peek) else { continue };
                let Some(payload) = ctx.view.dump(key, Lookup::Peek, compress) else { continue };
                let usage = Usage {
                    idle_s: policy.is_lru().then_some(meta.idle_s),
                    frequency: policy.is_lfu().then_some(meta.frequency),
                };
                let deadline = meta.deadline.map_or(Deadline::Clear, Deadline::At);
                kept.push(Kept { db, name, payload, deadline, usage });
            }
            if cursor == 0 {
                break;
            }
        }
    }
    kept
}

fn put_back(ctx: &mut Ctx<'_, '_>, kept: &[Kept]) -> Option<()> {
    let store = &*ctx.shared.store;
    ctx.view.untold(|view| {
        for Kept { db, name, payload, deadline, usage } in kept {
            let key = store.key(*db, name);
            let payload = Payload::open(payload, Trust::default()).ok()?;
            let value = view.read_payload(key, payload).ok()?;
            view.restore(key, value, *deadline, *usage);
        }
        Some(())
    })
}
