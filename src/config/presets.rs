//! The table of provider kinds. A vendor that speaks OpenAI's format is one row here and nothing anywhere else.

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
    /// Put behind the base URL for a chat call.
    pub chat_path: &'static str,
}

/// The wire format of a provider. All rows of today are verbatim: the client's bytes are forwarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    OpenAiChat,
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
}

const fn openai_format(
    kind: &'static str,
    base_url: &'static str,
    env_key: &'static str,
    usage: UsageReport,
) -> Preset {
    Preset {
        kind,
        base_url,
        env_key,
        dialect: Dialect::OpenAiChat,
        usage,
        auth: AuthStyle::Bearer,
        chat_path: "/chat/completions",
    }
}

use UsageReport::{Always, OnRequest};

/// Every kind that exists. The order is the order in which a start without a file looks for keys.
pub static PRESETS: &[Preset] = &[
    openai_format("openai", "https://api.openai.com/v1", "OPENAI_API_KEY", OnRequest),
    openai_format("groq", "https://api.groq.com/openai/v1", "GROQ_API_KEY", OnRequest),
    openai_format("deepseek", "https://api.deepseek.com/v1", "DEEPSEEK_API_KEY", OnRequest),
    openai_format("together", "https://api.together.xyz/v1", "TOGETHER_API_KEY", OnRequest),
    openai_format("fireworks", "https://api.fireworks.ai/inference/v1", "FIREWORKS_API_KEY", Always),
    openai_format("openrouter", "https://openrouter.ai/api/v1", "OPENROUTER_API_KEY", OnRequest),
    openai_format("xai", "https://api.x.ai/v1", "XAI_API_KEY", Always),
    openai_format("ollama", "http://localhost:11434/v1", "", OnRequest),
    openai_format("vllm", "http://localhost:8000/v1", "", OnRequest),
    openai_format("llamacpp", "http://localhost:8080/v1", "", OnRequest),
    openai_format("lmstudio", "http://localhost:1234/v1", "", OnRequest),
];

/// The row of a kind.
pub fn preset(kind: &str) -> Option<&'static Preset> {
    PRESETS.iter().find(|row| row.kind == kind)
}
