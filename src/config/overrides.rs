//! `TOLLGATE__SECTION__FIELD`: the environment over the file.
//!
//! Only scalars of tables with fixed keys can be set this way. The `config` crate lower-cases names and takes dots in
//! them for paths, so a table keyed by names (models with dots and capitals) is out of its reach by rule: a variable
//! is checked here before it gets there, and the file's tree goes in whole.

use ::config::{Config as Layers, ConfigError, Environment, Map, Source, Value};

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
static SECTIONS: [(&Shape, &[&str]); 4] = [
    (&SERVER, &["trusted_proxies", "cors_origins"]),
    (&AUTH, &["keys"]),
    (&CACHE, &[]),
    (&LOG, &[]),
];

/// Puts the environment's overrides into the document's tree. One that is unknown is a fault that names it.
pub(super) fn layer(document: &mut Document, env: &Env) {
    let mut accepted = Map::new();
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
        accepted.insert(name.to_owned(), value.to_owned());
        let origin = Origin {
            key: place.clone(),
            value: place,
            written: None,
        };
        document.origins.insert(path, origin);
    }
    if !accepted.is_empty() {
        merge(document, accepted);
    }
}

fn merge(document: &mut Document, variables: Map<String, String>) {
    let environment = Environment::with_prefix(PREFIX)
        .prefix_separator(SEPARATOR)
        .separator(SEPARATOR)
        .try_parsing(true)
        .source(Some(variables));
    let file = FileLayer(document.tree.clone());
    let layers = Layers::builder().add_source(file).add_source(environment);
    match layers.build().and_then(|layers| layers.cache.into_table()) {
        Ok(tree) => document.tree = tree,
        Err(error) => document.fault_at(Place::Nowhere, "", error.to_string(), None),
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

/// The file as the lowest layer. It is set as it is: collected key by key, `config` would split names at their dots.
#[derive(Debug, Clone)]
struct FileLayer(Map<String, Value>);

impl Source for FileLayer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        Ok(self.0.clone())
    }

    fn collect_to(&self, cache: &mut Value) -> Result<(), ConfigError> {
        *cache = self.0.clone().into();
        Ok(())
    }
}
