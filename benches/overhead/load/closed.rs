//! The closed loop: every connection calls again as soon as it has its answer. It keeps the gateway busy all the time,
//! which is when CPU per call means something.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::response::{End, Responses};
use super::{GRACE, Session};
use crate::clock::now_ns;

const READ: usize = 32 * 1024;
/// After a failure, so that one that comes at once does not become a storm.
const PAUSE: Duration = Duration::from_millis(5);

pub(super) fn run(session: &Arc<Session>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let end_ns = now_ns() + u64::try_from(session.seconds.as_nanos()).map_err(io::Error::other)?;
    runtime.block_on(async {
        let mut connections = JoinSet::new();
        for _ in 0..session.load.connections {
            connections.spawn(keep_calling(Arc::clone(session), end_ns));
        }
        let all = async { while connections.join_next().await.is_some() {} };
        if timeout(session.seconds + GRACE, all).await.is_err() {
            session.fail(&"no answer long after the load had ended");
        }
    });
    Ok(())
}

async fn keep_calling(session: Arc<Session>, end_ns: u64) {
    while now_ns() < end_ns {
        if let Err(error) = calls(&session, end_ns).await {
            session.fail(&error);
            sleep(PAUSE).await;
        }
    }
}

/// The calls of one connection.
async fn calls(session: &Session, end_ns: u64) -> io::Result<()> {
    let mut stream = TcpStream::connect(session.address).await?;
    stream.set_nodelay(true)?;
    let mut request = session.request();
    let mut responses = Responses::new();
    while now_ns() < end_ns {
        let mut reception = session.reception(now_ns());
        stream.write_all(session.next(&mut request)).await?;
        let end = receive(&mut stream, &mut responses, |body| reception.take(body)).await?;
        reception.end(end, &mut session.tally());
        if end.status != 200 {
            sleep(PAUSE).await;
        }
        if end.close {
            break;
        }
    }
    Ok(())
}

async fn receive(stream: &mut TcpStream, responses: &mut Responses, mut on_body: impl FnMut(&[u8])) -> io::Result<End> {
    loop {
        let received = responses.received();
        received.reserve(READ);
        if stream.read_buf(received).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(end) = responses.advance(&mut on_body)? {
            return Ok(end);
        }
    }
}
