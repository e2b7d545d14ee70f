//! What a provider says, in nobody's format.

use crate::grammar::Tokens;

/// One answer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) reasoning: &'static str,
    /// The proof of it, where the vendor gives one.
    pub(crate) signature: &'static str,
    pub(crate) text: &'static str,
    pub(crate) refusal: &'static str,
    pub(crate) calls: Vec<Call>,
    pub(crate) finish: Finish,
    pub(crate) manner: Manner,
    pub(crate) spent: Spent,
}

/// A call of a tool.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
    /// JSON text.
    pub(crate) arguments: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Finish {
    #[default]
    Stop,
    /// The stop text `END`.
    StopSequence,
    Length,
    Tools,
    Filtered,
}

/// How several calls come in one stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Manner {
    #[default]
    InTurn,
    /// Pieces of the calls alternate.
    Mixed,
    /// Every call has index 0 and comes in one piece, as Ollama has it.
    IndexZero,
    /// Nothing but name and arguments.
    WithoutIds,
}

/// Tokens; `input` counts `cached`, and `output` counts `reasoning`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spent {
    pub(crate) input: u64,
    pub(crate) cached: u64,
    pub(crate) output: u64,
    pub(crate) reasoning: u64,
}

impl Default for Spent {
    fn default() -> Self {
        Self { input: 21, cached: 0, output: 13, reasoning: 0 }
    }
}

impl Spent {
    pub(crate) fn tokens(self) -> Tokens {
        Tokens { input: self.input, output: self.output, cached: self.cached }
    }

    /// At the prices of the fleet's models: 1, 10 and, for what the cache gave, 0.1 USD per million.
    pub(crate) fn usd(self) -> f64 {
        ((self.input - self.cached) as f64 + self.cached as f64 * 0.1 + self.output as f64 * 10.0) / 1e6
    }
}

const PARIS: Call =
    Call { id: "call_a1", name: "get_weather", arguments: r#"{"city":"Paris","days":[1,2],"unit":null}"# };
const TOKYO: Call = Call { id: "call_b2", name: "get_weather", arguments: r#"{"city":"東京 \"都\"","exact":1.5}"# };
const AGAIN: Call = Call { id: "call_d4", name: "get_weather", arguments: r#"{"city":"Oslo"}"# };
const NOW: Call = Call { id: "call_c3", name: "get_time", arguments: "{}" };

/// All of them.
pub(crate) fn scenarios() -> Vec<Scenario> {
    let plain = Scenario::default();
    let tools = Scenario { finish: Finish::Tools, calls: vec![PARIS, TOKYO], ..plain.clone() };
    vec![
        Scenario { name: "text", text: "The capital of France is Paris.", ..plain.clone() },
        Scenario {
            name: "unicode",
            text: "naïve café — 東京 🗼 \u{2028} \"quoted\" back\\slash\ttab\nnew line \u{1} data: [DONE]\n\nevent: error",
            ..plain.clone()
        },
        Scenario { name: "json", text: r#"{"city":"Paris","population":2102650}"#, ..plain.clone() },
        Scenario { name: "tool", calls: vec![PARIS], finish: Finish::Tools, ..plain.clone() },
        Scenario { name: "no-arguments", calls: vec![NOW], finish: Finish::Tools, ..plain.clone() },
        Scenario {
            name: "text-and-tool",
            text: "Let me look.",
            calls: vec![PARIS],
            finish: Finish::Tools,
            ..plain.clone()
        },
        Scenario { name: "two-tools", ..tools.clone() },
        Scenario { name: "mixed-tools", manner: Manner::Mixed, ..tools.clone() },
        Scenario { name: "index-zero", manner: Manner::IndexZero, ..tools.clone() },
        Scenario { name: "without-ids", manner: Manner::WithoutIds, ..tools.clone() },
        Scenario {
            name: "thinking",
            reasoning: "Paris is the capital. I am sure.",
            signature: "c2lnbmF0dXJlIG9mIHRoaW5raW5n",
            text: "Paris.",
            spent: Spent { reasoning: 9, output: 30, ..Spent::default() },
            ..plain.clone()
        },
        Scenario {
            name: "thinking-and-tools",
            reasoning: "Two cities, so two calls.",
            signature: "c2lnbmF0dXJlIG9mIHRvb2xz",
            spent: Spent { reasoning: 9, output: 60, ..Spent::default() },
            ..tools
        },
        Scenario {
            name: "more-thinking-and-tools",
            reasoning: "One more city.",
            signature: "YW5vdGhlciBzaWduYXR1cmU=",
            calls: vec![AGAIN],
            finish: Finish::Tools,
            spent: Spent { reasoning: 4, output: 20, ..Spent::default() },
            ..plain.clone()
        },
        Scenario { name: "length", text: "This answer was cut", finish: Finish::Length, ..plain.clone() },
        Scenario { name: "stop-sequence", text: "Up to here ", finish: Finish::StopSequence, ..plain.clone() },
        Scenario { name: "filtered", text: "How to", finish: Finish::Filtered, ..plain.clone() },
        Scenario { name: "refusal", refusal: "I cannot help with that.", ..plain.clone() },
        Scenario { name: "empty", spent: Spent { output: 1, ..Spent::default() }, ..plain.clone() },
        Scenario {
            name: "cached",
            text: "From the cache.",
            spent: Spent { input: 1200, cached: 1024, output: 7, reasoning: 0 },
            ..plain
        },
    ]
}

pub(crate) fn scenario(name: &str) -> Scenario {
    let found = scenarios().into_iter().find(|scenario| scenario.name == name);
    found.unwrap_or_else(|| panic!("no scenario {name}"))
}
