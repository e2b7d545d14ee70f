//! `[models.NAME]`: a name that clients may ask for, and what stands behind it.

use std::time::Duration;

use super::provider::{Listing, Providers, Reading};
use super::quality::Quality;
use super::reader::{Field, Table};
use super::shape::Shape;
use super::suggest::suggest;
use super::values::positive_duration;

static MODEL: Shape =
    Shape { name: "models", keys: &["strategy", "targets", "deadline", "strict", "quality", "on_filter"] };

static TARGET: Shape = Shape { name: "targets", keys: &["target"] };

/// One name and its targets.
#[derive(Debug, Clone)]
pub struct Model {
    pub name: String,
    pub strategy: Strategy,
    /// Usable targets in the order of the file; those of providers that are off are left out.
    pub targets: Vec<Target>,
    /// Shortens `server.deadline` for this name.
    pub deadline: Option<Duration>,
    /// Calls are never sent to a provider whose format has no place for all that they ask for.
    pub strict: bool,
    /// Which answers are passed over for another candidate's.
    pub quality: Quality,
    pub on_filter: OnFilter,
}

/// `provider/model` of a `targets` list. The provider is in [`super::Config::providers`]; the model may be one
/// that it does not list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub provider: String,
    pub model: String,
}

/// How candidates are put in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strategy {
    #[default]
    Cheapest,
    Ordered,
}

/// What follows when a provider's filter refuses the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnFilter {
    /// The caller is told.
    #[default]
    Return,
    /// Another target is asked.
    Next,
}

const ON_FILTER: &[(&str, OnFilter)] = &[("return", OnFilter::Return), ("next", OnFilter::Next)];

const STRATEGIES: &[(&str, Strategy)] = &[("cheapest", Strategy::Cheapest), ("ordered", Strategy::Ordered)];

impl Model {
    /// All of `[models]`, in the order of the file, without those that no usable provider stands behind.
    pub(super) fn read_all(top: &Table<'_>, providers: &Providers) -> Vec<Self> {
        let named = top.get("models").and_then(|field| field.named()).unwrap_or_default();
        named.iter().filter_map(|(name, field)| Self::read(name, field, providers)).collect()
    }

    fn read(name: &str, field: &Field<'_>, providers: &Providers) -> Option<Self> {
        if name.is_empty() {
            field.document.fault_at_key(&field.path, "a model needs a name", None);
        }
        let table = field.table(&MODEL)?;
        let mut model = Self {
            name: name.to_owned(),
            strategy: Strategy::default(),
            targets: Vec::new(),
            deadline: None,
            strict: false,
            quality: Quality::default(),
            on_filter: OnFilter::default(),
        };
        table.set("strategy", &mut model.strategy, |field| field.choice(STRATEGIES));
        table.set("deadline", &mut model.deadline, |field| field.parse(positive_duration).map(Some));
        table.set("strict", &mut model.strict, |field| field.flag());
        table.set("quality", &mut model.quality, Quality::read);
        table.set("on_filter", &mut model.on_filter, |field| field.choice(ON_FILTER));
        let targets = table.require("targets")?;
        let items = targets.list()?;
        if items.is_empty() {
            targets.fault("a model needs at least one target, such as \"openai/gpt-4o-mini\"");
            return None;
        }
        model.targets = items.iter().filter_map(|item| Target::read(item, name, providers)).collect();
        if model.targets.is_empty() {
            field.document.notice(format!("model {name} is left out: all its targets are off"));
            return None;
        }
        Some(model)
    }
}

impl Target {
    /// Reads `"provider/model"` or `{ target = "provider/model" }`; `None` also where the provider is off.
    fn read(field: &Field<'_>, name: &str, providers: &Providers) -> Option<Self> {
        let field = if field.is_table() { &field.table(&TARGET)?.require("target")? } else { field };
        let target = field.parse(split)?;
        match providers.get(&target.provider) {
            None => {
                target.fault_provider(field, providers);
                None
            }
            Some(Reading::Faulty) => None,
            Some(Reading::Off(listing)) => {
                target.check(field, listing)?;
                let (provider, model) = (&target.provider, &target.model);
                field
                    .document
                    .notice(format!("model {name}: the target {provider}/{model} is skipped, {provider} is off"));
                None
            }
            Some(Reading::Usable(listing)) => {
                if !target.check(field, listing)? {
                    let (provider, model) = (&target.provider, &target.model);
                    let text = format!(
                        "model {name}: no price is known for {provider}/{model}: cost is null, and `cheapest` asks it last"
                    );
                    field.document.notice(text);
                }
                Some(target)
            }
        }
    }

    /// Whether the provider lists the model. That a closed list lacks it is a fault.
    fn check(&self, field: &Field<'_>, listing: &Listing) -> Option<bool> {
        let rows = &listing.provider.models;
        let listed = rows.iter().any(|row| row.name == self.model);
        if listing.closed && !listed {
            let near = suggest(&self.model, rows.iter().map(|row| row.name.as_str()));
            let near = near.map(|model| format!("{}/{model}", self.provider));
            field.fault_with(format!("{} does not list the model `{}`", self.provider, self.model), near);
            return None;
        }
        Some(listed)
    }

    fn fault_provider(&self, field: &Field<'_>, providers: &Providers) {
        let near = suggest(&self.provider, providers.names());
        let near = near.map(|provider| format!("{provider}/{}", self.model));
        field.fault_with(format!("there is no provider `{}`", self.provider), near);
    }
}

/// At the first slash: a model's name may hold more.
fn split(text: &str) -> Result<Target, &'static str> {
    match text.split_once('/') {
        Some((provider, model)) if !provider.is_empty() && !model.is_empty() => {
            Ok(Target { provider: provider.to_owned(), model: model.to_owned() })
        }
        _ => Err("is not a target: write \"provider/model\""),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{fault_of, faults, load, load_more};
    use super::*;

    const OPENAI: &str =
        "[providers.openai]\nkind = \"openai\"\nmodels = [{ name = \"gpt-4o-mini\" }, { name = \"org/own\" }]\n";

    #[test]
    fn models_keep_their_names_and_the_order_of_the_file() {
        let names = ["zeta", "gpt-4.1-mini", "Org/Model.X", "alpha", "a b"];
        let text: String = names.iter().map(|name| format!("[models.{name:?}]\ntargets = [\"local/x\"]\n")).collect();
        let models = load_more(&text).config.models;
        assert_eq!(models.iter().map(|model| model.name.as_str()).collect::<Vec<_>>(), names);
    }

    #[test]
    fn targets_split_at_the_first_slash_in_either_form() {
        let text = "[models.m]\nstrategy = \"ordered\"\ndeadline = \"5s\"\ntargets = [\"openai/org/own\", { target = \"local/b\" }]";
        let model = load_more(&format!("{OPENAI}{text}")).config.models.remove(0);
        assert_eq!((model.strategy, model.deadline), (Strategy::Ordered, Some(Duration::from_secs(5))));
        let target = |provider: &str, model: &str| Target { provider: provider.into(), model: model.into() };
        assert_eq!(model.targets, [target("openai", "org/own"), target("local", "b")]);
    }

    #[test]
    fn quality_is_asked_for_in_part_or_not_at_all() {
        let model =
            |line: &str| load_more(&format!("[models.m]\ntargets = [\"local/a\"]\n{line}")).config.models.remove(0);
        let plain = model("");
        assert_eq!((plain.quality.judges(), plain.on_filter), (false, OnFilter::Return));
        let usual = Quality { empty: true, schema: true, refusal: false, truncated: false };
        assert_eq!(model("quality = {}").quality, usual);
        assert_eq!(
            model("quality = { empty = false, truncated = true }").quality,
            Quality { empty: false, truncated: true, ..usual }
        );
        assert_eq!(model("on_filter = \"next\"").on_filter, OnFilter::Next);
        assert!(fault_of("[models.m]\ntargets = [\"local/a\"]\nquality = { emtpy = true }").contains("empty"));
    }

    #[test]
    fn targets_that_cannot_be_are_refused() {
        for (targets, problem) in [
            ("[]", "targets: a model needs at least one target"),
            ("[\"local\"]", "targets[0]: \"local\" is not a target"),
            ("[\"local/\"]", "targets[0]: \"local/\" is not a target"),
            ("[\"opnai/gpt-4o\"]", "there is no provider `opnai` (did you mean `openai/gpt-4o`?)"),
            ("[\"openai/gpt-4o-min\"]", "does not list the model `gpt-4o-min` (did you mean `openai/gpt-4o-mini`?)"),
            ("[{ target = \"local/a\", weight = 2 }]", "targets[0].weight: this version"),
        ] {
            let fault = fault_of(&format!("{OPENAI}[models.m]\ntargets = {targets}"));
            assert!(fault.contains(problem), "{fault}");
        }
        assert!(fault_of("[models.m]").contains("models.m: `targets` is missing"));
        assert!(fault_of("[models.m]\ntargets = [\"local/a\"]\ndeadline = \"0s\"").contains("models.m.deadline"));
    }

    #[test]
    fn a_faulty_provider_does_not_make_its_targets_faulty() {
        let text = "auth.required = false\n[providers.a]\nkind = \"none\"\n[models.m]\ntargets = [\"a/b\"]";
        assert_eq!(faults(text, &[]).len(), 1);
    }

    #[test]
    fn targets_of_a_provider_that_is_off_are_skipped_and_models_without_others_left_out() {
        let text = "auth.required = false\n[providers.local]\nkind = \"ollama\"\n\
                    [providers.openai]\nkind = \"openai\"\napi_keys = [\"${KEY:-}\", \"\"]\n\
                    [models.both]\ntargets = [\"openai/gpt-4o\", \"local/a\"]\n[models.gone]\ntargets = [\"openai/gpt-4o\"]";
        let loaded = load(text, &[]).unwrap();
        let models = loaded.config.models;
        assert_eq!((models.len(), models[0].targets.len()), (1, 1));
        for notice in ["provider openai is off", "target openai/gpt-4o is skipped", "model gone is left out"] {
            assert!(loaded.notices.iter().any(|text| text.contains(notice)), "{:?}", loaded.notices);
        }
        assert_eq!(load(text, &[("KEY", "sk-test")]).unwrap().config.models.len(), 2);
    }

    #[test]
    fn a_target_without_a_known_price_is_noted() {
        let notices = load_more("[models.m]\ntargets = [\"local/llama3.2\"]").notices;
        assert!(notices.iter().any(|text| text.contains("no price is known for local/llama3.2")), "{notices:?}");
    }
}
