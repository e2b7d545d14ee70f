//! What growth costs, as a Markdown table, as JSON, and as plots.

use std::path::Path;
use std::{fs, io};

use serde::Serialize;

use super::axis::Axis;
use super::plot::{Line, Plot};
use super::{Growth, Spot};
use crate::findings::{Findings, Raw};
use crate::machine::Machine;
use crate::peers::Kind;
use crate::statistics::Middle;
use crate::table::{align, show};

#[derive(Serialize)]
pub(crate) struct Report<'a> {
    machine: &'a Machine,
    steps: Vec<Row>,
    runs: &'a [Raw],
}

/// One peer under one load at one step of an axis.
#[derive(Serialize)]
struct Row {
    axis: Axis,
    at: u32,
    load: &'static str,
    peer: Kind,
    cpu_us: Middle,
    p50_us: Middle,
    /// Ratios of CPU.
    over_nginx: Option<Middle>,
    over_first_step: Option<Middle>,
    p50_over_nginx: Option<Middle>,
}

impl<'a> Report<'a> {
    pub(crate) fn new(machine: &'a Machine, growth: &Growth<'_>, findings: &'a Findings) -> Self {
        let mut steps = Vec::new();
        for (axis, spots) in growth.spots() {
            for spot in &spots {
                let first = spots.iter().find(|other| other.load == spot.load).unwrap_or(spot);
                let rows = axis.kinds().iter().filter_map(|&peer| Row::new(*spot, *first, peer, findings));
                steps.extend(rows);
            }
        }
        Self { machine, steps, runs: &findings.raw }
    }

    pub(crate) fn table(&self) -> String {
        let head =
            ["growth of", "to", "peer", "CPU per call, us", "over nginx", "over first step", "p50, us", "over nginx"];
        let rows = self.steps.iter().map(|row| {
            let shown = |ratio: Option<Middle>| ratio.map_or_else(String::new, show);
            [
                row.title(),
                row.at.to_string(),
                row.peer.to_string(),
                show(row.cpu_us),
                shown(row.over_nginx),
                shown(row.over_first_step),
                show(row.p50_us),
                shown(row.p50_over_nginx),
            ]
        });
        align(&head.map(str::to_owned), &rows.collect::<Vec<_>>())
    }

    pub(crate) fn write(&self, file: &Path) -> io::Result<()> {
        fs::write(file, serde_json::to_string_pretty(self)?)
    }

    /// A plot of each axis, named after it.
    pub(crate) fn plot(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)?;
        let mut axes: Vec<_> = self.steps.iter().map(|row| row.axis).collect();
        axes.dedup();
        for axis in axes {
            let file = axis.name().replace(' ', "-") + ".svg";
            let lines = self.lines(axis);
            Plot { title: axis.title(), x: axis.label(), y: axis.measure(), lines }.write(&folder.join(file))?;
        }
        Ok(())
    }

    fn lines(&self, axis: Axis) -> Vec<Line> {
        let mut lines: Vec<Line> = Vec::new();
        for row in self.steps.iter().filter(|row| row.axis == axis) {
            let value = if axis == Axis::Workers { row.over_first_step } else { row.over_nginx };
            let Some(value) = value else { continue };
            let name = format!("{} {}", row.peer, row.load).trim_end().to_owned();
            let point = (f64::from(row.at), value);
            match lines.iter_mut().find(|line| line.name == name) {
                Some(line) => line.points.push(point),
                None => lines.push(Line { name, points: vec![point] }),
            }
        }
        lines
    }
}

impl Row {
    /// `None` where the peer was not measured.
    fn new(spot: Spot, first: Spot, peer: Kind, findings: &Findings) -> Option<Self> {
        let samples = &findings.samples;
        let over_nginx =
            |figure: &str| samples.ratio(figure, peer, figure, Kind::Nginx).filter(|_| peer != Kind::Nginx);
        let (cpu, p50) = (spot.cpu(), spot.p50());
        Some(Self {
            axis: spot.axis,
            at: spot.at,
            load: spot.load,
            peer,
            cpu_us: samples.middle(&cpu, peer)?,
            p50_us: samples.middle(&p50, peer)?,
            over_nginx: over_nginx(&cpu),
            over_first_step: samples.ratio(&cpu, peer, &first.cpu(), peer),
            p50_over_nginx: over_nginx(&p50),
        })
    }

    fn title(&self) -> String {
        match self.load {
            "" => self.axis.name().to_owned(),
            load => format!("{}: {load}", self.axis.name()),
        }
    }
}
