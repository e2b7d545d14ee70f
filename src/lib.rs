//! Tollgate.

pub mod api;
pub mod cache;
pub mod call;
pub mod config;
pub mod demo;
pub mod dialects;
pub mod error;
pub mod keys;
pub mod layers;
pub mod net;
pub mod routing;
pub mod state;
pub mod telemetry;
pub mod upstream;
pub mod usage;
