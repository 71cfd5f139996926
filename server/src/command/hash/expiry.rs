//! The options that HGETEX and HSETEX share, and when fields are to perish.

use scrubjay::FieldPresence;
use scrubjay::types::hash::FieldDeadline;

use crate::command::Ctx;
use crate::command::args::Args;
use crate::error::Error;

/// Which of the options a command takes, besides the deadlines that both take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Allow {
    /// HGETEX: PERSIST.
    HGetEx,
    /// HSETEX: NX, XX, FNX, FXX and KEEPTTL.
    HSetEx,
}

/// How the number is to be read that says when a field is to perish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Time {
    Ex,
    Px,
    ExAt,
    PxAt,
}

/// What becomes of the deadlines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expiry {
    None,
    Keep,
    Persist,
    /// With the index of the number.
    At(Time, usize),
}

/// The options of one call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Options {
    expiry: Expiry,
    allow: Allow,
    /// Whether the key has to be there, or must not: XX, NX.
    pub(super) key_there: Option<bool>,
    /// Which fields have to be there.
    pub(super) presence: FieldPresence,
}

impl Options {
    /// Reads the arguments of `ctx` from the second on, up to FIELDS, whose index is returned too. An option
    /// may be given twice: then the last one counts.
    pub(super) fn parse(ctx: &Ctx<'_, '_>, allow: Allow) -> Result<(Self, usize), Error> {
        let args = ctx.args;
        // Valkey looks for the word from the key on, so a key of that name is taken for it: the transcripts
        // hold this.
        let fields = (1..args.len()).find(|&at| args.is(at, "FIELDS")).ok_or(super::MISNUMBERED)?;
        if fields + 1 == args.len() {
            return Err(super::MISNUMBERED);
        }
        let mut options = Self { expiry: Expiry::None, allow, key_there: None, presence: FieldPresence::Any };
        let set = allow == Allow::HSetEx;
        let mut at = 2;
        while at < fields {
            let is = |word| args.is(at, word);
            let time = [("EX", Time::Ex), ("PX", Time::Px), ("EXAT", Time::ExAt), ("PXAT", Time::PxAt)]
                .into_iter()
                .find(|(word, _)| is(word))
                .map(|(_, time)| time);
            let Self { expiry, key_there, presence, .. } = options;
            if let Some(time) = time
                && at + 1 < fields
                && match expiry {
                    Expiry::None => true,
                    Expiry::At(earlier, _) => earlier == time,
                    _ => false,
                }
            {
                options.expiry = Expiry::At(time, at + 1);
                at += 1;
            } else if is("KEEPTTL") && set && matches!(expiry, Expiry::None | Expiry::Keep) {
                options.expiry = Expiry::Keep;
            } else if is("PERSIST") && !set && matches!(expiry, Expiry::None | Expiry::Persist) {
                options.expiry = Expiry::Persist;
            } else if is("NX") && set && key_there != Some(true) && ctx.has("NX") {
                options.key_there = Some(false);
            } else if is("XX") && set && key_there != Some(false) && ctx.has("XX") {
                options.key_there = Some(true);
            } else if is("FNX") && set && presence != FieldPresence::All {
                options.presence = FieldPresence::None;
            } else if is("FXX") && set && presence != FieldPresence::None {
                options.presence = FieldPresence::All;
            } else if set && !ctx.is_valkey() && !["EX", "PX", "EXAT", "PXAT", "KEEPTTL"].into_iter().any(is)
            {
                return Err(Error::quoting("ERR unknown argument: ", args.at(at), ""));
            } else {
                return Err(Error::Syntax);
            }
            at += 1;
        }
        Ok((options, fields))
    }

    /// What becomes of the deadline of each field.
    pub(super) fn deadline(
        self,
        args: Args<'_>,
        now: u64,
        command: &'static str,
    ) -> Result<FieldDeadline, Error> {
        Ok(match self.expiry {
            Expiry::None if self.allow == Allow::HGetEx => FieldDeadline::Keep,
            Expiry::None | Expiry::Persist => FieldDeadline::Clear,
            Expiry::Keep => FieldDeadline::Keep,
            Expiry::At(time, index) => FieldDeadline::At(time.deadline(args, index, now, command)?),
        })
    }
}

impl Time {
    /// The moment that the argument at `index` says, in milliseconds since the epoch. It may have passed.
    pub(super) fn deadline(
        self,
        args: Args<'_>,
        index: usize,
        now: u64,
        command: &'static str,
    ) -> Result<u64, Error> {
        let (unit_ms, from) = match self {
            Self::Ex => (1000, now.cast_signed()),
            Self::Px => (1, now.cast_signed()),
            Self::ExAt => (1000, 0),
            Self::PxAt => (1, 0),
        };
        let amount = args.integer(index)?;
        let deadline = Some(amount)
            .filter(|amount| *amount >= 0)
            .and_then(|amount| amount.checked_mul(unit_ms))
            .and_then(|ms| ms.checked_add(from));
        deadline.map(i64::unsigned_abs).ok_or(Error::InvalidExpire(command))
    }
}
