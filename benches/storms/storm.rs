//! The storms, one file each.

mod all_503;
mod blackhole;
mod dead;
mod deaf;
mod drain;
mod dripping;
mod leavers;

use std::fmt;
use std::io;

use clap::ValueEnum;

use crate::findings::Findings;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Storm {
    /// One of three providers is dead
    Dead,
    /// One of three providers accepts and never answers
    Blackhole,
    /// All providers answer 503
    #[value(name = "all-503")]
    All503,
    /// Thousands of clients that never read their streams
    Deaf,
    /// A thousand clients that leave at any point
    Leavers,
    /// Thousands of connections that say nothing, or drip
    Dripping,
    /// SIGTERM with hundreds of open streams
    Drain,
}

impl Storm {
    pub(crate) const ALL: [Self; 7] =
        [Self::Dead, Self::Blackhole, Self::All503, Self::Deaf, Self::Leavers, Self::Dripping, Self::Drain];

    /// Breaks loose, and notes what it has found.
    pub(crate) async fn rage(self, findings: &mut Findings) -> io::Result<()> {
        match self {
            Self::Dead => dead::rage(findings).await,
            Self::Blackhole => blackhole::rage(findings).await,
            Self::All503 => all_503::rage(findings).await,
            Self::Deaf => deaf::rage(findings).await,
            Self::Leavers => leavers::rage(findings).await,
            Self::Dripping => dripping::rage(findings).await,
            Self::Drain => drain::rage(findings).await,
        }
    }
}

impl fmt::Display for Storm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value().expect("no storm is skipped");
        f.write_str(value.get_name())
    }
}
