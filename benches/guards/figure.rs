//! One number that is held, and how far it may rise.

/// What a figure is, which says how exact it can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort {
    /// Executed outside the kernel, each time.
    Instructions,
    /// To the bare pass-through.
    Ratio,
    Kilobytes,
}

#[derive(Debug, Clone)]
pub(crate) struct Figure {
    pub(crate) sort: Sort,
    pub(crate) name: String,
    pub(crate) value: f64,
    /// What it surely is, however noisy the machine: this is what is judged.
    pub(crate) at_least: f64,
}

impl Figure {
    /// One that is the same each time.
    pub(crate) fn exact(sort: Sort, name: impl Into<String>, value: f64) -> Self {
        Self { sort, name: name.into(), value, at_least: value }
    }
}

impl Sort {
    pub(crate) const ALL: [Self; 3] = [Self::Instructions, Self::Ratio, Self::Kilobytes];

    /// Its table in the file of what is expected.
    pub(crate) fn table(self) -> &'static str {
        match self {
            Self::Instructions => "instructions",
            Self::Ratio => "over_bare",
            Self::Kilobytes => "kilobytes",
        }
    }

    /// How far a figure may be above what is expected, as a part of it.
    pub(crate) fn slack(self) -> f64 {
        match self {
            // They repeat within 1 %, but a compiler that inlines differently after a change elsewhere moves the small
            // ones by up to 6 %.
            Self::Instructions => 0.08,
            Self::Ratio | Self::Kilobytes => 0.25,
        }
    }

    /// With the digits that mean something.
    pub(crate) fn show(self, value: f64) -> String {
        match self {
            Self::Instructions => format!("{value:.0}"),
            Self::Ratio => format!("{value:.2}"),
            Self::Kilobytes => format!("{value:.1}"),
        }
    }
}
