//! What `tollgate demo` sets up beside the gateway: the providers, a key, and the gateway's configuration.

use std::fmt::Write;
use std::io;
use std::net::SocketAddr;

use super::offers::{self, Offer, Price};
use super::{Running, start, welcome};

/// The demo's surroundings. Dropping it stops the providers.
#[derive(Debug)]
pub struct Demo {
    secret: String,
    admin_secret: String,
    providers: Vec<Provider>,
}

#[derive(Debug)]
struct Provider {
    offer: Offer,
    running: Running,
}

impl Demo {
    /// Starts the providers on free loopback ports and makes a key.
    pub async fn start() -> io::Result<Self> {
        let mut providers = Vec::new();
        for offer in offers::offers() {
            let running = start(offer.spec.clone(), 0).await?;
            providers.push(Provider { offer, running });
        }
        Ok(Self { secret: random_secret()?, admin_secret: random_secret()?, providers })
    }

    /// The providers, in the order in which they are asked.
    pub fn providers(&self) -> impl Iterator<Item = &Running> {
        self.providers.iter().map(|provider| &provider.running)
    }

    /// The key that the gateway's callers bring.
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// The gateway's configuration as TOML: the model `demo` goes to the cheapest that is up.
    pub fn gateway_config(&self, listen: SocketAddr, admin_listen: SocketAddr) -> String {
        let mut config = String::new();
        let _ = write!(
            config,
            r#"[server]
listen = {listen}
admin_listen = {admin_listen}

[[auth.keys]]
id = "demo"
secret = {secret}

[admin]
secret = {admin_secret}

[cache]
enabled = true

[models.demo]
strategy = "cheapest"
targets = [{targets}]
"#,
            listen = quoted(&listen.to_string()),
            admin_listen = quoted(&admin_listen.to_string()),
            secret = quoted(&self.secret),
            admin_secret = quoted(&self.admin_secret),
            targets = self.targets(),
        );
        for provider in &self.providers {
            config.push_str(&provider.table());
        }
        config
    }

    /// What to print once the gateway listens at these addresses.
    pub fn welcome(&self, listen: SocketAddr, admin_listen: SocketAddr) -> String {
        let offers = self.providers.iter().map(|provider| &provider.offer);
        welcome::text(&self.secret, &self.admin_secret, listen, admin_listen, offers)
    }

    /// Stops the providers, and returns once their ports are closed.
    pub async fn shutdown(self) {
        for provider in self.providers {
            provider.running.shutdown().await;
        }
    }

    fn targets(&self) -> String {
        let targets = self.providers.iter().map(|provider| format!("{}/{}", provider.running.name(), offers::MODEL));
        targets.map(|target| quoted(&target)).collect::<Vec<_>>().join(", ")
    }
}

impl Provider {
    fn table(&self) -> String {
        let access = match &self.offer.spec.key {
            Some(key) => format!("kind = \"openai\"\napi_keys = [{}]", quoted(key)),
            None => "kind = \"ollama\"".to_owned(),
        };
        let price = match self.offer.price {
            Some(Price { input, output }) => format!(", input = {input}, output = {output}"),
            None => String::new(),
        };
        format!(
            r#"
[providers.{name}]
{access}
base_url = {base_url}
breaker = {{ failures = 3, open = "10s" }}
models = [{{ name = {model}{price} }}]
"#,
            name = quoted(self.running.name()),
            base_url = quoted(&format!("http://{}/v1", self.running.addr())),
            model = quoted(offers::MODEL),
        )
    }
}

/// A TOML string.
fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

fn random_secret() -> io::Result<String> {
    let mut bytes = [0; 20];
    getrandom::fill(&mut bytes).map_err(|err| io::Error::other(err.to_string()))?;
    let mut secret = "sk-".to_owned();
    for byte in bytes {
        let _ = write!(secret, "{byte:02x}");
    }
    Ok(secret)
}
