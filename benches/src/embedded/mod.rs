//! `scrubjay::Cache` beside the other caches that live in a program, in one run and in turns.
//!
//! Reading order:
//!
//! - [`contender`]: who is measured, an adapter each; [`keys`]: what they are asked for
//! - the scenarios: [`get`], [`mix`], [`evict`] (times, by [`threads`], on caches of [`filled`]), [`memory`],
//!   [`growth`], [`hits`]
//! - [`section`]: how the figures of a scenario become a table that says which goals are reached

mod contender;
mod filled;
mod keys;
mod section;
pub(crate) mod threads;

mod evict;
mod get;
mod growth;
mod hits;
pub(crate) mod memory;
mod mix;

use std::cell::RefCell;
use std::fmt::Arguments;
use std::path::PathBuf;

use anyhow::{Result, ensure};

use self::contender::{Name, Turn};
use self::section::{Reach, Row, Section, verdict};
use crate::figures;
use crate::progress::Progress;

/// Measure the embedded cache and others like it in turns.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Run only these scenarios
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    only: Vec<String>,
    /// Name the scenarios and end
    #[arg(long)]
    list: bool,
    /// A tenth of the entries, and fewer rounds: to see that it works, not how fast
    #[arg(long)]
    quick: bool,
    /// Rounds of each scenario [default: 5 of get, mix and evict, 3 of growth; quick: 2 and 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    rounds: Option<u16>,
    /// Who takes part [default: everyone]
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_enum)]
    contenders: Vec<Name>,
    /// `hits`: a trace too, zstd of little-endian u32, each the number of a key; may be given more than once
    #[arg(long, value_name = "FILE")]
    trace: Vec<PathBuf>,
}

/// A scenario: its name, what it is, how it is measured.
type Scenario = (&'static str, &'static str, fn(&Bench<'_>) -> Result<Section>);

const SCENARIOS: [Scenario; 6] = [
    ("get", "reads of what is there, uniform and Zipf, by one thread and two", |bench| {
        Ok(get::measure(bench))
    }),
    ("mix", "the same with one insert in twenty, Zipf", |bench| Ok(mix::measure(bench))),
    ("evict", "inserts into a full cache", |bench| Ok(evict::measure(bench))),
    ("memory", "heap per entry", memory::measure),
    ("growth", "the slowest reads while another thread makes the cache grow", |bench| {
        Ok(growth::measure(bench))
    }),
    ("hits", "hit ratio on synthetic loads and on the traces given", hits::measure),
];

/// Measures and reports what the options ask for.
pub(crate) fn run(options: &Options) -> Result<()> {
    for name in &options.only {
        ensure!(SCENARIOS.iter().any(|(known, ..)| known == name), "there is no scenario {name}: see --list");
    }
    let is_asked = |name: &str| options.only.is_empty() || options.only.iter().any(|only| only == name);
    let scenarios: Vec<&Scenario> = SCENARIOS.iter().filter(|(name, ..)| is_asked(name)).collect();
    if options.list {
        for (name, what, _) in scenarios {
            println!("{name:<8} {what}");
        }
        return Ok(());
    }
    let bench = Bench { options, progress: RefCell::new(Progress::new(None)) };
    println!("{}", figures::machine());
    if options.quick {
        println!("Quick: a tenth of the entries that the titles name.");
    }
    println!(
        "Medians of the rounds, in brackets the least and the most; ratios are of figures of one round."
    );
    let (mut reached, mut missed) = (0, Vec::new());
    for (_, _, measure) in scenarios {
        let section = measure(&bench)?;
        bench.progress.borrow().finish();
        print!("\n{}", section.table);
        reached += section.goals.iter().filter(|(_, is_reached)| *is_reached).count();
        missed.extend(section.goals.into_iter().filter(|(_, is_reached)| !is_reached).map(|(goal, _)| goal));
    }
    print!("\n{reached} of {} goals are reached.", reached + missed.len());
    println!(
        "{}",
        if missed.is_empty() { String::new() } else { format!(" Missed: {}.", missed.join("; ")) }
    );
    Ok(())
}

/// What all measurements of a run share.
struct Bench<'a> {
    options: &'a Options,
    progress: RefCell<Progress>,
}

impl Bench<'_> {
    /// Who takes part, as far as they are `fit`.
    fn contenders(&self, fit: impl Fn(Name) -> bool) -> Vec<Name> {
        let asked = &self.options.contenders;
        let takes_part = |name: &Name| (asked.is_empty() || asked.contains(name)) && fit(*name);
        Name::ALL.into_iter().filter(takes_part).collect()
    }

    /// So many, or a tenth in a quick run.
    fn scaled(&self, count: usize) -> usize {
        if self.options.quick { count / 10 } else { count }
    }

    /// How many rounds, when there are `usual`ly so many.
    fn rounds(&self, usual: usize) -> usize {
        self.options.rounds.map_or(if self.options.quick { usual / 2 } else { usual }, usize::from)
    }

    fn step(&self, what: Arguments<'_>) {
        self.progress.borrow_mut().step(what);
    }

    /// Times that are to be the least: each turn yields a figure for every row.
    fn in_turns(
        &self,
        title: &str,
        rows: &[String],
        fit: fn(Name) -> bool,
        turn: &impl Turn<Yield = Vec<f64>>,
    ) -> Section {
        let names = self.contenders(fit);
        let row = |title: &String| Row {
            title: title.clone(),
            samples: names.iter().map(|_| Vec::new()).collect(),
            reach: Reach::Least,
        };
        let mut rows: Vec<Row> = rows.iter().map(row).collect();
        for round in 0..self.rounds(5) {
            for (index, &name) in names.iter().enumerate() {
                self.step(format_args!("{title}, round {}, {}", round + 1, name.as_str()));
                for (row, figure) in rows.iter_mut().zip(name.take(turn, round)) {
                    row.samples[index].push(figure);
                }
            }
        }
        Section::of_rows(title, &names, &rows)
    }
}
