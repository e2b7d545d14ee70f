//! Tollgate.

pub mod api;
pub mod call;
pub mod config;
pub mod dialects;
pub mod error;
