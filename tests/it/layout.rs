//! Who may know whom (DESIGN 3): a room uses only rooms to its left.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const ROOMS: [&str; 22] = [
    "api",
    "config",
    "error",
    "call",
    "telemetry",
    "net",
    "tokens",
    "state",
    "usage",
    "keys",
    "dialects",
    "upstream",
    "cache",
    "routing",
    "layers",
    "batch",
    "admin",
    "dashboard",
    "server",
    "demo",
    "gateway",
    "cli",
];

/// To the left, and still not to be used.
const NEVER: [(&str, &str); 4] =
    [("dialects", "usage"), ("dialects", "state"), ("layers", "routing"), ("call", "config")];

/// One file of `src/`, as the compiler sees it apart from tests.
struct Source {
    path: PathBuf,
    room: String,
    /// How deep the file's module is: 1 for a room itself.
    depth: usize,
    code: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let is_tests = path.file_stem().is_some_and(|name| name == "tests" || name == "testing");
            if path.is_dir() && !is_tests {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") && !is_tests {
                found.push(Source::read(&root, path));
            }
        }
    }
    found
}

impl Source {
    fn read(root: &Path, path: PathBuf) -> Self {
        let inside = path.strip_prefix(root).unwrap().with_extension("");
        let mut modules: Vec<_> = inside.iter().map(|part| part.to_string_lossy().into_owned()).collect();
        modules.retain(|module| module != "mod");
        let code = without_tests(&without_comments(&std::fs::read_to_string(&path).unwrap()));
        Self { path, room: modules[0].clone(), depth: modules.len(), code }
    }

    /// The rooms that are named in paths of this file.
    fn uses(&self) -> BTreeSet<String> {
        let mut rooms = BTreeSet::new();
        let above = "super::".repeat(self.depth);
        for prefix in ["crate::", "tollgate::", &above] {
            let mut rest = self.code.as_str();
            while let Some(at) = rest.find(prefix) {
                let before = rest[..at].chars().next_back();
                rest = &rest[at + prefix.len()..];
                let whole = before.is_none_or(|c| !c.is_alphanumeric() && c != '_' && !(prefix == above && c == ':'));
                if whole {
                    rooms.extend(first_names(rest));
                }
            }
        }
        rooms
    }
}

/// The first segments of the path or of the group of paths that begins here.
fn first_names(path: &str) -> Vec<String> {
    let name =
        |path: &str| -> String { path.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect() };
    let Some(group) = path.strip_prefix('{') else {
        return vec![name(path)];
    };
    let mut names = vec![name(group)];
    let mut depth = 0;
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => names.push(name(&group[at + 1..])),
            _ => {}
        }
    }
    names
}

/// Line and doc comments; a `//` in a string loses the rest of a line, which costs nothing here.
fn without_comments(text: &str) -> String {
    let lines = text.lines().map(|line| line.split("//").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

/// Without what stands under `#[cfg(test)]`: an item with a body in braces, or one line.
fn without_tests(text: &str) -> String {
    let mut kept = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("#[cfg(test)]") {
        kept += &rest[..at];
        let item = &rest[at..];
        let end = match (item.find('{'), item.find(';')) {
            (Some(open), semicolon) if semicolon.is_none_or(|semicolon| open < semicolon) => {
                open + block(&item[open..])
            }
            (_, Some(semicolon)) => semicolon + 1,
            _ => item.len(),
        };
        rest = &item[end..];
    }
    kept + rest
}

/// The length of a block that ends at the brace in the first column, as rustfmt writes it.
fn block(text: &str) -> usize {
    text.find("\n}").map_or(text.len(), |end| end + 2)
}

/// What is wrong with a room using another one.
fn fault(room: &str, used: &str) -> Option<String> {
    let place = |name: &str| ROOMS.iter().position(|room| *room == name);
    let (Some(own), Some(other)) = (place(room), place(used)) else {
        return None;
    };
    let never = NEVER.contains(&(room, used));
    (other > own || never).then(|| format!("{room} uses {used}"))
}

#[test]
fn no_room_uses_a_room_to_its_right() {
    let mut faults = Vec::new();
    let mut seen = 0;
    for source in sources() {
        if ["main", "lib"].contains(&source.room.as_str()) {
            continue;
        }
        assert!(ROOMS.contains(&source.room.as_str()), "{} is in no room of the design", source.path.display());
        let uses = source.uses();
        seen += uses.len();
        faults.extend(
            uses.iter()
                .filter_map(|used| fault(&source.room, used))
                .map(|fault| format!("{}: {fault}", source.path.display())),
        );
    }
    assert!(seen > 50, "the scan finds paths");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_scan_finds_what_it_looks_for() {
    let source = |code: &str| Source {
        path: PathBuf::new(),
        room: "net".to_owned(),
        depth: 2,
        code: without_tests(&without_comments(code)),
    };
    for code in [
        "use crate::server::x;",
        "use crate::{api::{A, B}, server};",
        "use crate::{\n    api,\n    server::{C},\n};",
        "let x = crate::server::x();",
        "use super::super::server::x;",
        "#[cfg(test)]\nmod tests {\n    use crate::cli;\n}\nuse crate::server;",
    ] {
        assert!(source(code).uses().contains("server"), "{code}");
        assert!(!source(code).uses().contains("cli"), "{code}");
    }
    for code in [
        "// use crate::server;",
        "//! [`crate::server`]",
        "#[cfg(test)]\nmod tests {\n    use crate::server;\n}\n",
        "use super::server;",
        "#[cfg(test)]\nuse crate::server;\n",
    ] {
        assert!(!source(code).uses().contains("server"), "{code}");
    }
    assert!(fault("net", "server").is_some() && fault("server", "net").is_none());
    assert!(fault("dialects", "usage").is_some() && fault("call", "config").is_some());
}
