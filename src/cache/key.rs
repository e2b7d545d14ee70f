//! What makes two calls equal.
//!
//! The key is a 256-bit hash over door, asked name, route, scope and the body without the members that change nothing
//! of the answer. The body is taken as it stands: two spellings of one JSON document are two keys, which costs a miss
//! and can never give a wrong answer. What was hashed is kept beside the answer and compared on a hit, so not even a
//! collision could.

use std::ops::Range;

use crate::call::{Call, Caller};
use crate::config::Scope;

/// A call as the cache sees it.
#[derive(Debug, Clone)]
pub struct Key {
    pub(super) hash: [u8; 32],
    /// All that was hashed: the body without what changes nothing, then door, scope, asked name and route. It shares no
    /// memory with the connection that the body came over.
    pub(super) material: Box<[u8]>,
}

impl Key {
    pub fn new(call: &Call, scope: Scope) -> Self {
        let mut material = Vec::with_capacity(call.body.len() + 256);
        // The body comes first and in one piece: hashed like that its blocks go through the vector unit many at a time.
        write_body(&mut material, &call.body, &call.envelope.immaterial);
        let body = material.len() as u64;
        write_preamble(&mut material, call, scope);
        // With the length at the end no two pairs of body and preamble are one text.
        material.extend_from_slice(&body.to_le_bytes());
        Self { hash: *blake3::hash(&material).as_bytes(), material: material.into_boxed_slice() }
    }
}

fn write_preamble(material: &mut Vec<u8>, call: &Call, scope: Scope) {
    let (level, name) = sharers(&call.caller, scope);
    for part in [call.door.as_str(), level, name, &call.envelope.model] {
        material.extend_from_slice(&(part.len() as u64).to_le_bytes());
        material.extend_from_slice(part.as_bytes());
    }
    material.extend_from_slice(&call.route_version);
}

/// The level that is shared on, and who is on it.
fn sharers(caller: &Caller, scope: Scope) -> (&'static str, &str) {
    match scope {
        Scope::Key => ("key", &caller.key),
        Scope::User => ("user", &caller.user),
        Scope::Team => match &caller.team {
            Some(team) => ("team", team),
            None => ("user", &caller.user),
        },
        Scope::Global => ("global", ""),
    }
}

/// Writes what stands around the members that are left out, with a comma in place of each where one is due.
fn write_body(material: &mut Vec<u8>, body: &[u8], left_out: &[Range<usize>]) {
    let is_edge = |byte: &u8| byte.is_ascii_whitespace() || *byte == b',';
    let mut from = 0;
    for next in left_out.iter().cloned().chain(std::iter::once(body.len()..body.len())) {
        let part = &body[from..next.start];
        from = next.end;
        if left_out.is_empty() {
            material.extend_from_slice(part);
            continue;
        }
        let leading = part.iter().take_while(|byte| is_edge(byte)).count();
        let trailing = part[leading..].iter().rev().take_while(|byte| is_edge(byte)).count();
        let part = &part[leading..part.len() - trailing];
        if !part.is_empty() {
            if !matches!(material.last(), None | Some(b'{')) && part != b"}" {
                material.push(b',');
            }
            material.extend_from_slice(part);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::dialects::openai_chat::testing::call;

    fn caller(key: &str, user: &str, team: Option<&str>) -> Arc<Caller> {
        Arc::new(Caller { key: key.into(), user: user.into(), team: team.map(Into::into), models: Vec::new() })
    }

    fn key_of(body: &str, caller: &Arc<Caller>, scope: Scope) -> Key {
        Key::new(&call(body, Arc::clone(caller)), scope)
    }

    fn equal(one: &Key, other: &Key) -> bool {
        assert_eq!(one.hash == other.hash, one.material == other.material);
        one.hash == other.hash
    }

    const PLAIN: &str = r#"{"model":"m","messages":[{"role":"user","content":"hi, \"stream\""}],"temperature":0}"#;

    #[test]
    fn what_changes_nothing_is_left_out() {
        let caller = caller("k", "u", None);
        let plain = key_of(PLAIN, &caller, Scope::User);
        for same in [
            PLAIN.replacen('{', r#"{"stream":false,"#, 1),
            PLAIN.replacen('{', r#"{"user":"x" ,"#, 1),
            PLAIN.replace(r#","temperature""#, r#","stream":false,"user":"y","temperature""#),
            PLAIN.replace(":0}", r#":0,"user":"z"}"#),
            PLAIN.replace(":0}", r#":0,"stream_options":null,"stream":null}"#),
        ] {
            assert!(equal(&plain, &key_of(&same, &caller, Scope::User)), "{same}");
        }
    }

    #[test]
    fn what_changes_the_answer_is_kept() {
        let caller = caller("k", "u", None);
        let plain = key_of(PLAIN, &caller, Scope::User);
        for other in [
            PLAIN.replace("hi", "ho"),
            PLAIN.replace(":0", ":1"),
            PLAIN.replace(r#""m""#, r#""n""#),
            PLAIN.replace("\"temperature\":0", "\"seed\":0"),
            PLAIN.replacen('{', r#"{"tools":[],"#, 1),
            PLAIN.replace(":0}", ":0 }").replace("\"messages\"", " \"messages\""),
        ] {
            assert!(!equal(&plain, &key_of(&other, &caller, Scope::User)), "{other}");
        }
    }

    #[test]
    fn scopes_keep_callers_apart() {
        let (a, b) = (caller("a", "u", Some("t")), caller("b", "u", Some("t")));
        let (other, alone) = (caller("c", "v", Some("t")), caller("d", "t", None));
        for (scope, shared) in [
            (Scope::Key, [false, false, false]),
            (Scope::User, [true, false, false]),
            (Scope::Team, [true, true, false]),
            (Scope::Global, [true, true, true]),
        ] {
            let mine = key_of(PLAIN, &a, scope);
            let theirs = [&b, &other, &alone].map(|caller| equal(&mine, &key_of(PLAIN, caller, scope)));
            assert_eq!(theirs, shared, "{scope:?}");
        }
    }
}
