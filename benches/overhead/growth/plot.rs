//! A line for each peer over a logarithmic axis, with an interval at each step, as SVG.

use std::error::Error;
use std::io;
use std::path::Path;

use plotters::prelude::*;

use crate::statistics::Middle;

const SIZE: (u32, u32) = (720, 440);
const FONT: &str = "sans-serif";
/// Told apart also by those who do not see red and green apart (Okabe and Ito).
const COLOURS: [RGBColor; 3] = [RGBColor(0, 114, 178), RGBColor(213, 94, 0), RGBColor(0, 158, 115)];

pub(super) struct Plot {
    pub(super) title: &'static str,
    pub(super) x: &'static str,
    pub(super) y: &'static str,
    pub(super) lines: Vec<Line>,
}

pub(super) struct Line {
    pub(super) name: String,
    pub(super) points: Vec<(f64, Middle)>,
}

impl Plot {
    /// Without any line there is nothing to show, and no file.
    pub(super) fn write(&self, file: &Path) -> io::Result<()> {
        if self.lines.is_empty() {
            return Ok(());
        }
        self.draw(file).map_err(|error| io::Error::other(format!("{}: {error}", file.display())))
    }

    fn draw(&self, file: &Path) -> Result<(), Box<dyn Error>> {
        let points = || self.lines.iter().flat_map(|line| &line.points);
        let least = points().map(|(x, _)| *x).fold(f64::INFINITY, f64::min);
        let most = points().map(|(x, _)| *x).fold(0.0, f64::max);
        let top = points().map(|(_, y)| y.high).fold(1.0, f64::max) * 1.15;

        let area = SVGBackend::new(file, SIZE).into_drawing_area();
        area.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&area)
            .caption(self.title, (FONT, 18))
            .margin(16)
            .x_label_area_size(44)
            .y_label_area_size(56)
            .build_cartesian_2d((least / 1.25..most * 1.25).log_scale(), 0.0..top)?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .x_desc(self.x)
            .y_desc(self.y)
            .x_label_formatter(&|x| grouped(*x))
            .axis_desc_style((FONT, 14))
            .label_style((FONT, 12))
            .draw()?;
        for (line, colour) in self.lines.iter().zip(COLOURS.iter().cycle()) {
            let curve = line.points.iter().map(|(x, y)| (*x, y.median));
            chart
                .draw_series(LineSeries::new(curve, colour.stroke_width(2)))?
                .label(&line.name)
                .legend(|(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
            chart.draw_series(
                line.points
                    .iter()
                    .map(|(x, y)| ErrorBar::new_vertical(*x, y.low, y.median, y.high, colour.filled(), 8)),
            )?;
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::LowerRight)
            .border_style(BLACK.mix(0.3))
            .background_style(WHITE)
            .label_font((FONT, 13))
            .draw()?;
        area.present()?;
        Ok(())
    }
}

/// A whole number with its thousands set apart.
fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    groups.join(",")
}
