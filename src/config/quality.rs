//! `quality` of a model: which answers are passed over for another candidate's.

use super::reader::Field;
use super::shape::Shape;

static QUALITY: Shape = Shape { name: "quality", keys: &["empty", "schema", "refusal", "truncated"] };

/// What an answer may not be. By default nothing is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Quality {
    /// Without text, a call of a tool, or a refusal.
    pub empty: bool,
    /// Other than the JSON that was asked for.
    pub schema: bool,
    pub refusal: bool,
    /// Cut at a limit of tokens.
    pub truncated: bool,
}

impl Quality {
    /// Whether anything is asked.
    pub fn judges(self) -> bool {
        self != Self::default()
    }

    /// The table, with its own defaults for what it leaves out.
    pub(super) fn read(field: &Field<'_>) -> Option<Self> {
        let table = field.table(&QUALITY)?;
        let mut quality = Self { empty: true, schema: true, refusal: false, truncated: false };
        table.set("empty", &mut quality.empty, Field::flag);
        table.set("schema", &mut quality.schema, Field::flag);
        table.set("refusal", &mut quality.refusal, Field::flag);
        table.set("truncated", &mut quality.truncated, Field::flag);
        Some(quality)
    }
}
