//! The part of `docs/dialects.md` that is made from the code.

use std::fs;
use std::path::Path;

const ACCEPT: &str = "TOLLGATE_ACCEPT_DIALECTS";

/// Holds the page's part between `<!-- NAME -->` and `<!-- /NAME -->` against `text`, or writes it there if asked to.
pub(super) fn hold(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/dialects.md");
    let accepts = std::env::var_os(ACCEPT).is_some();
    let _one_at_a_time = accepts.then(|| WRITING.lock().unwrap());
    let page = fs::read_to_string(&path).unwrap();
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let from = page.find(&begin).expect("the page has the marker") + begin.len();
    let to = from + page[from..].find(&end).expect("the page has the end's marker");
    let wanted = format!("\n{}\n\n", text.trim());
    if page[from..to] == wanted {
        return;
    }
    if accepts {
        fs::write(&path, format!("{}{wanted}{}", &page[..from], &page[to..])).unwrap();
        return;
    }
    let difference = page[from..to].lines().zip(wanted.lines()).find(|(old, new)| old != new);
    panic!(
        "docs/dialects.md does not say what the code does; the first difference is {difference:#?}.\n\
         If the code is right: {ACCEPT}=1 cargo test --lib dialects::table"
    );
}

/// Both tests may write.
static WRITING: std::sync::Mutex<()> = std::sync::Mutex::new(());
