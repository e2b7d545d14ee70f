//! `[models.NAME]`: a name that clients may ask for, and what stands behind it.

use std::time::Duration;

use super::provider::{Listing, Providers, Reading};
use super::reader::{Field, Table};
use super::shape::Shape;
use super::suggest::suggest;
use super::values::positive_duration;

static MODEL: Shape = Shape {
    name: "models",
    keys: &["strategy", "targets", "deadline"],
};

static TARGET: Shape = Shape {
    name: "targets",
    keys: &["target"],
};

/// One name and its targets.
#[derive(Debug, Clone)]
pub struct Model {
    pub name: String,
    pub strategy: Strategy,
    /// Usable targets in the order of the file; those of providers that are off are left out.
    pub targets: Vec<Target>,
    /// Shortens `server.deadline` for this name.
    pub deadline: Option<Duration>,
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

const STRATEGIES: &[(&str, Strategy)] = &[("cheapest", Strategy::Cheapest), ("ordered", Strategy::Ordered)];

impl Model {
    /// All of `[models]`, in the order of the file, without those that no usable provider stands behind.
    pub(super) fn read_all(top: &Table<'_>, providers: &Providers) -> Vec<Self> {
        let named = top.get("models").and_then(|field| field.named()).unwrap_or_default();
        named
            .iter()
            .filter_map(|(name, field)| Self::read(name, field, providers))
            .collect()
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
        };
        table.set("strategy", &mut model.strategy, |field| field.choice(STRATEGIES));
        table.set("deadline", &mut model.deadline, |field| {
            field.parse(positive_duration).map(Some)
        });
        let targets = table.require("targets")?;
        let items = targets.list()?;
        if items.is_empty() {
            targets.fault("a model needs at least one target, such as \"openai/gpt-4o-mini\"");
            return None;
        }
        model.targets = items
            .iter()
            .filter_map(|item| Target::read(item, name, providers))
            .collect();
        if model.targets.is_empty() {
            field
                .document
                .notice(format!("model {name} is left out: all its targets are off"));
            return None;
        }
        Some(model)
    }
}

impl Target {
    /// Reads `"provider/model"` or `{ target = "provider/model" }`; `None` also where the provider is off.
    fn read(field: &Field<'_>, name: &str, providers: &Providers) -> Option<Self> {
        let field = if field.is_table() {
            &field.table(&TARGET)?.require("target")?
        } else {
            field
        };
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
                field.document.notice(format!(
                    "model {name}: the target {provider}/{model} is skipped, {provider} is off"
                ));
                None
            }
            Some(Reading::Usable(listing)) => {
                if !target.check(field, listing)? {
                    let (provider, model) = (&target.provider, &target.model);
                    let text = format!(
                        "model {name}: no price is known for {provider}/{model}; the cost of such calls is null"
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
            field.fault_with(
                format!("{} does not list the model `{}`", self.provider, self.model),
                near,
            );
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
        Some((provider, model)) if !provider.is_empty() && !model.is_empty() => Ok(Target {
            provider: provider.to_owned(),
            model: model.to_owned(),
        }),
        _ => Err("is not a target: write \"provider/model\""),
    }
}
