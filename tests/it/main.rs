//! Everything that can be seen from outside: the real binary between scripted providers and a raw client.
//!
//! A file per behaviour. Each test starts a gateway of its own on free ports, so all run at once.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(clippy::print_stderr, reason = "a failing test shows the gateway's log")]

mod harness;

mod admin;
mod asked;
mod auth;
mod bad_input;
mod breaker;
mod cache;
mod client_gone;
mod commands;
mod conversations;
mod deadlines;
mod descriptors;
mod dialect_errors;
mod dialect_oddities;
mod dialects;
mod doors;
mod drain;
mod embeddings;
mod faults;
mod golden;
mod grammar;
mod headers;
mod heads;
mod health;
mod http2;
mod inside_200;
mod invariants;
mod keepalive;
mod large_bodies;
mod last_resort;
mod layout;
mod limits;
mod losses;
mod money;
mod passthrough;
mod plan;
mod prices;
mod provider_answers;
mod provider_keys;
mod provider_statuses;
mod quality;
mod recordings;
mod replayed;
mod retries;
mod retry_after;
mod sdk;
mod secrets;
mod slow_clients;
mod stream_failures;
mod streams;
mod tls;
mod transport;
mod upstreams;
