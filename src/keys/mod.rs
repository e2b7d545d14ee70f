//! Callers' keys: who a secret stands for.
//!
//! Secrets are not kept. A presented secret is hashed under a random key of this process, which makes every length and
//! content alike; the hash finds the caller, and the comparison takes the same time wherever two hashes differ.

use std::sync::Arc;

use foldhash::HashMap;
use subtle::ConstantTimeEq;

use crate::call::Caller;

const HASH: usize = 32;

/// The longest secret that is looked up; longer ones are unknown.
const LONGEST: usize = 1024;

/// All keys that may call.
#[derive(Debug)]
pub struct Directory {
    hash_key: [u8; HASH],
    /// By the hash's first half. The whole hash is compared.
    callers: HashMap<[u8; HASH / 2], Entry>,
}

#[derive(Debug)]
struct Entry {
    hash: [u8; HASH],
    caller: Arc<Caller>,
}

impl Directory {
    /// `hash_key` must come from a secure source.
    pub fn new<'a>(hash_key: [u8; HASH], callers: impl IntoIterator<Item = (&'a str, Arc<Caller>)>) -> Self {
        let callers = callers
            .into_iter()
            .map(|(secret, caller)| {
                let hash = *blake3::keyed_hash(&hash_key, secret.as_bytes()).as_bytes();
                (first_half(&hash), Entry { hash, caller })
            })
            .collect();
        Self { hash_key, callers }
    }

    /// The caller that `secret` belongs to.
    pub fn find(&self, secret: &[u8]) -> Option<&Arc<Caller>> {
        if secret.len() > LONGEST {
            return None;
        }
        let hash = *blake3::keyed_hash(&self.hash_key, secret).as_bytes();
        let entry = self.callers.get(&first_half(&hash))?;
        bool::from(entry.hash.ct_eq(&hash)).then_some(&entry.caller)
    }
}

fn first_half(hash: &[u8; HASH]) -> [u8; HASH / 2] {
    *hash.first_chunk().expect("half of a hash fits in it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_secret_finds_its_caller() {
        let caller = |id: &str| Arc::new(Caller { key: id.into(), user: id.into(), team: None, models: Vec::new() });
        let secrets = ["sk-alice-0123456789-x", "sk-alice-0123456789-y"];
        let directory = Directory::new([7; 32], secrets.iter().map(|secret| (*secret, caller(secret))));
        for secret in secrets {
            assert_eq!(&*directory.find(secret.as_bytes()).unwrap().key, secret);
            assert!(directory.find(&secret.as_bytes()[..20]).is_none());
            assert!(directory.find(format!("{secret} ").as_bytes()).is_none());
        }
        for unknown in [&b""[..], b"\0", b"' OR 1=1--", &[b'a'; 1 << 20]] {
            assert!(directory.find(unknown).is_none());
        }
    }
}
