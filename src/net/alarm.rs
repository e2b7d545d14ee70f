//! A timer for limits that are moved far more often than they are reached.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::time::{Instant, Sleep, sleep_until};

/// Tells when a limit has passed that its owner may move at any time. The timer behind it is set at the first wait; a
/// limit that moves away leaves it as it is, and when it fires too soon it is set again. So a piece of a stream, or one
/// more call on a connection, costs no timer operation.
#[derive(Debug, Default)]
pub struct Alarm(Option<Pin<Box<Sleep>>>);

impl Alarm {
    /// Whether the timer is set, and has not fired.
    pub fn is_set(&self) -> bool {
        self.0.as_ref().is_some_and(|sleep| !sleep.is_elapsed())
    }

    /// Ready when `limit` has passed; until then the task is woken in time to ask again.
    pub fn poll(&mut self, cx: &mut Context<'_>, limit: Instant) -> Poll<()> {
        let sleep = self.0.get_or_insert_with(|| Box::pin(sleep_until(limit)));
        if sleep.deadline() > limit {
            sleep.as_mut().reset(limit);
        }
        loop {
            ready!(sleep.as_mut().poll(cx));
            if Instant::now() >= limit {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(limit);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use futures_util::poll;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn a_limit_that_moves_is_met_where_it_is() {
        let start = Instant::now();
        let mut alarm = Alarm::default();
        let mut at = async |limit| {
            poll_fn(|cx| alarm.poll(cx, limit)).await;
            start.elapsed()
        };
        assert_eq!(at(start + SECOND).await, SECOND);
        // Later, then sooner than the timer was set to.
        assert_eq!(at(start + 3 * SECOND).await, 3 * SECOND);
        assert!(poll!(poll_fn(|cx| alarm.poll(cx, start + 9 * SECOND))).is_pending());
        assert!(alarm.is_set());
        poll_fn(|cx| alarm.poll(cx, start + 4 * SECOND)).await;
        assert_eq!(start.elapsed(), 4 * SECOND);
        assert!(poll!(poll_fn(|cx| alarm.poll(cx, start))).is_ready());
    }
}
