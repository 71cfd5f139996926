//! The plots of a page, as SVG text.

use anyhow::{Result, anyhow};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::super::contender::Name;
use super::super::measure::{Goal, Latency};
use crate::figures::Spread;

/// One group of bars: a scenario with each contender's ratio to the first.
pub(crate) struct Bars {
    pub(crate) title: String,
    pub(crate) ratios: Vec<(Name, Spread)>,
    pub(crate) goal: Option<Goal>,
}

const GRID: RGBColor = RGBColor(0xdd, 0xdd, 0xdd);

fn color(name: Name) -> RGBColor {
    match name {
        Name::Valkey => RGBColor(0x77, 0x77, 0x77),
        Name::Scrubjay => RGBColor(0x1f, 0x6f, 0xb4),
        Name::Redis => RGBColor(0xc8, 0x55, 0x3d),
    }
}

/// Bars with the spread of their rounds; a black mark is what is to be reached.
pub(crate) fn ratios(groups: &[Bars]) -> Result<String> {
    let bars: usize = groups.iter().map(|group| group.ratios.len()).sum();
    let height = 60 + 16 * bars + 14 * groups.len();
    let most = groups.iter().flat_map(|group| &group.ratios).map(|(_, ratio)| ratio.max).fold(1.0, f64::max);
    let mut svg = String::new();
    draw(&mut svg, (860, height as u32), |root| {
        let rows = groups.iter().map(|group| group.ratios.len() as f64 + 0.9).sum::<f64>();
        let mut chart = ChartBuilder::on(root)
            .margin(8)
            .x_label_area_size(24)
            .y_label_area_size(250)
            .build_cartesian_2d(0.0..most * 1.08, 0.0..rows)?;
        chart
            .configure_mesh()
            .disable_y_mesh()
            .y_labels(0)
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID)
            .draw()?;
        let label = ("sans-serif", 13).into_font().color(&BLACK).pos(Pos::new(HPos::Right, VPos::Center));
        let mut top = rows - 0.45;
        for group in groups {
            let bottom = top - group.ratios.len() as f64;
            let middle = f64::midpoint(top, bottom);
            chart.draw_series([
                EmptyElement::at((0.0, middle)) + Text::new(group.title.clone(), (-8, 0), label.clone())
            ])?;
            for (index, &(name, ratio)) in group.ratios.iter().enumerate() {
                let y = top - index as f64;
                let bar = [(0.0, y - 0.08), (ratio.median, y - 0.92)];
                chart.draw_series([Rectangle::new(bar, color(name).filled())])?;
                let whisker = vec![(ratio.min, y - 0.5), (ratio.max, y - 0.5)];
                chart.draw_series([PathElement::new(whisker, BLACK.mix(0.6).stroke_width(1))])?;
            }
            let reach = match group.goal {
                Some(Goal::Ratio(most) | Goal::RatioOrSpread(most) | Goal::RatioAndStretch(most, _)) => {
                    Some(most)
                }
                Some(Goal::Value(_)) | None => None,
            };
            let mark =
                reach.map(|most| PathElement::new(vec![(most, top), (most, bottom)], BLACK.stroke_width(2)));
            chart.draw_series(mark)?;
            top = bottom - 0.9;
        }
        chart
            .draw_series([PathElement::new(vec![(1.0, 0.0), (1.0, rows)], BLACK.mix(0.4).stroke_width(1))])?;
        Ok(())
    })?;
    Ok(svg)
}

/// Latency over percentiles, both logarithmic: the tail is what is looked at.
pub(crate) fn latencies(curves: &[(Name, Latency)]) -> Result<String> {
    let nines_max = curves.iter().map(|(_, latency)| latency.nines_max()).fold(1.0, f64::max);
    let points = |latency: &Latency| -> Vec<(f64, f64)> {
        let nines_max = latency.nines_max();
        let at = |step: u32| f64::from(step) / 100.0 * nines_max;
        (0..=100).map(|step| (at(step), latency.quantile_ms(1.0 - 10f64.powf(-at(step))).max(1e-3))).collect()
    };
    let lines: Vec<_> = curves.iter().map(|(name, latency)| (*name, points(latency))).collect();
    let all = || lines.iter().flat_map(|(_, line)| line.iter().map(|&(_, ms)| ms));
    let (least, most) = (all().fold(f64::MAX, f64::min), all().fold(0.0, f64::max));
    let mut svg = String::new();
    draw(&mut svg, (430, 280), |root| {
        let mut chart = ChartBuilder::on(root)
            .margin(8)
            .x_label_area_size(24)
            .y_label_area_size(54)
            .build_cartesian_2d(0.0..nines_max, (least * 0.8..most * 1.25).log_scale())?;
        let percent = |nines: &f64| match *nines {
            0.0 => "0 %".to_owned(),
            nines => format!("{} %", 100.0 - 10f64.powf(2.0 - nines.round())),
        };
        chart
            .configure_mesh()
            .x_labels(nines_max.ceil() as usize)
            .x_label_formatter(&percent)
            .y_label_formatter(&|ms| format!("{ms} ms"))
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID)
            .draw()?;
        for (name, line) in &lines {
            chart.draw_series(LineSeries::new(line.iter().copied(), color(*name).stroke_width(2)))?;
        }
        Ok(())
    })?;
    Ok(svg)
}

/// The colors' meaning, as HTML.
pub(crate) fn legend(names: impl Iterator<Item = Name>) -> String {
    names
        .map(|name| {
            let RGBColor(red, green, blue) = color(name);
            format!("<span style=\"color: rgb({red} {green} {blue})\">■</span> {} ", name.as_str())
        })
        .collect()
}

type Root<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
type Drawn = Result<(), DrawingAreaErrorKind<std::io::Error>>;

fn draw(svg: &mut String, size: (u32, u32), paint: impl FnOnce(&Root<'_>) -> Drawn) -> Result<()> {
    let root = SVGBackend::with_string(svg, size).into_drawing_area();
    let drawn = paint(&root).and_then(|()| root.present());
    drawn.map_err(|error| anyhow!("drawing a plot: {error}"))
}
