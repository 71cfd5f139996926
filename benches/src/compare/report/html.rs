//! The report as one page that needs nothing else: tables, plots and style in one file.

use anyhow::Result;

use super::super::measure::{Metric, Verdict};
use super::plot::{self, Bars};
use super::{Report, Row};
use crate::figures::Table;

const STYLE: &str = "
body { font: 15px/1.5 system-ui, sans-serif; color: #222; background: #fff; }
body { max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
h2 { margin-top: 2.5rem; font-size: 1.1rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; display: block; overflow-x: auto; }
th, td { padding: .2rem .7rem; text-align: right; border-bottom: 1px solid #ddd; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
.met { color: #176b2c; } .missed { color: #b3261e; font-weight: 600; }
figure { margin: 1rem 0; } .grid { display: flex; flex-wrap: wrap; gap: 1rem; } .grid figure { margin: 0; }
svg { max-width: 100%; height: auto; }
";

/// The metrics whose ratios are drawn as bars.
const BARS: [Metric; 2] = [Metric::CpuPerRequest, Metric::ResidentPerKey];

pub(super) fn page(report: &Report<'_>) -> Result<String> {
    let legend = plot::legend(report.contenders.iter().map(|contender| contender.name));
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Scrubjay compared</title>\n\
         <style>{STYLE}</style></head><body>\n<h1>Scrubjay compared</h1>\n"
    );
    for line in report.preface() {
        page.push_str(&format!("<p>{}</p>\n", escape(&line)));
    }
    if let Some(summary) = report.summary() {
        page.push_str(&format!("<p><strong>{}</strong></p>\n", escape(&summary)));
    }
    for metric in BARS {
        let bars: Vec<Bars> = report.rows.iter().filter_map(|row| bars(report, row, metric)).collect();
        if !bars.is_empty() {
            let first = report.contenders[0].name.as_str();
            page.push_str(&format!("<h2>{}, as a multiple of {first}'s</h2>\n", escape(metric.name())));
            page.push_str(
                "<p>Thin lines: the spread of the rounds. Black marks: what is to be reached.</p>\n",
            );
            page.push_str(&format!(
                "<figure>{}<figcaption>{legend}</figcaption></figure>\n",
                plot::ratios(&bars)?
            ));
        }
    }
    let is_watched = |row: &&Row| (0..report.contenders.len()).any(|who| row.latency(who).is_some());
    let watched: Vec<&Row> = report.rows.iter().filter(is_watched).collect();
    if !watched.is_empty() {
        page.push_str(&format!("<h2>Latency by percentile</h2>\n<p>{legend}</p>\n<div class=\"grid\">\n"));
        for row in watched {
            let curves = report.contenders.iter().enumerate();
            let curves: Vec<_> =
                curves.filter_map(|(index, contender)| Some((contender.name, row.latency(index)?))).collect();
            let caption = escape(row.title);
            let svg = plot::latencies(&curves)?;
            page.push_str(&format!("<figure><figcaption>{caption}</figcaption>{svg}</figure>\n"));
        }
        page.push_str("</div>\n");
    }
    for found in report.tables() {
        page.push_str(&table(&found));
    }
    page.push_str("</body></html>\n");
    Ok(page)
}

/// The row's ratios; none where the metric is not measured or there is nobody to compare with.
fn bars(report: &Report<'_>, row: &Row, metric: Metric) -> Option<Bars> {
    let ratios: Vec<_> = (1..report.contenders.len())
        .filter_map(|index| Some((report.contenders[index].name, row.ratio(metric, index)?)))
        .collect();
    (!ratios.is_empty()).then(|| Bars { title: row.title.to_owned(), ratios, goal: row.goal(metric) })
}

fn table(table: &Table) -> String {
    let cells = |tag: &str, cells: &[String]| -> String {
        cells.iter().map(|cell| format!("<{tag}{}>{}</{tag}>", class(cell), escape(cell))).collect()
    };
    let rows: String = table.rows.iter().map(|row| format!("<tr>{}</tr>\n", cells("td", row))).collect();
    format!(
        "<h2>{}</h2>\n<table><thead><tr>{}</tr></thead><tbody>\n{rows}</tbody></table>\n",
        escape(&table.title),
        cells("th", &table.header),
    )
}

/// A verdict stands out, whichever column it is in.
fn class(cell: &str) -> &'static str {
    let is = |verdict: Verdict| cell == verdict.as_str();
    if is(Verdict::Missed) {
        " class=\"missed\""
    } else if is(Verdict::Met) || is(Verdict::MetWell) || is(Verdict::MetWithinSpread) {
        " class=\"met\""
    } else {
        ""
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
