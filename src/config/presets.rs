//! The table of provider kinds. A vendor that speaks OpenAI's format is one row here and nothing anywhere else.

use super::provider::Timeouts;

/// What a `kind` stands for.
#[derive(Debug, PartialEq, Eq)]
pub struct Preset {
    pub kind: &'static str,
    /// Used where the file names none.
    pub base_url: &'static str,
    /// The environment variable that holds the vendor's key by custom; empty for local servers.
    pub env_key: &'static str,
    pub dialect: Dialect,
    pub usage: UsageReport,
    pub auth: AuthStyle,
    pub paths: Paths,
    pub quirks: Quirks,
    /// What the file may change one by one.
    pub timeouts: Timeouts,
}

/// The wire format of a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Verbatim: bytes pass from and to clients of the same format.
    OpenAiChat,
    /// OpenAI's format with members of its own: bytes pass as long as nothing has to be renamed.
    Mistral,
    /// Verbatim for clients of Anthropic's door.
    Anthropic,
    /// Always translated.
    Gemini,
    /// Always translated.
    Cohere,
}

/// When a stream of this vendor carries usage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsageReport {
    Always,
    /// Only with `stream_options.include_usage`.
    OnRequest,
}

/// Where the provider's key goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthStyle {
    /// `Authorization: Bearer KEY`
    Bearer,
    /// `x-api-key: KEY`
    XApiKey,
    /// `x-goog-api-key: KEY`
    GoogApiKey,
    /// `api-key: KEY`
    ApiKey,
}

/// What is put behind the base URL. `{id}` is the provider's name of the model, `{api_version}` the provider's setting.
/// `None`: the vendor has no such door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paths {
    pub chat: &'static str,
    /// Where streams are asked for at another place.
    pub chat_stream: Option<&'static str>,
    /// OpenAI's legacy completions, and the beginnings of the names of the models that it is for; empty: all of them.
    pub completions: Option<(&'static str, &'static [&'static str])>,
    /// OpenAI's Responses API.
    pub responses: Option<&'static str>,
    /// In the vendor's own form.
    pub embeddings: Option<&'static str>,
    pub count_tokens: Option<&'static str>,
    /// The list of models, which costs nothing.
    pub models: &'static str,
}

/// How a vendor of OpenAI's format differs from OpenAI. For requests that are written here; of one that passes as it is
/// only `limit` changes anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quirks {
    pub limit: LimitName,
    /// Knows the role `developer`, and tells models that think from those that do not by OpenAI's names.
    pub openai_models: bool,
    /// Takes `reasoning_effort`.
    pub effort: bool,
    /// The member that earlier reasoning goes back in.
    pub reasoning: ReasoningMember,
    pub top_k: bool,
    /// Takes Anthropic's `cache_control` on parts.
    pub cache_control: bool,
    pub metadata: bool,
    /// Most stop texts.
    pub stops: usize,
}

/// The name of the limit on an answer's tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitName {
    /// `max_completion_tokens`; OpenAI's models that think refuse the older one.
    Newer,
    /// Either; `max_tokens` is written.
    Both,
    /// `max_tokens` only: the newer name is replaced.
    Older,
}

/// Where a vendor of OpenAI's format wants an assistant's earlier reasoning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReasoningMember {
    None,
    /// `reasoning_content`, the text.
    Content,
    /// `reasoning_details`, with signatures.
    Details,
}

const OPENAI_PATHS: Paths = Paths {
    chat: "/chat/completions",
    chat_stream: None,
    completions: None,
    responses: None,
    embeddings: Some("/embeddings"),
    count_tokens: None,
    models: "/models",
};

/// OpenAI's own models for the legacy door; all others are for chat and refuse it.
const LEGACY_MODELS: &[&str] = &[
    "gpt-3.5-turbo-instruct",
    "davinci",
    "babbage",
    "curie",
    "ada",
    "text-davinci",
    "text-babbage",
    "text-curie",
    "text-ada",
];

const OPENAI: Quirks = Quirks {
    limit: LimitName::Newer,
    openai_models: true,
    effort: true,
    reasoning: ReasoningMember::None,
    top_k: false,
    cache_control: false,
    metadata: true,
    stops: 4,
};

/// What most vendors have in common.
const PLAIN: Quirks = Quirks { limit: LimitName::Both, openai_models: false, metadata: false, stops: 16, ..OPENAI };

/// Servers of open models: more sampling, and the reasoning goes back as text.
const OPEN: Quirks = Quirks { reasoning: ReasoningMember::Content, top_k: true, ..PLAIN };

const ALL_MODELS: Option<(&str, &[&str])> = Some(("/completions", &[]));

const fn openai_format(
    kind: &'static str,
    base_url: &'static str,
    env_key: &'static str,
    usage: UsageReport,
    quirks: Quirks,
) -> Preset {
    Preset {
        kind,
        base_url,
        env_key,
        dialect: Dialect::OpenAiChat,
        usage,
        auth: AuthStyle::Bearer,
        paths: OPENAI_PATHS,
        quirks,
        timeouts: Timeouts::USUAL,
    }
}

use UsageReport::{Always, OnRequest};

/// Every kind that exists. The order is the order in which a start without a file looks for keys.
pub static PRESETS: &[Preset] = &[
    Preset {
        paths: Paths {
            completions: Some(("/completions", LEGACY_MODELS)),
            responses: Some("/responses"),
            ..OPENAI_PATHS
        },
        ..openai_format("openai", "https://api.openai.com/v1", "OPENAI_API_KEY", OnRequest, OPENAI)
    },
    Preset {
        kind: "anthropic",
        base_url: "https://api.anthropic.com",
        env_key: "ANTHROPIC_API_KEY",
        dialect: Dialect::Anthropic,
        usage: Always,
        auth: AuthStyle::XApiKey,
        paths: Paths {
            chat: "/v1/messages",
            embeddings: None,
            count_tokens: Some("/v1/messages/count_tokens"),
            models: "/v1/models",
            ..OPENAI_PATHS
        },
        quirks: PLAIN,
        timeouts: Timeouts::USUAL,
    },
    Preset {
        kind: "gemini",
        base_url: "https://generativelanguage.googleapis.com",
        env_key: "GEMINI_API_KEY",
        dialect: Dialect::Gemini,
        usage: Always,
        auth: AuthStyle::GoogApiKey,
        paths: Paths {
            chat: "/v1beta/models/{id}:generateContent",
            chat_stream: Some("/v1beta/models/{id}:streamGenerateContent?alt=sse"),
            embeddings: Some("/v1beta/models/{id}:batchEmbedContents"),
            count_tokens: Some("/v1beta/models/{id}:countTokens"),
            models: "/v1beta/models",
            ..OPENAI_PATHS
        },
        quirks: PLAIN,
        timeouts: Timeouts::USUAL,
    },
    Preset {
        dialect: Dialect::Mistral,
        ..openai_format(
            "mistral",
            "https://api.mistral.ai/v1",
            "MISTRAL_API_KEY",
            Always,
            Quirks { top_k: true, metadata: true, ..PLAIN },
        )
    },
    Preset {
        kind: "cohere",
        base_url: "https://api.cohere.com",
        env_key: "CO_API_KEY",
        dialect: Dialect::Cohere,
        usage: Always,
        auth: AuthStyle::Bearer,
        paths: Paths { chat: "/v2/chat", embeddings: Some("/v2/embed"), models: "/v1/models", ..OPENAI_PATHS },
        quirks: PLAIN,
        timeouts: Timeouts::USUAL,
    },
    Preset {
        auth: AuthStyle::ApiKey,
        paths: Paths {
            chat: "/openai/deployments/{id}/chat/completions?api-version={api_version}",
            embeddings: Some("/openai/deployments/{id}/embeddings?api-version={api_version}"),
            completions: Some(("/openai/deployments/{id}/completions?api-version={api_version}", LEGACY_MODELS)),
            models: "/openai/models?api-version={api_version}",
            ..OPENAI_PATHS
        },
        ..openai_format("azure", "https://NAME.openai.azure.com", "AZURE_OPENAI_API_KEY", OnRequest, OPENAI)
    },
    openai_format("groq", "https://api.groq.com/openai/v1", "GROQ_API_KEY", OnRequest, Quirks { stops: 4, ..PLAIN }),
    openai_format(
        "deepseek",
        "https://api.deepseek.com/v1",
        "DEEPSEEK_API_KEY",
        OnRequest,
        Quirks { limit: LimitName::Older, effort: false, reasoning: ReasoningMember::Content, ..PLAIN },
    ),
    Preset {
        paths: Paths { completions: ALL_MODELS, ..OPENAI_PATHS },
        ..openai_format(
            "together",
            "https://api.together.xyz/v1",
            "TOGETHER_API_KEY",
            OnRequest,
            Quirks { limit: LimitName::Older, ..OPEN },
        )
    },
    Preset {
        paths: Paths { completions: ALL_MODELS, ..OPENAI_PATHS },
        ..openai_format(
            "fireworks",
            "https://api.fireworks.ai/inference/v1",
            "FIREWORKS_API_KEY",
            Always,
            Quirks { limit: LimitName::Older, stops: 4, ..OPEN },
        )
    },
    openai_format(
        "openrouter",
        "https://openrouter.ai/api/v1",
        "OPENROUTER_API_KEY",
        OnRequest,
        Quirks { reasoning: ReasoningMember::Details, cache_control: true, ..OPEN },
    ),
    openai_format("xai", "https://api.x.ai/v1", "XAI_API_KEY", Always, Quirks { stops: 4, ..PLAIN }),
    openai_format("cerebras", "https://api.cerebras.ai/v1", "CEREBRAS_API_KEY", Always, Quirks { stops: 4, ..PLAIN }),
    openai_format(
        "perplexity",
        "https://api.perplexity.ai",
        "PERPLEXITY_API_KEY",
        Always,
        Quirks { top_k: true, ..PLAIN },
    ),
    openai_format(
        "zai",
        "https://api.z.ai/api/paas/v4",
        "ZAI_API_KEY",
        OnRequest,
        Quirks { limit: LimitName::Older, effort: false, reasoning: ReasoningMember::Content, stops: 1, ..PLAIN },
    ),
    openai_format("huggingface", "https://router.huggingface.co/v1", "HF_TOKEN", OnRequest, PLAIN),
    local("ollama", "http://localhost:11434/v1", Quirks { limit: LimitName::Older, ..OPEN }),
    local("vllm", "http://localhost:8000/v1", OPEN),
    local("llamacpp", "http://localhost:8080/v1", OPEN),
    local("lmstudio", "http://localhost:1234/v1", Quirks { limit: LimitName::Older, ..OPEN }),
];

/// A server of the user's own.
const fn local(kind: &'static str, base_url: &'static str, quirks: Quirks) -> Preset {
    Preset {
        paths: Paths { completions: ALL_MODELS, ..OPENAI_PATHS },
        timeouts: Timeouts::LOCAL,
        ..openai_format(kind, base_url, "", OnRequest, quirks)
    }
}

impl Preset {
    /// The base URL stands for one that only the user knows.
    pub fn is_placeholder(&self) -> bool {
        self.base_url.contains("NAME")
    }
}

/// The row of a kind.
pub fn preset(kind: &str) -> Option<&'static Preset> {
    PRESETS.iter().find(|row| row.kind == kind)
}
