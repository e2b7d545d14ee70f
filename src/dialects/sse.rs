//! Events of a stream as text: cut out of their lines, and written.

/// One event of a stream, cut out of its lines.
#[derive(Debug, Clone, Copy)]
pub struct Event<'a> {
    pub name: Option<&'a str>,
    pub data: &'a [u8],
}

impl<'a> Event<'a> {
    /// `None` where the lines hold no `data`: a comment, say. Several `data` lines are joined as the standard says.
    /// <https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation>
    pub fn parse(lines: &'a [u8], joined: &'a mut Vec<u8>) -> Option<Self> {
        let (mut name, mut data) = (None, None);
        let mut rest = split_lines(lines);
        for line in rest.by_ref() {
            if let Some(value) = field(line, b"data") {
                data = Some(value);
                break;
            }
            name = field(line, b"event").or(name);
        }
        let mut more = false;
        for line in rest {
            if let Some(value) = field(line, b"data") {
                if !std::mem::replace(&mut more, true) {
                    joined.clear();
                    joined.extend_from_slice(data.unwrap_or_default());
                }
                joined.push(b'\n');
                joined.extend_from_slice(value);
            }
            name = field(line, b"event").or(name);
        }
        let data = if more { joined.as_slice() } else { data? };
        Some(Self { name: name.and_then(|name| std::str::from_utf8(name).ok()), data })
    }
}

/// What stands between the ends of lines.
pub(super) fn split_lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest.take()?;
        let Some(end) = memchr::memchr2(b'\n', b'\r', text) else { return Some(text) };
        rest = Some(&text[end + 1..]);
        Some(&text[..end])
    })
}

pub(super) fn field<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let value = line.strip_prefix(name)?.strip_prefix(b":")?;
    Some(value.strip_prefix(b" ").unwrap_or(value))
}

/// An event with a name and a JSON document.
pub(super) fn write_event(name: Option<&str>, data: &impl serde::Serialize, out: &mut Vec<u8>) {
    if let Some(name) = name {
        out.extend_from_slice(b"event: ");
        out.extend_from_slice(name.as_bytes());
        out.push(b'\n');
    }
    out.extend_from_slice(b"data: ");
    serde_json::to_writer(&mut *out, data).expect("maps with text keys always serialise");
    out.extend_from_slice(b"\n\n");
}
