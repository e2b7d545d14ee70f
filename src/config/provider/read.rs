//! From `[providers.*]`, or from the environment alone, to providers.

use std::collections::{BTreeMap, HashSet};

use http::HeaderValue;
use secrecy::SecretString;

use super::super::document::Document;
use super::super::env::Env;
use super::super::faults::Place;
use super::super::limits::Limit;
use super::super::presets::{PRESETS, Preset, preset};
use super::super::prices::published_models;
use super::super::reader::{Field, Table};
use super::super::shape::Shape;
use super::super::suggest::suggest;
use super::super::values::positive_duration;
use super::{BaseUrl, Breaker, ModelRow, Provider, Timeouts};

static PROVIDER: Shape = Shape {
    name: "providers",
    keys: &[
        "kind",
        "base_url",
        "api_keys",
        "timeouts",
        "limits",
        "breaker",
        "retries",
        "inject_usage",
        "models",
    ],
};

static TIMEOUTS: Shape = Shape {
    name: "timeouts",
    keys: &["connect", "first_byte", "response", "idle", "total"],
};

static BREAKER: Shape = Shape {
    name: "breaker",
    keys: &["failures", "open"],
};

const MOST_RETRIES: u32 = 100;

/// Every provider that was named, usable or not, for targets to refer to.
#[derive(Debug, Default)]
pub(in crate::config) struct Providers(BTreeMap<String, Reading>);

/// What came of one provider.
#[derive(Debug)]
pub(in crate::config) enum Reading {
    Usable(Listing),
    /// All its keys are empty.
    Off(Listing),
    /// Its faults are noted.
    Faulty,
}

/// A provider, and whether its models are only those that the file lists.
#[derive(Debug)]
pub(in crate::config) struct Listing {
    pub(in crate::config) provider: Provider,
    pub(in crate::config) closed: bool,
}

impl Providers {
    /// Those of the file.
    pub(in crate::config) fn read(top: &Table<'_>) -> Self {
        let named = top.get("providers").and_then(|field| field.named()).unwrap_or_default();
        let readings = named.into_iter().map(|(name, field)| {
            let reading = read_provider(name, &field).unwrap_or(Reading::Faulty);
            (name.to_owned(), reading)
        });
        Self(readings.collect())
    }

    /// Those whose vendor's variable is set, each under its kind's name.
    pub(in crate::config) fn of_environment(document: &Document, env: &Env) -> Self {
        let mut providers = BTreeMap::new();
        for preset in PRESETS.iter().filter(|preset| !preset.env_key.is_empty()) {
            let Some(key) = env.filled(preset.env_key) else {
                continue;
            };
            if let Err(problem) = check_key(key) {
                let place = Place::Variable(preset.env_key.to_owned());
                document.fault_at(place, "", problem, None);
            }
            if let Some(mut provider) = Provider::preset(preset.kind, preset) {
                provider.api_keys = Some(vec![key.into()]);
                let closed = false;
                providers.insert(preset.kind.to_owned(), Reading::Usable(Listing { provider, closed }));
            }
        }
        Self(providers)
    }

    pub(in crate::config) fn get(&self, name: &str) -> Option<&Reading> {
        self.0.get(name)
    }

    pub(in crate::config) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The usable ones, sorted by name. That there is none is a fault, unless others explain it.
    pub(in crate::config) fn usable(self, document: &Document) -> Vec<Provider> {
        let explained = self.0.values().any(|reading| matches!(reading, Reading::Faulty));
        let (mut usable, mut off) = (Vec::new(), Vec::new());
        for (name, reading) in self.0 {
            match reading {
                Reading::Usable(listing) => usable.push(listing.provider),
                Reading::Off(_) => off.push(name),
                Reading::Faulty => {}
            }
        }
        if usable.is_empty() && !explained {
            let because = match off.as_slice() {
                [] => String::new(),
                off => format!(" (without a key: {})", off.join(", ")),
            };
            let message = format!(
                "no usable provider{because}: set OPENAI_API_KEY or another provider's key, \
                 or run `tollgate demo`, which needs none"
            );
            document.fault("providers", message, None);
        }
        usable
    }
}

impl Provider {
    /// One of which the file says nothing but its kind.
    fn preset(name: &str, preset: &'static Preset) -> Option<Self> {
        Some(Self {
            name: name.to_owned(),
            preset,
            base_url: BaseUrl::parse(preset.base_url).ok()?,
            api_keys: None,
            timeouts: Timeouts::default(),
            limits: Limit::default(),
            breaker: Breaker::default(),
            retries: 1,
            inject_usage: true,
            models: published_models(preset.kind).to_vec(),
        })
    }
}

fn read_provider(name: &str, field: &Field<'_>) -> Option<Reading> {
    let document = field.document;
    if !is_name(name) {
        document.fault_at_key(
            &field.path,
            "a provider's name is made of letters, digits, `_`, `.` and `-`",
            None,
        );
    }
    let table = field.table(&PROVIDER)?;
    let kind = table.require("kind").and_then(|field| read_kind(&field));
    let mut provider = Provider::preset(name, kind.unwrap_or(&PRESETS[0]))?;
    table.set("base_url", &mut provider.base_url, read_base_url);
    table.set("api_keys", &mut provider.api_keys, |field| read_keys(field).map(Some));
    table.set("timeouts", &mut provider.timeouts, Timeouts::read);
    table.set("limits", &mut provider.limits, Limit::read);
    table.set("breaker", &mut provider.breaker, Breaker::read);
    table.set("retries", &mut provider.retries, read_retries);
    table.set("inject_usage", &mut provider.inject_usage, |field| field.flag());
    let kind_name = kind.map_or("", |preset| preset.kind);
    table.set("models", &mut provider.models, |field| read_models(field, kind_name));
    let preset = kind?;
    let closed = table.get("models").is_some();
    if provider.api_keys.as_ref().is_some_and(Vec::is_empty) {
        document.notice(off_notice(name, preset));
        return Some(Reading::Off(Listing { provider, closed }));
    }
    note_unknown_prices(document, &provider);
    Some(Reading::Usable(Listing { provider, closed }))
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
}

fn off_notice(name: &str, preset: &Preset) -> String {
    match preset.env_key {
        "" => format!("provider {name} is off: its api_keys are empty"),
        variable => format!("provider {name} is off: its api_keys are empty ({variable} is the usual variable)"),
    }
}

fn note_unknown_prices(document: &Document, provider: &Provider) {
    let unpriced = provider.models.iter().filter(|row| row.price.is_none());
    let names: Vec<_> = unpriced.map(|row| row.name.as_str()).collect();
    if !names.is_empty() {
        let (name, names) = (&provider.name, names.join(", "));
        document.notice(format!(
            "provider {name}: no price is known for {names}; the cost of such calls is null"
        ));
    }
}

fn read_kind(field: &Field<'_>) -> Option<&'static Preset> {
    let text = field.text()?;
    let found = preset(text);
    if found.is_none() {
        let kinds: Vec<_> = PRESETS.iter().map(|preset| preset.kind).collect();
        let message = format!(
            "{} is no kind of provider; there are {}",
            field.quoted(text),
            kinds.join(", ")
        );
        field.fault_with(message, suggest(text, kinds));
    }
    found
}

fn read_base_url(field: &Field<'_>) -> Option<BaseUrl> {
    let text = field.filled()?;
    BaseUrl::parse(text).map_err(|problem| field.fault(problem)).ok()
}

/// The keys that are not empty.
fn read_keys(field: &Field<'_>) -> Option<Vec<SecretString>> {
    let mut keys = Vec::new();
    for item in field.list()? {
        match item.text() {
            None | Some("") => {}
            Some(key) => match check_key(key) {
                Ok(()) => keys.push(key.into()),
                Err(problem) => item.fault(problem),
            },
        }
    }
    Some(keys)
}

fn check_key(key: &str) -> Result<(), &'static str> {
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

fn read_models(field: &Field<'_>, kind: &str) -> Option<Vec<ModelRow>> {
    let mut names = HashSet::new();
    let mut rows = Vec::new();
    for item in field.list()? {
        let Some(row) = ModelRow::read(&item, kind) else {
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
    fn read(field: &Field<'_>) -> Option<Self> {
        let table = field.table(&TIMEOUTS)?;
        let mut timeouts = Self::default();
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
        table.set("failures", &mut breaker.failures, |field| field.number(1));
        table.set("open", &mut breaker.open, |field| field.parse(positive_duration));
        Some(breaker)
    }
}
