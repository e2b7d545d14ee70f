//! What makes two calls equal.
//!
//! The key is a 256-bit hash over door, asked name, route, scope and the body without the members that change nothing
//! of the answer. The body is taken as it stands: two spellings of one JSON document are two keys, which costs a miss
//! and can never give a wrong answer. What was hashed is kept beside the answer and compared on a hit, so not even a
//! collision could.

use bytes::Bytes;
use smallvec::SmallVec;

use crate::call::{Call, Caller};

/// Who shares answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    Key,
    User,
    /// A caller without a team shares with its user only.
    Team,
    Global,
}

/// A call as the cache sees it.
#[derive(Debug, Clone)]
pub struct Key {
    pub(super) hash: [u8; 32],
    /// Door, scope, asked name and route.
    preamble: Vec<u8>,
    body: Bytes,
    kept: SmallVec<[std::ops::Range<usize>; 4]>,
}

impl Key {
    pub fn new(call: &Call, scope: Scope) -> Self {
        let preamble = preamble(call, scope);
        let kept = material(&call.body, &call.envelope.immaterial);
        let mut key = Self { hash: [0; 32], preamble, body: call.body.clone(), kept };
        // The body comes first: hashed from an even start, its blocks go through the vector unit many at a time.
        let mut hasher = blake3::Hasher::new();
        for part in key.parts() {
            hasher.update(part);
        }
        hasher.update(&key.preamble);
        hasher.update(&(key.preamble.len() as u64).to_le_bytes());
        key.hash = *hasher.finalize().as_bytes();
        key
    }

    /// What stands in the body, with a comma where something was left out.
    fn parts(&self) -> impl Iterator<Item = &[u8]> {
        self.kept.iter().enumerate().flat_map(|(place, range)| {
            let part = &self.body[range.clone()];
            let joined = place > 0 && !self.body[self.kept[place - 1].clone()].ends_with(b"{") && part != b"}";
            [if joined { &b","[..] } else { &b""[..] }, part]
        })
    }

    /// A copy of all that was hashed; it shares no memory with the connection that the body came over.
    pub(super) fn material(&self) -> Box<[u8]> {
        let mut material = Vec::with_capacity(self.preamble.len() + self.body.len() + self.kept.len());
        material.extend_from_slice(&self.preamble);
        for part in self.parts() {
            material.extend_from_slice(part);
        }
        material.into_boxed_slice()
    }

    pub(super) fn matches(&self, material: &[u8]) -> bool {
        let Some(mut rest) = material.strip_prefix(&*self.preamble) else {
            return false;
        };
        for part in self.parts() {
            match rest.strip_prefix(part) {
                Some(behind) => rest = behind,
                None => return false,
            }
        }
        rest.is_empty()
    }
}

fn preamble(call: &Call, scope: Scope) -> Vec<u8> {
    let (level, name) = sharers(&call.caller, scope);
    let mut preamble = Vec::with_capacity(128);
    for part in [call.door.as_str(), level, name, &call.envelope.model] {
        preamble.extend_from_slice(&(part.len() as u64).to_le_bytes());
        preamble.extend_from_slice(part.as_bytes());
    }
    preamble.extend_from_slice(&call.route_version);
    preamble
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

/// The ranges between the members that are left out, without the commas and spaces at their edges.
fn material(body: &[u8], left_out: &[std::ops::Range<usize>]) -> SmallVec<[std::ops::Range<usize>; 4]> {
    let mut kept = SmallVec::new();
    let mut from = 0;
    for end in left_out.iter().map(|range| range.start).chain([body.len()]) {
        let is_edge = |byte: &u8| byte.is_ascii_whitespace() || *byte == b',';
        let part = &body[from..end];
        let leading = part.iter().take_while(|byte| is_edge(byte)).count();
        let trailing = part[leading..].iter().rev().take_while(|byte| is_edge(byte)).count();
        if leading + trailing < part.len() {
            kept.push(from + leading..end - trailing);
        }
        from = left_out.iter().find(|range| range.start == end).map_or(end, |range| range.end);
    }
    kept
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::time::Instant;

    use super::*;
    use crate::call::{CacheWish, Door, Journal};
    use crate::dialects::openai_chat::read_envelope;

    fn caller(key: &str, user: &str, team: Option<&str>) -> Arc<Caller> {
        Arc::new(Caller { key: key.into(), user: user.into(), team: team.map(Into::into), models: Vec::new() })
    }

    fn key_of(body: &str, caller: &Arc<Caller>, scope: Scope) -> Key {
        let body = Bytes::copy_from_slice(body.as_bytes());
        let now = Instant::now();
        let call = Call {
            id: "id".into(),
            door: Door::ChatCompletions,
            caller: Arc::clone(caller),
            label: "m".into(),
            route_version: [0; 32],
            envelope: read_envelope(&body).unwrap(),
            body,
            cache: CacheWish::default(),
            beta: None,
            arrived: now,
            read: now,
            deadline: now,
            journal: Arc::default(),
        };
        let _: &Journal = &call.journal;
        Key::new(&call, scope)
    }

    fn equal(one: &Key, other: &Key) -> bool {
        assert_eq!(one.hash == other.hash, one.matches(&other.material()));
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
