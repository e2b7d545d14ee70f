//! `tollgate healthcheck`: for images without a shell or curl.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::{ConfigFile, failed, faulty};
use crate::config::Env;

/// A gateway that takes longer to say that it is well is not.
const PATIENCE: Duration = Duration::from_secs(3);

#[derive(Debug, Args)]
pub(super) struct Options {
    /// The client door of the gateway [default: as the configuration says]
    #[arg(long, value_name = "ADDRESS")]
    address: Option<SocketAddr>,
}

pub(super) async fn run(options: &Options, file: &ConfigFile, env: &Env) -> ExitCode {
    let address = match options.address {
        Some(address) => address,
        None => match file.load(env) {
            Ok(loaded) => reachable(loaded.config.server.listen),
            Err(faults) => return faulty(&faults),
        },
    };
    match ask(address).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("tollgate: the gateway at {address} is not ready");
            ExitCode::FAILURE
        }
        Err(error) => failed(&error),
    }
}

async fn ask(address: SocketAddr) -> Result<bool, reqwest::Error> {
    let client = reqwest::Client::builder().timeout(PATIENCE).no_proxy().build()?;
    let answer = client.get(format!("http://{address}/readyz")).send().await?;
    Ok(answer.status().is_success())
}

/// Who listens on every address is reached on loopback.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}
