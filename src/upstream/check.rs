//! Looking whether a provider is there, the way that calls go, with what costs nothing.

use std::pin::Pin;
use std::time::Duration;

use http::Uri;
use http_body::Body;
use tokio::time::{Instant, timeout_at};

use super::endpoint::{Endpoint, ProviderKey};
use super::exchange::not_answered;
use crate::error::FailureClass;
use crate::net::ResponseBody;

/// The most of a list of models that is read to keep its connection.
const LIST_LIMIT: usize = 64 << 10;

/// Makes a connection (name lookup, TCP, TLS where the address wants it) within `limit`, and closes it.
pub async fn check_connection(endpoint: &Endpoint, limit: Duration) -> Result<(), FailureClass> {
    endpoint.origin.connect(limit).await.map_err(|error| not_answered(&error).class)
}

/// Asks for the list of models at `address` and waits for the head of an answer, for `limit` altogether. Any status below
/// 500 shows that somebody is there, which is all that is asked: a key may be refused the list and be good for calls.
/// Redirects are not followed. Dropping the future closes the connection.
pub async fn check_models(
    endpoint: &Endpoint,
    address: &Uri,
    key: Option<&ProviderKey>,
    limit: Duration,
) -> Result<(), FailureClass> {
    let end = Instant::now() + limit;
    let request = || endpoint.free_request(address, key);
    let (answer, _) = endpoint.origin.send(request, limit, end).await.map_err(|error| not_answered(&error).class)?;
    let status = answer.status();
    // What is left of the time may go into keeping the connection.
    let _ = timeout_at(end, read_through(answer.into_body())).await;
    if status.is_server_error() { Err(FailureClass::ServerError) } else { Ok(()) }
}

/// Reads a body to its end, which gives its connection back, or until it has become too long, which closes it.
async fn read_through(mut body: ResponseBody) {
    let mut read = 0;
    while read <= LIST_LIMIT
        && let Some(Ok(frame)) = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await
    {
        read += frame.data_ref().map_or(0, bytes::Bytes::len);
    }
}
