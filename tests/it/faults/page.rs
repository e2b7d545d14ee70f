//! The tables of `docs/failures.md`.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use super::table::{Charged, Fault, Streams, Table};

const ACCEPT: &str = "TOLLGATE_ACCEPT_FAILURES";
const BEGIN: &str = "<!-- faults -->\n";
const END: &str = "<!-- /faults -->";

/// The catalogue's chapters, by the first number that is not theirs.
const CHAPTERS: [(&str, u32); 4] =
    [("Statuses and headers", 25), ("A 200 that lies", 35), ("Streams", 52), ("Connections", 61)];

/// Holds the page against the table, or writes it if asked to.
pub(super) fn assert_up_to_date(table: &Table) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/failures.md");
    let page = fs::read_to_string(&path).expect("docs/failures.md can be read");
    let from = page.find(BEGIN).expect("the page has the marker") + BEGIN.len();
    let to = page.find(END).expect("the page has the end's marker");
    let wanted = render(table);
    if page[from..to] == wanted {
        return;
    }
    if std::env::var_os(ACCEPT).is_some() {
        return fs::write(&path, format!("{}{wanted}{}", &page[..from], &page[to..])).expect("the page can be written");
    }
    panic!(
        "docs/failures.md does not say what tests/faults/table.toml does.\n\
         If the table is right: {ACCEPT}=1 cargo test --test it faults"
    );
}

fn render(table: &Table) -> String {
    let mut page = format!(
        "\n{} faults at {} ways, streamed and not, with and without another candidate: **{} cells**.\n",
        table.fault.len(),
        table.ways.len(),
        table.cells().len()
    );
    let mut first = 0;
    for (chapter, next) in CHAPTERS {
        let number = |fault: &&Fault| fault.id[1..].parse::<u32>().is_ok_and(|number| (first..next).contains(&number));
        write!(page, "\n### {chapter}\n\n").expect("strings take what is written");
        page += "| | the provider | the caller | failure class | left alone | asked |\n|---|---|---|---|---|---|\n";
        for fault in table.fault.iter().filter(number) {
            page += &row(table, fault);
        }
        first = next;
    }
    page.push('\n');
    page
}

fn row(table: &Table, fault: &Fault) -> String {
    let mut what = fault.what.clone();
    match fault.streams {
        Some(Streams::Never) => what += " (whole answers)",
        Some(Streams::Only) if fault.id.as_str() < "F35" => what += " (streams)",
        _ => {}
    }
    if let Some(ways) = &fault.ways {
        let all: Vec<&String> = table.ways.iter().filter(|way| !ways.contains(way)).collect();
        if all.len() <= 3 {
            let but: Vec<String> = all.iter().map(|way| format!("`{way}`")).collect();
            what += &format!("; not at {}", but.join(", "));
        } else {
            let at: Vec<String> = ways.iter().map(|way| format!("`{way}`")).collect();
            what += &format!("; at {}", at.join(", "));
        }
    }
    let classes: Vec<String> = fault.class.0.iter().map(|class| format!("`{class}`")).collect();
    let charged = match fault.charged {
        Charged::Nobody => "nobody",
        Charged::Key => "the key",
        Charged::Model => "the model at this provider",
        Charged::Provider => "the provider",
    };
    let calls = fault.calls.unwrap_or(1);
    let says = &table.outcome(&fault.outcome).says;
    format!("| {} | {what} | {says} | {} | {charged} | {calls} |\n", fault.id, classes.join(" or "))
}
