//! Which keys a table may hold, and which of the design's keys are still to come.

/// The fixed keys of one kind of table.
#[derive(Debug)]
pub(super) struct Shape {
    /// As in `auth.keys`; empty for the top of the file.
    pub(super) name: &'static str,
    pub(super) keys: &'static [&'static str],
}

/// The top of the file.
pub(super) static TOP: Shape =
    Shape { name: "", keys: &["server", "auth", "admin", "limits", "providers", "prices", "models", "cache", "log"] };

/// Keys that documents of the project show and this version does not read yet, each under its shape's name.
static LATER: &[(&str, &str)] = &[
    ("", "alerts"),
    ("", "budgets"),
    ("", "shared"),
    ("", "store"),
    ("auth.keys", "budget"),
    ("auth.keys", "priority"),
    ("limit", "tokens"),
    ("limit", "tokens_burst"),
    ("log", "content"),
    ("log", "redact"),
    ("targets", "weight"),
];

/// What to say of a key that later versions will read.
pub(super) const NOT_YET: &str = "this version of tollgate does not have this setting yet; leave it out";

pub(super) fn comes_later(shape: &str, key: &str) -> bool {
    LATER.contains(&(shape, key))
}
