//! `[auth]`: who may call.

use secrecy::SecretString;

use super::limits::Limit;

/// Callers' keys, and whether one is needed.
#[derive(Debug, Clone)]
pub struct Auth {
    /// `false` is accepted only while the client door is on loopback.
    pub required: bool,
    pub keys: Vec<Key>,
}

impl Default for Auth {
    fn default() -> Self {
        Self {
            required: true,
            keys: Vec::new(),
        }
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
