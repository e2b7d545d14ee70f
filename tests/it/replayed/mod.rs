//! Recorded traffic of real providers through the gateway: as their own dialect byte for byte, and through OpenAI's door
//! with everything that an independent reading of the recording finds.

mod reading;
mod requests;
mod through;
mod verbatim;

use crate::harness::*;

/// A gateway with a provider of each of these kinds, named after it, in front of the replaying one.
async fn gateway(replay: &Replay, kinds: &[&str]) -> Gateway {
    let provider = |setup: Setup, kind: &&str| {
        let version = if *kind == "azure" { "api_version = \"2024-10-21\"\n" } else { "" };
        let lines = format!(
            "kind = \"{kind}\"\n{version}api_keys = [\"sk-replay\"]\ninject_usage = false\n\
             breaker = {{ failures = 1000000, open = \"1s\" }}\n\
             models = [{{ name = \"{kind}-replayed\", id = \"replayed\", input = 1, output = 1 }}]"
        );
        setup.provider_at(kind, &replay.base_url(kind), &lines)
    };
    Gateway::start(kinds.iter().fold(Setup::new(), provider)).await
}

/// The kind that a recording's provider is configured as.
fn kind_of(recording: &Recording) -> &str {
    match &*recording.provider {
        "vertexai" => "gemini",
        provider @ ("anthropic" | "azure" | "cerebras" | "cohere" | "deepseek" | "groq" | "huggingface" | "mistral"
        | "ollama" | "openai" | "openrouter" | "perplexity" | "together" | "zai") => provider,
        "gemini" if recording.endpoint != "chat.completions" => "gemini",
        // They speak OpenAI's format, and have no row of their own.
        _ => "openai",
    }
}

const KINDS: [&str; 15] = [
    "anthropic",
    "azure",
    "cerebras",
    "cohere",
    "deepseek",
    "gemini",
    "groq",
    "huggingface",
    "mistral",
    "ollama",
    "openai",
    "openrouter",
    "perplexity",
    "together",
    "zai",
];
