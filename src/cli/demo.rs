//! `tollgate demo`

use std::net::SocketAddr;
use std::process::ExitCode;

use clap::Args;

use super::serve::{proxy, start_logs};
use super::{Interrupts, complain, failed, faulty, say};
use crate::config::{Config, Env};
use crate::demo::Demo;
use crate::gateway::Gateway;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Where the gateway listens
    #[arg(long, default_value = "127.0.0.1:3000", value_name = "ADDRESS", value_parser = super::address)]
    listen: SocketAddr,
    /// Where metrics are
    #[arg(long, default_value = "127.0.0.1:3001", value_name = "ADDRESS", value_parser = super::address)]
    admin_listen: SocketAddr,
}

pub(super) async fn run(options: &Options, env: &Env) -> ExitCode {
    let mut interrupts = Interrupts::watch();
    let demo = match Demo::start().await {
        Ok(demo) => demo,
        Err(error) => return failed(&error),
    };
    let text = demo.gateway_config(options.listen, options.admin_listen);
    // Only what the demo needs of the environment: somebody's own settings would spoil it.
    let config = match Config::parse(&text, "demo", &Env::default()) {
        Ok(loaded) => loaded.config,
        Err(faults) => return faulty(&faults),
    };
    let proxy = match proxy(env) {
        Ok(proxy) => proxy,
        Err(code) => return code,
    };
    let logs = match start_logs(config.log.format, env) {
        Ok(logs) => logs,
        Err(code) => return code,
    };
    let gateway = match Gateway::start(&config, proxy, logs.dropped()) {
        Ok(gateway) => gateway,
        Err(error) => {
            let code = failed(&error);
            complain("tollgate: other addresses can be given with --listen and --admin-listen");
            return code;
        }
    };
    say(&demo.welcome(gateway.listen(), gateway.admin_listen()));
    interrupts.next().await;
    tokio::select! {
        () = async {
            // The providers first: what is under way then ends by itself.
            demo.shutdown().await;
            gateway.shut_down().await;
        } => ExitCode::SUCCESS,
        () = interrupts.next() => ExitCode::FAILURE,
    }
}
