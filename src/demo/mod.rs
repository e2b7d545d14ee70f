//! Simulated providers with scripted faults, for `tollgate mock` and `tollgate demo`.
//!
//! A simulated provider is a small HTTP/1.1 server that speaks OpenAI's chat format. What it answers follows from
//! the request alone, so runs repeat; how it fails follows from a [`Script`]. The room imports no other room: what
//! it says must never be shaped by the parsers that read it.
//!
//! ```text
//! script -> rules -> service -> ask -> answer -> wire -> play -> socket
//! ```

mod answer;
mod ask;
mod duration;
mod effect;
mod offers;
mod play;
mod rule;
mod rule_file;
mod script;
mod server;
mod service;
mod setup;
#[cfg(test)]
mod tests;
mod tools;
mod welcome;
mod wire;

pub use effect::{Effect, Ending, ErrorText, Garbage, HowCut, Outcome};
pub use rule::{Often, Rule, When};
pub use script::{ProviderSpec, Script, ScriptError};
pub use server::{Running, start};
pub use setup::Demo;
