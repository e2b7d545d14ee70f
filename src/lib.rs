//! Tollgate.

pub mod config;
pub mod demo;
