//! `tollgate healthcheck`: for images without a shell or curl.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::{ConfigFile, complain, failed, faulty};
use crate::config::Env;

/// A gateway that takes longer to say that it is well is not.
const PATIENCE: Duration = Duration::from_secs(3);

#[derive(Debug, Args)]
pub(super) struct Options {
    /// The client door of the gateway [default: as the configuration says]
    #[arg(long, value_name = "ADDRESS", value_parser = super::address)]
    address: Option<SocketAddr>,
    #[command(flatten)]
    config: ConfigFile,
}

impl Options {
    pub(super) fn or(self, before: ConfigFile) -> Self {
        Self { config: self.config.or(before), ..self }
    }
}

pub(super) async fn run(options: &Options, env: &Env) -> ExitCode {
    let address = match options.address {
        Some(address) => address,
        None => match options.config.load(env) {
            Ok(loaded) => reachable(loaded.config.server.listen),
            Err(faults) => return faulty(&faults),
        },
    };
    match ask(address).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            complain(&format!("tollgate: the gateway at {address} is not ready"));
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
