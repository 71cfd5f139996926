//! DEBUG DIGEST and DIGEST-VALUE: one number for all data, equal to Valkey's for equal data.
//!
//! The digest of a set of things is the exclusive or of their SHA-1, so that their order does not matter;
//! that of a sequence is chained through SHA-1, so that it does. A value is the sequence of its type (a
//! big-endian `u32`, 0 for a string) and its content, after its key in DIGEST; a deadline, whichever it is,
//! adds a constant. A database is its number and the set of its keys; empty ones are left out.

use scrubjay::Lookup;
use sha1_smol::Sha1;

use crate::command::Ctx;
use crate::error::Error;

#[derive(Clone, Copy, Default)]
struct Digest([u8; 20]);

impl Digest {
    /// One more thing of a set.
    fn add(&mut self, bytes: &[u8]) {
        for (byte, other) in self.0.iter_mut().zip(Sha1::from(bytes).digest().bytes()) {
            *byte ^= other;
        }
    }

    /// The next of a sequence.
    fn chain(&mut self, bytes: &[u8]) {
        self.add(bytes);
        self.0 = Sha1::from(self.0).digest().bytes();
    }

    fn hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

pub(super) fn digest(ctx: &mut Ctx<'_>) -> Result<(), Error> {
    let mut all = Digest::default();
    for db in 0..ctx.shared.store.databases() {
        if ctx.view.len(db).0 == 0 {
            continue;
        }
        all.chain(&u32::from(db).to_be_bytes());
        let mut cursor = 0;
        loop {
            let mut names = Vec::new();
            cursor = ctx.view.scan(db, cursor, |name, _| names.push(name.to_vec()));
            for name in names {
                let mut entry = Digest::default();
                entry.chain(&name);
                add_value(ctx, db, &name, &mut entry)?;
                all.add(&entry.0);
            }
            if cursor == 0 {
                break;
            }
        }
    }
    ctx.reply.simple(&all.hex());
    Ok(())
}

pub(super) fn digest_value(ctx: &mut Ctx<'_>) -> Result<(), Error> {
    let names = ctx.args.skip(2);
    ctx.reply.array(names.len());
    for name in names.iter() {
        let mut digest = Digest::default();
        add_value(ctx, ctx.session.db, name, &mut digest)?;
        ctx.reply.simple(&digest.hex());
    }
    Ok(())
}

/// Takes the value of a key in; a missing key adds nothing.
fn add_value(ctx: &mut Ctx<'_>, db: u16, name: &[u8], digest: &mut Digest) -> Result<(), Error> {
    let key = ctx.shared.store.key(db, name);
    let Some(value) = ctx.view.string(key, Lookup::Peek)? else { return Ok(()) };
    digest.chain(&0_u32.to_be_bytes());
    digest.chain(value.bytes());
    if value.deadline.is_some() {
        digest.add(b"!!expire!!");
    }
    Ok(())
}
