//! What a request loses on its way into another format.

use std::borrow::Cow;

use super::Format;

/// Something in a request that a format may have no place for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Field {
    MaxTokens,
    N,
    Stop,
    Temperature,
    TopP,
    TopK,
    Seed,
    PresencePenalty,
    FrequencyPenalty,
    LogitBias,
    Logprobs,
    TopLogprobs,
    ParallelToolCalls,
    ToolChoice,
    /// A kind of tool that only the request's own format has.
    Tools,
    ToolStrict,
    ResponseFormat,
    Thinking,
    User,
    Metadata,
    ServiceTier,
    CacheHint,
    PromptCacheKey,
    /// A participant's name.
    Name,
    Image,
    ImageDetail,
    Audio,
    Document,
    /// A document's name or title.
    DocumentName,
    /// Earlier reasoning that the provider could not read.
    Reasoning,
    /// A part that only its own format has.
    Part,
    /// A member that has no place in the common form, by its own name.
    Extra(String),
}

impl Field {
    /// The name that whoever sent a request in `door`'s format knows it by.
    pub fn name(&self, door: Format) -> Cow<'static, str> {
        let is = |format| door == format;
        let anthropic = is(Format::Anthropic);
        let responses = is(Format::OpenAiResponses);
        Cow::Borrowed(match self {
            Self::MaxTokens if responses => "max_output_tokens",
            Self::MaxTokens => "max_tokens",
            Self::N => "n",
            Self::Stop if anthropic => "stop_sequences",
            Self::Stop => "stop",
            Self::Temperature => "temperature",
            Self::TopP => "top_p",
            Self::TopK => "top_k",
            Self::Seed => "seed",
            Self::PresencePenalty => "presence_penalty",
            Self::FrequencyPenalty => "frequency_penalty",
            Self::LogitBias => "logit_bias",
            // One member asks for both there.
            Self::Logprobs if responses => "top_logprobs",
            Self::Logprobs => "logprobs",
            Self::TopLogprobs => "top_logprobs",
            Self::ParallelToolCalls if anthropic => "tool_choice.disable_parallel_tool_use",
            Self::ParallelToolCalls => "parallel_tool_calls",
            Self::ToolChoice => "tool_choice",
            Self::Tools => "tools",
            Self::ToolStrict if is(Format::OpenAiChat) => "tools.function.strict",
            Self::ToolStrict => "tools.strict",
            Self::ResponseFormat if anthropic => "output_config.format",
            Self::ResponseFormat if responses => "text.format",
            Self::ResponseFormat => "response_format",
            Self::Thinking if anthropic => "thinking",
            Self::Thinking if responses => "reasoning",
            Self::Thinking => "reasoning_effort",
            Self::User if anthropic => "metadata.user_id",
            Self::User => "user",
            Self::Metadata => "metadata",
            Self::ServiceTier => "service_tier",
            Self::CacheHint => "cache_control",
            Self::PromptCacheKey => "prompt_cache_key",
            Self::Name => "messages.name",
            Self::Image if anthropic => "messages.content.image",
            Self::Image if responses => "input.content.input_image",
            Self::Image => "messages.content.image_url",
            Self::ImageDetail if responses => "input.content.input_image.detail",
            Self::ImageDetail => "messages.content.image_url.detail",
            Self::Audio if responses => "input.content.input_audio",
            Self::Audio => "messages.content.input_audio",
            Self::Document if anthropic => "messages.content.document",
            Self::Document if responses => "input.content.input_file",
            Self::Document => "messages.content.file",
            Self::DocumentName if anthropic => "messages.content.document.title",
            Self::DocumentName if responses => "input.content.input_file.filename",
            Self::DocumentName => "messages.content.file.filename",
            Self::Reasoning if anthropic => "messages.content.thinking",
            Self::Reasoning if responses => "input.reasoning",
            Self::Reasoning => "messages.reasoning_details",
            Self::Part if responses => "input",
            Self::Part => "messages.content",
            Self::Extra(name) => return Cow::Owned(name.clone()),
        })
    }
}

/// What became of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// Something near to it was sent.
    Approximated,
    Dropped,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    pub field: Field,
    pub fate: Fate,
}

/// Everything that a request lost, each field once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Losses(Vec<Loss>);

impl Losses {
    pub fn dropped(&mut self, field: Field) {
        self.add(field, Fate::Dropped);
    }

    pub fn approximated(&mut self, field: Field) {
        self.add(field, Fate::Approximated);
    }

    /// Notes `field` as dropped where it was given.
    pub fn dropped_if(&mut self, given: bool, field: Field) {
        if given {
            self.dropped(field);
        }
    }

    /// Adds those of another step on the way.
    pub fn extend(&mut self, others: Self) {
        for Loss { field, fate } in others.0 {
            self.add(field, fate);
        }
    }

    fn add(&mut self, field: Field, fate: Fate) {
        match self.0.iter_mut().find(|loss| loss.field == field) {
            Some(loss) => loss.fate = loss.fate.max(fate),
            None => self.0.push(Loss { field, fate }),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Loss> {
        self.0.iter()
    }
}
