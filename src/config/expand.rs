//! `${VAR}`, `${VAR:-default}` and `${file:PATH}` inside a string of the file.
//!
//! What an expansion yields is not expanded again, so a secret may hold any character. A `$` without `{` stands for
//! itself. Messages name variables and paths, never what they hold.

use std::path::Path;

use super::env::Env;

/// Where expansions look.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expander<'a> {
    pub(super) env: &'a Env,
    /// The folder of the file: relative paths start here.
    pub(super) folder: &'a Path,
}

impl Expander<'_> {
    /// The text with every `${...}` replaced, or all that is wrong with it.
    pub(super) fn expand(&self, text: &str) -> Result<String, Vec<String>> {
        let (mut expanded, mut problems) = (String::new(), Vec::new());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            expanded.push_str(before);
            let Some((inside, behind)) = after.split_once('}') else {
                problems.push("`${` without a closing `}`".to_owned());
                return Err(problems);
            };
            match self.resolve(inside) {
                Ok(value) => expanded.push_str(&value),
                Err(problem) => problems.push(problem),
            }
            rest = behind;
        }
        expanded.push_str(rest);
        if problems.is_empty() { Ok(expanded) } else { Err(problems) }
    }

    fn resolve(&self, inside: &str) -> Result<String, String> {
        if let Some(path) = inside.strip_prefix("file:") {
            return self.contents(path);
        }
        let (name, default) = match inside.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (inside, None),
        };
        if !is_variable_name(name) {
            return Err(format!("`{name}` is not the name of a variable"));
        }
        match default {
            // As in a shell, an empty variable counts as unset where there is a default.
            Some(default) => Ok(self.env.filled(name).unwrap_or(default).to_owned()),
            None => self.env.get(name).map(str::to_owned).ok_or_else(|| {
                format!("the environment variable {name} is not set; `${{{name}:-}}` would make it optional")
            }),
        }
    }

    fn contents(&self, path: &str) -> Result<String, String> {
        let text = std::fs::read_to_string(self.folder.join(path))
            .map_err(|error| format!("cannot read the file {path}: {error}"))?;
        Ok(text.trim_end_matches(['\r', '\n']).to_owned())
    }
}

fn is_variable_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expand(text: &str) -> Result<String, Vec<String>> {
        let env: Env = [("KEY", "sk-1"), ("EMPTY", ""), ("DOLLAR", "${KEY}")].into_iter().collect();
        let folder = Path::new("/nowhere");
        Expander { env: &env, folder }.expand(text)
    }

    #[test]
    fn replaces_variables_wherever_they_stand_in_the_text() {
        assert_eq!(expand("a${KEY}b${KEY}"), Ok("ask-1bsk-1".into()));
        assert_eq!(expand("${EMPTY}"), Ok(String::new()));
        assert_eq!(expand("costs $5 and }"), Ok("costs $5 and }".into()));
    }

    #[test]
    fn takes_the_default_where_a_variable_is_unset_or_empty() {
        assert_eq!(expand("${GONE:-x:-y}${EMPTY:-z}${KEY:-no}"), Ok("x:-yzsk-1".into()));
        assert_eq!(expand("${GONE:-}"), Ok(String::new()));
    }

    #[test]
    fn does_not_expand_what_a_variable_holds() {
        assert_eq!(expand("${DOLLAR}"), Ok("${KEY}".into()));
    }

    #[test]
    fn reports_every_variable_that_is_not_set() {
        let problems = expand("${GONE}-${KEY}-${LOST}").unwrap_err();
        assert_eq!(problems.len(), 2);
        assert!(problems[0].contains("GONE") && problems[1].contains("LOST"));
    }

    #[test]
    fn refuses_an_open_brace_and_a_name_that_no_variable_can_have() {
        assert!(expand("${KEY").is_err());
        assert!(expand("${}").is_err());
        assert!(expand("${1A}").is_err());
    }

    #[test]
    fn reads_a_file_beside_the_configuration_without_its_last_newline() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("secret"), "s3cret\nline\r\n").unwrap();
        let env = Env::default();
        let expander = Expander { env: &env, folder: folder.path() };
        assert_eq!(expander.expand("${file:secret}"), Ok("s3cret\nline".into()));
        assert!(expander.expand("${file:gone}").unwrap_err()[0].contains("gone"));
    }
}
