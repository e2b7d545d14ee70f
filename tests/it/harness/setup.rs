//! The gateway's configuration, as text.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use super::provider::{Log, Scripted};

/// A configuration file in the making, and the environment. Without more it has both doors on free ports, no key
/// required, and logs in JSON.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    server: String,
    top: String,
    tables: String,
    pub(super) environment: BTreeMap<String, String>,
    pub(super) descriptors: Option<u32>,
    pub(super) providers: Vec<Watched>,
}

/// A provider that must be left alone in the end.
#[derive(Debug, Clone)]
pub(super) struct Watched {
    pub(super) name: String,
    pub(super) log: Arc<Log>,
}

/// What a provider has unless a test says otherwise: one priced model, and no second tries, so that counts are plain.
const MODELS: &str = "models = [{ name = \"m\", input = 1.0, output = 1.0 }]\n";
const ONCE: &str = "retries = 0\n";

impl Setup {
    pub(crate) fn new() -> Self {
        Self {
            server: "listen = \"127.0.0.1:0\"\nadmin_listen = \"127.0.0.1:0\"\n".to_owned(),
            top: "auth.required = false\n".to_owned(),
            tables: String::new(),
            environment: BTreeMap::new(),
            descriptors: None,
            providers: Vec::new(),
        }
    }

    /// One provider `only` that lists the model `m`.
    pub(crate) fn one(provider: &Scripted) -> Self {
        Self::new().provider("only", provider, "")
    }

    /// The model `chat`: `first/m`, and where that fails `second/m`.
    pub(crate) fn pair(first: &Scripted, second: &Scripted) -> Self {
        Self::new()
            .provider("first", first, "")
            .provider("second", second, "")
            .ordered("chat", &["first/m", "second/m"])
    }

    /// Adds `[providers.NAME]` with these lines more.
    pub(crate) fn provider(self, name: &str, provider: &Scripted, lines: &str) -> Self {
        let origin = format!("http://{}", provider.address);
        let mut setup = self.provider_at(name, &base_url(kind_of(lines), &origin), lines);
        setup.providers.push(Watched { name: name.to_owned(), log: Arc::clone(&provider.log) });
        setup
    }

    pub(crate) fn provider_at(mut self, name: &str, base_url: &str, lines: &str) -> Self {
        let kind = if lines.contains("kind = ") { "" } else { "kind = \"openai\"\n" };
        let models = if lines.contains("models = ") { "" } else { MODELS };
        let retries = if lines.contains("retries = ") { "" } else { ONCE };
        write!(self.tables, "\n[providers.{name}]\n{kind}base_url = \"{base_url}\"\n{models}{retries}{lines}\n")
            .expect("strings take what is written");
        self
    }

    /// Adds `[models.NAME]` whose targets are tried in order.
    pub(crate) fn ordered(self, name: &str, targets: &[&str]) -> Self {
        self.model(name, targets, "strategy = \"ordered\"")
    }

    pub(crate) fn model(self, name: &str, targets: &[&str], lines: &str) -> Self {
        self.table(&format!("[models.\"{name}\"]\ntargets = {targets:?}\n{lines}"))
    }

    /// A caller's key, which makes one required.
    pub(crate) fn key(mut self, id: &str, secret: &str, lines: &str) -> Self {
        self.top = self.top.replace("auth.required = false\n", "auth.required = true\n");
        self.table(&format!("[[auth.keys]]\nid = \"{id}\"\nsecret = \"{secret}\"\n{lines}"))
    }

    /// Lines of `[server]`.
    pub(crate) fn server(mut self, lines: &str) -> Self {
        self.server += lines;
        self.server += "\n";
        self
    }

    /// Any further table.
    pub(crate) fn table(mut self, text: &str) -> Self {
        self.tables += "\n";
        self.tables += text;
        self.tables += "\n";
        self
    }

    pub(crate) fn cache(self) -> Self {
        self.table("[cache]\nscope = \"team\"")
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    /// How many files the gateway may open.
    pub(crate) fn descriptors(mut self, count: u32) -> Self {
        self.descriptors = Some(count);
        self
    }

    /// The file's text.
    pub(crate) fn text(&self) -> String {
        let Self { server, top, tables, .. } = self;
        format!("{top}\n[server]\n{server}\n[log]\nformat = \"json\"\n{tables}")
    }
}

/// The kind that a provider's lines name.
fn kind_of(lines: &str) -> &str {
    let named = lines.split("kind = \"").nth(1);
    named.and_then(|rest| rest.split('"').next()).unwrap_or("openai")
}

/// What a provider of this kind has as its `base_url`: some vendors' documents put the version into it, some do not.
pub(crate) fn base_url(kind: &str, origin: &str) -> String {
    match kind {
        "anthropic" | "azure" | "cohere" | "gemini" => origin.to_owned(),
        _ => format!("{origin}/v1"),
    }
}
