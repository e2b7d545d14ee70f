//! What is asked.

use serde_json::{Map, Number, Value};

use super::{CacheHint, Format, Message};

/// A request, whatever door it came in by.
#[derive(Debug, Clone, PartialEq)]
pub struct ChatRequest {
    /// The door's.
    pub format: Format,
    /// In order. System messages stand wherever the client put them.
    pub messages: Vec<Message>,
    pub tools: Vec<Tool>,
    pub tool_choice: Option<ToolChoice>,
    pub parallel_tool_calls: Option<bool>,
    pub output: Option<OutputFormat>,
    pub sampling: Sampling,
    /// Texts that end the answer.
    pub stop: Vec<String>,
    /// Most tokens of the answer, reasoning included.
    pub max_tokens: Option<u32>,
    /// How many answers.
    pub n: Option<u32>,
    pub logprobs: Option<bool>,
    pub top_logprobs: Option<u32>,
    pub thinking: Option<Thinking>,
    pub stream: bool,
    /// The client wants usage on its stream.
    pub include_usage: bool,
    /// Whom the client calls for.
    pub user: Option<String>,
    pub metadata: Option<Map<String, Value>>,
    pub service_tier: Option<String>,
    /// OpenAI's hint which prompts share a prefix.
    pub prompt_cache_key: Option<String>,
    pub extra: Extra,
}

impl ChatRequest {
    pub fn new(format: Format) -> Self {
        Self {
            format,
            messages: Vec::new(),
            tools: Vec::new(),
            tool_choice: None,
            parallel_tool_calls: None,
            output: None,
            sampling: Sampling::default(),
            stop: Vec::new(),
            max_tokens: None,
            n: None,
            logprobs: None,
            top_logprobs: None,
            thinking: None,
            stream: false,
            include_usage: false,
            user: None,
            metadata: None,
            service_tier: None,
            prompt_cache_key: None,
            extra: Extra::default(),
        }
    }
}

/// Members that have no place in [`ChatRequest`], in the words of the request's own format. A provider of that format
/// gets them back, any other loses them.
pub type Extra = Map<String, Value>;

/// Numbers stay as they were written.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sampling {
    pub temperature: Option<Number>,
    pub top_p: Option<Number>,
    pub top_k: Option<u32>,
    pub seed: Option<i64>,
    pub presence_penalty: Option<Number>,
    pub frequency_penalty: Option<Number>,
    pub logit_bias: Option<Value>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Tool {
    pub kind: ToolKind,
    pub cache: Option<CacheHint>,
    pub extra: Map<String, Value>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum ToolKind {
    Function {
        name: String,
        description: Option<String>,
        /// A JSON schema of an object; `None`: no arguments.
        parameters: Option<Value>,
        /// Arguments must fit the schema.
        strict: Option<bool>,
    },
    /// A tool that only its own format has (a server tool, a custom tool), as it was.
    Foreign { format: Format, value: Value },
}

#[derive(Debug, Clone, PartialEq)]
pub enum ToolChoice {
    Auto,
    None,
    /// Some tool must be called.
    Required,
    /// This one must be called.
    Tool(String),
    /// A choice that only its own format has.
    Foreign {
        format: Format,
        value: Value,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub enum OutputFormat {
    Text,
    /// Any JSON object.
    Json,
    Schema {
        name: Option<String>,
        description: Option<String>,
        schema: Value,
        strict: Option<bool>,
    },
}

/// How much the model shall think before it answers.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Thinking {
    pub effort: Option<Effort>,
    /// Tokens, at most.
    pub budget: Option<u32>,
    /// OpenAI's `summary`, Gemini's `includeThoughts`, Anthropic's `display`: whether the client wants to read it.
    pub visible: Option<bool>,
    /// Anthropic's `adaptive`: the model decides how much.
    pub adaptive: bool,
}

impl Thinking {
    /// No thinking at all is asked for.
    pub fn is_off(&self) -> bool {
        self.effort == Some(Effort::None) || (self.effort.is_none() && self.budget == Some(0))
    }

    /// Tokens for a provider that knows no words for effort. The steps are those that Gemini's OpenAI layer documents
    /// (low 1,024, medium 8,192, high 24,576). <https://ai.google.dev/gemini-api/docs/openai#thinking>
    pub fn budget_tokens(&self) -> Option<u32> {
        self.budget.or_else(|| {
            self.effort.map(|effort| match effort {
                Effort::None => 0,
                Effort::Minimal | Effort::Low => 1_024,
                Effort::Medium => 8_192,
                Effort::High => 24_576,
                Effort::XHigh | Effort::Max => 32_768,
            })
        })
    }

    /// A word for a provider that takes no number.
    pub fn effort_word(&self) -> Option<Effort> {
        self.effort.or_else(|| {
            self.budget.map(|budget| match budget {
                0 => Effort::None,
                1..=2_048 => Effort::Low,
                2_049..=12_288 => Effort::Medium,
                _ => Effort::High,
            })
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effort {
    None,
    Minimal,
    Low,
    Medium,
    High,
    XHigh,
    Max,
}

impl Effort {
    const ALL: [Self; 7] = [Self::None, Self::Minimal, Self::Low, Self::Medium, Self::High, Self::XHigh, Self::Max];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Minimal => "minimal",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::XHigh => "xhigh",
            Self::Max => "max",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|effort| effort.as_str() == text)
    }
}
