//! Tollgate itself, with all that a call goes through: auth, limits, metering, the log of calls (into `/dev/null`)
//! and the exact cache.

use std::fmt::Display;
use std::io;
use std::net::SocketAddr;

use tempfile::TempDir;

use super::program::check;
use super::{Kind, Peer, Place, Size, configure, free_address};
use crate::load::{MODEL, key};
use crate::mock::Voice;
use crate::process::Process;

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_tollgate");

/// A configuration, and where a gateway that runs with it will be.
pub(crate) struct Prepared {
    pub(crate) address: SocketAddr,
    config: String,
    files: TempDir,
}

impl Prepared {
    /// What the program is to be started with.
    pub(crate) fn arguments(&self) -> [&str; 3] {
        ["serve", "--config", &self.config]
    }
}

pub(super) fn start(place: &Place) -> io::Result<Peer> {
    let prepared = prepare(place.upstream, place.size)?;
    let process = Process::start(&place.cores, PROGRAM, &prepared.arguments())?;
    Ok(Peer { files: Some(prepared.files), ..Peer::new(Kind::Tollgate, prepared.address, process) })
}

pub(crate) fn prepare(upstream: SocketAddr, size: Size) -> io::Result<Prepared> {
    let (files, address, admin) = (tempfile::tempdir()?, free_address()?, free_address()?);
    let keys = (0..size.keys).map(key_entry).collect::<String>();
    let providers = match size.formats {
        true => Voice::ALL.map(|voice| format_entry(voice, upstream)).concat(),
        false => (0..size.providers).map(|number| provider_entry(number, upstream)).collect::<String>(),
    };
    let values: [(&str, &dyn Display); 6] = [
        ("LISTEN", &address),
        ("ADMIN", &admin),
        ("CONNECTIONS", &size.connections),
        ("KEYS", &keys),
        ("PROVIDERS", &providers),
        ("CACHE", &size.cache_mib),
    ];
    let config = configure(&files, include_str!("tollgate.toml"), &values)?;
    check(PROGRAM, &["check", "--config", &config])?;
    Ok(Prepared { address, config, files })
}

fn key_entry(number: u32) -> String {
    let secret = key(number);
    format!(
        "[[auth.keys]]\nid = \"bench{number}\"\nsecret = \"{secret}\"\nlimits = {{ requests = \"100000000/m\" }}\n\n"
    )
}

/// The mock by another name, each dearer than the one before: all calls go to the first.
fn provider_entry(number: u32, upstream: SocketAddr) -> String {
    let input = 0.15 + 0.01 * f64::from(number);
    format!(
        "[providers.mock{number}]\nkind = \"openai\"\nbase_url = \"http://{upstream}/v1\"\n\
         models = [{{ name = \"{MODEL}\", input = {input:.2}, output = 0.60 }}]\n\n"
    )
}

/// The mock as a provider of the vendor's kind, by that name.
fn format_entry(voice: Voice, upstream: SocketAddr) -> String {
    let (kind, model) = (voice.kind(), voice.model());
    let version = if voice == Voice::OpenAi { "/v1" } else { "" };
    format!(
        "[providers.{kind}]\nkind = \"{kind}\"\nbase_url = \"http://{upstream}{version}\"\n\
         models = [{{ name = \"{model}\", input = 0.15, output = 0.60 }}]\n\n"
    )
}
