//! Wire formats. Each dialect is pure and synchronous: bytes and facts in, bytes and facts out.

pub mod openai_chat;
