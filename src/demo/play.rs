//! Bodies played step by step: bytes, silence, and a connection that breaks where the script says so.

use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, StreamBody};

use super::wire;
use super::{Ending, HowCut};

/// A body that plays its steps as the connection asks for more. Dropped with the connection.
pub(super) type Body = UnsyncBoxBody<Bytes, Cut>;

/// The connection is to end here.
#[derive(Debug, thiserror::Error)]
#[error("the script ends the connection here")]
pub(super) struct Cut(pub(super) HowCut);

#[derive(Debug)]
enum Step {
    Send(Bytes),
    Wait(Duration),
    Cut(HowCut),
    Stall,
}

/// A body that is not a stream of events.
pub(super) fn whole(bytes: &Bytes, ending: &Ending) -> Body {
    let steps = match *ending {
        Ending::Cut(after, how) if after < bytes.len() => vec![Step::Send(bytes.slice(..after)), Step::Cut(how)],
        Ending::Stall(after) if after < bytes.len() => vec![Step::Send(bytes.slice(..after)), Step::Stall],
        _ => vec![Step::Send(bytes.clone())],
    };
    play(steps)
}

/// A stream of events with `pace` between two of them.
pub(super) fn events(mut events: Vec<Bytes>, pace: Duration, ending: &Ending) -> Body {
    let last = match *ending {
        Ending::Cut(after, how) if after < events.len() => {
            events.truncate(after);
            Some(Step::Cut(how))
        }
        Ending::Stall(after) if after < events.len() => {
            events.truncate(after);
            Some(Step::Stall)
        }
        Ending::Error(after, ref text) if after < events.len() => {
            events.truncate(after);
            Some(Step::Send(wire::error_event(text)))
        }
        Ending::NoDone => {
            events.pop();
            None
        }
        _ => None,
    };
    let paced = events.into_iter().map(Step::Send).chain(last);
    play(paced.flat_map(|step| [Step::Wait(pace), step]).skip(1).collect())
}

fn play(steps: Vec<Step>) -> Body {
    let frames = stream::unfold(steps.into_iter(), async |mut steps| {
        let frame = next(&mut steps).await?;
        Some((frame, steps))
    });
    StreamBody::new(frames).boxed_unsync()
}

async fn next(steps: &mut impl Iterator<Item = Step>) -> Option<Result<Frame<Bytes>, Cut>> {
    loop {
        match steps.next()? {
            Step::Send(bytes) => return Some(Ok(Frame::data(bytes))),
            Step::Wait(pace) if pace.is_zero() => {}
            Step::Wait(pace) => tokio::time::sleep(pace).await,
            Step::Cut(how) => {
                // hyper writes out what it has when the body makes it wait, and drops it on an error.
                tokio::task::yield_now().await;
                return Some(Err(Cut(how)));
            }
            Step::Stall => std::future::pending().await,
        }
    }
}
