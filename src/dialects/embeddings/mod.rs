//! OpenAI's embeddings: the door, for providers that speak otherwise, and the judgement of answers that are handed on as
//! they are. <https://platform.openai.com/docs/api-reference/embeddings>

mod answer;
mod judge;
mod request;

pub use answer::write_answer;
pub use judge::judge_answer;
pub use request::{EmbeddingsRequest, read_request};
