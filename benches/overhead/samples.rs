//! All that was measured, by figure, peer and round.

use crate::peers::Kind;
use crate::statistics::Middle;

#[derive(Debug)]
struct Sample {
    figure: String,
    peer: Kind,
    round: u32,
    value: f64,
}

#[derive(Debug, Default)]
pub(crate) struct Samples(Vec<Sample>);

impl Samples {
    pub(crate) fn add(&mut self, figure: &str, peer: Kind, round: u32, value: f64) {
        self.0.push(Sample { figure: figure.to_owned(), peer, round, value });
    }

    /// Over all rounds.
    pub(crate) fn middle(&self, figure: &str, peer: Kind) -> Option<Middle> {
        Middle::of(self.of(figure, peer).map(|sample| sample.value))
    }

    /// The ratio to `floor`'s value of the figure `against` in the same round, over all rounds. A floor that is not
    /// above zero, as added latency may come out on a noisy machine, gives no ratio.
    pub(crate) fn ratio(&self, figure: &str, peer: Kind, against: &str, floor: Kind) -> Option<Middle> {
        Middle::of(self.of(figure, peer).filter_map(|sample| {
            let floor = self.of(against, floor).find(|floor| floor.round == sample.round)?;
            (floor.value > 0.0).then(|| sample.value / floor.value)
        }))
    }

    /// What `figure` is above `floor` in the same round, over all rounds.
    pub(crate) fn difference(&self, figure: &str, floor: &str, peer: Kind) -> Option<Middle> {
        Middle::of(self.of(figure, peer).filter_map(|sample| {
            let floor = self.of(floor, peer).find(|floor| floor.round == sample.round)?;
            Some(sample.value - floor.value)
        }))
    }

    fn of(&self, figure: &str, peer: Kind) -> impl Iterator<Item = &Sample> {
        self.0.iter().filter(move |sample| sample.figure == figure && sample.peer == peer)
    }
}
