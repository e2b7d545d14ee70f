//! What a call says about itself: the few facts that routing, limits, cache and metering need, and where they stand.

use std::ops::Range;

use smallvec::SmallVec;

/// Read once from a request's body. Ranges are byte ranges of that body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// The model string as asked for, not empty.
    pub model: String,
    /// The whole JSON string, quotes included.
    pub model_at: Range<usize>,
    pub stream: bool,
    /// 1 to 128.
    pub n: u32,
    /// The larger of the spellings that were given.
    pub max_tokens: Option<u32>,
    /// Whether the client asked for usage on its stream.
    pub include_usage: bool,
    /// How to ask for usage where the client did not: this text in place of that range.
    pub ask_usage: Edit,
    /// Estimate: bytes of text / 4, and a fixed amount for each medium.
    pub input_tokens: u64,
    /// An image is part of the prompt.
    pub vision: bool,
    /// Tools are offered.
    pub tools: bool,
    /// Members that change nothing of the answer (`stream`, `stream_options`, `user`), key and value, in order.
    pub immaterial: SmallVec<[Range<usize>; 3]>,
    /// The key of the limit on tokens, where it has its newer name `max_completion_tokens` and not the older one.
    pub newer_limit: Option<Range<usize>>,
    /// Vectors are asked for, and no answer.
    pub embeds: bool,
}

/// A replacement in a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    pub at: Range<usize>,
    pub text: &'static str,
}

/// Tokens of an image or a recording that is inside the request, whatever its length.
pub const MEDIUM_TOKENS: u64 = 1_500;

/// Tokens of `bytes` of text, rounded up.
pub fn estimate_tokens(bytes: u64) -> u64 {
    bytes.div_ceil(4)
}
