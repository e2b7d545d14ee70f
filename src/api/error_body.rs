//! OpenAI's error shape: `{"error":{"message","type","param","code"}}`.

use serde::Serialize;

/// The inner object; all four members are always written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ErrorBody<'a> {
    pub message: &'a str,
    #[serde(rename = "type")]
    pub kind: &'a str,
    pub param: Option<&'a str>,
    pub code: Option<&'a str>,
}

impl ErrorBody<'_> {
    /// The whole document.
    pub fn to_json(&self) -> Vec<u8> {
        #[derive(Serialize)]
        struct Document<'a> {
            error: &'a ErrorBody<'a>,
        }
        serde_json::to_vec(&Document { error: self }).expect("strings always serialise")
    }

    /// The error as the last event of a stream: no `event:` line, and nothing follows it.
    /// (`openai-python` raises on `data.error` and would take a `[DONE]` for success.)
    pub fn to_event(&self) -> Vec<u8> {
        let mut event = b"data: ".to_vec();
        event.extend(self.to_json());
        event.extend(b"\n\n");
        event
    }
}
