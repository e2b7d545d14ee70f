//! From a file's path and the environment to a configuration.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::document::Document;
use super::env::Env;
use super::expand::Expander;
use super::faults::{Fault, Faults, Place};
use super::provider::Providers;
use super::{Admin, Auth, Cache, Config, Limits, Log, Model, PriceTable, Server, overrides};

/// Read where no other file is named.
pub const DEFAULT_FILE: &str = "config/tollgate.toml";

/// Names the file where the command line does not.
const FILE_VARIABLE: &str = "TOLLGATE_CONFIG";

/// A configuration, and what to say about it.
#[derive(Debug)]
pub struct Loaded {
    pub config: Config,
    /// For the log at start: providers that are off, targets that are skipped, prices that are not known.
    pub notices: Vec<String>,
    /// The file it came from; `None` for a start without one.
    pub source: Option<PathBuf>,
}

impl Config {
    /// Reads `path`, else the file that `$TOLLGATE_CONFIG` names, else [`DEFAULT_FILE`] where it exists; else makes a
    /// configuration from the environment alone. Reports every fault it can find, not the first.
    pub fn load(path: Option<&Path>, env: &Env) -> Result<Loaded, Faults> {
        match locate(path, env, Path::new(DEFAULT_FILE)) {
            Some(file) => Self::of_file(file, env),
            None => Self::assemble(Document::empty(Place::Nowhere), None, env),
        }
    }

    /// Reads a configuration that is not in a file; `name` stands for one in faults.
    pub fn parse(text: &str, name: &str, env: &Env) -> Result<Loaded, Faults> {
        Self::of_text(text, name.into(), env)
    }

    fn of_file(file: PathBuf, env: &Env) -> Result<Loaded, Faults> {
        let text = read(&file)?;
        Self::of_text(&text, file, env)
    }

    pub(super) fn of_text(text: &str, file: PathBuf, env: &Env) -> Result<Loaded, Faults> {
        Self::assemble(parse(text, &file, env)?, Some(file), env)
    }

    fn assemble(mut document: Document, source: Option<PathBuf>, env: &Env) -> Result<Loaded, Faults> {
        overrides::layer(&mut document, env);
        let config = Self::read(&document, source.as_deref(), env);
        let (faults, notices) = document.finish();
        match Faults::of(faults) {
            Some(faults) => Err(faults),
            None => Ok(Loaded { config, notices, source }),
        }
    }

    /// Without a file, callers need no key (the door is on loopback) and providers come from the environment.
    fn read(document: &Document, file: Option<&Path>, env: &Env) -> Self {
        let (top, from_file) = (document.top(), file.is_some());
        let server = Server::read(&top);
        let auth = Auth::read(&top, env, from_file, server.listen);
        let limits = Limits::read(&top);
        let prices = PriceTable::read(&top, file.map_or(Path::new(""), folder), env);
        let providers = match from_file {
            true => Providers::read(&top, &prices),
            false => Providers::of_environment(document, env, &prices),
        };
        Self {
            admin: Admin::read(&top, env, server.admin_listen, &auth),
            auth,
            limits,
            prices,
            models: Model::read_all(&top, &providers),
            providers: providers.usable(document),
            cache: Cache::read(&top),
            log: Log::read(&top),
            server,
        }
    }
}

impl PriceTable {
    /// The table that goes with a configuration, which is found as [`Config::load`] finds it. Only its `[prices]` is read:
    /// prices can be looked at while there is no key for anybody.
    pub fn load(path: Option<&Path>, env: &Env) -> Result<Arc<Self>, Faults> {
        let Some(file) = locate(path, env, Path::new(DEFAULT_FILE)) else {
            return Ok(Self::published());
        };
        let document = parse(&read(&file)?, &file, env)?.only("prices");
        let table = Self::read(&document.top(), folder(&file), env);
        let (faults, _) = document.finish();
        Faults::of(faults).map_or(Ok(table), Err)
    }
}

fn read(file: &Path) -> Result<String, Faults> {
    fs::read_to_string(file).map_err(|error| unreadable(file, &error))
}

fn parse(text: &str, file: &Path, env: &Env) -> Result<Document, Faults> {
    let expander = Expander { env, folder: folder(file) };
    Document::parse(text, file, expander)
        .map_err(|faults| Faults::of(faults).unwrap_or_else(|| unreadable(file, &"not TOML")))
}

/// Where relative paths in a file begin.
fn folder(file: &Path) -> &Path {
    file.parent().unwrap_or(Path::new(""))
}

fn locate(path: Option<&Path>, env: &Env, default: &Path) -> Option<PathBuf> {
    path.map(Path::to_owned)
        .or_else(|| env.filled(FILE_VARIABLE).map(PathBuf::from))
        .or_else(|| default.exists().then(|| default.to_owned()))
}

fn unreadable(file: &Path, problem: &dyn std::fmt::Display) -> Faults {
    Faults::from(Fault {
        place: Place::File(file.to_owned()),
        path: String::new(),
        message: format!("cannot be read: {problem}"),
        suggestion: None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{env, faults, load};
    use super::*;

    const SHIPPED: &str = include_str!("../../config/tollgate.toml");

    fn shipped(env: &Env) -> Result<Loaded, Faults> {
        Config::of_text(SHIPPED, DEFAULT_FILE.into(), env)
    }

    #[test]
    fn the_shipped_file_works_with_one_key() {
        let loaded = shipped(&env(&[("OPENAI_API_KEY", "sk-test")])).unwrap();
        let config = loaded.config;
        assert!(config.server.listen.ip().is_loopback() && !config.auth.required && config.cache.enabled);
        assert_eq!(config.providers.len(), 1);
        assert_eq!(config.models[0].targets.len(), 1, "targets of providers that are off are skipped");
        assert!(loaded.notices.iter().any(|notice| notice.contains("provider groq is off")));
    }

    #[test]
    fn the_shipped_file_without_a_key_says_only_that_no_provider_is_usable_and_the_way_out() {
        let faults = shipped(&Env::default()).unwrap_err();
        assert_eq!(faults.count(), 1);
        let text = faults.to_string();
        assert!(text.contains("no usable provider") && text.contains("tollgate demo"), "{text}");
    }

    #[test]
    fn the_last_resort_of_the_readme_is_a_whole_file_with_the_vendors_keys_and_without() {
        let readme = include_str!("../../README.md");
        let mut blocks = readme.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next());
        let text = blocks.find(|block| block.contains("[providers.local]")).unwrap();
        let targets = |vars: &[(&str, &str)]| load(text, vars).unwrap().config.models.remove(0).targets.len();
        assert_eq!(targets(&[]), 1);
        assert_eq!(targets(&[("OPENAI_API_KEY", "sk-o"), ("ANTHROPIC_API_KEY", "sk-a")]), 3);
    }

    #[test]
    fn the_shipped_file_says_what_holds_by_default() {
        let keys = env(&[("OPENAI_API_KEY", "sk-test")]);
        let Config { server, providers, cache, .. } = shipped(&keys).unwrap().config;
        assert_eq!(format!("{server:?}"), format!("{:?}", Server::default()));
        let bare = load("auth.required = false\nproviders.openai.kind = \"openai\"\n[cache]", &[]).unwrap().config;
        assert_eq!(format!("{cache:?}"), format!("{:?}", bare.cache));
        let (shipped, bare) = (&providers[0], &bare.providers[0]);
        assert_eq!(shipped.base_url, bare.base_url);
        assert_eq!((shipped.timeouts, shipped.breaker), (bare.timeouts, bare.breaker));
        assert_eq!(shipped.health, bare.health);
        assert_eq!((shipped.retries, shipped.inject_usage), (bare.retries, bare.inject_usage));
    }

    #[test]
    fn a_start_without_a_file_takes_providers_from_their_keys() {
        let env = env(&[("GROQ_API_KEY", "gsk-test"), ("XAI_API_KEY", "")]);
        let loaded = Config::assemble(Document::empty(Place::Nowhere), None, &env).unwrap();
        let config = loaded.config;
        assert_eq!(config.providers.len(), 1);
        assert_eq!(config.providers[0].name, "groq");
        assert!(config.providers[0].models.iter().any(|row| row.name == "openai/gpt-oss-20b"));
        assert!(!config.auth.required && !config.cache.enabled && loaded.source.is_none());
    }

    #[test]
    fn every_vendor_starts_with_its_key_alone_but_for_azure_whose_address_no_key_tells() {
        let start = |variable: &str| {
            let env = env(&[(variable, "sk-test")]);
            [Config::assemble(Document::empty(Place::Nowhere), None, &env), shipped(&env)]
        };
        for (variable, name, model) in [
            ("ANTHROPIC_API_KEY", "anthropic", "claude-haiku-4-5"),
            ("GEMINI_API_KEY", "gemini", "gemini-2.5-flash"),
            ("MISTRAL_API_KEY", "mistral", "mistral-small-latest"),
            ("CO_API_KEY", "cohere", "command-a-03-2025"),
            ("CEREBRAS_API_KEY", "cerebras", "gpt-oss-120b"),
            ("PERPLEXITY_API_KEY", "perplexity", "sonar"),
            ("ZAI_API_KEY", "zai", "glm-4.6"),
        ] {
            for loaded in start(variable) {
                let providers = loaded.unwrap().config.providers;
                assert_eq!(providers.iter().map(|provider| provider.name.as_str()).collect::<Vec<_>>(), [name]);
                let row = providers[0].models.iter().find(|row| row.name == model).expect("the table has it");
                assert!(!row.prices.is_empty(), "{model}");
            }
        }
        for loaded in start("AZURE_OPENAI_API_KEY") {
            let text = loaded.unwrap_err().to_string();
            assert!(text.contains("no usable provider"), "{text}");
        }
    }

    #[test]
    fn a_start_without_a_file_still_heeds_the_environment() {
        let variables = [("GROQ_API_KEY", "gsk-test"), ("TOLLGATE__SERVER__LISTEN", "0.0.0.0:80")];
        let start = |env: &Env| Config::assemble(Document::empty(Place::Nowhere), None, env);
        let text = start(&env(&variables)).unwrap_err().to_string();
        assert!(text.starts_with("TOLLGATE__SERVER__LISTEN: "), "{text}");
        let with_key = [&variables[..], &[("TOLLGATE_KEY", "tg-0123456789")]].concat();
        assert!(start(&env(&with_key)).unwrap().config.auth.required);
    }

    #[test]
    fn a_start_without_file_and_key_names_the_way_out() {
        let faults = Config::assemble(Document::empty(Place::Nowhere), None, &Env::default()).unwrap_err();
        assert!(faults.to_string().contains("OPENAI_API_KEY"), "{faults}");
    }

    #[test]
    fn the_command_line_goes_before_the_variable_and_that_before_the_usual_place() {
        let named = env(&[(FILE_VARIABLE, "b.toml")]);
        let (here, gone) = (Path::new("Cargo.toml"), Path::new("gone.toml"));
        assert_eq!(locate(Some(Path::new("a.toml")), &named, here), Some("a.toml".into()));
        assert_eq!(locate(None, &named, here), Some("b.toml".into()));
        assert_eq!(locate(None, &env(&[(FILE_VARIABLE, "")]), here), Some(here.into()));
        assert_eq!(locate(None, &Env::default(), gone), None);
    }

    #[test]
    fn a_named_file_that_does_not_exist_is_a_fault() {
        let faults = Config::load(Some(Path::new("gone.toml")), &Env::default()).unwrap_err();
        assert!(faults.to_string().starts_with("gone.toml: cannot be read"), "{faults}");
    }

    #[test]
    fn all_faults_of_a_file_are_reported_at_their_lines() {
        let text = r#"
[server]
listen = "localhost:3000"
drain = 30
body_limt = "1MiB"
[auth]
required = false
[[auth.keys]]
id = "a"
secret = "short"
budget = { amount_usd = "50" }
[providers.openai]
kind = "opnai"
timeouts = { connect = "0s" }
[providers.local]
kind = "ollama"
[models.chat]
strategy = "fastest"
targets = ["locl/llama3.2", "local"]
[store]
"#;
        let expected = [
            "3:10: server.listen: \"localhost:3000\" is not an address and a port",
            "4:9: server.drain: expected a string, found an integer",
            "5:1: server.body_limt: unknown key (did you mean `body_limit`?)",
            "10:10: auth.keys[0].secret: the secret is too short",
            "11:1: auth.keys[0].budget: this version of tollgate does not have this setting yet",
            "13:8: providers.openai.kind: \"opnai\" is no kind of provider",
            "14:24: providers.openai.timeouts.connect: \"0s\" must be more than zero",
            "18:12: models.chat.strategy: \"fastest\" is none of: cheapest, ordered",
            "19:12: models.chat.targets[0]: there is no provider `locl` (did you mean `local/llama3.2`?)",
            "19:29: models.chat.targets[1]: \"local\" is not a target",
            "20:2: store: this version of tollgate does not have this setting yet",
        ];
        let found = faults(text, &[]);
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.starts_with(&format!("t.toml:{expected}")), "{found}");
        }
        assert_eq!(found.len(), expected.len(), "{found:#?}");
    }

    #[test]
    fn no_fault_shows_what_was_expanded_into_a_string() {
        let text = "server.listen = \"${SECRET}\"\nserver.drain = \"${SECRET}\"\nauth.keys = [{ id = \"a\", secret = \"${SECRET}\" }]\n\
                    [providers.openai]\nkind = \"${SECRET}\"\nbase_url = \"https://u:${SECRET}@h\"\napi_keys = [\"a\\nb${SECRET}\"]";
        let found = faults(text, &[("SECRET", "hunter2")]);
        assert_eq!(found.len(), 6, "{found:#?}");
        assert!(!found.concat().contains("hunter2"), "{found:#?}");
    }
}
