//! `tollgate prices`, and a price file of the operator's own (DESIGN 4.1; PITFALLS 8).

use std::process::{Output, Stdio};

use serde_json::Value;

use crate::harness::*;

/// A folder with a configuration and a price file in it.
struct Desk(tempfile::TempDir);

const CONFIG: &str = "auth.required = false\nprices.file = \"mine.toml\"\n\
                      [providers.o]\nkind = \"openai\"\n[providers.local]\nkind = \"ollama\"\nmodels = [{ name = \"llama\" }]\n\
                      [models.chat]\ntargets = [\"o/nobody-knows\", \"o/gpt-4o-mini\"]\n";

const MINE: &str = "[openai]\nsource = \"https://contract.example\"\nchecked = \"2026-11\"\nmodels = [\n\
                    { name = \"gpt-4o-mini\", input = 0.1, output = 0.5 },\n\
                    { name = \"gpt-4o-mini\", from = \"2999-01-01\", input = 9, output = 9 },\n\
                    { name = \"ours, \\\"new\\\"\", aliases = [\"ours\"], input = 1, output = 2, \
                    tiers = [{ above = 1000, input = 3 }] },\n\
                    { name = \"not-yet\", from = \"2999-01-01\", input = 1, output = 1 },\n]\n";

impl Desk {
    fn new(prices: &str) -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        desk.put("tollgate.toml", CONFIG);
        desk.put("mine.toml", prices);
        desk
    }

    fn put(&self, name: &str, text: &str) {
        std::fs::write(self.0.path().join(name), text).unwrap();
    }

    /// Runs `tollgate prices` elsewhere, with the folder's files named by their whole paths.
    fn run(&self, arguments: &[&str]) -> Output {
        let elsewhere = tempfile::tempdir().unwrap();
        let here = |name: &str| self.0.path().join(name).display().to_string();
        let arguments = arguments.iter().map(|argument| match argument.strip_prefix('@') {
            Some(name) => here(name),
            None => (*argument).to_owned(),
        });
        let mut command = tollgate();
        command.arg("prices").args(arguments).current_dir(elsewhere.path()).stdout(Stdio::piped());
        command.output().unwrap()
    }

    fn good(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// What is complained of.
    fn bad(&self, arguments: &[&str], code: i32) -> String {
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", String::from_utf8_lossy(&output.stdout));
        String::from_utf8(output.stderr).unwrap()
    }
}

fn json(text: &str) -> Vec<Value> {
    let mut listed: Value = serde_json::from_str(text).unwrap();
    listed["data"].take().as_array().unwrap().clone()
}

#[test]
fn the_list_has_the_file_over_the_published_prices_without_any_key() {
    let desk = Desk::new(MINE);
    let rows = json(&desk.good(&["list", "--config", "@tollgate.toml", "--format", "json"]));
    let of = |name: &str| rows.iter().filter(|row| row["model"] == name && row["kind"] == "openai").collect::<Vec<_>>();
    let mini = of("gpt-4o-mini");
    assert_eq!((mini.len(), &mini[0]["prices"]["input"], &mini[0]["holds"]), (2, &"0.1".into(), &true.into()));
    assert_eq!((&mini[1]["from"], &mini[1]["holds"]), (&"2999-01-01".into(), &false.into()));
    assert_eq!(mini[0]["aliases"], serde_json::json!(["gpt-4o-mini-2024-07-18"]));
    assert!(mini[0]["origin"].as_str().unwrap().ends_with("mine.toml"), "{}", mini[0]);
    assert_eq!(of("gpt-4o")[0]["origin"], "compiled in");
    assert_eq!(of("ours, \"new\"")[0]["tiers"][0], serde_json::json!({"above": 1000, "prices": {"input": "3"}}));
    let published = json(&desk.good(&["list", "--kind", "openai", "--format", "json"]));
    assert!(published.iter().all(|row| row["kind"] == "openai" && row["origin"] == "compiled in"));
    let versions = [&mini[0], &published.iter().find(|row| row["model"] == "gpt-4o-mini").unwrap()];
    assert_ne!(versions[0]["version"], versions[1]["version"]);
}

#[test]
fn a_list_is_a_table_or_csv() {
    let desk = Desk::new(MINE);
    let csv = desk.good(&["list", "--config", "@tollgate.toml", "--format", "csv"]);
    let head: Vec<_> = csv.lines().next().unwrap().split(',').collect();
    assert_eq!(head[..7], ["kind", "model", "aliases", "from", "holds", "input", "output"]);
    assert!(csv.lines().any(|line| line.starts_with("openai,\"ours, \"\"new\"\"\",ours,,true,1,2,")), "{csv}");
    let table = desk.good(&["list", "--config", "@tollgate.toml", "--kind", "openai"]);
    let line = table.lines().find(|line| line.contains("gpt-4o-mini ")).unwrap();
    assert_eq!(line.split_whitespace().collect::<Vec<_>>()[..4], ["openai", "gpt-4o-mini", "0.1", "0.5"]);
    assert!(table.lines().count() > 30, "{table}");
    assert!(desk.bad(&["list", "--kind", "opnai"], 2).contains("opnai"));
}

#[test]
fn show_tells_all_of_a_model_by_any_of_its_names_and_for_any_day() {
    let desk = Desk::new(MINE);
    let show = |arguments: &[&str]| desk.good(&[&["show", "--config", "@tollgate.toml"], arguments].concat());
    let ours = show(&["ours"]);
    for part in
        ["ours, \"new\"", "also called ours", "above 1000", "as input", "contract.example", "2026-11", "version "]
    {
        assert!(ours.contains(part), "no {part} in\n{ours}");
    }
    let both = show(&["gpt-4o-mini-2024-07-18", "--kind", "openai"]);
    assert!(both.contains("0.5") && both.contains("from 2999-01-01 on"), "{both}");
    let later = show(&["gpt-4o-mini", "--kind", "openai", "--at", "2999-06-01"]);
    assert!(later.contains("from 2999-01-01 on") && !later.contains("0.5"), "{later}");
    let before = show(&["not-yet", "--at", "2026-11-21"]);
    assert!(before.contains("no price on that day"), "{before}");
    assert!(desk.good(&["show", "gpt-4o-mini", "--kind", "openai"]).contains("compiled in"));
    assert!(desk.bad(&["show", "ours"], 1).contains("no price is known for ours"));
    desk.put("tollgate.toml", "auth.required = false\nproviders.p = { kind = \"openai\", models = [{ name = \"gpt-4o\", input = 7, output = 8 }] }");
    let own = show(&["gpt-4o", "--kind", "openai"]);
    assert!(own.contains("compiled in") && own.contains("provider p: gpt-4o") && own.contains(" 7"), "{own}");
}

#[test]
fn check_names_every_fault_and_every_model_without_a_price() {
    let desk = Desk::new(MINE);
    assert!(desk.good(&["check", "@mine.toml"]).contains("mine.toml is good: 3 models"));
    let notes = desk.good(&["check", "--config", "@tollgate.toml"]);
    for part in [
        "local/llama has no price",
        "o/nobody-knows has no price",
        "o/not-yet has no price until 2999-01-01",
        "3 models from",
    ] {
        assert!(notes.contains(part), "no {part} in\n{notes}");
    }
    assert!(!notes.contains("gpt-4o-mini"), "{notes}");

    desk.put(
        "mine.toml",
        "[openai]\nmodels = [\n{ name = \"a\", input = 20000, output = -1 },\n{ name = \"b\" },\n]\n[opnai]\n",
    );
    let mine = desk.0.path().join("mine.toml").display().to_string();
    let faults = [
        "3:23: openai.models[0].input: 20000 ",
        "3:39: openai.models[0].output: -1 ",
        "4:1: openai.models[1]: `input`",
    ];
    for arguments in [&["check", "@mine.toml"][..], &["check", "--config", "@tollgate.toml"]] {
        let told = desk.bad(arguments, 78);
        for fault in faults {
            assert!(told.contains(&format!("{mine}:{fault}")), "no {fault} in\n{told}");
        }
        assert!(told.contains("opnai: is no kind of provider (did you mean `openai`?)"), "{told}");
    }
    for arguments in [&["list"][..], &["show", "gpt-4o"]] {
        let told = desk.bad(&[arguments, &["--config", "@tollgate.toml"]].concat(), 78);
        assert!(told.contains("20000"), "nothing of a faulty file is used: {told}");
    }
    desk.put("tollgate.toml", "auth.required = false\nprices.file = \"gone.toml\"\nproviders.o.kind = \"openai\"");
    let gone = desk.bad(&["check", "--config", "@tollgate.toml"], 78);
    assert!(gone.contains("tollgate.toml:2:15: prices.file: ") && gone.contains("cannot be read"), "{gone}");
    assert!(desk.bad(&["check", "@gone.toml"], 78).contains("cannot be read"));
    assert_eq!(desk.run(&["check", "@mine.toml", "--config", "@tollgate.toml"]).status.code(), Some(2));
}

#[test]
fn what_is_imported_is_a_good_price_file() {
    let desk = Desk::new("");
    desk.put(
        "litellm.json",
        r#"{"groq/a": {"litellm_provider": "groq", "mode": "chat", "input_cost_per_token": 1.5e-07, "output_cost_per_token": 6e-07,
            "input_cost_per_token_above_200k_tokens": 3e-07},
            "b": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": -1, "output_cost_per_token": 1e-6}}"#,
    );
    let file = desk.good(&["import", "@litellm.json"]);
    assert!(file.contains("\"b\": input_cost_per_token: -1 is negative"), "{file}");
    desk.put("mine.toml", &file);
    let rows = json(&desk.good(&["list", "--config", "@tollgate.toml", "--kind", "groq", "--format", "json"]));
    let row = rows.iter().find(|row| row["model"] == "a").unwrap();
    assert_eq!((&row["prices"]["input"], &row["tiers"][0]["prices"]["input"]), (&"0.15".into(), &"0.3".into()));
    let only = desk.good(&["import", "@litellm.json", "--kind", "openai"]);
    assert!(!only.contains("[groq]"), "{only}");
    assert!(desk.bad(&["import", "@tollgate.toml"], 78).contains("not LiteLLM's list"));
    assert!(desk.bad(&["import", "@gone.json"], 78).contains("cannot be read"));
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/config/prices.toml");
    assert!(desk.good(&["check", shipped]).contains("prices.toml is good"), "what is compiled in is one too");
}
