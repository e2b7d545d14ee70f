//! Reading the text of `/metrics`.

/// One scrape.
#[derive(Debug, Clone)]
pub(crate) struct Scrape(pub(crate) String);

impl Scrape {
    /// The sum of `name` over the series whose labels include all of `labels`.
    pub(crate) fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let values = self.0.lines().filter_map(|line| {
            let (series, value) = line.rsplit_once(' ')?;
            let (found, written) = series.split_once('{').unwrap_or((series, ""));
            let matches =
                found == name && labels.iter().all(|(label, value)| written.contains(&format!("{label}=\"{value}\"")));
            matches.then(|| value.parse::<f64>().ok()).flatten()
        });
        values.sum()
    }

    /// Whether there is such a series.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.lines().any(|line| line.starts_with(name))
    }
}
