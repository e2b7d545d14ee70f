//! In-process tests of the room, over loopback sockets.

mod answers;
mod client;
mod faults;
mod scripts;
mod setup;
