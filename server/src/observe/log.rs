//! The log, in Valkey's lines: `PID:M 23 Nov 2026 09:17:42.709 * Ready to accept connections tcp`.
//!
//! The rest of the server logs through [`tracing`], and a program that embeds it decides what becomes of
//! that; only the binary comes here. Valkey's levels debug, verbose, notice and warning are tracing's trace,
//! debug, info and warn.

use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

use scrubjay::time::Clock;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;

use crate::config::{LogLevel, Settings};

/// How much is logged, by everybody in this process: 0 is nothing, 4 is everything.
static LEVEL: AtomicU8 = AtomicU8::new(0);

/// Begins to log as these settings say. Does nothing where something else has begun to log before.
pub fn start(settings: &Settings) {
    set_level(settings.loglevel);
    let target = settings.path(&settings.logfile).map_or(Target::Output, Target::File);
    let lines = tracing_subscriber::fmt::layer()
        .event_format(Lines(Clock::system()))
        .with_writer(target)
        .log_internal_errors(false);
    let wanted = filter_fn(|metadata: &Metadata<'_>| weight(metadata.level()) <= LEVEL.load(Relaxed));
    // Whoever was first decides.
    let _ = tracing::subscriber::set_global_default(
        tracing_subscriber::registry().with(lines.with_filter(wanted)),
    );
}

/// Logs more or less from now on.
pub fn set_level(level: LogLevel) {
    let most = match level {
        LogLevel::Nothing => 0,
        LogLevel::Warning => 1,
        LogLevel::Notice => 2,
        LogLevel::Verbose => 3,
        LogLevel::Debug => 4,
    };
    LEVEL.store(most, Relaxed);
    // Where an event is written tracing remembers that it was not wanted.
    tracing::callsite::rebuild_interest_cache();
}

fn weight(level: &Level) -> u8 {
    match *level {
        Level::ERROR | Level::WARN => 1,
        Level::INFO => 2,
        Level::DEBUG => 3,
        Level::TRACE => 4,
    }
}

struct Lines(Clock);

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        ctx: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let sign = match weight(event.metadata().level()) {
            1 => '#',
            2 => '*',
            3 => '-',
            _ => '.',
        };
        let time = jiff::Timestamp::from_millisecond(self.0.now() as i64).unwrap_or_default();
        let time = time.to_zoned(jiff::tz::TimeZone::system()).strftime("%d %b %Y %H:%M:%S%.3f");
        write!(writer, "{}:M {time} {sign} ", std::process::id())?;
        ctx.field_format().format_fields(writer.by_ref(), event)?;
        writeln!(writer)
    }
}

enum Target {
    Output,
    File(PathBuf),
}

impl<'a> MakeWriter<'a> for Target {
    type Writer = Box<dyn Write>;

    /// The file is opened for each line, so that it can be moved away or deleted while the server runs.
    fn make_writer(&'a self) -> Box<dyn Write> {
        match self {
            Self::Output => Box::new(io::stdout()),
            Self::File(path) => match OpenOptions::new().create(true).append(true).open(path) {
                Ok(file) => Box::new(file),
                // Who could be told?
                Err(_) => Box::new(io::sink()),
            },
        }
    }
}
