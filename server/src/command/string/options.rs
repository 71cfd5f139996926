//! The options that SET, GETEX and MSETEX share: a condition, and what becomes of the deadline.

use crate::command::Ctx;
use crate::error::Error;

/// Which of the options a command takes, besides the deadlines that all take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Allow {
    /// NX and XX.
    presence: bool,
    /// IFEQ and GET.
    comparison: bool,
    keep_ttl: bool,
    persist: bool,
}

impl Allow {
    pub(super) const SET: Self = Self { presence: true, comparison: true, keep_ttl: true, persist: false };
    pub(super) const MSETEX: Self = Self { comparison: false, ..Self::SET };
    pub(super) const GETEX: Self =
        Self { presence: false, comparison: false, keep_ttl: false, persist: true };
}

/// What must hold for a value to be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Condition {
    /// Nothing.
    None,
    /// NX.
    Absent,
    /// XX.
    Present,
    /// IFEQ, with the index of the value to compare with.
    Equal(usize),
}

/// What becomes of the deadline. The numbers are the indices of the times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expiry {
    None,
    Keep,
    Persist,
    Ex(usize),
    Px(usize),
    ExAt(usize),
    PxAt(usize),
}

/// The options of one call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Options {
    pub(super) condition: Condition,
    /// GET: the reply is the old value.
    pub(super) get: bool,
    pub(super) expiry: Expiry,
}

impl Options {
    /// Reads the arguments of `ctx` from `first` on. An option may be given twice, if it is not IFEQ: then
    /// the last one counts.
    pub(super) fn parse(ctx: &Ctx<'_, '_>, first: usize, allow: Allow) -> Result<Self, Error> {
        let args = ctx.args;
        let mut options = Self { condition: Condition::None, get: false, expiry: Expiry::None };
        let mut index = first;
        while let Some(word) = args.get(index) {
            let is = |option: &str| word.eq_ignore_ascii_case(option.as_bytes());
            let value = index + 1;
            let has_value = value < args.len();
            let Self { condition, expiry, .. } = options;
            match () {
                () if is("NX")
                    && allow.presence
                    && matches!(condition, Condition::None | Condition::Absent) =>
                {
                    options.condition = Condition::Absent;
                }
                () if is("XX")
                    && allow.presence
                    && matches!(condition, Condition::None | Condition::Present) =>
                {
                    options.condition = Condition::Present;
                }
                () if is("IFEQ")
                    && allow.comparison
                    && has_value
                    && condition == Condition::None
                    && ctx.has("IFEQ") =>
                {
                    options.condition = Condition::Equal(value);
                    index += 1;
                }
                () if is("GET") && allow.comparison => options.get = true,
                () if is("KEEPTTL") && allow.keep_ttl && matches!(expiry, Expiry::None | Expiry::Keep) => {
                    options.expiry = Expiry::Keep;
                }
                () if is("PERSIST") && allow.persist && matches!(expiry, Expiry::None | Expiry::Persist) => {
                    options.expiry = Expiry::Persist;
                }
                () if is("EX") && has_value && matches!(expiry, Expiry::None | Expiry::Ex(_)) => {
                    options.expiry = Expiry::Ex(value);
                    index += 1;
                }
                () if is("PX") && has_value && matches!(expiry, Expiry::None | Expiry::Px(_)) => {
                    options.expiry = Expiry::Px(value);
                    index += 1;
                }
                () if is("EXAT") && has_value && matches!(expiry, Expiry::None | Expiry::ExAt(_)) => {
                    options.expiry = Expiry::ExAt(value);
                    index += 1;
                }
                () if is("PXAT") && has_value && matches!(expiry, Expiry::None | Expiry::PxAt(_)) => {
                    options.expiry = Expiry::PxAt(value);
                    index += 1;
                }
                () => return Err(Error::Syntax),
            }
            index += 1;
        }
        Ok(options)
    }
}

impl Expiry {
    /// The deadline in milliseconds since the epoch, if it says one.
    #[inline]
    pub(super) fn deadline(self, ctx: &Ctx<'_, '_>, command: &'static str) -> Result<Option<u64>, Error> {
        let (index, unit_ms, from) = match self {
            Self::None | Self::Keep | Self::Persist => return Ok(None),
            Self::Ex(index) => (index, 1000, ctx.now()),
            Self::Px(index) => (index, 1, ctx.now()),
            Self::ExAt(index) => (index, 1000, 0),
            Self::PxAt(index) => (index, 1, 0),
        };
        let time = ctx.args.integer(index)?;
        let deadline = match time.checked_mul(unit_ms) {
            Some(time_ms @ 1..) => i64::try_from(from).ok().and_then(|from| from.checked_add(time_ms)),
            _ => None,
        };
        deadline.map(|deadline| Some(deadline.unsigned_abs())).ok_or(Error::InvalidExpire(command))
    }
}
