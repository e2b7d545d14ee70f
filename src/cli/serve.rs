//! `tollgate serve`

use std::process::ExitCode;

use secrecy::ExposeSecret;

use super::{ConfigFile, Interrupts, complain, failed, faulty};
use crate::config::{Env, LogFormat};
use crate::gateway::Gateway;
use crate::net::ProxyEnv;
use crate::telemetry::{Format, LogGuard, init_logs};

/// The file's format and `RUST_LOG`, with `info` where it says nothing.
pub(super) fn start_logs(format: LogFormat, env: &Env) -> Result<LogGuard, ExitCode> {
    let format = match format {
        LogFormat::Auto => Format::Auto,
        LogFormat::Text => Format::Text,
        LogFormat::Json => Format::Json,
    };
    init_logs(format, env.filled("RUST_LOG").unwrap_or("info")).map_err(|error| failed(&error))
}

pub(super) fn proxy(env: &Env) -> Result<ProxyEnv, ExitCode> {
    ProxyEnv::read(|name| env.get(name).map(str::to_owned)).map_err(|fault| {
        complain(&format!("tollgate: {fault}"));
        ExitCode::from(super::CONFIG_FAULT)
    })
}

pub(super) async fn run(file: &ConfigFile, env: &Env) -> ExitCode {
    let loaded = match file.load(env) {
        Ok(loaded) => loaded,
        Err(faults) => return faulty(&faults),
    };
    let proxy = match proxy(env) {
        Ok(proxy) => proxy,
        Err(code) => return code,
    };
    let logs = match start_logs(loaded.config.log.format, env) {
        Ok(logs) => logs,
        Err(code) => return code,
    };
    for notice in &loaded.notices {
        tracing::info!("{notice}");
    }
    let mut interrupts = Interrupts::watch();
    let gateway = match Gateway::start(&loaded.config, proxy, logs.dropped()) {
        Ok(gateway) => gateway,
        Err(error) => return failed(&error),
    };
    if let Some(secret) = gateway.made_secret() {
        // Not an event: what is logged is kept.
        complain(&format!(
            "tollgate: the secret of the admin API, until this process ends: {} (TOLLGATE_ADMIN_SECRET sets one that stays)",
            secret.expose_secret()
        ));
    }
    tracing::info!(
        listen = %gateway.listen(),
        admin = %gateway.admin_listen(),
        config = loaded.source.as_deref().map(|path| tracing::field::display(path.display())),
        providers = loaded.config.providers.len(),
        version = env!("CARGO_PKG_VERSION"),
        "listening"
    );
    interrupts.next().await;
    tracing::info!("draining");
    tokio::select! {
        () = gateway.shut_down() => {}
        // Whoever asks twice does not want to wait.
        () = interrupts.next() => return ExitCode::FAILURE,
    }
    tracing::info!("ended");
    ExitCode::SUCCESS
}
