//! The sorts of token that have a price of their own, and what each costs.

/// A sort of token. Those of input and of output are all there are; the others are parts of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dimension {
    Input,
    Output,
    /// Input that the provider read from its own cache.
    CacheRead,
    /// The part of that which was sound.
    CacheReadAudio,
    /// Input that the provider wrote to its own cache, at the shortest time it keeps it.
    CacheWrite,
    /// The part of that which is kept for an hour.
    CacheWrite1h,
    /// Output that was thought.
    Reasoning,
    AudioInput,
    AudioOutput,
    /// Pictures, where the provider counts them in tokens.
    ImageInput,
    ImageOutput,
}

/// In the order of [`Dimension::ALL`].
const KEYS: [&str; Dimension::ALL.len()] = [
    "input",
    "output",
    "cache_read",
    "cache_read_audio",
    "cache_write",
    "cache_write_1h",
    "reasoning",
    "audio_input",
    "audio_output",
    "image_input",
    "image_output",
];

/// The keys of a table that has prices beside its `own`.
pub(in crate::config) const fn with_rates<const OWN: usize, const ALL: usize>(
    own: [&'static str; OWN],
) -> [&'static str; ALL] {
    assert!(OWN + KEYS.len() == ALL);
    let mut all = [""; ALL];
    let mut place = 0;
    while place < ALL {
        all[place] = if place < OWN { own[place] } else { KEYS[place - OWN] };
        place += 1;
    }
    all
}

impl Dimension {
    /// In the order of their discriminants.
    pub const ALL: [Self; 11] = [
        Self::Input,
        Self::Output,
        Self::CacheRead,
        Self::CacheReadAudio,
        Self::CacheWrite,
        Self::CacheWrite1h,
        Self::Reasoning,
        Self::AudioInput,
        Self::AudioOutput,
        Self::ImageInput,
        Self::ImageOutput,
    ];

    /// As price files and `models` name it.
    pub fn key(self) -> &'static str {
        KEYS[self as usize]
    }

    /// Whose price holds where this one has none. Input and output must have one.
    pub fn billed_as(self) -> Option<Self> {
        match self {
            Self::Input | Self::Output => None,
            Self::CacheRead | Self::CacheWrite | Self::AudioInput | Self::ImageInput => Some(Self::Input),
            Self::CacheReadAudio => Some(Self::CacheRead),
            Self::CacheWrite1h => Some(Self::CacheWrite),
            Self::Reasoning | Self::AudioOutput | Self::ImageOutput => Some(Self::Output),
        }
    }
}

/// Pico-dollars (1e-12 USD) per token, of each sort that is priced.
///
/// One USD per million tokens is 1,000,000 pico-dollars per token, so every published price is exact.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rates([Option<u64>; Dimension::ALL.len()]);

impl Rates {
    pub fn get(&self, dimension: Dimension) -> Option<u64> {
        self.0[dimension as usize]
    }

    /// What is priced, in the order of [`Dimension::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = (Dimension, u64)> {
        Dimension::ALL.into_iter().filter_map(|dimension| Some((dimension, self.get(dimension)?)))
    }

    pub(in crate::config) fn set(&mut self, dimension: Dimension, pico: u64) {
        self.0[dimension as usize] = Some(pico);
    }

    /// These, and where they say nothing, `others`.
    pub(in crate::config) fn or(self, others: Self) -> Self {
        let mut all = others;
        self.iter().for_each(|(dimension, pico)| all.set(dimension, pico));
        all
    }

    pub(in crate::config) fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }
}

impl FromIterator<(Dimension, u64)> for Rates {
    fn from_iter<I: IntoIterator<Item = (Dimension, u64)>>(rates: I) -> Self {
        let mut all = Self::default();
        rates.into_iter().for_each(|(dimension, pico)| all.set(dimension, pico));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dimensions_stand_where_their_discriminants_say_and_end_in_input_or_output() {
        for (place, dimension) in Dimension::ALL.into_iter().enumerate() {
            assert_eq!(dimension as usize, place);
            let mut last = dimension;
            while let Some(next) = last.billed_as() {
                last = next;
            }
            assert!(matches!(last, Dimension::Input | Dimension::Output), "{dimension:?}");
        }
    }

    #[test]
    fn what_is_not_said_is_taken_from_the_others() {
        let rates = |list: &[(Dimension, u64)]| list.iter().copied().collect::<Rates>();
        let own = rates(&[(Dimension::Input, 1)]);
        let others = rates(&[(Dimension::Input, 2), (Dimension::Output, 3)]);
        assert_eq!(own.or(others), rates(&[(Dimension::Input, 1), (Dimension::Output, 3)]));
        assert!(Rates::default().is_empty() && !own.is_empty());
    }
}
