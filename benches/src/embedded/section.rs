//! The table of a scenario, and which goals are reached.

use super::contender::Name;
use crate::figures::{Spread, Table, spread};

/// A scenario's table and its goals: what is to be reached, and whether it is.
pub(super) struct Section {
    pub(super) table: Table,
    pub(super) goals: Vec<(String, bool)>,
}

/// Figures of one thing that was measured, the less the better.
pub(super) struct Row {
    pub(super) title: String,
    /// By contender, then by round; none of who has no such figure.
    pub(super) samples: Vec<Vec<f64>>,
    pub(super) reach: Reach,
}

/// What Scrubjay is to reach.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Reach {
    /// Less than every other.
    Least,
    /// At most this, whatever the others have.
    AtMost(f64),
}

impl Section {
    /// A table with a column for each contender, and Scrubjay's ratio to the best of the others.
    pub(super) fn of_rows(title: &str, names: &[Name], rows: &[Row]) -> Self {
        let mut header = vec![String::new()];
        header.extend(names.iter().map(|name| name.as_str().to_owned()));
        header.extend(["Scrubjay / best other", "reach", "reached"].map(str::to_owned));
        let mut goals = Vec::new();
        let cells = rows.iter().map(|row| {
            let figures: Vec<Option<Spread>> =
                row.samples.iter().map(|rounds| Spread::of(rounds.iter().copied())).collect();
            let mut cells = vec![row.title.clone()];
            cells.extend(
                figures.iter().map(|figure| figure.map_or_else(String::new, |figure| spread(figure, ""))),
            );
            let ours = names.iter().position(|&name| name == Name::Scrubjay);
            let best = best_other(&figures, ours);
            let ratio = ours.zip(best).and_then(|(ours, best)| {
                Some((Spread::of_ratios(&row.samples[ours], &row.samples[best])?, names[best]))
            });
            cells.push(ratio.map_or_else(String::new, |(ratio, best)| {
                format!("{} {}", spread(ratio, "x"), best.as_str())
            }));
            let (reach, reached) = match row.reach {
                Reach::Least => ("< 1x".to_owned(), ratio.map(|(ratio, _)| ratio.median < 1.0)),
                Reach::AtMost(most) => (
                    format!("≤ {most}"),
                    ours.and_then(|ours| figures[ours]).map(|figure| figure.median <= most),
                ),
            };
            cells.push(reach);
            cells.push(reached.map_or("", verdict).to_owned());
            goals.extend(reached.map(|reached| (row.title.clone(), reached)));
            cells
        });
        let rows = cells.collect();
        Self { table: Table { title: title.to_owned(), header, rows }, goals }
    }
}

/// The column of the least figure that is not `ours`.
fn best_other(figures: &[Option<Spread>], ours: Option<usize>) -> Option<usize> {
    let others = figures.iter().enumerate().filter(|(column, _)| Some(*column) != ours);
    let medians = others.filter_map(|(column, figure)| Some((column, (*figure)?.median)));
    medians.min_by(|(_, a), (_, b)| a.total_cmp(b)).map(|(column, _)| column)
}

pub(super) fn verdict(reached: bool) -> &'static str {
    if reached { "yes" } else { "NO" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ours_is_compared_with_the_best_other() {
        let names = [Name::Scrubjay, Name::Moka, Name::QuickCache];
        let row = |reach, ours| Row {
            title: "row".into(),
            samples: vec![vec![ours, ours], vec![9.0, 8.0], vec![4.0, 5.0]],
            reach,
        };
        let rows = [row(Reach::Least, 3.0), row(Reach::Least, 4.5), row(Reach::AtMost(4.0), 4.5)];
        let section = Section::of_rows("title", &names, &rows);
        let reached: Vec<bool> = section.goals.iter().map(|(_, reached)| *reached).collect();
        assert_eq!(reached, [true, false, false]);
        assert_eq!(section.table.rows[0][4..], ["0.675x (0.600–0.750) quick_cache", "< 1x", "yes"]);
    }
}
