//! Connections to other hosts: name lookup, TCP, TLS, the proxy of the environment, and a pool of HTTP/1.1
//! connections. Knows nothing of providers.

mod alarm;
mod body;
mod connect;
mod descriptors;
mod dial;
mod error;
mod link;
mod origin;
mod proxy;
mod sips;
mod tls;

pub use alarm::Alarm;
pub use body::RequestBody;
pub use connect::Connector;
pub use descriptors::raise_descriptors;
pub use dial::{Dial, Dialled, Pipe};
pub use error::NetError;
pub use link::ResponseBody;
pub use origin::Origin;
pub use proxy::ProxyEnv;
