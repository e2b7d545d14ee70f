//! What a model takes, by its name. <https://docs.claude.com/en/docs/about-claude/models/overview>

/// The generation of a Claude, from names such as `claude-opus-4-6`, `anthropic.claude-3-7-sonnet-20250219-v1:0` or
/// `claude-sonnet-4@20250514`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Model {
    Version(u32, u32),
    /// A Claude whose name has no number; such are newer than those that have.
    Unnumbered,
    /// Others that speak the format take what most Claudes take.
    Other,
}

impl Model {
    pub(super) fn parse(name: &str) -> Self {
        let Some((_, name)) = name.rsplit_once("claude") else { return Self::Other };
        let mut numbers =
            name.split(|char: char| !char.is_ascii_alphanumeric()).skip_while(|word| number(word).is_none());
        let Some(major) = numbers.next().and_then(number) else { return Self::Unnumbered };
        Self::Version(major, numbers.next().and_then(number).unwrap_or(0))
    }

    fn at_least(self, major: u32, minor: u32) -> bool {
        match self {
            Self::Version(a, b) => (a, b) >= (major, minor),
            Self::Unnumbered => true,
            Self::Other => false,
        }
    }

    pub(super) fn thinks(self) -> bool {
        self == Self::Other || self.at_least(3, 7)
    }

    /// Takes `thinking: adaptive`. From 4.7 on a budget is refused; before 4.6 the model takes nothing else.
    pub(super) fn adapts(self) -> bool {
        self.at_least(4, 6)
    }

    /// Takes the effort `xhigh`.
    pub(super) fn takes_xhigh(self) -> bool {
        self.at_least(4, 7)
    }

    /// Refuses temperature and its like. <https://docs.claude.com/en/docs/about-claude/models/migration-guide>
    pub(super) fn samples_by_itself(self) -> bool {
        self.at_least(4, 7)
    }

    /// Refuses `temperature` and `top_p` together.
    pub(super) fn takes_one_of_temperature_and_top_p(self) -> bool {
        self.at_least(4, 1)
    }

    /// Takes a schema for its answer, and strict tools.
    pub(super) fn keeps_schemas(self) -> bool {
        self == Self::Other || self.at_least(4, 1)
    }
}

/// A part of a version: dates have more digits.
fn number(word: &str) -> Option<u32> {
    if word.len() > 2 { None } else { word.parse().ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_the_generation() {
        for (name, model) in [
            ("claude-opus-4-6", Model::Version(4, 6)),
            ("claude-opus-4.7", Model::Version(4, 7)),
            ("anthropic/claude-4.7-opus", Model::Version(4, 7)),
            ("claude-sonnet-4-20250514", Model::Version(4, 0)),
            ("claude-sonnet-4@20250514", Model::Version(4, 0)),
            ("claude-3-5-haiku-20241022", Model::Version(3, 5)),
            ("us.anthropic.claude-3-7-sonnet-20250219-v1:0", Model::Version(3, 7)),
            ("claude-sonnet-5", Model::Version(5, 0)),
            ("claude-mythos-preview", Model::Unnumbered),
            ("glm-4.6", Model::Other),
        ] {
            assert_eq!(Model::parse(name), model, "{name}");
        }
    }

    #[test]
    fn each_generation_takes_its_own() {
        let takes = |name| {
            let model = Model::parse(name);
            [model.thinks(), model.keeps_schemas(), model.adapts(), model.samples_by_itself()]
        };
        assert_eq!(takes("claude-3-5-haiku-20241022"), [false, false, false, false]);
        assert_eq!(takes("claude-sonnet-4-0"), [true, false, false, false]);
        assert_eq!(takes("claude-haiku-4-5"), [true, true, false, false]);
        assert_eq!(takes("claude-sonnet-4-6"), [true, true, true, false]);
        assert_eq!(takes("claude-opus-4-7"), [true, true, true, true]);
        assert_eq!(takes("kimi-k2"), [true, true, false, false]);
    }
}
