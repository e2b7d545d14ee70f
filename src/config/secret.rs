//! What a secret that somebody presents to the gateway must be.

/// Why `secret` protects nothing, for a message; never the secret itself. `least`: how many characters it must have.
pub(super) fn check(secret: &str, least: usize) -> Result<(), String> {
    let problem = if secret.is_empty() {
        "the secret is empty"
    } else if secret.to_ascii_lowercase().contains("changeme") {
        "the secret is still the placeholder of an example"
    } else if secret.chars().count() < least {
        return Err(format!("the secret is too short: at least {least} characters"));
    } else if !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
        "the secret holds a space or a character that no header can carry"
    } else {
        return Ok(());
    };
    Err(problem.to_owned())
}
