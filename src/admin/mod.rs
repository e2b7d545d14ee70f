//! What whoever runs the gateway may ask of it: answers as data to be written as JSON, over the rooms that know them.
//!
//! Paths, methods and statuses are the server's. Nothing here holds a provider's key, a caller's key or a prompt.

mod providers;
mod secret;

use std::sync::Arc;

use http::HeaderMap;
use tokio::time::Instant;

pub use providers::Providers;
pub use secret::{Secret, random_secret};

use crate::error::GatewayError;
use crate::routing::Registry;

/// The admin API.
#[derive(Debug)]
pub struct Admin {
    secret: Secret,
    registry: Arc<Registry>,
}

impl Admin {
    pub fn new(secret: Secret, registry: Arc<Registry>) -> Self {
        Self { secret, registry }
    }

    /// Whether a request may ask. To be called before any of the below.
    pub fn admit(&self, headers: &HeaderMap) -> Result<(), GatewayError> {
        self.secret.admit(headers)
    }

    /// How all providers stand now.
    pub fn providers(&self) -> Providers {
        let now = Instant::now();
        Providers::of(self.registry.snapshot(now), now, jiff::Timestamp::now())
    }
}
