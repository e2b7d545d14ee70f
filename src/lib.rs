//! Tollgate: an OpenAI-compatible gateway that sends each call to the cheapest AI provider that is up.
//!
//! The rooms, from the plainest to those that know the most. A room uses only rooms above it; a test keeps it so.
//!
//! ```text
//! api         wire shapes as data: JSON positions, envelopes, usage, money, errors
//! config      the configuration as plain data, read and checked
//! error       Failure (one attempt), GatewayError (a whole call)
//! call        Caller, Call, Journal, Reply, Frame: what travels between rooms
//! telemetry   logs and metrics
//! net         connections, the pool, TLS, the proxy environment
//! state       token buckets and slots
//! usage       price, meter, record
//! keys        callers' keys
//! dialects    wire formats, pure
//! upstream    one HTTP exchange with a provider
//! cache       answers that are kept
//! routing     registry, plan, execution, breakers, health checks
//! layers      auth, meter, limit, cache: adapters from rooms to services
//! admin       what the admin API tells
//! server      the doors
//! demo        simulated providers
//! gateway     the composition root
//! cli         commands
//! ```
//!
//! One call's way through them is told in `docs/architecture.md`.

pub mod admin;
pub mod api;
pub mod cache;
pub mod call;
pub mod cli;
pub mod config;
pub mod demo;
pub mod dialects;
pub mod error;
pub mod gateway;
pub mod keys;
pub mod layers;
pub mod net;
pub mod routing;
pub mod server;
pub mod state;
pub mod telemetry;
pub mod upstream;
pub mod usage;
