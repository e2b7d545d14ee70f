//! All providers that a configuration names, usable or not.

use std::collections::BTreeMap;

use super::super::document::Document;
use super::super::env::Env;
use super::super::faults::Place;
use super::super::presets::PRESETS;
use super::super::prices::PriceTable;
use super::super::reader::Table;
use super::Provider;
use super::read::{check_key, read_provider};

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
    pub(in crate::config) fn read(top: &Table<'_>, prices: &PriceTable) -> Self {
        let named = top.get("providers").and_then(|field| field.named()).unwrap_or_default();
        let readings = named.into_iter().map(|(name, field)| {
            let reading = read_provider(name, &field, prices).unwrap_or(Reading::Faulty);
            (name.to_owned(), reading)
        });
        Self(readings.collect())
    }

    /// Those whose vendor's variable is set, each under its kind's name.
    pub(in crate::config) fn of_environment(document: &Document, env: &Env, prices: &PriceTable) -> Self {
        let mut providers = BTreeMap::new();
        for preset in PRESETS.iter().filter(|preset| !preset.env_key.is_empty() && !preset.is_placeholder()) {
            let Some(key) = env.filled(preset.env_key) else {
                continue;
            };
            if let Err(problem) = check_key(key) {
                let place = Place::Variable(preset.env_key.to_owned());
                document.fault_at(place, "", problem, None);
            }
            if let Some(mut provider) = Provider::preset(preset.kind, preset, prices) {
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

#[cfg(test)]
mod tests {
    use super::super::super::testing::faults;

    #[test]
    fn providers_that_are_all_off_are_named_beside_the_way_out() {
        let text = "auth.required = false\n[providers.o]\nkind = \"openai\"\napi_keys = [\"\"]";
        let found = faults(text, &[]);
        assert!(found[0].contains("(without a key: o)") && found[0].contains("tollgate demo"), "{found:?}");
    }
}
