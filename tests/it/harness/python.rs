//! The Python that `tests/setup.sh` prepares.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs a script of `tests/python/`. `None`, and a line that says so: it was never set up, which CI never leaves out.
pub(crate) fn python(script: &str) -> Option<Command> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let interpreter = std::env::var_os("TOLLGATE_TEST_PYTHON").map(PathBuf::from);
    let interpreter = interpreter.unwrap_or_else(|| root.join(".venv/bin/python"));
    if !interpreter.exists() {
        let way_out = "`sh tests/setup.sh` makes one in .venv, or set TOLLGATE_TEST_PYTHON";
        assert!(std::env::var_os("CI").is_none(), "there is no Python with the packages: {way_out}");
        eprintln!("SKIPPED: no Python with the packages; {way_out}");
        return None;
    }
    let mut command = Command::new(interpreter);
    // Nothing is left in the tree.
    command.arg("-B").arg(root.join("tests/python").join(script));
    Some(command)
}
