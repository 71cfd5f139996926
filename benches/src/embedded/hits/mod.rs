//! Hit ratios: how much of a load each cache answers.
//!
//! A request that misses puts its key in, as cache-aside does. Ratios depend on nothing but the load, and a
//! little on the hasher; so there are no rounds.

mod loads;
mod optimum;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use self::loads::Load;
use super::contender::{Contender, Name, Turn};
use super::keys::{key, value};
use super::{Bench, Section, verdict};
use crate::figures::{Table, thousands};

/// Capacities, in per cent of the keys that a load has.
const CAPACITIES: [usize; 3] = [1, 5, 20];

/// A row for every load and capacity, and the means.
pub(super) fn measure(bench: &Bench<'_>) -> Result<Section> {
    let mut loads = loads::synthetic(bench.scaled(1_000_000));
    let synthetic = loads.len();
    for path in &bench.options.trace {
        loads.push(trace(path)?);
    }
    let names = bench.contenders(Name::evicts);
    let mut rows = Vec::new();
    for load in &loads {
        for per_cent in CAPACITIES {
            let capacity = (load.keys * per_cent / 100).max(1);
            let mut ratios = vec![optimum::ratio(&load.requests, capacity)];
            for name in &names {
                bench.step(format_args!("hits, {}, {per_cent} %, {}", load.name, name.as_str()));
                ratios.push(name.take(&Simulated { load, capacity }, 0));
            }
            rows.push((format!("{}, {} entries", load.name, thousands(capacity as f64)), ratios));
        }
    }
    let real = rows[synthetic * CAPACITIES.len()..].to_vec();
    let means = [("mean", mean(&rows)), ("mean of the traces", mean(&real))];
    rows.extend(means.into_iter().filter_map(|(title, mean)| Some((title.to_owned(), mean?))));
    Ok(section(&names, &rows))
}

/// Ratios of one load at one capacity: the optimum's, then by contender.
type Row = (String, Vec<f64>);

fn mean(rows: &[Row]) -> Option<Vec<f64>> {
    let columns = rows.first()?.1.len();
    let mean = |column: usize| rows.iter().map(|(_, ratios)| ratios[column]).sum::<f64>() / rows.len() as f64;
    Some((0..columns).map(mean).collect())
}

fn section(names: &[Name], rows: &[Row]) -> Section {
    let ours = names.iter().position(|&name| name == Name::Scrubjay);
    let mut header = vec![String::new(), "OPT".to_owned()];
    header.extend(names.iter().map(|name| name.as_str().to_owned()));
    header.extend(["Scrubjay - best other", "reach", "reached"].map(str::to_owned));
    let mut goals = Vec::new();
    let cells = rows.iter().map(|(title, ratios)| {
        let mut cells = vec![title.clone()];
        cells.extend(ratios.iter().map(|ratio| format!("{:.2}", 100.0 * ratio)));
        let others = names.iter().zip(&ratios[1..]).filter(|(name, _)| **name != Name::Scrubjay);
        let best = others.max_by(|(_, a), (_, b)| a.total_cmp(b));
        let lead = ours.zip(best).map(|(ours, (best, ratio))| (ratios[ours + 1] - ratio, best));
        cells.push(
            lead.map_or_else(String::new, |(lead, best)| format!("{:+.2} {}", 100.0 * lead, best.as_str())),
        );
        // A cache that is the best on each row is not to be had: it is to be on the whole.
        let reached = lead.filter(|_| title == "mean").map(|(lead, _)| lead >= 0.0);
        cells.push(reached.map_or("", |_| "≥ 0").to_owned());
        cells.push(reached.map_or("", verdict).to_owned());
        goals.extend(reached.map(|reached| ("mean hit ratio".to_owned(), reached)));
        cells
    });
    let rows = cells.collect();
    Section { table: Table { title: "Hit ratio (%)".to_owned(), header, rows }, goals }
}

/// The part of a load's requests that a cache answers.
struct Simulated<'a> {
    load: &'a Load,
    capacity: usize,
}

impl Turn for Simulated<'_> {
    type Yield = f64;

    fn take<C: Contender>(&self, _: usize) -> f64 {
        let cache = C::new(self.capacity, None);
        let mut hits = 0;
        for &number in &self.load.requests {
            let number = u64::from(number);
            if cache.get(&key(number)) {
                hits += 1;
            } else {
                cache.insert(key(number), value(number));
            }
        }
        f64::from(hits) / self.load.requests.len() as f64
    }
}

/// The requests of a trace file.
fn trace(path: &Path) -> Result<Load> {
    let read = || -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        ruzstd::decoding::StreamingDecoder::new(File::open(path)?)?.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().with_context(|| format!("reading {}", path.display()))?;
    let (requests, rest) = bytes.as_chunks::<4>();
    ensure!(!requests.is_empty() && rest.is_empty(), "{} holds no whole requests", path.display());
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = name.trim_end_matches(".zst").trim_end_matches(".u32").to_owned();
    Ok(Load::new(name, requests.iter().copied().map(u32::from_le_bytes).collect()))
}
