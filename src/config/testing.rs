//! What the tests of this room share: configurations out of short texts.

use super::{Config, Env, Faults, Loaded};

/// One provider that is always usable, and no key asked for: what most rules need around them.
const AROUND: &str = "[auth]\nrequired = false\n[providers.local]\nkind = \"ollama\"\n";

pub(super) fn env(variables: &[(&str, &str)]) -> Env {
    variables.iter().copied().collect()
}

/// Loads a whole file, called `t.toml`.
pub(super) fn load(text: &str, variables: &[(&str, &str)]) -> Result<Loaded, Faults> {
    Config::of_text(text, "t.toml".into(), &env(variables))
}

/// The faults of a whole file, one line each.
pub(super) fn faults(text: &str, variables: &[(&str, &str)]) -> Vec<String> {
    let faults = load(text, variables).expect_err("the file has a fault");
    faults.iter().map(ToString::to_string).collect()
}

/// Loads what stands behind a provider `local` and `auth.required = false`.
pub(super) fn load_more(text: &str) -> Loaded {
    load(&format!("{AROUND}{text}"), &[]).expect("the file has no fault")
}

/// The one fault of such a file.
pub(super) fn fault_of(text: &str) -> String {
    let mut faults = faults(&format!("{AROUND}{text}"), &[]);
    assert_eq!(faults.len(), 1, "{faults:#?}");
    faults.remove(0)
}
