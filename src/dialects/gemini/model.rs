//! What a model's name tells about what it takes.

/// Generations that differ in what they accept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
    /// Before 2.5, and those later ones that make pictures or sound instead of thinking.
    Unthinking,
    /// 2.5: thinks up to a number of tokens.
    Budgets,
    /// 3 and later: thinks at levels, and signs its calls.
    Levels,
    /// A name that tells nothing, a tuned model's for example.
    Unknown,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Model<'a> {
    pub line: Line,
    name: &'a str,
}

impl<'a> Model<'a> {
    /// `name` may have a path before it, `models/` or Vertex's `publishers/google/models/`.
    pub(super) fn of(name: &'a str) -> Self {
        let name = name.rsplit('/').next().unwrap_or(name);
        Self { line: line(name), name }
    }

    pub(super) fn is_pro(&self) -> bool {
        self.name.contains("pro")
    }

    pub(super) fn is_lite(&self) -> bool {
        self.name.contains("lite")
    }

    /// Of the 3 series the first professional model alone lacks the middle level.
    pub(super) fn lacks_medium(&self) -> bool {
        self.name.starts_with("gemini-3-pro")
    }

    /// Refuses a call in the history without a signature.
    pub(super) fn wants_signatures(&self) -> bool {
        matches!(self.line, Line::Levels | Line::Unknown)
    }

    /// Takes pictures inside a tool's result.
    pub(super) fn takes_media_in_results(&self) -> bool {
        self.line == Line::Levels
    }

    /// Up to 2.5: "Function calling with a response mime type: 'application/json' is unsupported".
    pub(super) fn takes_tools_with_json(&self) -> bool {
        matches!(self.line, Line::Levels | Line::Unknown)
    }
}

fn line(name: &str) -> Line {
    let Some(rest) = name.strip_prefix("gemini-") else { return Line::Unknown };
    let version = rest.split('-').next().unwrap_or_default();
    let (major, minor) = version.split_once('.').unwrap_or((version, "0"));
    match (major.parse::<u32>(), minor.parse::<u32>()) {
        (Ok(3..), Ok(_)) => Line::Levels,
        (Ok(2), Ok(5..)) if name.contains("image") || name.contains("tts") => Line::Unthinking,
        (Ok(2), Ok(5..)) => Line::Budgets,
        (Ok(_), Ok(_)) => Line::Unthinking,
        // `gemini-flash-latest` is whatever is newest.
        _ if name.ends_with("-latest") => Line::Levels,
        _ => Line::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_the_generation() {
        for (name, line) in [
            ("gemini-1.5-flash", Line::Unthinking),
            ("gemini-2.0-flash-001", Line::Unthinking),
            ("gemini-2.5-flash", Line::Budgets),
            ("models/gemini-2.5-pro-preview-05-06", Line::Budgets),
            ("gemini-2.5-flash-image", Line::Unthinking),
            ("gemini-2.5-pro-preview-tts", Line::Unthinking),
            ("gemini-3-flash-preview", Line::Levels),
            ("publishers/google/models/gemini-3.1-pro-preview", Line::Levels),
            ("gemini-10-flash", Line::Levels),
            ("gemini-flash-latest", Line::Levels),
            ("gemini-robotics-er-2-preview", Line::Unknown),
            ("gemma-4-31b-it", Line::Unknown),
            ("", Line::Unknown),
        ] {
            assert_eq!(Model::of(name).line, line, "{name}");
        }
    }
}
