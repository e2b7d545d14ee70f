//! `[prices]`: prices of the operator's own.

use std::path::Path;
use std::sync::Arc;

use super::table::PriceTable;
use crate::config::env::Env;
use crate::config::reader::Table;
use crate::config::shape::Shape;

static PRICES: Shape = Shape { name: "prices", keys: &["file"] };

impl PriceTable {
    /// The published prices, under those of the file that the configuration names. A relative path begins at `folder`,
    /// where the configuration is. The file's faults become the document's.
    pub(in crate::config) fn read(top: &Table<'_>, folder: &Path, env: &Env) -> Arc<Self> {
        let published = Self::published();
        let Some(file) = top.table("prices", &PRICES).and_then(|table| table.get("file")) else {
            return published;
        };
        let Some(path) = file.filled().map(|path| folder.join(path)) else {
            return published;
        };
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) => {
                file.fault(format!("{} cannot be read: {error}", path.display()));
                return published;
            }
        };
        match Self::parse(&text, &path, env) {
            Ok(own) => Arc::new(published.under(own)),
            Err(faults) => {
                faults.into_iter().for_each(|fault| top.document.adopt(fault));
                published
            }
        }
    }
}
