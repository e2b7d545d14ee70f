//! Figures as text: a Markdown table that reads well as it is.

use std::fmt::Write;

use crate::statistics::Middle;

/// The median and its interval.
pub(crate) fn show(middle: Middle) -> String {
    let Middle { median, low, high } = middle;
    if low == high {
        return number(median);
    }
    format!("{} ({} to {})", number(median), number(low), number(high))
}

/// Three digits, as far as that makes sense.
fn number(value: f64) -> String {
    match value.abs() {
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// All cells of a column as wide as its widest.
pub(crate) fn align<const N: usize>(head: &[String; N], rows: &[[String; N]]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().chain([head]).map(|row| row[column].len());
        cells.max().unwrap_or_default()
    };
    let rule = std::array::from_fn(|column| "-".repeat(width(column)));
    let mut table = String::new();
    for row in [head, &rule].into_iter().chain(rows) {
        for (column, cell) in row.iter().enumerate() {
            write!(table, "| {cell:0$} ", width(column)).expect("a string takes every character");
        }
        table.push_str("|\n");
    }
    table
}
