//! Everything that a provider can do wrong, at every door, and what comes of it.
//!
//! `tests/faults/table.toml` is the judge. Here a seeded sample of its cells is played; `cargo bench --bench faults` plays
//! all of them.

mod answers;
mod cell;
mod doing;
mod page;
mod play;
mod statuses;
mod streams;
mod table;
mod transport;
mod way;

pub(crate) use cell::Cell;
pub(crate) use play::{Verdict, play};
pub(crate) use table::Table;

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Cells that share a gateway, and gateways at once.
const AT_ONCE: usize = 16;
const GATEWAYS: usize = 4;

/// Plays cells in the order of their gateways. `progress` is told of each gateway's end.
pub(crate) async fn play_all(cells: Vec<Cell>, mut progress: impl FnMut(&Verdict)) -> Verdict {
    let places = Arc::new(Semaphore::new(GATEWAYS));
    let mut playing = JoinSet::new();
    for some in cells.chunks(AT_ONCE).map(<[Cell]>::to_vec) {
        let places = Arc::clone(&places);
        playing.spawn(async move {
            let _place = places.acquire_owned().await.expect("nobody closes it");
            play(&some).await
        });
    }
    let mut all = Verdict::default();
    while let Some(played) = playing.join_next().await {
        match played {
            Ok(verdict) => all.add(verdict),
            Err(panic) => all.wrong.push(format!("the cells of a gateway were given up: {panic}")),
        }
        progress(&all);
    }
    all
}

/// `count` cells of each fault, chosen by chance.
pub(crate) fn sample(cells: &[Cell], count: usize, seed: u64) -> Vec<Cell> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut sample = Vec::new();
    for fault in cells.chunk_by(|one, next| one.fault.name == next.fault.name) {
        sample.extend(random.choose_multiple(fault.iter().cloned(), count.min(fault.len())));
    }
    random.shuffle(&mut sample);
    sample
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Cells of each fault in the sample.
    const SAMPLE: usize = 3;

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn a_sample_of_all_faults_ends_as_the_table_says() {
        let seed = std::env::var("TOLLGATE_FAULT_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_261_121);
        let only = std::env::var("TOLLGATE_FAULT").unwrap_or_default();
        let mut cells = Table::read().cells();
        cells.retain(|cell| cell.to_string().contains(&only));
        let count = if only.is_empty() { SAMPLE } else { usize::MAX };
        let verdict = play_all(sample(&cells, count, seed), |_| {}).await;
        let Verdict { cells, wrong, .. } = verdict;
        assert!(cells > 0, "no cell is called like {only}");
        assert!(
            wrong.is_empty(),
            "{} of {cells} cells (seed {seed}) are not as the table says:\n\n{}",
            wrong.len(),
            wrong.join("\n\n")
        );
    }

    #[test]
    fn every_row_has_a_name_of_its_own_and_at_least_one_cell() {
        let table = Table::read();
        let names: BTreeSet<_> = table.fault.iter().map(|fault| &fault.name).collect();
        assert_eq!(names.len(), table.fault.len());
        let played: BTreeSet<_> = table.cells().iter().map(|cell| cell.fault.name.clone()).collect();
        assert_eq!(played.len(), names.len());
        assert!(table.cells().len() >= 1_680, "{} cells", table.cells().len());
        let known = |ways: &Option<Vec<String>>| ways.iter().flatten().all(|way| table.ways.contains(way));
        assert!(table.fault.iter().all(|fault| known(&fault.ways) && fault.but.iter().all(|but| known(&but.ways))));
    }

    #[test]
    fn the_page_for_users_is_the_table() {
        page::assert_up_to_date(&Table::read());
    }
}
