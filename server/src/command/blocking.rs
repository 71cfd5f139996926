//! What commands that wait for keys share: their timeouts, and the waiting itself.

use std::sync::Arc;

use scrubjay::types::long_double::LongDouble;
use scrubjay::{Waiter, Wanted};

use super::{Ctx, tracked};
use crate::error::Error;
use crate::resp::number;
use crate::session::blocked::{Attempt, Blocked, Keys, Terms, Waiting};

/// How long a client wants to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Timeout {
    /// For ever.
    Never,
    /// For so many milliseconds.
    Millis(u64),
}

impl Timeout {
    /// Reads seconds, with or without a fraction, of which the last begun millisecond counts in full.
    ///
    /// # Errors
    /// When they are no number, negative, or more than there can be.
    pub(super) fn seconds(text: &[u8], now: u64) -> Result<Self, Error> {
        let seconds = LongDouble::parse(text);
        let seconds = seconds.ok_or(Error::Text("ERR timeout is not a float or out of range"))?;
        Self::from_millis(seconds.thousandfold(), now)
    }

    /// Reads milliseconds.
    ///
    /// # Errors
    /// As [`seconds`](Self::seconds).
    pub(super) fn millis(text: &[u8], now: u64) -> Result<Self, Error> {
        let millis = number::parse_i64(text);
        let millis = millis.ok_or(Error::Text("ERR timeout is not an integer or out of range"))?;
        Self::from_millis(millis, now)
    }

    fn from_millis(millis: i64, now: u64) -> Result<Self, Error> {
        let millis = u64::try_from(millis).map_err(|_| Error::Text("ERR timeout is negative"))?;
        if millis == 0 {
            return Ok(Self::Never);
        }
        // Its end is a moment of the wall clock to Valkey.
        let end = millis.checked_add(now).and_then(|end| i64::try_from(end).ok());
        end.map(|_| Self::Millis(millis)).ok_or(Error::Text("ERR timeout is out of range"))
    }
}

/// Attempts at once, and has the client wait if that was in vain. Where it may not, as within a transaction,
/// it gets the reply of one that has waited for too long.
pub(super) fn attempt_or_block(
    ctx: &mut Ctx<'_, '_>,
    wanted: impl FnOnce(&Ctx<'_, '_>) -> Wanted,
    timeout: Timeout,
    attempt: impl Attempt + 'static,
) -> Result<(), Error> {
    if attempt.attempt(ctx.view, Keys::first(ctx.keys), ctx.reply)? {
        return Ok(());
    }
    if ctx.may_wait() {
        let wanted = wanted(ctx);
        block(ctx, wanted, timeout, attempt);
    } else {
        attempt.in_vain(ctx.reply);
    }
    Ok(())
}

/// Has the client wait until one of the keys has what it wants. `attempt` has just been made in the view of
/// `ctx`, in vain; it is made again whenever a key may have it.
pub(super) fn block(
    ctx: &mut Ctx<'_, '_>,
    wanted: Wanted,
    timeout: Timeout,
    attempt: impl Attempt + 'static,
) {
    let clock = ctx.shared.store.clock();
    let deadline_micros = match timeout {
        Timeout::Never => None,
        Timeout::Millis(millis) => Some(clock.monotonic_micros().saturating_add(millis.saturating_mul(1000))),
    };
    let remembers = ctx.session.tracking.remembers() && tracked::is_read(ctx.command);
    let terms = Terms {
        writes: ctx.command.effects(ctx.shared, &ctx.args).writes,
        protocol: ctx.reply.protocol(),
        touches: !ctx.session.no_touch,
        takes_memory: wanted.second().is_some(),
        deadline_micros,
        args_bytes: ctx.args.bytes(),
    };
    let (client, pause) = (Arc::clone(&ctx.session.client), Arc::clone(&ctx.shared.pause));
    let tracking = remembers.then(|| Arc::clone(&ctx.shared.tracking));
    let blocked = Blocked::new(wanted, attempt, client, pause, terms, tracking);
    let registration = ctx.view.wait(Arc::clone(&blocked) as Arc<dyn Waiter>);
    ctx.session.waiting = Some(Waiting::begin(blocked, registration));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_read_as_valkey_reads_them() {
        let text = |error: Error| error.message().into_owned();
        let seconds = |text_| Timeout::seconds(text_, 1_000).map_err(text);
        let (float, range, negative) = (
            "ERR timeout is not a float or out of range",
            "ERR timeout is out of range",
            "ERR timeout is negative",
        );
        for (given, expected) in [
            (&b"0"[..], Ok(Timeout::Never)),
            (b"-0.0001", Ok(Timeout::Never)),
            (b"0.0001", Ok(Timeout::Millis(1))),
            (b"0x10", Ok(Timeout::Millis(16_000))),
            (b"+1.5", Ok(Timeout::Millis(1_500))),
            (b"1e10", Ok(Timeout::Millis(10_000_000_000_000))),
            (b"9223372036854775", Err(range)),
            (b"1e400", Err(range)),
            (b"inf", Err(range)),
            (b"-inf", Err(negative)),
            (b"-1", Err(negative)),
            (b"nan", Err(float)),
            (b" 1", Err(float)),
            (b"", Err(float)),
        ] {
            let now = 1_800_000_000_000;
            assert_eq!(
                Timeout::seconds(given, now).map_err(text),
                expected.map_err(str::to_owned),
                "{given:?}"
            );
        }
        assert_eq!(seconds(b"1"), Ok(Timeout::Millis(1_000)));
        let millis = |given| Timeout::millis(given, 1_000).map_err(text);
        assert_eq!(millis(b"0"), Ok(Timeout::Never));
        assert_eq!(millis(b"9223372036854774807"), Ok(Timeout::Millis(9_223_372_036_854_774_807)));
        assert_eq!(millis(b"9223372036854774808"), Err(range.to_owned()));
        assert_eq!(millis(b"-1"), Err(negative.to_owned()));
        assert_eq!(millis(b"1.5"), Err("ERR timeout is not an integer or out of range".to_owned()));
    }
}
