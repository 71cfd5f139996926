//! What LATENCY tells people: the graph of an event, and the doctor's report. The words are Valkey's.

use std::fmt::Write;

use crate::observe::spikes::{Event, Series};
use crate::shared::Shared;

/// The latencies of an event as columns, and under each how long ago it was.
pub(super) fn graph(event: Event, series: &Series, now_seconds: u64) -> String {
    const COLUMNS: usize = 80;
    const ROWS: usize = 4;
    /// What fills a character to the first, the second and the last third.
    const THIRDS: [char; 3] = ['_', 'o', '#'];
    let millis = || series.samples.iter().map(|sample| sample.millis);
    let (high, low) = (millis().max().unwrap_or(0), millis().min().unwrap_or(0));
    let mut text = format!(
        "{} - high {high} ms, low {low} ms (all time high {} ms)\n{}\n",
        event.name(),
        series.max_millis,
        "-".repeat(COLUMNS)
    );
    let steps = ROWS * THIRDS.len();
    let step = |millis: u64| {
        let share = (millis - low) as f64 / (high - low).max(1) as f64;
        ((share * steps as f64) as usize).min(steps - 1)
    };
    let columns: Vec<(usize, String)> = series
        .samples
        .iter()
        .map(|sample| (step(sample.millis), age(now_seconds.saturating_sub(sample.at_seconds))))
        .collect();
    for (index, part) in columns.chunks(COLUMNS).enumerate() {
        if index > 0 {
            text.push('\n');
        }
        for row in (0..ROWS).rev() {
            text.extend(part.iter().map(|(step, _)| match step.checked_sub(row * THIRDS.len()) {
                Some(third) => THIRDS.get(third).copied().unwrap_or('|'),
                None => ' ',
            }));
            text.push('\n');
        }
        text.extend(std::iter::repeat_n(' ', part.len()));
        text.push('\n');
        let longest = part.iter().map(|(_, age)| age.len()).max().unwrap_or(0);
        for at in 0..longest {
            text.extend(
                part.iter().map(|(_, age)| age.as_bytes().get(at).map_or(' ', |byte| char::from(*byte))),
            );
            text.push('\n');
        }
    }
    text
}

/// `59s`, `2m`, `3h`, `4d`.
fn age(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// What there is to say of all events, and what to do about them.
pub(super) fn doctor(shared: &Shared, now_seconds: u64) -> String {
    let threshold = shared.config.latency_monitor_threshold();
    let known: Vec<(Event, Series)> =
        Event::ALL.into_iter().filter_map(|event| Some((event, shared.spikes.series(event)?))).collect();
    if threshold == 0 && known.is_empty() {
        return "I'm sorry, Dave, I can't do that. Latency monitoring is disabled in this Valkey instance. You may use \
            \"CONFIG SET latency-monitor-threshold <milliseconds>.\" in order to enable it.\n"
            .into();
    }
    if known.is_empty() {
        return "No latency spike was observed during the lifetime of this Valkey instance, not in the slightest \
            bit.\n"
            .into();
    }
    let mut text = String::from("Latency spikes are observed in this Valkey instance.\n\n");
    for (index, (event, series)) in known.iter().enumerate() {
        let count = series.samples.len() as u64;
        let millis = || series.samples.iter().map(|sample| sample.millis);
        let mean = millis().sum::<u64>() / count;
        let deviation = millis().map(|millis| millis.abs_diff(mean)).sum::<u64>() / count;
        let oldest = series.samples.front().map_or(now_seconds, |sample| sample.at_seconds);
        let period = now_seconds.saturating_sub(oldest).max(1) as f64 / count as f64;
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "{}. {}: {count} latency spikes (average {mean}ms, mean deviation {deviation}ms, period {period:.2} sec). \
                Worst all time event {}ms.",
            index + 1,
            event.name(),
            series.max_millis
        );
    }
    text.push_str("\nHere is some advice for you:\n\n");
    for advice in advice(shared, threshold, |event| known.iter().any(|(known, _)| *known == event)) {
        text.push_str(&advice);
        text.push('\n');
    }
    text
}

fn advice(shared: &Shared, threshold: u64, has: impl Fn(Event) -> bool) -> Vec<String> {
    let mut advice: Vec<String> = Vec::new();
    let commands = has(Event::Command);
    let slower_than = shared.config.commandlog_execution_slower_than();
    let max_len = shared.config.commandlog_slow_execution_max_len();
    let wanted = threshold * 1000;
    if commands && (slower_than < 0 || max_len == 0) {
        advice.push(format!(
            "- There are latency issues with potentially slow commands you are using. Try to enable the Slow Log \
                Valkey feature using the command 'CONFIG SET slowlog-log-slower-than {wanted}'. If the Slow log is \
                disabled Valkey is not able to log slow commands execution for you."
        ));
    } else if commands && slower_than as u64 / 1000 > threshold {
        advice.push(format!(
            "- Your current Slow Log configuration only logs events that are slower than your configured latency \
                monitor threshold. Please use 'CONFIG SET slowlog-log-slower-than {wanted}'."
        ));
    }
    if commands {
        advice.push(INSPECT.into());
    }
    if has(Event::FastCommand) {
        advice.push(SCHEDULER.into());
    }
    if has(Event::ExpireCycle) && shared.config.hz() < 100 {
        advice.push(HZ.into());
    }
    if commands || has(Event::ExpireCycle) {
        advice.push(LARGE_OBJECTS.into());
    }
    if has(Event::EvictionCycle) {
        advice.push(MASS_EVICTION.into());
    }
    advice
}

const INSPECT: &str = "- Check your Slow Log to understand what are the commands you are running which are too slow \
    to execute. Please check https://valkey.io/commands/slowlog for more information.";

const SCHEDULER: &str = "- The system is slow to execute Valkey code paths not containing system calls. This usually \
    means the system does not provide Valkey CPU time to run for long periods. You should try to:
  1) Lower the system load.
  2) Use a computer / VM just for Valkey if you are running other software in the same system.
  3) Check if you have a \"noisy neighbour\" problem.
  4) Check with 'valkey-cli --intrinsic-latency 100' what is the intrinsic latency in your system.
  5) Check if the problem is allocator-related by recompiling Valkey with MALLOC=libc, if you are using Jemalloc. \
    However this may create fragmentation problems.";

const HZ: &str = "- In order to make the Valkey keys expiring process more incremental, try to set the 'hz' \
    configuration parameter to 100 using 'CONFIG SET hz 100'.";

const LARGE_OBJECTS: &str = "- Deleting, expiring or evicting (because of maxmemory policy) large objects is a \
    blocking operation. If you have very large objects that are often deleted, expired, or evicted, try to fragment \
    those objects into multiple smaller objects.";

const MASS_EVICTION: &str = "- Sudden changes to the 'maxmemory' setting via 'CONFIG SET', or allocation of large \
    objects via sets or sorted sets intersections, STORE option of SORT, Valkey Cluster large keys migrations (RESTORE \
    command), may create sudden memory pressure forcing the server to block trying to evict keys. ";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::spikes::Sample;

    /// As Valkey drew these four.
    #[test]
    fn columns_are_as_high_as_valkeys() {
        let sample = |(at_seconds, millis)| Sample { at_seconds, millis };
        let series = Series {
            samples: [(1, 3), (2, 5), (3, 2), (4, 4)].map(sample).into(),
            max_millis: 5,
            sum_millis: 14,
            count: 4,
        };
        let text = graph(Event::Command, &series, 4);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "command - high 5 ms, low 2 ms (all time high 5 ms)");
        assert_eq!(lines[2..], [" #  ", " | #", "o| |", "||_|", "    ", "3210", "ssss"]);
        assert_eq!([59, 60, 7200, 86_400].map(age), ["59s", "1m", "2h", "1d"]);
    }
}
