//! What a run found: a table per metric as text, and the same with plots as a page.

mod html;
mod plot;

use anyhow::Result;

use super::contender::{Contender, Name};
use super::measure::{Goal, Latency, Metric, Sample, Verdict};
use crate::figures::{self, Spread, Table};

/// One scenario's samples.
pub(crate) struct Row {
    pub(crate) title: &'static str,
    pub(crate) goals: &'static [(Metric, Goal)],
    /// By contender, then by round.
    pub(crate) samples: Vec<Vec<Sample>>,
    /// Who could not be measured; what was measured before that still counts.
    pub(crate) failures: Vec<String>,
}

/// A whole run. The first contender is who the others are measured by.
pub(crate) struct Report<'a> {
    contenders: &'a [Contender],
    rows: Vec<Row>,
    settings: Vec<String>,
}

impl Row {
    /// The figures of one contender, by round; empty where the scenario does not yield the metric.
    fn figures(&self, metric: Metric, contender: usize) -> Vec<f64> {
        self.samples[contender].iter().filter_map(|sample| sample.value(metric)).collect()
    }

    /// One contender's figure.
    fn spread(&self, metric: Metric, contender: usize) -> Option<Spread> {
        Spread::of(self.figures(metric, contender))
    }

    /// One contender's figure as a multiple of the first's.
    fn ratio(&self, metric: Metric, contender: usize) -> Option<Spread> {
        Spread::of_ratios(&self.figures(metric, contender), &self.figures(metric, 0))
    }

    fn goal(&self, metric: Metric) -> Option<Goal> {
        self.goals.iter().find(|(of, _)| *of == metric).map(|&(_, goal)| goal)
    }

    /// Every latency of one contender, all rounds together.
    fn latency(&self, contender: usize) -> Option<Latency> {
        let mut seen = self.samples[contender].iter().filter_map(|sample| sample.latency.as_ref());
        let mut all = seen.next()?.clone();
        seen.for_each(|latency| all.add(latency));
        Some(all)
    }
}

impl<'a> Report<'a> {
    pub(crate) fn new(contenders: &'a [Contender], rows: Vec<Row>, settings: Vec<String>) -> Self {
        Self { contenders, rows, settings }
    }

    /// Markdown, aligned so that it reads well on a terminal too.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("{}\n", self.preface().join("\n"));
        for table in self.tables() {
            text.push_str(&format!("\n{table}"));
        }
        if let Some(summary) = self.summary() {
            text.push_str(&format!("\n{summary}\n"));
        }
        text
    }

    /// One self-contained page.
    pub(crate) fn html(&self) -> Result<String> {
        html::page(self)
    }

    /// What could not be measured.
    pub(crate) fn failures(&self) -> Vec<&str> {
        self.rows.iter().flat_map(|row| &row.failures).map(String::as_str).collect()
    }

    /// Who, where, how.
    fn preface(&self) -> Vec<String> {
        let who: Vec<String> =
            self.contenders.iter().map(|who| format!("{} {}", who.name.as_str(), who.version)).collect();
        let mut lines = vec![format!("{}. {}", who.join(", "), figures::machine())];
        lines.extend(self.settings.iter().cloned());
        lines.push(format!(
            "Medians of the rounds, in brackets the least and the most; ratios to {}, of figures of one round.",
            self.contenders[0].name.as_str()
        ));
        lines
    }

    /// A table for each metric that any scenario yields.
    fn tables(&self) -> Vec<Table> {
        Metric::ALL.into_iter().filter_map(|metric| self.table(metric)).collect()
    }

    fn table(&self, metric: Metric) -> Option<Table> {
        let is_measured =
            |row: &&Row| (0..self.contenders.len()).any(|who| row.spread(metric, who).is_some());
        let rows: Vec<&Row> = self.rows.iter().filter(is_measured).collect();
        let has_goals = rows.iter().any(|row| row.goal(metric).is_some()) && self.scrubjay().is_some();
        let first = self.contenders[0].name.as_str();
        let mut header = vec![String::new(), first.to_owned()];
        for contender in &self.contenders[1..] {
            let name = contender.name.as_str();
            header.push(name.to_owned());
            if metric.is_compared() {
                header.push(format!("{name} / {first}"));
            }
        }
        if has_goals {
            header.extend(["reach".to_owned(), "reached".to_owned()]);
        }
        let cells = rows.iter().map(|row| {
            let mut cells = vec![row.title.to_owned()];
            for contender in 0..self.contenders.len() {
                cells.push(
                    row.spread(metric, contender)
                        .map_or_else(String::new, |spread| figures::spread(spread, "")),
                );
                if metric.is_compared() && contender > 0 {
                    cells.push(
                        row.ratio(metric, contender)
                            .map_or_else(String::new, |spread| figures::spread(spread, "x")),
                    );
                }
            }
            if has_goals {
                cells.push(row.goal(metric).map_or_else(String::new, |goal| goal.to_string()));
                cells.push(self.verdict(row, metric).map_or("", Verdict::as_str).to_owned());
            }
            cells
        });
        let rows: Vec<Vec<String>> = cells.collect();
        (!rows.is_empty()).then(|| Table {
            title: format!("{} ({})", metric.name(), metric.unit()),
            header,
            rows,
        })
    }

    /// Whether Scrubjay reaches the row's goal; `None` without a goal, or without what it is measured by.
    fn verdict(&self, row: &Row, metric: Metric) -> Option<Verdict> {
        let scrubjay = self.scrubjay()?;
        let is_beside_valkey = self.contenders[0].name == Name::Valkey;
        let ratio = row.ratio(metric, scrubjay).filter(|_| is_beside_valkey);
        row.goal(metric)?.judge(row.spread(metric, scrubjay)?, ratio)
    }

    fn scrubjay(&self) -> Option<usize> {
        self.contenders.iter().position(|contender| contender.name == Name::Scrubjay)
    }

    /// How many goals are reached, and which are not.
    fn summary(&self) -> Option<String> {
        let judged = self.rows.iter().flat_map(|row| row.goals.iter().map(move |&(metric, _)| (row, metric)));
        let judged: Vec<_> =
            judged.filter_map(|(row, metric)| Some((row, metric, self.verdict(row, metric)?))).collect();
        let missed: Vec<String> = judged
            .iter()
            .filter(|(.., verdict)| *verdict == Verdict::Missed)
            .map(|(row, metric, _)| format!("{}: {}", row.title, metric.name()))
            .collect();
        let reached = judged.len() - missed.len();
        let mut summary = format!("{reached} of {} goals are reached.", judged.len());
        if !missed.is_empty() {
            summary.push_str(&format!(" Missed: {}.", missed.join("; ")));
        }
        let failures = self.failures();
        if !failures.is_empty() {
            summary.push_str(&format!(" Failed, and so not judged: {}.", failures.join(", ")));
        }
        (!judged.is_empty() || !failures.is_empty()).then_some(summary)
    }
}
