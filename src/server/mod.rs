//! The doors: connections in, HTTP to calls, replies and errors to HTTP.
//!
//! A connection is accepted (`accept`), its first head is checked raw (`head`), hyper reads the rest under our clocks
//! (`io`). Each request goes to `front`, which takes the doors for calls itself and leaves everything else to axum.

mod accept;
mod address;
mod admin_pages;
mod body;
mod busy;
mod calls;
mod connection;
mod front;
mod head;
mod io;
mod pages;
mod respond;
mod room;
mod streams;
mod upload;
mod voice;
mod wishes;

pub use accept::{Drain, serve};
pub use address::Addresses;
pub use body::OutBody;
pub use front::{AdminDoor, CallService, ClientDoor, Doors};
pub use io::Patience;
pub use pages::Ready;
