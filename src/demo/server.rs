//! The socket side of a simulated provider: it listens, serves HTTP/1.1, and ends when told to.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::play::Cut;
use super::service::Service;
use super::{HowCut, ProviderSpec, Script};

/// A simulated provider that accepts calls. Dropping it stops it and cuts its connections.
#[derive(Debug)]
pub struct Running {
    addr: SocketAddr,
    service: Arc<Service>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// Starts one provider. `seed` decides the draws of its rules' probabilities.
pub async fn start(spec: ProviderSpec, seed: u64) -> io::Result<Running> {
    let listener = TcpListener::bind(spec.listen).await?;
    let running = Running {
        addr: listener.local_addr()?,
        service: Arc::new(Service::new(spec, seed)),
        stop: CancellationToken::new(),
        tasks: TaskTracker::new(),
    };
    let accept = accept(listener, Arc::clone(&running.service), running.stop.clone(), running.tasks.clone());
    running.tasks.spawn(running.stop.clone().run_until_cancelled_owned(accept));
    running.tasks.close();
    Ok(running)
}

impl Script {
    /// Starts every provider of the script, or none: an error names the provider and its address.
    pub async fn start(self) -> io::Result<Vec<Running>> {
        let mut running = Vec::with_capacity(self.providers.len());
        for (place, spec) in (0..).zip(self.providers) {
            let (name, listen) = (spec.name.clone(), spec.listen);
            // Providers with equal rules must not fail in step.
            let provider = start(spec, self.seed.wrapping_add(place)).await;
            running.push(provider.map_err(|err| {
                io::Error::new(err.kind(), format!("provider `{name}` cannot listen on {listen}: {err}"))
            })?);
        }
        Ok(running)
    }
}

impl Running {
    pub fn name(&self) -> &str {
        self.service.name()
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Requests for a completion so far, those that were refused or never answered too.
    pub fn calls(&self) -> u64 {
        self.service.calls()
    }

    /// Connections that are open now.
    pub fn connections(&self) -> usize {
        // The task that accepts is not one.
        self.tasks.len().saturating_sub(1)
    }

    /// Stops it, and returns once the port and all connections are closed.
    pub async fn shutdown(self) {
        self.stop.cancel();
        self.tasks.wait().await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn accept(listener: TcpListener, service: Arc<Service>, stop: CancellationToken, tasks: TaskTracker) {
    /// A failed accept is most often a lack of descriptors, which others have to give back.
    const PAUSE: Duration = Duration::from_millis(50);
    loop {
        match listener.accept().await {
            Ok((socket, _)) => {
                let serve = serve(socket, Arc::clone(&service));
                tasks.spawn(stop.clone().run_until_cancelled_owned(serve));
            }
            Err(err) => {
                tracing::warn!(provider.name = service.name(), error = %err, "accept failed");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn serve(socket: TcpStream, service: Arc<Service>) {
    // Without it, Nagle's algorithm holds back the events of a stream. A failure costs speed only.
    let _ = socket.set_nodelay(true);
    let answer = service_fn(move |request| {
        let service = Arc::clone(&service);
        Box::pin(async move { service.serve(request).await })
    });
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(socket), answer);
    let served = pin!(&mut connection).await;
    if let Err(err) = served
        && resets(&err)
    {
        // With a zero linger the drop sends RST instead of FIN.
        let _ = connection.into_parts().io.into_inner().set_zero_linger();
    }
}

fn resets(err: &hyper::Error) -> bool {
    let cut = err.source().and_then(|source| source.downcast_ref::<Cut>());
    cut.is_some_and(|cut| cut.0 == HowCut::Reset)
}
