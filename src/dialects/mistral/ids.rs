//! Ids of tool calls. Mistral takes only nine letters and digits ("Tool call id was .. but must be a-z, A-Z, 0-9, with a
//! length of 9"), while a history may come from anywhere.

const LENGTH: usize = 9;
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// An id that Mistral takes, the same for the same `id` always; `None` where `id` is one.
pub(super) fn shorten(id: &str) -> Option<String> {
    if id.len() == LENGTH && id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let hash = blake3::hash(id.as_bytes());
    let mut number = hash.as_bytes().iter().take(8).fold(0_u64, |number, &byte| number << 8 | u64::from(byte));
    let mut digit = || {
        let digit = DIGITS[(number % 62) as usize];
        number /= 62;
        char::from(digit)
    };
    Some((0..LENGTH).map(|_| digit()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_others_become_nine_letters_and_digits() {
        let short = shorten("call_PTLP8xhu3uwZk4l3nlnrrJha").unwrap();
        assert!(short.len() == 9 && short.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert_eq!(shorten(&short), None);
        assert_eq!(shorten("call_PTLP8xhu3uwZk4l3nlnrrJha"), Some(short));
        assert_ne!(shorten("call_1"), shorten("call_2"));
    }
}
