//! The provider: four vendors' formats over a hand-written HTTP/1.1, on one thread, for a few microseconds a call.
//!
//! It shares a core with the loader, so what it costs decides whether the gateway on the other core is kept busy. What
//! it answers follows from the request alone (see [`ask`]): loads need not agree with it beforehand.

mod ask;
mod speech;
mod voice;

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::listener::listen;
use ask::{Ask, Head};
pub(crate) use ask::{CHUNKS, PACE};
pub(crate) use speech::WRITTEN_AT;
pub(crate) use voice::Voice;

const READ: usize = 16 * 1024;

/// Serves until the process is ended.
pub(crate) fn run(port: u16) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = listen(port)?;
        loop {
            let (stream, _) = listener.accept().await?;
            tokio::spawn(serve(stream));
        }
    })
}

/// Answers the calls of one connection until the other side closes it.
async fn serve(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut received = Vec::with_capacity(READ);
    loop {
        let head = loop {
            if let Some(head) = Head::read(&received)? {
                break head;
            }
            if stream.read_buf(&mut received).await? == 0 {
                return Ok(());
            }
        };
        received.reserve(head.end().saturating_sub(received.len()));
        while received.len() < head.end() {
            if stream.read_buf(&mut received).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let ask = Ask::read(&head, &received[head.length..head.end()]);
        received.drain(..head.end());
        match ask {
            Ask::Whole => stream.write_all(speech::whole(head.voice)).await?,
            Ask::Stream(ask) => speech::stream(&mut stream, head.voice, ask).await?,
        }
    }
}
