//! DEBUG DIGEST and DIGEST-VALUE: one number for all data, equal to Valkey's for equal data.
//!
//! The digest of a set of things is the exclusive or of their SHA-1, so that their order does not matter;
//! that of a sequence is chained through SHA-1, so that it does. A value is the sequence of its type (a
//! big-endian `u32`, 0 for a string) and its content, after its key in DIGEST; a deadline, whichever it is,
//! adds a constant. A database is its number and the set of its keys; empty ones are left out.
//!
//! A list is the sequence of its elements; a set is a set; a hash is the set of the sequences of a field and
//! its value, and a sorted set likewise of a member and its score. A stream is the sequence of its entries'
//! ids, fields and values. Deadlines of fields and groups are left out.

use scrubjay::collections::packed::Digits;
use scrubjay::double::DoubleText;
use scrubjay::types::hash::Hash;
use scrubjay::types::list::List;
use scrubjay::types::set::Set;
use scrubjay::types::sorted_set::SortedSet;
use scrubjay::types::stream::{Stream, StreamId};
use scrubjay::{Kind, Lookup};
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

pub(super) fn digest(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
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

pub(super) fn digest_value(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let names = ctx.args.skip(2);
    ctx.reply.array(names.len());
    for name in names.iter() {
        let mut digest = Digest::default();
        add_value(ctx, ctx.session.db, name, &mut digest)?;
        ctx.reply.simple(&digest.hex());
    }
    Ok(())
}

/// The number of a type in Valkey.
fn number(kind: Kind) -> u32 {
    match kind {
        Kind::List => 1,
        Kind::Set => 2,
        Kind::SortedSet => 3,
        Kind::Hash => 4,
        Kind::Stream => 6,
        _ => 0,
    }
}

/// Takes the value of a key in; a missing key adds nothing.
fn add_value(ctx: &mut Ctx<'_, '_>, db: u16, name: &[u8], digest: &mut Digest) -> Result<(), Error> {
    let key = ctx.shared.store.key(db, name);
    let Some(meta) = ctx.view.meta(key, Lookup::Peek) else { return Ok(()) };
    digest.chain(&number(meta.kind).to_be_bytes());
    let mut digits = Digits::default();
    match meta.kind {
        Kind::List => {
            if let Some(list) = ctx.view.peek::<List>(key)? {
                list.for_each(0, list.len(), |element| digest.chain(element.text(&mut digits)));
            }
        }
        Kind::Set => {
            if let Some(set) = ctx.view.peek::<Set>(key)? {
                set.for_each(|member| digest.add(member.text(&mut digits)));
            }
        }
        Kind::SortedSet => {
            for pair in ctx.view.peek::<SortedSet>(key)?.into_iter().flat_map(|set| set.iter()) {
                let mut both = Digest::default();
                both.chain(pair.member.text(&mut digits));
                both.chain(DoubleText::by_digits(pair.score).as_bytes());
                digest.add(&both.0);
            }
        }
        Kind::Hash => {
            let now = ctx.now();
            let mut more_digits = Digits::default();
            if let Some(hash) = ctx.view.peek::<Hash>(key)? {
                hash.for_each(now, |field, value| {
                    let mut both = Digest::default();
                    both.chain(field.text(&mut digits));
                    both.chain(value.text(&mut more_digits));
                    digest.add(&both.0);
                });
            }
        }
        Kind::Stream => {
            let stream = ctx.view.peek::<Box<Stream>>(key)?;
            for entry in stream.into_iter().flat_map(|stream| stream.range(StreamId::ZERO, StreamId::MAX)) {
                digest.chain(format!("{}.{}", entry.id.ms, entry.id.seq).as_bytes());
                for (field, value) in entry.fields {
                    digest.chain(field.text(&mut digits));
                    digest.chain(value.text(&mut digits));
                }
            }
        }
        _ => {
            if let Some(text) = ctx.view.string(key, Lookup::Peek)? {
                digest.chain(text.bytes());
            }
        }
    }
    if meta.deadline.is_some() {
        digest.add(b"!!expire!!");
    }
    Ok(())
}
