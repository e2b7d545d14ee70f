//! What is common to answers that go to the client as they came, and are only judged.

use crate::api::Usage;

/// What a whole answer turns out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judged {
    pub usage: Option<Usage>,
    /// The model said all that it had to say: nothing was cut, filtered or refused.
    pub complete: bool,
    /// Bytes of text in it: what it is billed by where the provider reports nothing.
    pub text_bytes: usize,
}

/// Recorded exchanges with providers, where they are at hand.
#[cfg(test)]
pub(super) mod recorded {
    use std::fs;
    use std::path::Path;

    use serde_json::Value;

    use crate::dialects::Event;

    pub(in crate::dialects) struct Recorded {
        pub(in crate::dialects) name: String,
        pub(in crate::dialects) exchange: Value,
    }

    /// Those whose name begins with `prefix`; none, with a word about it, where there are no recordings.
    pub(in crate::dialects) fn exchanges(prefix: &str) -> Vec<Recorded> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/traffic/dev");
        let Ok(files) = fs::read_dir(folder) else {
            eprintln!("skipped: there are no recordings here");
            return Vec::new();
        };
        let paths = files.map(|file| file.unwrap().path());
        let named = paths.filter_map(|path| Some((path.file_name()?.to_str()?.to_owned(), path)));
        let found: Vec<_> = named
            .filter(|(name, _)| name.starts_with(prefix))
            .map(|(name, path)| Recorded { name, exchange: serde_json::from_slice(&fs::read(path).unwrap()).unwrap() })
            .collect();
        assert!(!found.is_empty(), "no recording begins with {prefix}");
        found
    }

    /// Cuts a recorded stream into its events.
    pub(in crate::dialects) fn events(stream: &str, mut read: impl FnMut(Event<'_>)) {
        for lines in stream.replace("\r\n", "\n").split("\n\n") {
            if let Some(event) = Event::parse(lines.as_bytes(), &mut Vec::new()) {
                read(event);
            }
        }
    }
}
