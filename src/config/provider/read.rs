//! From one `[providers.NAME]` to a provider.

use std::collections::HashSet;

use http::HeaderValue;
use secrecy::SecretString;

use super::super::document::Document;
use super::super::limits::Limit;
use super::super::presets::{PRESETS, Preset, preset};
use super::super::prices::PriceTable;
use super::super::reader::Field;
use super::super::shape::Shape;
use super::super::suggest::suggest;
use super::super::values::positive_duration;
use super::all::{Listing, Reading};
use super::{BaseUrl, Breaker, Health, ModelRow, Provider, Timeouts};

static PROVIDER: Shape = Shape {
    name: "providers",
    keys: &[
        "kind",
        "base_url",
        "api_keys",
        "timeouts",
        "limits",
        "breaker",
        "health",
        "retries",
        "inject_usage",
        "models",
        "api_version",
    ],
};

static TIMEOUTS: Shape = Shape { name: "timeouts", keys: &["connect", "first_byte", "response", "idle", "total"] };

static BREAKER: Shape = Shape { name: "breaker", keys: &["failures", "open", "slow"] };

const MOST_RETRIES: u32 = 100;

/// The newest version of Azure's interface that is not a preview.
const AZURE_VERSION: &str = "2024-10-21";

impl Provider {
    /// One of which the file says nothing but its kind.
    pub(super) fn preset(name: &str, preset: &'static Preset, prices: &PriceTable) -> Option<Self> {
        Some(Self {
            name: name.to_owned(),
            preset,
            base_url: BaseUrl::parse(preset.base_url).ok()?,
            api_version: AZURE_VERSION.to_owned(),
            api_keys: None,
            timeouts: preset.timeouts,
            limits: Limit::default(),
            breaker: Breaker::default(),
            health: None,
            retries: 1,
            inject_usage: true,
            models: prices.listing(preset.kind),
        })
    }
}

pub(super) fn read_provider(name: &str, field: &Field<'_>, prices: &PriceTable) -> Option<Reading> {
    let document = field.document;
    if !is_name(name) {
        document.fault_at_key(&field.path, "a provider's name is made of letters, digits, `_`, `.` and `-`", None);
    }
    let table = field.table(&PROVIDER)?;
    let kind = table.require("kind").and_then(|field| read_kind(&field));
    let mut provider = Provider::preset(name, kind.unwrap_or(&PRESETS[0]), prices)?;
    table.set("base_url", &mut provider.base_url, read_base_url);
    table.set("api_keys", &mut provider.api_keys, |field| read_keys(field).map(Some));
    let usual = provider.timeouts;
    table.set("timeouts", &mut provider.timeouts, |field| Timeouts::read(field, usual));
    table.set("limits", &mut provider.limits, Limit::read);
    table.set("breaker", &mut provider.breaker, Breaker::read);
    table.set("health", &mut provider.health, |field| Health::read(field).map(Some));
    table.set("retries", &mut provider.retries, read_retries);
    table.set("inject_usage", &mut provider.inject_usage, |field| field.flag());
    let kind_name = kind.map_or("", |preset| preset.kind);
    table.set("models", &mut provider.models, |field| read_models(field, kind_name, prices));
    let preset = kind?;
    if let Some(field) = table.get("api_version") {
        match preset.paths.chat.contains("{api_version}") {
            true => table.set("api_version", &mut provider.api_version, |field| field.filled().map(str::to_owned)),
            false => field.fault("only the kind `azure` has versions in its addresses"),
        }
    }
    if preset.is_placeholder() && table.get("base_url").is_none() {
        let message = format!("the kind `{}` needs a base_url, such as \"{}\"", preset.kind, preset.base_url);
        document.fault(&table.path, message, None);
    }
    provider.base_url.path = without_version(preset, &provider.base_url.path).to_owned();
    let closed = table.get("models").is_some();
    if provider.api_keys.as_ref().is_some_and(Vec::is_empty) {
        document.notice(off_notice(name, preset));
        return Some(Reading::Off(Listing { provider, closed }));
    }
    note_unknown_prices(document, &provider);
    Some(Reading::Usable(Listing { provider, closed }))
}

/// The path of a base URL without the segment that the kind's own paths begin with: SDKs want Anthropic's address without
/// `/v1` and Gemini's with `/v1beta` or without, and here both do.
fn without_version<'a>(preset: &Preset, base: &'a str) -> &'a str {
    let first = preset.paths.chat.trim_start_matches('/').split('/').next().unwrap_or_default();
    // OpenAI's own paths begin with the resource, and the version is part of the base.
    let shorter = base.strip_suffix(first).and_then(|rest| rest.strip_suffix('/'));
    shorter.filter(|_| first != "chat").unwrap_or(base)
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
}

fn off_notice(name: &str, preset: &Preset) -> String {
    match preset.env_key {
        "" => format!("provider {name} is off: its api_keys are empty"),
        variable => format!("provider {name} is off: its api_keys are empty ({variable} is the usual variable)"),
    }
}

fn note_unknown_prices(document: &Document, provider: &Provider) {
    let unpriced = provider.models.iter().filter(|row| row.prices.is_empty());
    let names: Vec<_> = unpriced.map(|row| row.name.as_str()).collect();
    if !names.is_empty() {
        let (name, names) = (&provider.name, names.join(", "));
        document.notice(format!(
            "provider {name}: no price is known for {names}: cost is null, and `cheapest` asks there last"
        ));
    }
}

fn read_kind(field: &Field<'_>) -> Option<&'static Preset> {
    let text = field.text()?;
    let found = preset(text);
    if found.is_none() {
        let kinds: Vec<_> = PRESETS.iter().map(|preset| preset.kind).collect();
        let message = format!("{} is no kind of provider; there are {}", field.quoted(text), kinds.join(", "));
        field.fault_with(message, suggest(text, kinds));
    }
    found
}

fn read_base_url(field: &Field<'_>) -> Option<BaseUrl> {
    let text = field.filled()?;
    BaseUrl::parse(text).map_err(|problem| field.fault(problem)).ok()
}

/// The keys that are not empty; `None` where one is faulty.
fn read_keys(field: &Field<'_>) -> Option<Vec<SecretString>> {
    let keys: Vec<_> = field.list()?.iter().map(read_key).collect();
    let keys: Option<Vec<&str>> = keys.into_iter().collect();
    Some(keys?.into_iter().filter(|key| !key.is_empty()).map(SecretString::from).collect())
}

fn read_key<'a>(field: &Field<'a>) -> Option<&'a str> {
    let key = field.text()?;
    check_key(key).map_err(|problem| field.fault(problem)).ok()?;
    Some(key)
}

/// Why the vendor could never get this key; never the key itself.
pub(super) fn check_key(key: &str) -> Result<(), &'static str> {
    match HeaderValue::from_str(key) {
        Ok(_) if key.trim() == key => Ok(()),
        _ => Err("the key holds a character that no header can carry, or a space at an end"),
    }
}

fn read_retries(field: &Field<'_>) -> Option<u32> {
    let retries = field.number(0)?;
    if retries > MOST_RETRIES {
        field.fault(format!("{retries} is too large: at most {MOST_RETRIES}"));
        return None;
    }
    Some(retries)
}

fn read_models(field: &Field<'_>, kind: &str, prices: &PriceTable) -> Option<Vec<ModelRow>> {
    let mut names = HashSet::new();
    let mut rows = Vec::new();
    for item in field.list()? {
        let Some(row) = ModelRow::read(&item, kind, prices) else {
            continue;
        };
        if !names.insert(row.name.clone()) {
            item.fault(format!("the model `{}` is listed twice", row.name));
        }
        rows.push(row);
    }
    Some(rows)
}

impl Timeouts {
    /// What is left out stays as `usual`.
    fn read(field: &Field<'_>, usual: Self) -> Option<Self> {
        let table = field.table(&TIMEOUTS)?;
        let mut timeouts = usual;
        let slots = [
            ("connect", &mut timeouts.connect),
            ("first_byte", &mut timeouts.first_byte),
            ("response", &mut timeouts.response),
            ("idle", &mut timeouts.idle),
            ("total", &mut timeouts.total),
        ];
        for (key, slot) in slots {
            table.set(key, slot, |field| field.parse(positive_duration));
        }
        Some(timeouts)
    }
}

impl Breaker {
    fn read(field: &Field<'_>) -> Option<Self> {
        let table = field.table(&BREAKER)?;
        let mut breaker = Self::default();
        // No bound: whoever wants no breaker says a number that is never reached.
        table.set("failures", &mut breaker.failures, |field| {
            field.number(1).map(|failures: i64| u32::try_from(failures).unwrap_or(u32::MAX))
        });
        table.set("open", &mut breaker.open, |field| field.parse(positive_duration));
        table.set("slow", &mut breaker.slow, |field| field.parse(positive_duration).map(Some));
        Some(breaker)
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::super::super::prices::Dimension;
    use super::super::super::testing::{fault_of, faults, load, load_more};

    fn provider(settings: &str) -> super::Provider {
        let mut providers = load_more(&format!("[providers.a]\nkind = \"openai\"\n{settings}")).config.providers;
        assert_eq!(providers[0].name, "a", "providers are sorted by name");
        providers.remove(0)
    }

    #[test]
    fn a_version_that_stands_in_the_base_url_does_not_stand_twice() {
        for (kind, base, path) in [
            ("anthropic", "https://a.example/v1", ""),
            ("anthropic", "https://a.example/proxy/v1/", "/proxy"),
            ("anthropic", "https://a.example/v12", "/v12"),
            ("gemini", "https://a.example/v1beta", ""),
            ("cohere", "https://a.example", ""),
            ("cohere", "https://a.example/v2", ""),
            ("azure", "https://a.example/openai", ""),
            ("openai", "https://a.example/v1", "/v1"),
            ("openai", "https://a.example/chat", "/chat"),
        ] {
            let file = format!("[providers.a]\nkind = \"{kind}\"\nbase_url = \"{base}\"");
            assert_eq!(load_more(&file).config.providers[0].base_url.path, path, "{kind} {base}");
        }
    }

    #[test]
    fn every_setting_reaches_its_field() {
        let a = provider(
            "base_url = \"http://h:8080/v1/\"\napi_keys = [\"k1\", \"\", \"k2\"]\n\
             timeouts = { connect = \"1s\", first_byte = \"2s\", response = \"3s\", idle = \"4s\", total = \"5s\" }\n\
             limits = { concurrency = 6 }\nbreaker = { failures = 7, open = \"8s\", slow = \"9s\" }\nretries = 0\ninject_usage = false",
        );
        assert_eq!((a.base_url.host.as_str(), a.base_url.port, a.base_url.path.as_str()), ("h", 8080, "/v1"));
        let keys = a.api_keys.unwrap_or_default();
        assert_eq!(keys.iter().map(|key| key.expose_secret()).collect::<Vec<_>>(), ["k1", "k2"]);
        let seconds =
            [a.timeouts.connect, a.timeouts.first_byte, a.timeouts.response, a.timeouts.idle, a.timeouts.total];
        assert_eq!(seconds.map(|timeout| timeout.as_secs()), [1, 2, 3, 4, 5]);
        assert_eq!((a.limits.concurrency, a.breaker.failures, a.breaker.open.as_secs()), (Some(6), 7, 8));
        assert_eq!(a.breaker.slow.map(|slow| slow.as_secs()), Some(9));
        assert_eq!((a.retries, a.inject_usage), (0, false));
    }

    #[test]
    fn a_kind_alone_is_enough_and_lists_the_published_models() {
        let a = provider("");
        assert_eq!((a.base_url.host.as_str(), a.base_url.tls), ("api.openai.com", true));
        assert!(a.api_keys.is_none() && a.health.is_none() && a.breaker.slow.is_none());
        assert!(a.models.iter().any(|row| row.name == "gpt-4o-mini" && !row.prices.is_empty()));
    }

    #[test]
    fn a_local_server_has_time_to_load_its_model() {
        for kind in ["ollama", "vllm", "llamacpp", "lmstudio"] {
            let timeouts = |settings: &str| {
                let file = format!("[providers.a]\nkind = \"{kind}\"\n{settings}");
                let timeouts = load_more(&file).config.providers.remove(0).timeouts;
                [timeouts.connect, timeouts.first_byte, timeouts.response].map(|timeout| timeout.as_secs())
            };
            assert_eq!(timeouts(""), [2, 120, 300], "{kind}");
            assert_eq!(timeouts("timeouts = { response = \"400s\" }"), [2, 120, 400], "{kind}");
        }
        assert_eq!(provider("").timeouts.first_byte.as_secs(), 15);
    }

    #[test]
    fn a_breaker_may_be_set_never_to_open() {
        assert_eq!(provider("breaker = { failures = 9000000000000 }").breaker.failures, u32::MAX);
    }

    #[test]
    fn settings_that_cannot_be_are_refused() {
        for (settings, path) in [
            ("base_url = \"https://h/?q\"", "base_url"),
            ("base_url = \"\"", "base_url"),
            ("api_keys = [\"a b\\n\"]", "api_keys[0]"),
            ("timeouts = { total = \"0s\" }", "timeouts.total"),
            ("timeouts = { conect = \"1s\" }", "timeouts.conect: unknown key (did you mean `connect`?)"),
            ("breaker = { failures = 0 }", "breaker.failures"),
            ("breaker = { open = \"0s\" }", "breaker.open"),
            ("breaker = { slow = \"0s\" }", "breaker.slow"),
            ("breaker = { slow = 20 }", "breaker.slow: expected a string"),
            ("limits = { concurrency = 0 }", "limits.concurrency"),
            ("retries = -1", "retries"),
            ("retries = 1000", "retries"),
            ("models = [{ name = \"m\" }, { name = \"m\" }]", "models[1]: the model `m` is listed twice"),
        ] {
            let fault = fault_of(&format!("[providers.a]\nkind = \"openai\"\n{settings}"));
            assert!(fault.contains(&format!("providers.a.{path}")), "{fault}");
        }
    }

    #[test]
    fn a_provider_needs_a_kind_and_a_plain_name() {
        assert!(fault_of("[providers.a]").contains("providers.a: `kind` is missing"));
        assert!(fault_of("[providers.\"a/b\"]\nkind = \"openai\"").contains("providers.\"a/b\": a provider's name"));
        load_more("[providers.\"a.b-c_1\"]\nkind = \"openai\"");
    }

    #[test]
    fn azure_is_where_its_user_says_and_nowhere_else() {
        let file = |settings: &str| format!("[providers.az]\nkind = \"azure\"\n{settings}");
        let fault = fault_of(&file(""));
        assert!(fault.contains("providers.az: the kind `azure` needs a base_url, such as \"https://NAME."), "{fault}");
        let at = "base_url = \"https://acme.openai.azure.com\"\n";
        let version =
            |settings: &str| load_more(&file(&format!("{at}{settings}"))).config.providers.remove(0).api_version;
        assert_eq!(version(""), "2024-10-21");
        assert_eq!(version("api_version = \"2025-03-01-preview\""), "2025-03-01-preview");
        assert!(fault_of(&file(&format!("{at}api_version = \"\""))).contains("providers.az.api_version"));
    }

    #[test]
    fn a_deployment_costs_what_the_model_of_its_name_costs() {
        let text = "[providers.az]\nkind = \"azure\"\nbase_url = \"https://acme.openai.azure.com\"\n\
                    models = [{ name = \"gpt-4o-mini\", id = \"our-deployment\" }]";
        let row = load_more(text).config.providers.remove(0).models.remove(0);
        let input = row.prices[0].rates().get(Dimension::Input);
        assert_eq!((row.id.as_str(), input), ("our-deployment", Some(150_000)));
    }

    #[test]
    fn only_azure_has_versions() {
        for kind in ["openai", "anthropic", "gemini", "ollama"] {
            let fault = fault_of(&format!("[providers.a]\nkind = \"{kind}\"\napi_version = \"2024-10-21\""));
            assert!(fault.contains("providers.a.api_version: only the kind `azure` has versions"), "{fault}");
        }
    }

    #[test]
    fn an_unset_variable_is_a_fault_that_names_it() {
        let text = "auth.required = false\n[providers.o]\nkind = \"openai\"\napi_keys = [\"${GONE}\"]";
        let found = faults(text, &[]);
        assert!(
            found[0].starts_with("t.toml:4:13: providers.o.api_keys[0]: the environment variable GONE"),
            "{found:?}"
        );
        assert!(load(text, &[("GONE", "sk-1")]).is_ok());
    }
}
