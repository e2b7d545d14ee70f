//! llama.cpp's own server, with a model that `tests/python/tiny_gguf.py` makes.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Stdio};

use tokio::net::TcpSocket;

use super::dead_ends::bound;
use super::python::python;
use super::within;

/// What the model says, whatever it is asked.
pub(crate) const SENTENCE: &str = "I am a real model on this machine.";

/// A server on a port of its own, which it keeps over its ends. Dropping it ends the process.
#[derive(Debug)]
pub(crate) struct LocalServer {
    process: Option<Child>,
    address: SocketAddr,
    /// Never listens: it keeps the port from others while the server is down.
    _held: TcpSocket,
}

impl LocalServer {
    /// `None`: there is no Python to run it.
    pub(crate) async fn start() -> Option<Self> {
        let held = bound();
        let address = held.local_addr().expect("the socket is bound");
        let mut server = Self { process: None, address, _held: held };
        server.restart().await.then_some(server)
    }

    /// Runs until it can answer.
    pub(crate) async fn restart(&mut self) -> bool {
        let Some(mut command) = python("local_server.py") else { return false };
        command.arg(self.address.port().to_string());
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().expect("the interpreter runs");
        let lines = BufReader::new(process.stdout.take().expect("stdout is piped")).lines();
        self.process = Some(process);
        let said =
            tokio::task::spawn_blocking(move || lines.map_while(Result::ok).find(|line| line.starts_with("LISTENING")));
        let said = within("the local server listening", said).await.expect("nothing panics there");
        assert!(said.is_some(), "the local server did not start (`sh tests/setup.sh` installs what is missing)");
        true
    }

    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            // It may have ended already.
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    pub(crate) fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }
}

impl Drop for LocalServer {
    fn drop(&mut self) {
        self.kill();
    }
}
