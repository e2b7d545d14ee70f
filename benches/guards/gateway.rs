//! The real `tollgate serve` under callgrind, with everything on, as it goes through one conversation.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::thread::sleep;
use std::time::Duration;

use crate::callgrind::Counted;
use crate::clock::now_ns;
use crate::conversation::{Conversation, PATIENCE};
use crate::peers::Size;
use crate::peers::tollgate::{PROGRAM, prepare};
use crate::provider::Provider;

/// Repeats of each part in every conversation, so that what happens once has happened.
const WARM_UP: u32 = 20;
const TRY_AGAIN: Duration = Duration::from_millis(10);

/// What a conversation consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    SmallCall,
    LargeCall,
    Hit,
    Chunk,
}

impl Part {
    pub(crate) const ALL: [Self; 4] = [Self::SmallCall, Self::LargeCall, Self::Hit, Self::Chunk];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::SmallCall => "call, 1 KB",
            Self::LargeCall => "call, 32 KB",
            Self::Hit => "cache hit, 1 KB",
            Self::Chunk => "streamed chunk",
        }
    }

    fn repeat(self, conversation: &mut Conversation, times: u32) -> io::Result<()> {
        match self {
            Self::SmallCall => (0..times).try_for_each(|_| conversation.call(1)),
            Self::LargeCall => (0..times).try_for_each(|_| conversation.call(32)),
            Self::Hit => {
                conversation.call(1)?;
                (0..times).try_for_each(|_| conversation.hit(1))
            }
            Self::Chunk => conversation.stream(times),
        }
    }
}

/// All instructions of a gateway from its start to its end, with a conversation between in which one part is repeated
/// more often than usual.
pub(crate) fn instructions(cores: &[usize], more: Option<(Part, u32)>) -> io::Result<u64> {
    let provider = Provider::listen()?;
    let prepared = prepare(provider.address()?, Size::default())?;
    // On one core the runtime has one worker, whatever the machine has.
    let mut program = Counted::start(cores, PROGRAM, &prepared.arguments())?;
    let client = connect(prepared.address, &mut program)?;
    let mut conversation = Conversation::begin(client, provider)?;
    for part in Part::ALL {
        let more = more.map_or(0, |(which, times)| if which == part { times } else { 0 });
        part.repeat(&mut conversation, WARM_UP + more)?;
    }
    drop(conversation);
    program.terminate()
}

/// Waits until the gateway listens.
fn connect(address: SocketAddr, program: &mut Counted) -> io::Result<TcpStream> {
    let give_up_ns = now_ns() + PATIENCE.as_nanos() as u64;
    loop {
        match TcpStream::connect(address) {
            Ok(stream) => return Ok(stream),
            Err(error) if now_ns() > give_up_ns => return Err(error),
            Err(_) => sleep(TRY_AGAIN),
        }
        if let Some(status) = program.ended()? {
            return Err(io::Error::other(format!("tollgate has ended under callgrind: {status}")));
        }
    }
}
