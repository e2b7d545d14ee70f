//! What most storms need: a model with providers of it, the first the cheapest.

use std::fmt::Write;
use std::net::SocketAddr;

use crate::voice::Voice;

/// The model that calls ask for.
pub(crate) const MODEL: &str = "chat";

/// The tables of providers `p0`, `p1`... and of a model for which they are asked in turn by price.
pub(crate) fn cheapest(providers: &[SocketAddr], lines: &str) -> String {
    let mut tables = String::new();
    for (number, address) in providers.iter().enumerate() {
        let price = 0.1 * (number + 1) as f64;
        tables += &provider(&format!("p{number}"), Voice::OpenAi, *address, price, lines);
    }
    let targets: Vec<_> = (0..providers.len()).map(|number| format!("p{number}/m")).collect();
    model(&mut tables, MODEL, &targets);
    tables
}

/// A provider's table.
pub(crate) fn provider(name: &str, voice: Voice, address: SocketAddr, price: f64, lines: &str) -> String {
    let kind = voice.kind();
    let version = if voice == Voice::OpenAi { "/v1" } else { "" };
    format!(
        "[providers.{name}]\nkind = \"{kind}\"\nbase_url = \"http://{address}{version}\"\n\
         models = [{{ name = \"m\", input = {price:.2}, output = {price:.2} }}]\n{lines}\n\n"
    )
}

pub(crate) fn model(tables: &mut String, name: &str, targets: &[String]) {
    write!(tables, "[models.{name}]\ntargets = {targets:?}\n\n").expect("strings take what is written");
}
