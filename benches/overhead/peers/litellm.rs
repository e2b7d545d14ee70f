//! LiteLLM's proxy, one worker, with a key to check.

use std::io;

use super::program::Program;
use super::{Kind, Peer, Place, configure, free_address};
use crate::load::{KEY, MODEL};
use crate::process::Process;

pub(super) const PROGRAM: Program = Program {
    names: &["litellm"],
    package: None,
    how: "`pip install 'litellm[proxy]'` in a virtual environment, its `bin` in PATH",
};

pub(super) fn start(place: &Place) -> io::Result<Peer> {
    let (files, address) = (tempfile::tempdir()?, free_address()?);
    let values: [(&str, &dyn std::fmt::Display); 3] = [("MODEL", &MODEL), ("UPSTREAM", &place.upstream), ("KEY", &KEY)];
    let config = configure(&files, include_str!("litellm.yaml"), &values)?;
    let (host, port) = (address.ip().to_string(), address.port().to_string());
    let program = PROGRAM.find()?;
    // Without the variable it asks the network for prices when it starts.
    let arguments =
        ["LITELLM_LOCAL_MODEL_COST_MAP=True", &program, "--config", &config, "--host", &host, "--port", &port];
    let process = Process::start(&place.cores, "env", &arguments)?;
    Ok(Peer { files: Some(files), ..Peer::new(Kind::Litellm, address, process) })
}
