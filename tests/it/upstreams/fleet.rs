//! A gateway in front of one provider of each vendor.

use std::collections::BTreeMap;

use super::{Vendor, upstream};
use crate::harness::*;

/// The key that the gateway has for every provider.
pub(crate) const UPSTREAM_KEY: &str = "sk-upstream-secret-0123456789";

/// Each vendor's model has the name [`Vendor::model`], and `up-` before it at the vendor.
pub(crate) struct Fleet {
    pub(crate) gateway: Gateway,
    pub(crate) providers: BTreeMap<Vendor, Scripted>,
}

impl Fleet {
    pub(crate) async fn start() -> Self {
        Self::start_with(|setup| setup).await
    }

    /// `more` may add keys, models and tables.
    pub(crate) async fn start_with(more: impl FnOnce(Setup) -> Setup) -> Self {
        let mut setup = Setup::new();
        let mut providers = BTreeMap::new();
        for vendor in Vendor::ALL {
            let provider = upstream(vendor).await;
            setup = setup.provider(vendor.kind(), &provider, &Self::lines(vendor));
            providers.insert(vendor, provider);
        }
        Self { gateway: Gateway::start(more(setup)).await, providers }
    }

    /// What stands in a provider's table; a call's failure is told, and changes nothing for the next one.
    pub(crate) fn lines(vendor: Vendor) -> String {
        let (kind, model) = (vendor.kind(), vendor.model());
        format!(
            "kind = \"{kind}\"\napi_keys = [\"{UPSTREAM_KEY}\"]\nbreaker = {{ failures = 1000000, open = \"1s\" }}\n\
             models = [{{ name = \"{model}\", id = \"up-{model}\", input = 1, output = 10, cache_read = 0.1 }}]"
        )
    }

    pub(crate) fn at(&self, vendor: Vendor) -> &Scripted {
        &self.providers[&vendor]
    }
}
