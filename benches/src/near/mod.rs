//! The client's near cache: what a hit costs beside the cache it is made of, what a miss costs beside a plain
//! GET, and what a fleet of clients spares a server.
//!
//! - [`hit`], [`miss`], [`fleet`]: the three questions, each a table with its goal
//! - [`site`]: a server, and who connects to it

mod fleet;
mod hit;
mod miss;
mod site;

use std::path::PathBuf;

use anyhow::Result;

use self::site::Site;
use crate::figures::{self, Spread, Table, spread};

/// Measure the client's near cache beside what it stands on.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The server to ask [default: the scrubjay beside this program]
    #[arg(long, value_name = "PATH")]
    server: Option<PathBuf>,
    /// Rounds of each measurement
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
}

/// Measures and reports.
pub(crate) fn run(options: &Options) -> Result<()> {
    let program = match &options.server {
        Some(program) => program.clone(),
        None => std::env::current_exe()?.with_file_name("scrubjay"),
    };
    let site = Site::start(&program)?;
    println!("{}", figures::machine());
    println!(
        "Medians of the rounds, in brackets the least and the most; ratios are of figures of one round."
    );
    let rounds = usize::from(options.rounds);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    for table in [
        runtime.block_on(hit::measure(&site, rounds))?,
        runtime.block_on(miss::measure(&site, rounds))?,
        runtime.block_on(fleet::measure(&site))?,
    ] {
        print!("\n{table}");
    }
    Ok(())
}

/// A row of figures of the two that are compared, with the ratio and what it is to reach, if anything.
fn row(title: &str, plain: &[f64], near: &[f64], most: Option<f64>) -> Vec<String> {
    let figure = |samples: &[f64]| {
        Spread::of(samples.iter().copied()).map_or_else(String::new, |figure| spread(figure, ""))
    };
    let ratio = Spread::of_ratios(near, plain);
    let reached = ratio.zip(most).map(|(ratio, most)| if ratio.median <= most { "yes" } else { "NO" });
    vec![
        title.to_owned(),
        figure(plain),
        figure(near),
        ratio.map_or_else(String::new, |ratio| spread(ratio, "x")),
        most.map_or_else(String::new, |most| format!("≤ {most}x")),
        reached.unwrap_or("").to_owned(),
    ]
}

/// A table of such rows.
fn table(title: &str, plain: &str, near: &str, rows: Vec<Vec<String>>) -> Table {
    let header = ["", plain, near, "ratio", "reach", "reached"].map(str::to_owned).to_vec();
    Table { title: title.to_owned(), header, rows }
}
