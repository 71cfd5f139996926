//! Scrubjay beside Valkey and Redis, measured in turns.
//!
//! Each scenario runs in rounds, and in each round every server has its turn (A B C, A B C): what disturbs
//! the machine for a while disturbs all of them, and ratios are taken within a round. Reading order:
//!
//! - [`scenario`]: what is measured, as a table
//! - [`contender`] and [`server`]: who is measured; [`cores`](crate::cores): where
//! - [`load`] (closed and open loop), [`memory`], [`expiry`], [`growth`]: how, with [`template`],
//!   [`replies`], [`fill`], [`audience`], [`prober`] and [`client`] to send, listen and watch
//! - [`measure`]: figures, spreads and goals; [`report`]: tables and plots

mod scenario;

mod contender;
pub(crate) mod server;

mod audience;
pub(crate) mod client;
mod expiry;
mod fill;
mod growth;
mod load;
mod memory;
mod prober;
mod replies;
mod template;

mod measure;
mod report;

use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use self::audience::Audience;
use self::client::Client;
use self::contender::{Contender, Name};
use self::fill::Fill;
use self::load::{Pace, Plan};
use self::measure::Sample;
use self::report::{Report, Row};
use self::scenario::{Load, Records, Scenario, Scene, Work};
use self::server::Server;
use crate::cores::{self, Placement};
use crate::figures;
use crate::progress::Progress;

/// Start Scrubjay and the servers it stands in for, and measure them in turns.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Scrubjay's binary [default: built from this workspace]
    #[arg(long, value_name = "PATH")]
    scrubjay: Option<PathBuf>,
    /// valkey-server [default: of target/references/bin, else of PATH]
    #[arg(long, value_name = "PATH")]
    valkey: Option<PathBuf>,
    /// redis-server [default: of target/references/bin, else of PATH]
    #[arg(long, value_name = "PATH")]
    redis: Option<PathBuf>,
    /// Who takes part [default: everyone found]
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_enum)]
    servers: Vec<Name>,
    /// Run only these scenarios; a first part such as `memory` means all that start so
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    only: Vec<String>,
    /// Name the scenarios and end
    #[arg(long)]
    list: bool,
    /// Fewer keys, shorter and fewer rounds: to see that it works, not how fast
    #[arg(long)]
    quick: bool,
    /// Rounds of each scenario [default: 5 of a load, 3 of expiry and growth, 1 of memory; quick: 2 and 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    rounds: Option<u16>,
    /// Seconds of a load in each round [default: 1.5; quick: 0.3]
    #[arg(long, value_name = "S", value_parser = positive)]
    seconds: Option<f64>,
    /// Keys in the keyspace; `growth` writes five times as many [default: 1000000; quick: 100000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    keys: Option<u64>,
    /// Connections of a load
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    connections: u16,
    /// Open loop: this many requests per second, latency from the scheduled moment; only loads run
    #[arg(long, value_name = "R", value_parser = positive)]
    rate: Option<f64>,
    /// The servers listen on the first free ports from here
    #[arg(long, value_name = "N", default_value_t = 23_100)]
    port: u16,
    /// Write the tables and plots as one page too
    #[arg(long, value_name = "FILE.html")]
    report: Option<PathBuf>,
}

/// Measures and reports what the options ask for.
pub(crate) fn run(options: &Options) -> Result<()> {
    let mut scenarios = scenario::select(&options.only)?;
    if options.rate.is_some() {
        scenarios.retain(|scenario| matches!(scenario.work, Work::Load(_)));
    }
    if options.list {
        for scenario in scenarios {
            println!("{:<18} {}", scenario.name, scenario.title);
        }
        return Ok(());
    }
    let contenders = contender::find(options)?;
    for contender in &contenders {
        eprintln!("{} {}: {}", contender.name.as_str(), contender.version, contender.program.display());
    }
    let bench = Bench { options, contenders: &contenders, cores: cores::available()? };
    let steps = scenarios.iter().map(|scenario| bench.rounds(scenario) * contenders.len()).sum();
    let mut progress = Progress::new(Some(steps));
    let mut fleet = None;
    let mut rows = Vec::new();
    for scenario in scenarios {
        rows.push(bench.measure(scenario, &mut fleet, &mut progress)?);
    }
    progress.finish();

    let report = Report::new(&contenders, rows, bench.settings());
    print!("{}", report.text());
    if let Some(path) = &options.report {
        std::fs::write(path, report.html()?).with_context(|| format!("writing {}", path.display()))?;
        eprintln!("The report is {}", path.display());
    }
    ensure!(report.failures().is_empty(), "failed: {}", report.failures().join(", "));
    Ok(())
}

/// What all measurements of a run share.
struct Bench<'a> {
    options: &'a Options,
    contenders: &'a [Contender],
    cores: Vec<usize>,
}

/// One server of each contender, filled alike. Loads that start from the same keyspace share it.
struct Fleet {
    threads: usize,
    before: Records,
    scene: Scene,
    /// They go before the servers.
    #[expect(dead_code, reason = "it is there to listen")]
    audiences: Vec<Audience>,
    servers: Vec<Server>,
}

impl Bench<'_> {
    /// All rounds of one scenario on all servers.
    fn measure(
        &self,
        scenario: &'static Scenario,
        fleet: &mut Option<Fleet>,
        progress: &mut Progress,
    ) -> Result<Row> {
        let placement = Placement::new(scenario.threads, &self.cores);
        cores::pin(&[placement.load])?;
        let mut samples: Vec<Vec<Sample>> = self.contenders.iter().map(|_| Vec::new()).collect();
        let mut failures = vec![None; self.contenders.len()];
        for round in 0..self.rounds(scenario) {
            for (index, contender) in self.contenders.iter().enumerate() {
                let who = contender.name.as_str();
                progress.step(format_args!("{}, round {}, {who}", scenario.name, round + 1));
                if failures[index].is_some() {
                    continue;
                }
                match self.take_turn(&scenario.work, round, index, &placement, fleet) {
                    Ok(sample) => samples[index].push(sample),
                    Err(error) => {
                        // The others go on, and so does the run: one gap should not cost all figures. Nobody
                        // knows what state the server is in, so nothing else is measured on it.
                        progress.finish();
                        eprintln!("{} on {who}: {error:#}", scenario.name);
                        failures[index] = Some(format!("{} on {who}", scenario.name));
                        *fleet = None;
                    }
                }
            }
        }
        // The goals are for closed loops.
        let goals = if self.options.rate.is_some() { &[] } else { scenario.goals };
        Ok(Row { title: scenario.title, goals, samples, failures: failures.into_iter().flatten().collect() })
    }

    /// One round on the contender with this `index`.
    fn take_turn(
        &self,
        work: &Work,
        round: usize,
        index: usize,
        placement: &Placement,
        fleet: &mut Option<Fleet>,
    ) -> Result<Sample> {
        let mut fresh_server = || {
            *fleet = None;
            self.start(&self.contenders[index], placement)
        };
        match work {
            Work::Memory(records) => memory::measure(&self.fill(*records), &fresh_server()?),
            Work::Expiry(records) => expiry::measure(self.fill(*records), &fresh_server()?, placement),
            Work::Growth(records) => {
                let fill = Fill { keys: 5 * self.keys(), ..self.fill(*records) };
                growth::measure(&fill, &fresh_server()?, placement)
            }
            Work::Load(load) => {
                let fleet = self.fleet(fleet, placement, load)?;
                load::run(&self.plan(load, round), &fleet.servers[index])
            }
        }
    }

    /// The fleet at hand if it fits, else a new one.
    fn fleet<'f>(
        &self,
        fleet: &'f mut Option<Fleet>,
        placement: &Placement,
        load: &Load,
    ) -> Result<&'f Fleet> {
        let &Load { before, scene, .. } = load;
        let fits =
            |fleet: &Fleet| (fleet.threads, fleet.before, fleet.scene) == (placement.threads, before, scene);
        if !fleet.as_ref().is_some_and(fits) {
            *fleet = None; // The old servers end before the new ones start.
            let (mut servers, mut audiences) = (Vec::new(), Vec::new());
            for contender in self.contenders {
                let server = self.start(contender, placement)?;
                let filled = self.fill(before).run(server.address(), &AtomicU64::new(0));
                filled.with_context(|| format!("filling {}", contender.name.as_str()))?;
                let mut client = Client::connect(server.address())?;
                for command in scene.commands {
                    client.ask(command)?;
                }
                audiences.push(Audience::seat(server.address(), "news", scene.subscribers)?);
                servers.push(server);
            }
            *fleet = Some(Fleet { threads: placement.threads, before, scene, audiences, servers });
        }
        Ok(fleet.as_ref().expect("invariant: it was there or has been made"))
    }

    fn start(&self, contender: &Contender, placement: &Placement) -> Result<Server> {
        Server::start(&contender.program, placement, self.options.port)
    }

    fn fill(&self, Records { template, value_bytes }: Records) -> Fill<'static> {
        Fill { template, value_bytes, keys: self.keys(), deadlines_ms: 0..1 }
    }

    fn plan<'t>(&self, load: &'t Load, round: usize) -> Plan<'t> {
        let duration = Duration::from_secs_f64(self.seconds());
        Plan {
            template: load.template,
            value_bytes: load.before.value_bytes,
            pipeline: load.pipeline,
            connections: usize::from(self.options.connections),
            keys: self.keys(),
            pace: match self.options.rate {
                Some(requests_per_second) => Pace::Open { requests_per_second },
                None => Pace::Closed,
            },
            warm_up: duration / 5,
            duration,
            // Each round draws other keys, and each server in it the same.
            seed: round as u64,
        }
    }

    fn rounds(&self, scenario: &Scenario) -> usize {
        match (self.options.rounds, &scenario.work, self.options.quick) {
            (Some(rounds), ..) => usize::from(rounds),
            (None, Work::Memory(_), _) => 1,
            (None, Work::Load(_), is_quick) => [5, 2][usize::from(is_quick)],
            (None, Work::Expiry(_) | Work::Growth(_), is_quick) => [3, 1][usize::from(is_quick)],
        }
    }

    fn keys(&self) -> u64 {
        self.options.keys.unwrap_or(if self.options.quick { 100_000 } else { 1_000_000 })
    }

    fn seconds(&self) -> f64 {
        self.options.seconds.unwrap_or(if self.options.quick { 0.3 } else { 1.5 })
    }

    /// How it was measured, in sentences for the report.
    fn settings(&self) -> Vec<String> {
        let mut settings = vec![format!(
            "{} connections; 16-byte keys, or 8-byte members of one key, drawn evenly from {}; {} s a round.",
            self.options.connections,
            figures::thousands(self.keys() as f64),
            self.seconds(),
        )];
        if let Some(rate) = self.options.rate {
            settings.push(format!(
                "Open loop at {} requests per second, sent on schedule; latency counts from the scheduled moment.",
                figures::thousands(rate)
            ));
        }
        for threads in [1, 2] {
            let placement = Placement::new(threads, &self.cores);
            let Placement { server, load, prober, .. } = &placement;
            let shared = if placement.is_shared() { ", shared with the server" } else { "" };
            settings.push(format!(
                "--io-threads {threads}: server on cores {server:?}, load on {load}{shared}, prober on {prober}."
            ));
        }
        settings
    }
}

/// A number of seconds, or of requests per second.
fn positive(text: &str) -> Result<f64> {
    let number: f64 = text.parse()?;
    ensure!((0.001..=1e9).contains(&number), "it must lie between 0.001 and 1,000,000,000");
    Ok(number)
}
