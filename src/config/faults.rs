//! What is wrong with a configuration: every fault of one run, rendered like a compiler's.

use std::fmt;
use std::path::PathBuf;

/// Where a fault was found. Faults are sorted by it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Neither in a file nor in a variable: something is missing from a start without a file.
    Nowhere,
    /// The file as a whole.
    File(PathBuf),
    /// A line and a column of the file, both counted from 1.
    Line { file: PathBuf, line: usize, column: usize },
    /// An environment variable, by name.
    Variable(String),
}

/// One thing to put right. No text of it ever holds a secret's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub place: Place,
    /// As in `providers.openai.timeouts.connect` or `auth.keys[0].secret`; empty for the whole configuration.
    pub path: String,
    pub message: String,
    /// What was probably meant.
    pub suggestion: Option<String>,
}

/// All faults of one configuration, in the order of the file, then those of the environment. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// `None` where there is no fault.
    pub(super) fn of(mut faults: Vec<Fault>) -> Option<Self> {
        faults.sort_by(|a, b| a.place.cmp(&b.place));
        (!faults.is_empty()).then_some(Self(faults))
    }

    pub fn iter(&self) -> std::slice::Iter<'_, Fault> {
        self.0.iter()
    }

    /// How many there are; at least 1.
    pub fn count(&self) -> usize {
        self.0.len()
    }
}

impl From<Fault> for Faults {
    fn from(fault: Fault) -> Self {
        Self(vec![fault])
    }
}

impl std::error::Error for Faults {}

impl fmt::Display for Faults {
    /// One line per fault, then their number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for fault in &self.0 {
            writeln!(f, "{fault}")?;
        }
        match self.count() {
            1 => write!(f, "1 fault"),
            count => write!(f, "{count} faults"),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Nowhere => {}
            Place::File(file) => write!(f, "{}: ", file.display())?,
            Place::Line { file, line, column } => write!(f, "{}:{line}:{column}: ", file.display())?,
            Place::Variable(name) => write!(f, "{name}: ")?,
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        write!(f, "{}", self.message)?;
        match &self.suggestion {
            Some(suggestion) => write!(f, " (did you mean `{suggestion}`?)"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(place: Place, suggestion: Option<&str>) -> Fault {
        Fault {
            place,
            path: "server.listen".into(),
            message: "not an address".into(),
            suggestion: suggestion.map(String::from),
        }
    }

    fn line(line: usize) -> Place {
        Place::Line { file: "config/tollgate.toml".into(), line, column: 9 }
    }

    #[test]
    fn renders_one_line_per_fault_in_the_order_of_the_file_and_counts_them() {
        let variable = Place::Variable("TOLLGATE__SERVER__LISTEN".into());
        let faults = vec![fault(variable, None), fault(line(12), Some("127.0.0.1:1")), fault(line(2), None)];
        assert_eq!(
            Faults::of(faults).unwrap().to_string(),
            "config/tollgate.toml:2:9: server.listen: not an address\n\
             config/tollgate.toml:12:9: server.listen: not an address (did you mean `127.0.0.1:1`?)\n\
             TOLLGATE__SERVER__LISTEN: server.listen: not an address\n\
             3 faults"
        );
    }

    #[test]
    fn no_fault_makes_no_faults() {
        assert_eq!(Faults::of(Vec::new()), None);
    }
}
