//! Exchanges with real providers, for the codecs' tests. They lie outside the repository and may be missing.

use std::path::Path;

use serde_json::Value;

use super::Event;

/// All recordings whose file name begins with `prefix`, with their names.
pub(super) fn recordings(prefix: &str) -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/traffic/dev");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        skip(&folder);
        return Vec::new();
    };
    let mut found: Vec<_> = entries
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let name = path.file_stem()?.to_str()?.to_owned();
            if !name.starts_with(prefix) {
                return None;
            }
            Some((name, serde_json::from_slice(&std::fs::read(&path).ok()?).ok()?))
        })
        .collect();
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    found
}

fn skip(folder: &Path) {
    eprintln!("skipped: there is no {}", folder.display());
}

/// The data of a stream's events, in order.
pub(super) fn events(recording: &Value) -> Vec<String> {
    let text = recording["response"]["sse_text"].as_str().unwrap_or_default();
    text.lines().filter_map(|line| line.strip_prefix("data:")).map(|data| data.trim().to_owned()).collect()
}

/// Cuts a recorded stream into its events.
pub(super) fn each_event(stream: &str, mut read: impl FnMut(Event<'_>)) {
    for lines in stream.replace("\r\n", "\n").split("\n\n") {
        if let Some(event) = Event::parse(lines.as_bytes(), &mut Vec::new()) {
            read(event);
        }
    }
}

/// `document` with each of its values in turn replaced by something that does not belong there.
pub(super) fn spoiled(document: &Value) -> Vec<Value> {
    let wrong = [
        Value::Null,
        7.into(),
        (-1.5).into(),
        "x".into(),
        true.into(),
        Value::Array(vec![7.into()]),
        Value::Object(serde_json::Map::new()),
    ];
    let mut all = wrong.to_vec();
    let mut inside = |part: &Value, put: &dyn Fn(Value) -> Value| all.extend(spoiled(part).into_iter().map(put));
    match document {
        Value::Object(members) => {
            for (name, part) in members {
                inside(part, &|spoiled| {
                    let mut members = members.clone();
                    members.insert(name.clone(), spoiled);
                    Value::Object(members)
                });
            }
        }
        Value::Array(items) => {
            for (index, part) in items.iter().enumerate() {
                inside(part, &|spoiled| {
                    let mut items = items.clone();
                    items[index] = spoiled;
                    Value::Array(items)
                });
            }
        }
        _ => {}
    }
    all
}
