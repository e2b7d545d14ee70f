//! A provider of which every byte is scripted.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::AsyncWriteExt;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::answers::{saying, stream_saying};
use super::reply::{Script, Step};
pub(crate) use super::request::Seen;
use super::request::read_body;
use super::wire::Wire;
use super::{background, listen, within};

/// A listener on a free port of loopback. Dropping it closes everything.
pub(crate) struct Scripted {
    pub(crate) address: SocketAddr,
    pub(super) log: Arc<Log>,
    accepting: JoinHandle<()>,
}

/// What has happened at a provider.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    /// Connections ever accepted.
    pub(crate) connections: usize,
    /// Connections open now.
    pub(crate) open: usize,
    /// Requests whose head was read.
    pub(crate) calls: usize,
    /// Requests that are being answered.
    pub(crate) in_flight: usize,
    /// Requests whose client closed before the answer was whole.
    pub(crate) gone: usize,
}

#[derive(Debug, Default)]
pub(super) struct Log {
    pub(super) counts: watch::Sender<Counts>,
    seen: Mutex<Vec<Seen>>,
}

type Handler = dyn Fn(&Seen) -> Script + Send + Sync;

impl Scripted {
    /// Answers each request as `handler` says, which sees the whole of it.
    pub(crate) async fn start(handler: impl Fn(&Seen) -> Script + Send + Sync + 'static) -> Self {
        Self::serve(Arc::new(handler), true).await
    }

    /// Answers when the head has come, and leaves the body unread until the answer is out.
    pub(crate) async fn early(reply: impl Into<Script>) -> Self {
        let script = reply.into();
        Self::serve(Arc::new(move |_: &Seen| script.clone()), false).await
    }

    pub(crate) async fn always(reply: impl Into<Script>) -> Self {
        let script = reply.into();
        Self::start(move |_| script.clone()).await
    }

    /// Gives good answers, streamed where that is asked for, that say `text`.
    pub(crate) async fn saying(text: &'static str) -> Self {
        Self::start(move |seen| if seen.streamed() { stream_saying(text) } else { saying(text) }.script()).await
    }

    /// The first request gets the first script, and so on; the last one serves all that follow.
    pub(crate) async fn in_turn<S: Into<Script>>(replies: impl IntoIterator<Item = S>) -> Self {
        let scripts: Vec<Script> = replies.into_iter().map(Into::into).collect();
        Self::start(move |seen| scripts[seen.call.min(scripts.len() - 1)].clone()).await
    }

    async fn serve(handler: Arc<Handler>, whole: bool) -> Self {
        let listener = listen();
        let address = listener.local_addr().expect("the socket is bound");
        let log = Arc::new(Log::default());
        let accepting = background().spawn(accept(listener, Arc::clone(&log), handler, whole));
        Self { address, log, accepting }
    }

    pub(crate) fn counts(&self) -> Counts {
        *self.log.counts.borrow()
    }

    pub(crate) fn calls(&self) -> usize {
        self.counts().calls
    }

    /// All requests that were read whole, in order.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.log.seen.lock().expect("no test panics while it holds the lock").clone()
    }

    pub(crate) fn last(&self) -> Seen {
        self.seen().pop().expect("the provider was called")
    }

    /// Waits for a request.
    pub(crate) async fn until_seen(&self, what: &str, wanted: impl Fn(&Seen) -> bool) {
        self.until(what, |_| self.seen().iter().any(&wanted)).await;
    }

    /// Waits until the counts are such.
    pub(crate) async fn until(&self, what: &str, wanted: impl FnMut(&Counts) -> bool) -> Counts {
        let mut counts = self.log.counts.subscribe();
        *within(what, counts.wait_for(wanted)).await.expect("the provider lives as long as we do")
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Log {
    fn change(&self, change: impl FnOnce(&mut Counts)) {
        self.counts.send_modify(change);
    }
}

async fn accept(listener: TcpListener, log: Arc<Log>, handler: Arc<Handler>, whole: bool) {
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((socket, _)) = listener.accept().await {
        let number = log.counts.borrow().connections;
        log.change(|counts| {
            counts.connections += 1;
            counts.open += 1;
        });
        let connection = Conversation { log: Arc::clone(&log), handler: Arc::clone(&handler), number, whole };
        connections.spawn(connection.run(socket));
    }
}

/// One connection.
struct Conversation {
    log: Arc<Log>,
    handler: Arc<Handler>,
    number: usize,
    whole: bool,
}

/// How playing a script ended.
enum Played {
    /// The connection may take the next request.
    Open,
    Closed,
    Reset,
    ClientGone,
}

impl Conversation {
    async fn run(self, socket: TcpStream) {
        socket.set_nodelay(true).ok();
        let (reading, mut writing) = socket.into_split();
        let mut wire = Wire::new(reading);
        let mut reset = false;
        while let Ok(head) = wire.head().await {
            let call = self.log.counts.borrow().calls;
            let mut seen = Seen::new(&head, call, self.number);
            self.log.change(|counts| {
                counts.calls += 1;
                counts.in_flight += 1;
            });
            let played = async {
                if self.whole {
                    match read_body(&mut wire, &head).await {
                        Ok(body) => seen.body = body,
                        Err(_) => return Played::ClientGone,
                    }
                }
                let script = (self.handler)(&seen);
                self.log.seen.lock().expect("no test panics while it holds the lock").push(seen);
                self.log.change(|_| ());
                play(script, &mut wire, &mut writing, self.whole).await
            }
            .await;
            self.log.change(|counts| {
                counts.in_flight -= 1;
                counts.gone += usize::from(matches!(played, Played::ClientGone));
            });
            reset = matches!(played, Played::Reset);
            if !matches!(played, Played::Open) {
                break;
            }
            if !self.whole {
                // Closing on unread bytes would reset the connection and take the answer with it.
                closed(&mut wire).await;
            }
        }
        if let Ok(socket) = wire.socket.reunite(writing)
            && reset
        {
            let _ = socket.set_zero_linger();
        }
        self.log.change(|counts| counts.open -= 1);
    }
}

/// Plays the steps, and stops where the client closes its side first. An unread body would hide the close.
async fn play(script: Script, wire: &mut Wire<OwnedReadHalf>, writing: &mut OwnedWriteHalf, whole: bool) -> Played {
    for step in script.0 {
        let end = match step {
            Step::Fin => Some(Played::Closed),
            Step::Reset => Some(Played::Reset),
            _ => None,
        };
        if let Some(end) = end {
            return end;
        }
        tokio::select! {
            biased;
            done = take(step, writing) => if !done { return Played::ClientGone },
            () = closed(wire), if whole => return Played::ClientGone,
        }
    }
    Played::Open
}

async fn take(step: Step, writing: &mut OwnedWriteHalf) -> bool {
    match step {
        Step::Write(bytes) => return writing.write_all(&bytes).await.is_ok(),
        Step::Pause(pause) => tokio::time::sleep(pause).await,
        Step::Wait(mut gate) => gate.opened().await,
        Step::Stall => std::future::pending().await,
        Step::Fin | Step::Reset => {}
    }
    true
}

/// Ends when the client has closed; what it sends before that waits for its turn.
async fn closed(wire: &mut Wire<OwnedReadHalf>) {
    while wire.fill().await.is_ok_and(|read| read > 0) {}
}
