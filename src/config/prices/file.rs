//! A price file: a table for each kind of provider, with rows of models.
//!
//! ```toml
//! [openai]
//! source = "https://platform.openai.com/docs/pricing"
//! checked = "2026-11"
//! models = [
//!   { name = "m", aliases = ["m-2026"], input = 1.00, output = 5.00, tiers = [{ above = 200000, input = 2.00 }] },
//!   { name = "m", from = "2026-12-01", input = 0.50, output = 2.50 },
//! ]
//! ```

use std::path::Path;
use std::sync::Arc;

use jiff::civil::Date;

use super::model::{PriceRow, PricedModel};
use super::price::Price;
use super::rates::with_rates;
use super::stated::Stated;
use super::table::{Kind, PriceTable};
use crate::config::document::Document;
use crate::config::env::Env;
use crate::config::expand::Expander;
use crate::config::faults::{Fault, Faults, Place};
use crate::config::presets::{PRESETS, preset};
use crate::config::reader::{Field, Table};
use crate::config::shape::Shape;
use crate::config::suggest::suggest;

static BLOCK: Shape = Shape { name: "kind", keys: &["source", "checked", "models"] };

static ROW: Shape = Shape {
    name: "models",
    keys: &with_rates::<10, 21>([
        "name",
        "aliases",
        "from",
        "source",
        "checked",
        "tiers",
        "context",
        "max_output",
        "vision",
        "tools",
    ]),
};

impl PriceTable {
    /// Reads a price file by itself, with nothing under it. Reports every fault it can find.
    pub fn of_file(path: &Path, env: &Env) -> Result<Self, Faults> {
        let faults = match std::fs::read_to_string(path) {
            Ok(text) => match Self::parse(&text, path, env) {
                Ok(table) => return Ok(table),
                Err(faults) => faults,
            },
            Err(error) => vec![Fault {
                place: Place::File(path.to_owned()),
                path: String::new(),
                message: format!("cannot be read: {error}"),
                suggestion: None,
            }],
        };
        Err(Faults::of(faults).expect("there is a fault"))
    }

    pub(super) fn parse(text: &str, file: &Path, env: &Env) -> Result<Self, Vec<Fault>> {
        Self::parse_as(text, file, env, Some(&file.into()))
    }

    pub(super) fn parse_published(text: &str) -> Result<Self, Vec<Fault>> {
        Self::parse_as(text, Path::new("config/prices.toml"), &Env::default(), None)
    }

    fn parse_as(text: &str, file: &Path, env: &Env, told: Option<&Arc<Path>>) -> Result<Self, Vec<Fault>> {
        let expander = Expander { env, folder: file.parent().unwrap_or(Path::new("")) };
        let document = Document::parse(text, file, expander)?;
        let mut table = Self::default();
        for (name, field) in document.tables() {
            let Some(kind) = preset(name).map(|preset| preset.kind) else {
                let near = suggest(name, PRESETS.iter().map(|preset| preset.kind));
                document.fault_at_key(&field.path, "is no kind of provider", near);
                continue;
            };
            if let Some(block) = field.table(&BLOCK) {
                read_block(&block, table.kind(kind), told);
            }
        }
        let (faults, _) = document.finish();
        if faults.is_empty() { Ok(table) } else { Err(faults) }
    }
}

/// What a row says, and where it says which aliases there are.
struct Row<'a> {
    name: &'a str,
    aliases: Vec<Field<'a>>,
    row: PriceRow,
}

fn read_block(block: &Table<'_>, kind: &mut Kind, file: Option<&Arc<Path>>) {
    let usual = Origin::read(block, &Origin::default());
    let items = block.require("models").and_then(|field| field.list()).unwrap_or_default();
    let mut aliases = Vec::new();
    for item in items {
        let Some(read) = read_row(&item, &usual) else { continue };
        aliases.extend(read.aliases.into_iter().map(|alias| (read.name, alias)));
        match kind.named(read.name) {
            None => kind.push(PricedModel {
                name: read.name.to_owned(),
                aliases: Vec::new(),
                rows: vec![read.row],
                file: file.cloned(),
            }),
            Some(model) => add_row(model, read.row, &item),
        }
    }
    // Once all names are known.
    for (name, field) in aliases {
        let Some(alias) = field.filled() else { continue };
        match kind.find(alias) {
            None => kind.add_alias(name, alias),
            Some(model) if model.name == name && alias != name => {}
            Some(model) => field.fault(format!("{} already stands for `{}`", field.quoted(alias), model.name)),
        }
    }
}

fn add_row(model: &mut PricedModel, row: PriceRow, item: &Field<'_>) {
    let from = row.price.from();
    if model.rows.iter().any(|other| other.price.from() == from) {
        let when = from.map_or_else(String::new, |day| format!(" from {day} on"));
        item.fault(format!("the model `{}` is listed twice{when}", model.name));
        return;
    }
    model.rows.push(row);
    model.rows.sort_by_key(|row| row.price.from());
}

fn read_row<'a>(field: &Field<'a>, usual: &Origin) -> Option<Row<'a>> {
    let table = field.table(&ROW)?;
    let name = table.require("name").and_then(|field| field.filled());
    let aliases = table.get("aliases").map_or(Some(Vec::new()), |field| field.list());
    let from = table.get("from").map_or(Some(None), |field| field.parse(date).map(Some));
    let (input, output) = (table.require("input"), table.require("output"));
    let stated = Stated::read(&table);
    let Origin { source, checked } = Origin::read(&table, usual);
    let (mut context, mut max_output, mut vision, mut tools) = (None, None, true, true);
    table.set("context", &mut context, |field| field.number(1).map(Some));
    table.set("max_output", &mut max_output, |field| field.number(1).map(Some));
    table.set("vision", &mut vision, |field| field.flag());
    table.set("tools", &mut tools, |field| field.flag());
    input.and(output)?;
    let stated = stated?;
    let price = Price::new(from?, stated.rates, stated.tiers.unwrap_or_default())?;
    let row = PriceRow { price, source, checked, context, max_output, vision, tools };
    Some(Row { name: name?, aliases: aliases?, row })
}

/// Where prices were looked up, and when.
#[derive(Default)]
struct Origin {
    source: Option<Arc<str>>,
    checked: Option<Arc<str>>,
}

impl Origin {
    /// What is left out is as `usual`.
    fn read(table: &Table<'_>, usual: &Self) -> Self {
        let mut origin = Self { source: usual.source.clone(), checked: usual.checked.clone() };
        table.set("source", &mut origin.source, |field| field.parse(address).map(Some));
        table.set("checked", &mut origin.checked, |field| field.parse(month).map(Some));
        origin
    }
}

fn address(text: &str) -> Result<Arc<str>, &'static str> {
    let known = text.starts_with("https://") || text.starts_with("http://");
    if known { Ok(text.into()) } else { Err("is not a URL, such as \"https://example.com/pricing\"") }
}

fn month(text: &str) -> Result<Arc<str>, &'static str> {
    date(&format!("{text}-01")).map(|_| text.into()).map_err(|_| "is not a month, such as \"2026-11\"")
}

fn date(text: &str) -> Result<Date, &'static str> {
    const NO_DATE: &str = "is not a day, such as \"2026-12-01\"";
    let date: Date = text.parse().map_err(|_| NO_DATE)?;
    // Nothing but year, month and day, in full.
    if date.to_string() == text { Ok(date) } else { Err(NO_DATE) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::prices::Dimension;

    fn parse(text: &str) -> Result<PriceTable, Vec<String>> {
        let parsed = PriceTable::parse(text, Path::new("p.toml"), &Env::default());
        parsed.map_err(|faults| faults.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn every_key_reaches_its_field() {
        let text = "[anthropic]\nsource = \"https://a.example\"\nchecked = \"2026-11\"\nmodels = [\n\
                    { name = \"m\", aliases = [\"m-1\"], from = \"2026-12-01\", checked = \"2026-12\", input = 1, output = 2, \
                    cache_read = 3, cache_read_audio = 4, cache_write = 5, cache_write_1h = 6, reasoning = 7, \
                    audio_input = 8, audio_output = 9, image_input = 10, image_output = 11, context = 12, \
                    max_output = 13, vision = false, tools = false, tiers = [{ above = 14, output = 15 }] } ]";
        let table = parse(text).unwrap();
        let model = table.find("anthropic", "m-1").unwrap();
        let row = &model.rows[0];
        let dimensions = ["input", "output", "cache_read", "cache_read_audio", "cache_write", "cache_write_1h"];
        let more = ["reasoning", "audio_input", "audio_output", "image_input", "image_output"];
        for (usd, key) in (1..).zip(dimensions.into_iter().chain(more)) {
            let dimension = Dimension::ALL.into_iter().find(|dimension| dimension.key() == key).unwrap();
            assert_eq!(row.price.rates().get(dimension), Some(usd * 1_000_000), "{key}");
        }
        assert_eq!(row.price.tiers()[0].above, 14);
        assert_eq!(row.price.rate(row.price.tiers().first(), Dimension::Output), 15_000_000);
        assert_eq!(row.price.from(), Some(jiff::civil::date(2026, 12, 1)));
        assert_eq!((row.source.as_deref(), row.checked.as_deref()), (Some("https://a.example"), Some("2026-12")));
        assert_eq!((row.context, row.max_output, row.vision, row.tools), (Some(12), Some(13), false, false));
        assert_eq!((model.name.as_str(), model.file.as_deref()), ("m", Some(Path::new("p.toml"))));
    }

    #[test]
    fn all_faults_are_reported_at_their_lines() {
        let text = r#"[openai]
source = "a page"
checked = "2026-13"
models = [
  { name = "a", input = -1, output = 20000 },
  { name = "b", input = "1", output = 1, cache_reed = 1 },
  { name = "c", output = 1 },
  { input = 1, output = 1, from = "2026-2-1" },
  { name = "d", input = 1, output = 1, tiers = [{ above = 0, input = 1 }, { input = 1 }, { above = 5 }] },
  { name = "e", input = 1, output = 1, tiers = [{ above = 9, input = 1 }, { above = 9, input = 2 }] },
  { name = "f", aliases = ["g", "f", ""], input = 1, output = 1 },
  { name = "g", input = 1, output = 1, from = "2026-12-01" },
  { name = "g", input = 1, output = 1, from = "2026-12-01" },
  { name = "h", aliases = ["i"], input = 1, output = 1 },
  { name = "j", aliases = ["i"], input = 1, output = 1, context = 0 },
]
[opnai]
models = []
[groq]
"#;
        let expected = [
            "2:10: openai.source: \"a page\" is not a URL",
            "3:11: openai.checked: \"2026-13\" is not a month",
            "5:25: openai.models[0].input: -1 is not a price",
            "5:38: openai.models[0].output: 20000 is not a price",
            "6:25: openai.models[1].input: expected a number",
            "6:42: openai.models[1].cache_reed: unknown key (did you mean `cache_read`?)",
            "7:3: openai.models[2]: `input` is missing",
            "8:3: openai.models[3]: `name` is missing",
            "8:35: openai.models[3].from: \"2026-2-1\" is not a day",
            "9:59: openai.models[4].tiers[0].above: 0 is too small",
            "9:75: openai.models[4].tiers[1]: `above` is missing",
            "9:90: openai.models[4].tiers[2]: a tier without a price",
            "10:75: openai.models[5].tiers[1]: `above` must be more",
            "11:28: openai.models[6].aliases[0]: \"g\" already stands for `g`",
            "11:33: openai.models[6].aliases[1]: \"f\" already stands for `f`",
            "11:38: openai.models[6].aliases[2]: must not be empty",
            "13:3: openai.models[8]: the model `g` is listed twice from 2026-12-01 on",
            "15:28: openai.models[10].aliases[0]: \"i\" already stands for `h`",
            "15:67: openai.models[10].context: 0 is too small",
            "17:2: opnai: is no kind of provider (did you mean `openai`?)",
            "19:2: groq: `models` is missing",
        ];
        let mut found = PriceTable::parse(text, Path::new("p.toml"), &Env::default()).unwrap_err();
        found.sort_by(|a, b| a.place.cmp(&b.place));
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.to_string().starts_with(&format!("p.toml:{expected}")), "{found}\n{expected}");
        }
        assert_eq!(found.len(), expected.len(), "{found:#?}");
    }

    #[test]
    fn an_alias_may_stand_in_every_row_of_its_model() {
        let text = "[openai]\nmodels = [\n{ name = \"m\", aliases = [\"x\"], input = 1, output = 1 },\n\
                    { name = \"m\", aliases = [\"x\", \"y\"], from = \"2026-12-01\", input = 1, output = 1 } ]";
        let table = parse(text).unwrap();
        assert_eq!(table.find("openai", "y").unwrap().aliases, ["x", "y"]);
        assert_eq!(table.find("openai", "x").unwrap().rows.len(), 2);
    }

    #[test]
    fn the_price_file_of_the_readme_is_good() {
        let readme = include_str!("../../../README.md");
        let mut blocks = readme.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next());
        let table = parse(blocks.find(|block| block.contains("checked = ")).unwrap()).unwrap();
        assert_eq!(table.find("openai", "gpt-4o-mini-2024-07-18").unwrap().rows.len(), 2);
    }

    #[test]
    fn what_is_no_toml_or_not_there_is_a_fault() {
        assert!(parse("[openai\n").unwrap_err()[0].starts_with("p.toml:1:"));
        let gone = PriceTable::of_file(Path::new("gone.toml"), &Env::default()).unwrap_err();
        assert!(gone.to_string().starts_with("gone.toml: cannot be read"), "{gone}");
    }
}
