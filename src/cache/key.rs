//! What makes two calls equal.
//!
//! Door, asked name, route, scope, what is handed on of the headers, and the body without the members that change nothing
//! of the answer. The body is taken as it stands: two spellings of one JSON document are two keys, which costs a miss
//! and can never give a wrong answer. The key is found by a fast hash, which proves nothing; what was hashed is kept
//! beside the answer and compared.

use std::borrow::Cow;
use std::hash::BuildHasher;
use std::ops::Range;

use bytes::{Bytes, BytesMut};
use http::HeaderValue;

use crate::call::{Betas, Call, Caller};
use crate::config::Scope;

/// A call as the cache sees it.
#[derive(Debug, Clone)]
pub struct Key {
    /// Of all the rest.
    pub(super) hash: u64,
    /// The body without what changes nothing.
    body: Bytes,
    /// `body` is memory of its own, and no slice of a connection's buffer.
    owned: bool,
    /// Door, scope, asked name, the headers that are handed on, strictness and route.
    preamble: Bytes,
}

impl Key {
    /// Copies the body only where something has to be left out.
    pub(super) fn new(call: &Call, scope: Scope, hash: &impl BuildHasher) -> Self {
        let (body, owned) = match without(&call.body, &call.envelope.immaterial) {
            Cow::Borrowed(_) => (call.body.clone(), call.owns_body),
            Cow::Owned(body) => (body.into(), true),
        };
        let preamble = Bytes::from(preamble(call, scope));
        Self { hash: hash.hash_one((&preamble, &body)), body, owned, preamble }
    }

    /// The same key for keeping, with a copy of `answer` in one piece of memory: an entry that is pushed out has long
    /// gone from the processor's caches, and each piece of it would have to be fetched to be freed.
    pub(super) fn keep_with(self, answer: &[u8]) -> (Self, Bytes) {
        let copied = if self.owned { 0 } else { self.body.len() };
        let mut memory = BytesMut::with_capacity(self.preamble.len() + copied + answer.len());
        let mut copy = |text: &[u8]| {
            memory.extend_from_slice(text);
            memory.split().freeze()
        };
        let preamble = copy(&self.preamble);
        let body = if self.owned { self.body } else { copy(&self.body) };
        (Self { hash: self.hash, body, owned: true, preamble }, copy(answer))
    }

    /// Bytes that it takes.
    pub(super) fn weight(&self) -> usize {
        self.body.len() + self.preamble.len()
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash && self.preamble == other.preamble && self.body == other.body
    }
}

fn preamble(call: &Call, scope: Scope) -> Vec<u8> {
    let (level, name) = sharers(&call.caller, scope);
    let Betas { openai, anthropic, anthropic_version } = &call.betas;
    let parts = [
        call.door.as_str().as_bytes(),
        level.as_bytes(),
        name.as_bytes(),
        call.envelope.model.as_bytes(),
        bytes_of(openai.as_ref()),
        bytes_of(anthropic.as_ref()),
        bytes_of(anthropic_version.as_ref()),
        if call.strict { b"strict" } else { b"" },
    ];
    let length = parts.iter().map(|part| size_of::<u64>() + part.len()).sum::<usize>() + call.route_version.len();
    let mut preamble = Vec::with_capacity(length);
    for part in parts {
        preamble.extend_from_slice(&(part.len() as u64).to_le_bytes());
        preamble.extend_from_slice(part);
    }
    preamble.extend_from_slice(&call.route_version);
    preamble
}

fn bytes_of(header: Option<&HeaderValue>) -> &[u8] {
    header.map_or(&[], HeaderValue::as_bytes)
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

/// What stands around the members that are left out, with a comma in place of each where one is due.
fn without<'a>(body: &'a [u8], left_out: &[Range<usize>]) -> Cow<'a, [u8]> {
    if left_out.is_empty() {
        return Cow::Borrowed(body);
    }
    let is_edge = |byte: &u8| byte.is_ascii_whitespace() || *byte == b',';
    let mut kept = Vec::with_capacity(body.len());
    let mut from = 0;
    for next in left_out.iter().cloned().chain(std::iter::once(body.len()..body.len())) {
        let part = &body[from..next.start];
        from = next.end;
        let leading = part.iter().take_while(|byte| is_edge(byte)).count();
        let trailing = part[leading..].iter().rev().take_while(|byte| is_edge(byte)).count();
        let part = &part[leading..part.len() - trailing];
        if !part.is_empty() {
            if !matches!(kept.last(), None | Some(b'{')) && part != b"}" {
                kept.push(b',');
            }
            kept.extend_from_slice(part);
        }
    }
    Cow::Owned(kept)
}

#[cfg(test)]
mod tests {
    use std::hash::{BuildHasherDefault, DefaultHasher};
    use std::sync::Arc;

    use super::*;
    use crate::dialects::testing::call;

    fn caller(key: &str, user: &str, team: Option<&str>) -> Arc<Caller> {
        Arc::new(Caller { key: key.into(), user: user.into(), team: team.map(Into::into), models: Vec::new() })
    }

    fn key_of(body: &str, caller: &Arc<Caller>, scope: Scope) -> Key {
        Key::new(&call(body, Arc::clone(caller)), scope, &BuildHasherDefault::<DefaultHasher>::default())
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
            assert!(plain == key_of(&same, &caller, Scope::User), "{same}");
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
            assert!(plain != key_of(&other, &caller, Scope::User), "{other}");
        }
    }

    #[test]
    fn a_beta_is_another_call() {
        let caller = caller("k", "u", None);
        let mut beta = call(PLAIN, Arc::clone(&caller));
        beta.betas.openai = Some(http::HeaderValue::from_static("assistants=v2"));
        let beta = Key::new(&beta, Scope::User, &BuildHasherDefault::<DefaultHasher>::default());
        assert!(beta != key_of(PLAIN, &caller, Scope::User));
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
            let theirs = [&b, &other, &alone].map(|caller| mine == key_of(PLAIN, caller, scope));
            assert_eq!(theirs, shared, "{scope:?}");
        }
    }
}
