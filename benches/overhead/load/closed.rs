//! The closed loop: every connection calls again as soon as it has its answer. It keeps the gateway busy all the time,
//! which is when CPU per call means something.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::connection::Connection;
use super::{GRACE, Session, cue};
use crate::clock::now_ns;

/// Connections that are opened at once.
const OPENING: usize = 64;
/// After a failure, so that one that comes at once does not become a storm.
const PAUSE: Duration = Duration::from_millis(5);

pub(super) fn run(session: &Arc<Session>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let connections = open_all(session).await?;
        cue::ready()?;
        let (begun_ns, seconds) = (now_ns(), session.begin()?);
        let end_ns = begun_ns + u64::try_from(seconds.as_nanos()).map_err(io::Error::other)?;
        let mut calling = JoinSet::new();
        for connection in connections {
            calling.spawn(keep_calling(Arc::clone(session), connection, end_ns));
        }
        // They stay open until all have ended: closing is not part of the load.
        let mut ended = Vec::new();
        let all = async {
            while let Some(connection) = calling.join_next().await {
                ended.push(connection);
            }
        };
        if timeout(seconds + GRACE, all).await.is_err() {
            session.fail(&"no answer long after the load had ended");
        }
        let outcome = session.tally().outcome(begun_ns);
        cue::done(&outcome)
    })
}

/// All connections, a few at a time, each with a call or the beginning of a stream behind it.
async fn open_all(session: &Arc<Session>) -> io::Result<Vec<Connection>> {
    let places = Arc::new(Semaphore::new(OPENING));
    let mut opening = JoinSet::new();
    for _ in 0..session.load.connections {
        let (session, places) = (Arc::clone(session), Arc::clone(&places));
        opening.spawn(async move {
            let _place = places.acquire().await.map_err(io::Error::other)?;
            let mut connection = Connection::open(&session).await?;
            match session.load.hold {
                true => connection.begin_stream(&session).await?,
                false => connection.warm_up(&session).await?,
            }
            Ok(connection)
        });
    }
    opening.join_all().await.into_iter().collect()
}

/// Calls until the load is over, on a new connection where one breaks.
async fn keep_calling(session: Arc<Session>, connection: Connection, end_ns: u64) -> Option<Connection> {
    let mut current = Some(connection);
    while now_ns() < end_ns {
        match calls(&session, current.take(), end_ns).await {
            Ok(connection) => current = connection,
            Err(error) => {
                session.fail(&error);
                sleep(PAUSE).await;
            }
        }
        if session.exhausted() {
            break;
        }
    }
    current
}

/// The calls of one connection; gives it back unless the other side closes it.
async fn calls(session: &Session, connection: Option<Connection>, end_ns: u64) -> io::Result<Option<Connection>> {
    let mut connection = match connection {
        Some(connection) => connection,
        None => Connection::open(session).await?,
    };
    while now_ns() < end_ns {
        let Some(end) = connection.call(session).await? else {
            break;
        };
        if end.status != 200 {
            sleep(PAUSE).await;
        }
        if end.close {
            return Ok(None);
        }
    }
    Ok(Some(connection))
}
