//! Tollgate itself, with all that a call goes through: auth, limits, metering, the log of calls (into `/dev/null`)
//! and the exact cache.

use std::fmt::Display;
use std::io;

use super::program::check;
use super::{Kind, Peer, Place, configure, free_address};
use crate::load::{MODEL, key};
use crate::process::Process;

pub(super) fn start(place: &Place) -> io::Result<Peer> {
    let program = env!("CARGO_BIN_EXE_tollgate");
    let (files, address, admin) = (tempfile::tempdir()?, free_address()?, free_address()?);
    let size = place.size;
    let keys = (0..size.keys).map(key_entry).collect::<String>();
    let providers = (0..size.providers).map(|number| provider_entry(number, place)).collect::<String>();
    let values: [(&str, &dyn Display); 6] = [
        ("LISTEN", &address),
        ("ADMIN", &admin),
        ("CONNECTIONS", &size.connections),
        ("KEYS", &keys),
        ("PROVIDERS", &providers),
        ("CACHE", &size.cache_mib),
    ];
    let config = configure(&files, include_str!("tollgate.toml"), &values)?;
    check(program, &["check", "--config", &config])?;
    let process = Process::start(&place.cores, program, &["serve", "--config", &config])?;
    Ok(Peer { files: Some(files), ..Peer::new(Kind::Tollgate, address, process) })
}

fn key_entry(number: u32) -> String {
    let secret = key(number);
    format!(
        "[[auth.keys]]\nid = \"bench{number}\"\nsecret = \"{secret}\"\nlimits = {{ requests = \"100000000/m\" }}\n\n"
    )
}

/// The mock by another name, each dearer than the one before: all calls go to the first.
fn provider_entry(number: u32, place: &Place) -> String {
    let (upstream, input) = (place.upstream, 0.15 + 0.01 * f64::from(number));
    format!(
        "[providers.mock{number}]\nkind = \"openai\"\nbase_url = \"http://{upstream}/v1\"\n\
         models = [{{ name = \"{MODEL}\", input = {input:.2}, output = 0.60 }}]\n\n"
    )
}
