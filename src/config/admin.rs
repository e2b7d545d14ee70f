//! `[admin]`: who may ask how the gateway is.

use std::net::SocketAddr;

use secrecy::{ExposeSecret, SecretString};

use super::auth::Auth;
use super::env::Env;
use super::faults::Place;
use super::reader::Table;
use super::secret;
use super::shape::Shape;

pub(super) static ADMIN: Shape = Shape { name: "admin", keys: &["secret"] };

/// The variable that brings the secret where the file does not name it.
const VARIABLE: &str = "TOLLGATE_ADMIN_SECRET";

/// It opens everything that is behind the admin door.
const LEAST: usize = 16;

/// `[admin]`.
#[derive(Debug, Clone, Default)]
pub struct Admin {
    /// What the admin API wants to see; never logged. `None`, on loopback only: the gateway makes one at its start.
    pub secret: Option<SecretString>,
}

impl Admin {
    pub(super) fn read(top: &Table<'_>, env: &Env, door: SocketAddr, callers: &Auth) -> Self {
        let written = top.table("admin", &ADMIN).and_then(|table| table.get("secret"));
        let (secret, fault): (_, &dyn Fn(String)) = match &written {
            Some(field) => (field.text(), &|problem| field.fault(problem)),
            None => (Some(env.get(VARIABLE).unwrap_or_default()), &|problem| {
                top.document.fault_at(Place::Variable(VARIABLE.to_owned()), "", problem, None);
            }),
        };
        // What is no text has had its fault.
        let Some(secret) = secret else { return Self::default() };
        if secret.is_empty() {
            if !door.ip().is_loopback() {
                let message = format!(
                    "the admin door must have a secret where others can reach it, and server.admin_listen is {door}: \
                     set {VARIABLE} (`openssl rand -hex 24` makes one), or listen on a loopback address"
                );
                top.document.fault_nearest(&["admin.secret", "server.admin_listen"], message);
            }
            return Self::default();
        }
        if let Err(problem) = secret::check(secret, LEAST) {
            fault(problem);
        } else if callers.keys.iter().any(|key| key.secret.expose_secret() == secret) {
            fault("a caller's key has the same secret".to_owned());
        }
        Self { secret: Some(secret.into()) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{fault_of, faults, load, load_more};
    use super::*;

    const GOOD: &str = "0123456789abcdef";
    const LOCAL: &str = "auth.required = false\n[providers.local]\nkind = \"ollama\"\n";

    fn secret(text: &str, variables: &[(&str, &str)]) -> Option<String> {
        let admin = load(&format!("{LOCAL}{text}"), variables).unwrap().config.admin;
        admin.secret.map(|secret| secret.expose_secret().to_owned())
    }

    #[test]
    fn the_secret_comes_from_the_file_or_its_variable_or_an_override() {
        assert_eq!(secret("", &[]), None);
        assert_eq!(secret("[admin]\nsecret = \"\"", &[]), None);
        assert_eq!(secret(&format!("[admin]\nsecret = \"{GOOD}\""), &[]).as_deref(), Some(GOOD));
        assert_eq!(secret("", &[(VARIABLE, GOOD)]).as_deref(), Some(GOOD));
        assert_eq!(secret("", &[("TOLLGATE__ADMIN__SECRET", GOOD)]).as_deref(), Some(GOOD));
    }

    #[test]
    fn a_secret_that_reads_as_a_number_stays_a_text() {
        for number in ["0123456789012345", "1234567890123456", "1.5e0000000000000", "0000000000000000.10"] {
            assert_eq!(secret("", &[("TOLLGATE__ADMIN__SECRET", number)]).as_deref(), Some(number));
        }
    }

    #[test]
    fn a_door_that_others_reach_is_refused_without_a_secret_and_the_way_out_is_told() {
        let fault = fault_of("[server]\nadmin_listen = \"0.0.0.0:3001\"");
        assert!(fault.starts_with("t.toml:6:16: server.admin_listen: "), "{fault}");
        assert!(fault.contains(VARIABLE) && fault.contains("loopback"), "{fault}");
        let fault = fault_of("[server]\nadmin_listen = \"0.0.0.0:3001\"\n[admin]\nsecret = 7");
        assert!(fault.contains("expected a string"), "{fault}");
        load_more(&format!("[server]\nadmin_listen = \"0.0.0.0:3001\"\n[admin]\nsecret = \"{GOOD}\""));
    }

    #[test]
    fn secrets_that_protect_nothing_are_refused_and_not_shown() {
        for weak in ["short-canary", "changeme", "Changeme-Changeme", "a canary with spaces"] {
            let fault = fault_of(&format!("[admin]\nsecret = \"{weak}\""));
            assert!(fault.starts_with("t.toml:6:10: admin.secret: the secret "), "{fault}");
            for name in [VARIABLE, "TOLLGATE__ADMIN__SECRET"] {
                let found = faults(LOCAL, &[(name, weak)]);
                assert!(found.len() == 1 && found[0].starts_with(name), "{found:?}");
                assert!(!found[0].contains(weak), "{found:?}");
            }
        }
    }

    #[test]
    fn a_caller_does_not_have_the_same() {
        let text = format!("[[auth.keys]]\nid = \"a\"\nsecret = \"{GOOD}\"\n[admin]\nsecret = \"{GOOD}\"");
        assert!(fault_of(&text).contains("admin.secret: a caller's key has the same secret"));
    }
}
