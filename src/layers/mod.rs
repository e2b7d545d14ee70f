//! The layers of a call: thin adapters from a room to a `tower::Service<Box<Call>>`. Their order stands in `gateway.rs`.

mod auth;
mod cache;
mod limit;
mod meter;

pub use auth::{Auth, bearer};
pub use cache::CacheLayer;
pub use limit::{LimitLayer, Limits};
pub use meter::MeterLayer;

use std::future::Future;
use std::pin::Pin;

use crate::call::Reply;
use crate::error::GatewayError;

/// What every layer's service returns.
type ReplyFuture = Pin<Box<dyn Future<Output = Result<Box<Reply>, GatewayError>> + Send>>;
