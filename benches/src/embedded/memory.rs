//! What an entry takes of the heap over its key and value.
//!
//! Counted by an allocator, in a process of its own (`embedded-memory`): the bytes asked for, and eight for
//! each block, which is what an allocator adds at least. That blocks are rounded up as well is left out, to
//! the good of those who have many.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;

use super::contender::{Contender, Key, Name, Turn, Value};
use super::keys::{key, value};
use super::{Bench, Reach, Row, Section};

/// What an allocator keeps beside each block.
const BLOCK_HEAD: f64 = 8.0;
/// Longer than any measurement.
const LIFE: Duration = Duration::from_secs(3600);
/// To be reached: bytes over key and value, deadline included.
const GOAL: f64 = 40.0;

/// What is allocated.
#[derive(Debug, Clone, Copy)]
pub struct Heap {
    /// Bytes asked for and not given back.
    pub bytes: usize,
    /// How many pieces they are in.
    pub blocks: usize,
}

/// How a cache came to hold what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fill {
    /// There is room for twice as much.
    Roomy,
    /// It is full, and as much again was evicted.
    Full,
}

impl Fill {
    const ALL: [Self; 2] = [Self::Roomy, Self::Full];

    fn as_str(self) -> &'static str {
        match self {
            Self::Roomy => "roomy",
            Self::Full => "full",
        }
    }
}

/// Measures the heap, by the `heap` that an allocator counts, and prints a line for each contender, fill and
/// number of entries. The `arguments` are the numbers of entries, and the names of contenders.
///
/// # Errors
/// For arguments that mean nothing.
pub fn count(arguments: &[String], heap: impl Fn() -> Heap) -> Result<()> {
    let (numbers, names): (Vec<_>, Vec<_>) =
        arguments.iter().partition(|argument| argument.starts_with(|first: char| first.is_ascii_digit()));
    for name in names {
        let contender = Name::from_str(name, true).map_err(anyhow::Error::msg)?;
        for entries in &numbers {
            let entries: usize = entries.parse().with_context(|| format!("{entries} entries"))?;
            for fill in Fill::ALL.into_iter().filter(|&fill| fill == Fill::Roomy || contender.evicts()) {
                let (held, Heap { bytes, blocks }) =
                    contender.take(&Counted { fill, entries, heap: &heap }, 0);
                println!("{name} {} {entries} {held} {bytes} {blocks}", fill.as_str());
            }
        }
    }
    Ok(())
}

struct Counted<'a, F> {
    fill: Fill,
    entries: usize,
    heap: &'a F,
}

impl<F: Fn() -> Heap> Turn for Counted<'_, F> {
    /// Entries held, and what for.
    type Yield = (usize, Heap);

    fn take<C: Contender>(&self, _: usize) -> (usize, Heap) {
        let before = (self.heap)();
        let (capacity, inserts) = match self.fill {
            Fill::Roomy => (2 * self.entries, self.entries),
            Fill::Full => (self.entries, 2 * self.entries),
        };
        let cache = C::new(capacity, Some(LIFE));
        for number in 0..inserts as u64 {
            cache.insert(key(number), value(number));
        }
        let held = cache.len();
        let after = (self.heap)();
        (held, Heap { bytes: after.bytes - before.bytes, blocks: after.blocks - before.blocks })
    }
}

/// A row for every number of entries and fill.
pub(super) fn measure(bench: &Bench<'_>) -> Result<Section> {
    let numbers = [900_000, 1_200_000].map(|entries| bench.scaled(entries).to_string());
    let names = bench.contenders(|_| true);
    bench.step(format_args!("memory"));
    let arguments = names.iter().map(|name| name.to_possible_value().expect("invariant: none is hidden"));
    let arguments: Vec<String> = arguments.map(|name| name.get_name().to_owned()).collect();
    let output = Command::new(counter()?).args(&numbers).args(&arguments).output()?;
    ensure!(output.status.success(), "embedded-memory: {}", String::from_utf8_lossy(&output.stderr));
    let output = String::from_utf8(output.stdout)?;
    let mut rows = Vec::new();
    for fill in Fill::ALL {
        for entries in &numbers {
            let samples = arguments.iter().map(|name| {
                let start = format!("{name} {} {entries} ", fill.as_str());
                output.lines().find_map(|line| line.strip_prefix(&start)).map(overhead).into_iter().collect()
            });
            let what = match fill {
                Fill::Roomy => "room for twice as many",
                Fill::Full => "full, as many again evicted",
            };
            rows.push(Row {
                title: format!("{} entries, {what}", crate::figures::thousands(entries.parse()?)),
                samples: samples.collect(),
                reach: Reach::AtMost(GOAL),
            });
        }
    }
    let title = "Heap per entry over key and value, with a deadline where there are any (bytes)";
    Ok(Section::of_rows(title, &names, &rows))
}

/// Bytes per entry over key and value, from what is counted: entries, bytes, blocks.
fn overhead(counted: &str) -> f64 {
    let numbers: Vec<f64> = counted.split(' ').filter_map(|number| number.parse().ok()).collect();
    let [held, bytes, blocks] = numbers[..] else { return f64::NAN };
    (bytes + BLOCK_HEAD * blocks) / held - (size_of::<Key>() + size_of::<Value>()) as f64
}

/// The binary that counts, built by the cargo that runs this, else the one beside it.
fn counter() -> Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name("embedded-memory");
    if let Some(cargo) = std::env::var_os("CARGO") {
        let mut command = Command::new(cargo);
        command.args(["build", "--quiet", "--package", "scrubjay-benches", "--bin", "embedded-memory"]);
        if !cfg!(debug_assertions) {
            command.arg("--release");
        }
        ensure!(command.status()?.success(), "embedded-memory could not be built");
    }
    ensure!(path.exists(), "no {}: build it beside this", path.display());
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_count_too() {
        assert_eq!(overhead("10 1000 5"), 24.0);
        assert!(overhead("nothing").is_nan());
    }
}
