//! Streams that break, stall, or are written in an unusual way.

use std::time::Duration;

use super::doing::{Doing, good, plain, saying};
use super::way::Way;
use crate::harness::*;

pub(super) fn doing(name: &str, way: Way) -> Option<Doing> {
    let events = way.events(&plain());
    let lead = way.lead(&plain());
    // The lead and some text.
    let begun = || events[..lead + 2].to_vec();
    let ended = |events: Vec<String>, end: Step| Reply::stream(events).then(end);
    let reply = match name {
        "error_first" => Reply::stream([way.error_event()]),
        "error_second" => Reply::stream([&events[..lead.min(1)], &[way.error_event()]].concat()),
        "limit_second" => Reply::stream([&events[..lead.min(1)], &[error_event(429)]].concat()),
        "error_by_name" => Reply::stream(["event: error\ndata: {\"message\":\"failed\"}\n\n"]),
        "error_after_text" => Reply::stream([begun(), vec![way.error_event()]].concat()),
        "no_done" => Reply::stream(events.into_iter().filter(|event| event != DONE)),
        "cut_before_text" => Reply::stream(events[..lead].to_vec()),
        "cut_after_text" => Reply::stream(begun()),
        "closed_before_text" => ended(events[..lead].to_vec(), Step::Fin),
        "closed_after_text" => ended(begun(), Step::Fin),
        "closed_inside_an_event" => {
            let next = &events[lead + 2];
            ended([begun(), vec![next[..next.len() / 2].to_owned()]].concat(), Step::Fin)
        }
        "broken_event" => {
            let broken = events[lead + 2].replacen("data: {", "data: {\"a\": }", 1);
            Reply::stream([begun(), vec![broken], events[lead + 3..].to_vec()].concat())
        }
        "empty_stream" => Reply::stream([": nothing\n\n"]),
        "done_twice" => {
            let last = events[events.len() - 1].clone();
            Reply::stream([events, vec![last]].concat())
        }
        "finish_twice" => Reply::stream(twice(events)),
        "stall_before_first_byte" => ended(Vec::new(), Step::Stall),
        "stall_before_text" => ended(events[..lead].to_vec(), Step::Stall),
        "stall_after_text" => ended(begun(), Step::Stall),
        "long_thought" => long_thought(&events, lead),
        "crlf" => Reply::stream(lines(&events, "\r\n")).split(7),
        "cr" => Reply::stream(lines(&events, "\r")),
        "comments" => Reply::stream(events.iter().flat_map(|event| [": PROCESSING\n\n".to_owned(), event.clone()])),
        "odd_fields" => {
            let odd = |event: &String| format!("id: 7\nretry: 10\nodd: field\n{}", event.replace("data: ", "data:"));
            Reply::stream(events.iter().map(odd).collect::<Vec<_>>())
        }
        "data_in_two_lines" => {
            let split = |event: &String| event.replacen(",\"", ",\ndata: \"", 1);
            Reply::stream(events.iter().map(split).collect::<Vec<_>>())
        }
        "endless_line" => Reply::stream([format!("data: {}", "x".repeat(9 << 20))]),
        "usage_chunk" => good(way, true),
        "whole_for_a_stream" => saying(way, false, &plain()),
        "stream_for_a_whole" => good(way, true),
        "reset_after_text" => ended(begun(), Step::Reset),
        _ => return None,
    };
    Some(Doing::reply(reply))
}

/// The event with the finish reason a second time.
fn twice(events: Vec<String>) -> Vec<String> {
    let is_end = |event: &String| event.contains("\"stop\"") || event.contains("\"STOP\"");
    events.into_iter().flat_map(|event| if is_end(&event) { vec![event.clone(), event] } else { vec![event] }).collect()
}

/// Silence for longer than the short `idle`, but for comments.
fn long_thought(events: &[String], lead: usize) -> Reply {
    let mut reply = Reply::stream(events[..lead].to_vec());
    for _ in 0..7 {
        reply = reply.then(Step::Pause(Duration::from_millis(200))).then_event(": thinking\n\n");
    }
    events[lead..].iter().fold(reply, |reply, event| reply.then_event(event.clone()))
}

fn lines(events: &[String], end: &str) -> Vec<String> {
    events.iter().map(|event| event.replace("\r\n", "\n").replace('\n', end)).collect()
}
