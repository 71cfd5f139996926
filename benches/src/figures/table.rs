//! A table of text, and how numbers are written in it.

use std::fmt;

use super::Spread;

/// Cells by row. The first column is text, the others figures.
pub(crate) struct Table {
    pub(crate) title: String,
    pub(crate) header: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
}

impl fmt::Display for Table {
    /// Markdown whose columns are aligned.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = || std::iter::once(&self.header).chain(&self.rows);
        let widths: Vec<usize> = (0..self.header.len())
            .map(|column| lines().map(|cells| cells[column].chars().count()).max().unwrap_or(0).max(3))
            .collect();
        writeln!(f, "**{}**\n", self.title)?;
        for (index, cells) in lines().enumerate() {
            for (column, (cell, &width)) in cells.iter().zip(&widths).enumerate() {
                match column {
                    0 => write!(f, "| {cell:<width$} ")?,
                    _ => write!(f, "| {cell:>width$} ")?,
                }
            }
            writeln!(f, "|")?;
            if index == 0 {
                for (column, &width) in widths.iter().enumerate() {
                    let dashes = "-".repeat(width + 1);
                    write!(f, "|{}", if column == 0 { format!("{dashes}-") } else { format!("{dashes}:") })?;
                }
                writeln!(f, "|")?;
            }
        }
        Ok(())
    }
}

/// A median and, where there was more than one round, how far the rounds lie apart.
pub(crate) fn spread(Spread { median, min, max }: Spread, unit: &str) -> String {
    let (median, min, max) = (number(median), number(min), number(max));
    if min == max { format!("{median}{unit}") } else { format!("{median}{unit} ({min}–{max})") }
}

/// Three digits, or all of a larger number's.
pub(crate) fn number(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        1000.0.. => thousands(value),
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        1.0.. => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

/// A whole number with its digits in groups of three.
pub(crate) fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let written = [0.0, 0.0505, 9.04, 61.27, 118.4, 1351.2, 1_635_992.0].map(number);
        assert_eq!(written, ["0", "0.051", "9.04", "61.3", "118", "1,351", "1,635,992"]);
        assert_eq!(spread(Spread { median: 0.85, min: 0.8, max: 0.9 }, "x"), "0.850x (0.800–0.900)");
    }

    #[test]
    fn columns_are_aligned() {
        let table = Table {
            title: "T".into(),
            header: vec![String::new(), "Valkey".into()],
            rows: vec![vec!["µ".into(), "1".into()]],
        };
        assert_eq!(table.to_string(), "**T**\n\n|     | Valkey |\n|-----|-------:|\n| µ   |      1 |\n");
    }
}
