//! Which provider answers a call: the registry of what is configured, the plan of a call, and its execution with
//! fall-back, repeats, breakers, checks of health, keys and provider limits.

mod admission;
mod attempt;
mod breaker;
mod budget;
mod dispatch;
mod first_token;
mod health;
mod kept;
mod keys;
mod plan;
mod price;
mod provider;
mod registry;
mod relay;
mod run;
mod snapshot;
mod turn;
mod window;

pub use breaker::Stance;
pub use dispatch::Dispatcher;
pub use health::{Found, HealthChecks};
pub use keys::KeyStance;
pub use plan::{Plan, Unable};
pub use price::WallClock;
pub use registry::{Registry, RegistryError, Route};
pub use snapshot::{HealthSnapshot, ModelSnapshot, ProviderSnapshot};
