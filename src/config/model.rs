//! `[models.NAME]`: a name that clients may ask for, and what stands behind it.

use std::time::Duration;

/// One name and its targets.
#[derive(Debug, Clone)]
pub struct Model {
    pub name: String,
    pub strategy: Strategy,
    /// Usable targets in the order of the file; those of providers that are off are left out.
    pub targets: Vec<Target>,
    /// Shortens `server.deadline` for this name.
    pub deadline: Option<Duration>,
}

/// `provider/model` of a `targets` list. The provider is in [`super::Config::providers`]; the model may be one
/// that it does not list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub provider: String,
    pub model: String,
}

/// How candidates are put in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strategy {
    #[default]
    Cheapest,
    Ordered,
}
