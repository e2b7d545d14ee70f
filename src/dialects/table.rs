//! What each pair of a door and a provider keeps, approximates and drops: asked of the code with real requests, and held
//! against the tables of `docs/dialects.md`.

mod chat;
mod completions;
mod embeddings;
mod finish;
mod messages;
mod page;
mod probe;
mod responses;
mod ways;

use std::fmt::Write;

use self::probe::{Asked, Cell, Column, Row, ask};
use crate::call::Door;

/// One door's table.
struct Table {
    title: &'static str,
    door: Door,
    columns: &'static [Column],
    rows: Vec<Row>,
}

fn tables() -> [Table; 5] {
    [chat::table(), completions::table(), responses::table(), messages::table(), embeddings::table()]
}

impl Table {
    /// Columns that agree in every row are one. What the code says of a pair is checked on the way.
    fn render(&self, out: &mut String, wrong: &mut Vec<String>) {
        let asked: Vec<Vec<Asked>> = self.rows.iter().map(|row| self.ask(row, wrong)).collect();
        let mut groups: Vec<Vec<usize>> = Vec::new();
        for column in 0..self.columns.len() {
            let same = |other: usize| asked.iter().all(|cells| cells[other].cell == cells[column].cell);
            match groups.iter_mut().find(|group| same(group[0])) {
                Some(group) => group.push(column),
                None => groups.push(vec![column]),
            }
        }
        let head: Vec<String> = groups.iter().map(|group| self.head(group)).collect();
        writeln!(out, "### {}\n\n| {} | {} | named as |", self.title, self.door.path(), head.join(" | ")).unwrap();
        writeln!(out, "|---|{}---|", "---|".repeat(groups.len())).unwrap();
        for (row, cells) in self.rows.iter().zip(&asked) {
            let shown: Vec<&str> = groups.iter().map(|group| cells[group[0]].cell.symbol()).collect();
            writeln!(out, "| {} | {} | {} |", row.name, shown.join(" | "), names(cells)).unwrap();
        }
        out.push('\n');
    }

    fn ask(&self, row: &Row, wrong: &mut Vec<String>) -> Vec<Asked> {
        let ask = |column| {
            let asked = ask(self.door, row, column);
            if let Err(why) = &asked.proof {
                wrong.push(format!("{} | {} | {} {}: {why}", self.title, row.name, column.kind, column.model));
            }
            asked
        };
        self.columns.iter().map(ask).collect()
    }

    fn head(&self, group: &[usize]) -> String {
        let names: Vec<String> = group
            .iter()
            .map(|&at| match self.columns[at] {
                Column { kind, note: "", .. } => kind.to_owned(),
                Column { kind, note, .. } => format!("{kind} {note}"),
            })
            .collect();
        names.join(", ")
    }
}

/// The names that `x-tollgate-dropped-params` gives what is lost.
fn names(cells: &[Asked]) -> String {
    let mut names: Vec<String> = Vec::new();
    for name in cells.iter().flat_map(|asked| &asked.names) {
        let name = format!("`{name}`");
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.join(", ")
}

#[test]
fn the_page_says_what_the_code_does() {
    let (mut text, mut wrong) = (String::new(), Vec::new());
    for table in tables() {
        table.render(&mut text, &mut wrong);
    }
    assert!(wrong.is_empty(), "what is sent is not what is said of it:\n{}", wrong.join("\n"));
    page::hold("losses", &text);
}

#[test]
fn the_page_says_how_each_word_for_an_end_is_read_and_written() {
    page::hold("finish", &finish::render());
}

#[test]
fn the_page_says_which_calls_pass_as_they_are() {
    page::hold("ways", &ways::render());
}

/// A row that every provider keeps is worth its line only if a loss would be seen.
#[test]
fn a_value_that_is_not_sent_is_noticed() {
    let column = Column::new("openai", "gpt-4.1");
    let row = Row::new("seed", serde_json::json!({"seed": 4321}), &["zebra"]);
    let row = Row { body: chat::base(row.body), ..row };
    let column_of_another_format = Column::new("gemini", "gemini-2.5-flash");
    assert!(ask(Door::ChatCompletions, &row, &column_of_another_format).proof.is_err());
    assert_eq!(ask(Door::ChatCompletions, &row, &column).cell, Cell::Verbatim);
}
