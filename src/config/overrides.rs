//! `TOLLGATE__SECTION__FIELD`: the environment over the file.
//!
//! Only scalars of tables with fixed keys can be set this way. The `config` crate, which does the layering, lower-cases
//! variables and takes dots in keys for paths, so tables keyed by names (models with dots and capitals) never reach it:
//! variables are checked first, and of the file only those sections go in.

use std::fmt;

use ::config::{Config as Layers, ConfigError, Environment, Map, Source, Value, ValueKind};

use super::admin::ADMIN;
use super::auth::AUTH;
use super::cache::CACHE;
use super::document::{Document, Origin};
use super::env::Env;
use super::faults::Place;
use super::log::LOG;
use super::server::SERVER;
use super::shape::{NOT_YET, Shape, TOP, comes_later};
use super::suggest::suggest;

const PREFIX: &str = "TOLLGATE";
const SEPARATOR: &str = "__";

/// Tables with fixed keys, and those of their keys that hold no scalar.
static SECTIONS: [(&Shape, &[&str]); 5] =
    [(&SERVER, &["trusted_proxies", "cors_origins"]), (&AUTH, &["keys"]), (&ADMIN, &[]), (&CACHE, &[]), (&LOG, &[])];

/// Settings that are texts even where they read as a number.
static TEXTS: [&str; 1] = ["admin.secret"];

/// Puts the environment's overrides into the document's tree. One that is unknown is a fault that names it.
pub(super) fn layer(document: &mut Document, env: &Env) {
    let (mut accepted, mut texts) = (Map::new(), Map::new());
    for (name, value) in env.iter() {
        let Some(rest) = name.strip_prefix(PREFIX).and_then(|rest| rest.strip_prefix(SEPARATOR)) else {
            continue;
        };
        let path = rest.to_lowercase().replace(SEPARATOR, ".");
        let place = Place::Variable(name.to_owned());
        if let Err((problem, near)) = check(&path) {
            let near = near.map(|near| format!("{PREFIX}{SEPARATOR}{}", near.to_uppercase().replace('.', SEPARATOR)));
            document.fault_at(place, "", problem, near);
            continue;
        }
        let layer = if TEXTS.contains(&path.as_str()) { &mut texts } else { &mut accepted };
        layer.insert(name.to_owned(), value.to_owned());
        let origin = Origin { key: place.clone(), value: place, written: None };
        document.origins.insert(path, origin);
    }
    if !accepted.is_empty() || !texts.is_empty() {
        merge(document, accepted, texts);
    }
}

fn merge(document: &mut Document, variables: Map<String, String>, texts: Map<String, String>) {
    let environment = |variables, parsed| {
        let environment = Environment::with_prefix(PREFIX).prefix_separator(SEPARATOR).separator(SEPARATOR);
        environment.try_parsing(parsed).source(Some(variables))
    };
    let of_file = SECTIONS.iter().filter_map(|(shape, _)| document.tree.get_key_value(shape.name));
    let file = FileLayer(of_file.map(|(name, section)| (name.clone(), section.clone())).collect());
    let layers = Layers::builder().add_source(file).add_source(environment(variables, true));
    let layers = layers.add_source(environment(texts, false));
    match layers.build().and_then(|layers| layers.cache.into_table()) {
        Ok(sections) => sections.into_iter().for_each(|(name, section)| replace(document, name, section)),
        Err(error) => document.fault_at(Place::Nowhere, "", error.to_string(), None),
    }
}

/// A section that is not even a table stays as it is, for its reader to find fault with.
fn replace(document: &mut Document, name: String, section: Value) {
    let slot = document.tree.entry(name).or_insert_with(|| Map::<String, Value>::new().into());
    if matches!(slot.kind, ValueKind::Table(_)) {
        *slot = section;
    }
}

/// What is wrong with an override's path, and the path that was probably meant.
fn check(path: &str) -> Result<(), (&'static str, Option<String>)> {
    let (section, field) = path.split_once('.').unwrap_or((path, ""));
    let Some((shape, lists)) = SECTIONS.iter().find(|(shape, _)| shape.name == section) else {
        if comes_later(TOP.name, section) {
            return Err((NOT_YET, None));
        }
        if TOP.keys.contains(&section) {
            return Err(("this table can be set in the file only", None));
        }
        let near = suggest(section, SECTIONS.iter().map(|(shape, _)| shape.name));
        return Err(("no such section", near.map(|near| format!("{near}.{field}"))));
    };
    if lists.contains(&field) {
        return Err(("a list can be set in the file only", None));
    }
    if comes_later(section, field) {
        return Err((NOT_YET, None));
    }
    if !shape.keys.contains(&field) {
        let near = suggest(field, shape.keys.iter().copied());
        return Err(("no such setting", near.map(|near| format!("{section}.{near}"))));
    }
    Ok(())
}

/// The sections of the file, as the lower layer.
#[derive(Clone)]
struct FileLayer(Map<String, Value>);

impl fmt::Debug for FileLayer {
    /// Without the tree: it holds secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FileLayer")
    }
}

impl Source for FileLayer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        Ok(self.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{faults, load};

    const TEXT: &str = "auth.required = false\nproviders.local.kind = \"ollama\"\n\
                        [models.\"Org/GPT-4.1-Mini\"]\ntargets = [\"local/a.b\"]";

    #[test]
    fn scalars_of_every_section_can_be_set() {
        let variables = [
            ("TOLLGATE__SERVER__LISTEN", "127.0.0.1:8080"),
            ("TOLLGATE__SERVER__MAX_CONNECTIONS", "12"),
            ("TOLLGATE__SERVER__PER_IP", ""),
            ("TOLLGATE__CACHE__ENABLED", "true"),
            ("TOLLGATE__LOG__FORMAT", "json"),
            ("TOLLGATE__AUTH__REQUIRED", "false"),
        ];
        let config = load(TEXT, &variables).unwrap().config;
        assert_eq!((config.server.listen.port(), config.server.max_connections), (8080, 12));
        assert_eq!((config.cache.enabled, config.log.format), (true, super::super::LogFormat::Json));
    }

    #[test]
    fn names_with_dots_slashes_and_capitals_stay_whole_under_an_override() {
        let config = load(TEXT, &[("TOLLGATE__LOG__FORMAT", "text")]).unwrap().config;
        assert_eq!(config.models[0].name, "Org/GPT-4.1-Mini");
        assert_eq!(config.models[0].targets[0].model, "a.b");
    }

    #[test]
    fn an_override_that_cannot_be_is_a_fault_that_names_the_variable() {
        for (name, problem) in [
            ("TOLLGATE__SERVER__LISTN", "no such setting (did you mean `TOLLGATE__SERVER__LISTEN`?)"),
            ("TOLLGATE__SEVER__LISTEN", "no such section (did you mean `TOLLGATE__SERVER__LISTEN`?)"),
            ("TOLLGATE__SERVER", "no such setting"),
            ("TOLLGATE__SERVER__LISTEN__X", "no such setting"),
            ("TOLLGATE__SERVER__TRUSTED_PROXIES", "a list can be set in the file only"),
            ("TOLLGATE__AUTH__KEYS", "a list can be set in the file only"),
            ("TOLLGATE__MODELS__GPT-4.1-Mini__DEADLINE", "this table can be set in the file only"),
            ("TOLLGATE__STORE__URL", super::NOT_YET),
            ("TOLLGATE__LOG__CONTENT", super::NOT_YET),
        ] {
            let found = faults(TEXT, &[(name, "1")]);
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(found[0].starts_with(&format!("{name}: {problem}")), "{found:?}");
        }
    }

    #[test]
    fn a_section_that_is_no_table_stays_a_fault_under_an_override() {
        let text = format!("server = 3\n\"a.b\" = 1\n{TEXT}");
        let found = faults(&text, &[("TOLLGATE__SERVER__DRAIN", "1s")]);
        assert!(found[0].starts_with("t.toml:1:10: server: expected a table"), "{found:?}");
        assert_eq!(found[1], "t.toml:2:1: \"a.b\": unknown key");
    }

    #[test]
    fn a_bad_value_is_a_fault_at_the_variable() {
        let found = faults(TEXT, &[("TOLLGATE__SERVER__DRAIN", "soon")]);
        assert!(found[0].starts_with("TOLLGATE__SERVER__DRAIN: server.drain: \"soon\" is not a duration"), "{found:?}");
    }
}
