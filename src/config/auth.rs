//! `[auth]`: who may call.

use std::collections::HashSet;
use std::net::SocketAddr;

use secrecy::SecretString;

use super::env::Env;
use super::faults::Place;
use super::limits::Limit;
use super::reader::{Field, Table};
use super::secret;
use super::shape::Shape;

pub(super) static AUTH: Shape = Shape { name: "auth", keys: &["required", "keys"] };

static KEY: Shape = Shape { name: "auth.keys", keys: &["id", "secret", "user", "team", "models", "limits"] };

/// The variable that brings the one key of a simple deployment, and that key's id.
const VARIABLE: &str = "TOLLGATE_KEY";
const VARIABLE_ID: &str = "default";

/// Characters of a secret.
const LEAST: usize = 8;

/// Callers' keys, and whether one is needed.
#[derive(Debug, Clone)]
pub struct Auth {
    /// `false` is accepted only while the client door is on loopback.
    pub required: bool,
    pub keys: Vec<Key>,
}

impl Default for Auth {
    fn default() -> Self {
        Self { required: true, keys: Vec::new() }
    }
}

/// One `[[auth.keys]]`.
#[derive(Debug, Clone)]
pub struct Key {
    /// Unique over all keys.
    pub id: String,
    /// What the client sends; never logged.
    pub secret: SecretString,
    /// Whom usage and the user's limits are counted on; the id where the file does not say.
    pub user: String,
    pub team: Option<String>,
    /// Globs on the model string as asked for; `["*"]` by default.
    pub models: Vec<String>,
    pub limits: Limit,
}

impl Auth {
    /// `required` is what holds where the file does not say.
    pub(super) fn read(top: &Table<'_>, env: &Env, required: bool, listen: SocketAddr) -> Self {
        let mut auth = Self { required, keys: Vec::new() };
        let mut written = Vec::new();
        if let Some(table) = top.table("auth", &AUTH) {
            table.set("required", &mut auth.required, |field| field.flag());
            table.set("keys", &mut written, |field| field.list());
        }
        let mut known = Known::default();
        auth.keys = written.iter().filter_map(|field| Key::read(field, &mut known)).collect();
        let variable = env.filled(VARIABLE);
        if let Some(secret) = variable {
            auth.required = true;
            auth.keys.extend(Key::of_variable(top, secret, &mut known));
        }
        auth.check(top, listen, written.is_empty() && variable.is_none());
        auth
    }

    fn check(&self, top: &Table<'_>, listen: SocketAddr, keyless: bool) {
        if !self.required && !listen.ip().is_loopback() {
            let message = format!(
                "without a key only a loopback address may be served, and server.listen is {listen}: \
                 set {VARIABLE}, or auth.required = true and [[auth.keys]]"
            );
            top.document.fault_nearest(&["auth.required", "server.listen"], message);
        }
        if self.required && keyless {
            let message = format!(
                "a key is required and there is none: set {VARIABLE} in the environment, or add [[auth.keys]] \
                 (auth.required = false would do on a loopback address)"
            );
            top.document.fault_nearest(&["auth.required", "auth"], message);
        }
    }
}

/// What earlier keys have taken.
#[derive(Default)]
struct Known {
    ids: HashSet<String>,
    secrets: HashSet<String>,
}

impl Key {
    fn read(field: &Field<'_>, known: &mut Known) -> Option<Self> {
        let table = field.table(&KEY)?;
        let id = table.require("id").and_then(|field| unused_id(&field, known));
        let secret = table.require("secret").and_then(|field| usable_secret(&field, known));
        let user = table.get("user").and_then(|field| field.filled());
        let team = table.get("team").and_then(|field| field.filled());
        let models = table.get("models").and_then(|field| globs(&field));
        let limits = table.get("limits").and_then(|field| Limit::read(&field));
        let id = id?;
        Some(Self {
            user: user.unwrap_or(&id).to_owned(),
            id,
            secret: secret?,
            team: team.map(str::to_owned),
            models: models.unwrap_or_else(|| vec!["*".to_owned()]),
            limits: limits.unwrap_or_default(),
        })
    }

    fn of_variable(top: &Table<'_>, secret: &str, known: &mut Known) -> Option<Self> {
        let fault = |problem: &str| {
            let place = Place::Variable(VARIABLE.to_owned());
            top.document.fault_at(place, "", problem, None);
        };
        if !known.ids.insert(VARIABLE_ID.to_owned()) {
            fault("adds the key `default`, and the file has a key of that id already");
        }
        if let Err(problem) = known.take(secret) {
            fault(&problem);
            return None;
        }
        Some(Self {
            id: VARIABLE_ID.to_owned(),
            secret: secret.into(),
            user: VARIABLE_ID.to_owned(),
            team: None,
            models: vec!["*".to_owned()],
            limits: Limit::default(),
        })
    }
}

impl Known {
    /// Why the secret cannot be a key's; never the secret itself.
    fn take(&mut self, secret: &str) -> Result<(), String> {
        secret::check(secret, LEAST)?;
        if !self.secrets.insert(secret.to_owned()) {
            return Err("another key has the same secret".to_owned());
        }
        Ok(())
    }
}

fn unused_id(field: &Field<'_>, known: &mut Known) -> Option<String> {
    let id = field.filled()?;
    if !known.ids.insert(id.to_owned()) {
        field.fault(format!("another key has the id {}", field.quoted(id)));
        return None;
    }
    Some(id.to_owned())
}

fn usable_secret(field: &Field<'_>, known: &mut Known) -> Option<SecretString> {
    let secret = field.text()?;
    known.take(secret).map_err(|problem| field.fault(problem)).ok()?;
    Some(secret.into())
}

fn globs(field: &Field<'_>) -> Option<Vec<String>> {
    let items = field.list()?;
    if items.is_empty() {
        field.fault("an empty list allows no model; leave it out to allow all");
    }
    Some(items.iter().filter_map(|item| item.filled()).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::super::testing::{fault_of, faults, load, load_more};
    use super::*;

    const LOCAL: &str = "[providers.local]\nkind = \"ollama\"\n";

    fn key(id: &str, secret: &str) -> String {
        format!("[[auth.keys]]\nid = {id:?}\nsecret = {secret:?}\n")
    }

    #[test]
    fn a_key_gets_its_defaults_from_its_id() {
        let keys = load_more(&key("alice", "s3cret-of-alice")).config.auth.keys;
        assert_eq!((keys[0].user.as_str(), keys[0].team.as_deref()), ("alice", None));
        assert_eq!(keys[0].models, ["*"]);
        assert_eq!(keys[0].limits, Limit::default());
    }

    #[test]
    fn an_open_door_without_a_key_is_refused() {
        assert!(
            fault_of("[server]\nlisten = \"0.0.0.0:3000\"").starts_with("t.toml:2:12: auth.required: without a key")
        );
    }

    #[test]
    fn a_required_key_that_nobody_has_is_refused_with_the_way_out() {
        let found = faults(LOCAL, &[]);
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("TOLLGATE_KEY") && found[0].contains("[[auth.keys]]"), "{found:?}");
    }

    #[test]
    fn the_variable_adds_the_default_key_and_asks_for_it() {
        let text = format!("auth.required = false\n{LOCAL}");
        let auth = load(&text, &[("TOLLGATE_KEY", "tg-0123456789")]).unwrap().config.auth;
        assert!(auth.required);
        assert_eq!((auth.keys[0].id.as_str(), auth.keys[0].secret.expose_secret()), ("default", "tg-0123456789"));
    }

    #[test]
    fn a_weak_variable_is_its_own_only_fault() {
        assert_eq!(
            faults(LOCAL, &[("TOLLGATE_KEY", "short")]),
            ["TOLLGATE_KEY: the secret is too short: at least 8 characters"]
        );
    }

    #[test]
    fn secrets_that_protect_nothing_are_refused() {
        for secret in ["", "changeme", "short", "with a space", "emoji-🔑🔑🔑🔑"] {
            assert!(fault_of(&key("a", secret)).contains("auth.keys[0].secret: the secret"), "{secret}");
        }
    }

    #[test]
    fn two_keys_share_neither_an_id_nor_a_secret() {
        let twice = |a: &str, b: &str| fault_of(&(key("a", "0123456789") + &key(a, b)));
        assert!(twice("a", "9876543210").contains("auth.keys[1].id: another key"));
        assert!(twice("b", "0123456789").contains("auth.keys[1].secret: another key"));
        let text = format!("{LOCAL}{}", key("default", "0123456789"));
        assert!(faults(&text, &[("TOLLGATE_KEY", "9876543210")])[0].starts_with("TOLLGATE_KEY: adds the key"));
    }

    #[test]
    fn globs_are_not_empty() {
        let with = |models: &str| fault_of(&(key("a", "0123456789") + models));
        assert!(with("models = [\"\"]").contains("auth.keys[0].models[0]"));
        assert!(with("models = []").contains("allows no model"));
    }
}
