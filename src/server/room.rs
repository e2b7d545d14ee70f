//! Whether the kernel has room for more on a connection.
//!
//! A client that reads more slowly than a provider writes lets bytes pile up: in the kernel until its buffer is full, and
//! then here, for as long as the client likes. So where a stream has got ahead, all of it is handed to the kernel, and the
//! kernel is asked for room, before the provider is asked for more. What waits then waits in the kernel, which is told to
//! have room only when hardly anything waits there.

use std::io;
use std::os::fd::AsFd;
use std::task::{Context, Poll, ready};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tokio::io::Interest;
use tokio::net::TcpStream;

/// There is room when half of this is left of what has been written and is not on its way to the client yet.
const UNSENT: u32 = 32 << 10;

/// Asks for room on one connection.
#[derive(Debug, Default)]
pub(super) struct Room {
    asking: bool,
}

impl Room {
    /// Ready when there is room; until then the task is woken in time to ask again.
    pub(super) fn poll(&mut self, stream: &TcpStream, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.asking {
            self.asking = true;
            bound(stream, UNSENT);
        }
        loop {
            ready!(stream.poll_write_ready(cx))?;
            let asked = stream.try_io(Interest::WRITABLE, || match is_there(stream) {
                true => Ok(()),
                // Tokio believes in room until a write finds none. With this it waits for the kernel to say so.
                false => Err(io::ErrorKind::WouldBlock.into()),
            });
            match asked {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                asked => {
                    self.asking = false;
                    // What is pulled now is taken whole, whatever the length of an event: the rest would wait here.
                    bound(stream, 0);
                    return Poll::Ready(asked);
                }
            }
        }
    }
}

/// A connection that is gone has room: writing to it says what has become of it.
fn is_there(stream: &TcpStream) -> bool {
    let mut asked = [PollFd::new(stream.as_fd(), PollFlags::POLLOUT)];
    poll(&mut asked, PollTimeout::ZERO) != Ok(0)
}

/// How much the kernel takes that it cannot send yet; 0: as much as its buffer holds.
#[cfg(target_os = "linux")]
fn bound(stream: &TcpStream, unsent: u32) {
    // Where this is not to be had there is room until the buffer is full, which may be megabytes, but no fault.
    let _ = socket2::SockRef::from(stream).set_tcp_notsent_lowat(unsent);
}

#[cfg(not(target_os = "linux"))]
fn bound(_: &TcpStream, _: u32) {}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use futures_util::poll;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn there_is_room_until_the_other_side_stops_reading_and_again_when_it_goes_on() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut stream, _) = listener.accept().await.unwrap();
        let (mut room, mut written) = (Room::default(), 0);
        let piece = [b'x'; 16 << 10];
        while poll!(poll_fn(|cx| room.poll(&stream, cx))).is_ready() {
            stream.write_all(&piece).await.unwrap();
            written += piece.len();
        }
        let mut read = vec![0; written];
        let (_, asked) = tokio::join!(client.read_exact(&mut read), poll_fn(|cx| room.poll(&stream, cx)));
        asked.unwrap();
    }
}
