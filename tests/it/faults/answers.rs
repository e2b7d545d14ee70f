//! Answers that are none, or odd ones.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

use super::doing::{Doing, good, json, plain, saying};
use super::way::Way;
use crate::harness::*;
use crate::upstreams::{Call, Finish, Scenario, Vendor, error_body, scenario};

pub(super) fn doing(name: &str, way: Way, stream: bool) -> Option<Doing> {
    let whole = way.whole(&plain()).to_string();
    let without = |how: fn(&mut Value, &str)| {
        let mut answer = way.whole(&plain());
        how(&mut answer, way.content_member());
        json(answer.to_string())
    };
    let reply = match name {
        "error_503_inside" => json(inside(way, 503)),
        "error_429_inside" => json(inside(way, 429)),
        "error_400_inside" => json(inside(way, 400)),
        "no_choices" => without(|answer, member| drop(answer.as_object_mut().and_then(|answer| answer.remove(member)))),
        "null_choices" => without(|answer, member| answer[member] = Value::Null),
        "empty_choices" => without(|answer, member| answer[member] = Value::Array(Vec::new())),
        "half_json" => json(&whole[..whole.len() / 2]),
        "two_answers" => json(format!("{whole}{whole}")),
        "answer_in_an_array" => json(format!("[{whole}]")),
        "not_utf8" => {
            let at = whole.find("France").expect("the text is about it");
            json([&whole.as_bytes()[..at], b"\xff", &whole.as_bytes()[at + 1..]].concat())
        }
        "chunks_without_end" => Reply::stream([whole]).header("content-type", "application/json").then(Step::Fin),
        "half_until_close" => json(&whole[..whole.len() / 2]).until_close(),
        "shorter_than_announced" => json(&*whole).cut(whole.len() / 2, Step::Fin),
        "announced_huge" => json("{\"a\":1}").length(99_999_999_999_999).then(Step::Fin),
        "longer_than_announced" => json(&*whole).length(whole.len() - 10).then(Step::Fin),
        "gzip" => {
            let good = good(way, stream);
            let body = good.bytes();
            let packed = gzip(&body);
            let reply = if stream { Reply::stream([packed]) } else { json(packed) };
            return Some(Doing::reply(reply.header("content-encoding", "gzip")).with_body(body));
        }
        "not_gzip" => good(way, stream).header("content-encoding", "gzip"),
        "zstd" => good(way, stream).header("content-encoding", "zstd"),
        "gzip_twice" => good(way, stream).header("content-encoding", "gzip, gzip"),
        "half_gzip" => {
            let packed = gzip(whole.as_bytes());
            json(&packed[..packed.len() / 2]).header("content-encoding", "gzip")
        }
        "gzip_unnamed" => json(gzip(whole.as_bytes())),
        "brotli" => good(way, stream).header("content-encoding", "br"),
        "gzip_bomb" => json(gzip(&vec![0; 64 << 20])).header("content-encoding", "gzip"),
        "usage_missing" => edited(way, stream, &mut |object| remove_usage(object)),
        "usage_null" => edited(way, stream, &mut |object| set_usage(object, &|_| Value::Null)),
        "usage_negative" => {
            edited(way, stream, &mut |object| set_usage(object, &|usage| numbers(usage, &|_| (-5).into())))
        }
        "usage_words" => {
            let words = |number: &Value| number.to_string().into();
            edited(way, stream, &mut |object| set_usage(object, &|usage| numbers(usage, &words)))
        }
        "finish_null" => edited(way, stream, &mut |object| set_finish(object, &Value::Null)),
        "finish_empty" => edited(way, stream, &mut |object| set_finish(object, &"".into())),
        "finish_unknown" => edited(way, stream, &mut |object| set_finish(object, &"endOfTurn".into())),
        "arguments_no_json" => {
            let call = Call { id: "call_a1", name: "get_weather", arguments: "{\"city\": Paris" };
            let scenario = Scenario { calls: vec![call], finish: Finish::Tools, ..Scenario::default() };
            return Some(Doing::reply(saying(way, stream, &scenario)).saying(""));
        }
        "byte_by_byte" => good(way, stream).split(1),
        "split_characters" => {
            let scenario = scenario("unicode");
            return Some(Doing::reply(saying(way, stream, &scenario).split(2)).saying(scenario.text));
        }
        "separators" => {
            let text = "one\u{2028}two\u{2029}three\u{85}four";
            return Some(Doing::reply(saying(way, stream, &Scenario { text, ..Scenario::default() })).saying(text));
        }
        _ => return None,
    };
    Some(Doing::reply(reply))
}

/// An error in a 200. Cohere and Mistral name no status in theirs.
fn inside(way: Way, status: u16) -> String {
    let mut error = error_body(way.vendor, status, "No.");
    if way.vendor == Vendor::OpenAi {
        error["error"]["code"] = status.into();
    }
    error.to_string()
}

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(data).and_then(|()| encoder.finish()).expect("memory can be written")
}

/// The good answer with every object in it changed.
fn edited(way: Way, stream: bool, change: &mut dyn FnMut(&mut serde_json::Map<String, Value>)) -> Reply {
    if !stream {
        let mut answer = way.whole(&plain());
        each_object(&mut answer, change);
        return json(answer.to_string());
    }
    let edit = |event: &String| {
        let Some((begin, rest)) = event.split_once("data: ") else { return event.clone() };
        let data = rest.trim_end();
        let Ok(mut document) = serde_json::from_str::<Value>(data) else { return event.clone() };
        each_object(&mut document, change);
        format!("{begin}data: {document}{}", &rest[data.len()..])
    };
    Reply::stream(way.events(&plain()).iter().map(edit).collect::<Vec<_>>())
}

fn each_object(value: &mut Value, change: &mut dyn FnMut(&mut serde_json::Map<String, Value>)) {
    match value {
        Value::Object(members) => {
            change(members);
            members.values_mut().for_each(|value| each_object(value, change));
        }
        Value::Array(values) => values.iter_mut().for_each(|value| each_object(value, change)),
        _ => {}
    }
}

const USAGE: [&str; 2] = ["usage", "usageMetadata"];

fn remove_usage(members: &mut serde_json::Map<String, Value>) {
    USAGE.iter().for_each(|name| drop(members.remove(*name)));
}

fn set_usage(members: &mut serde_json::Map<String, Value>, to: &dyn Fn(&Value) -> Value) {
    for name in USAGE {
        if let Some(usage) = members.get_mut(name) {
            *usage = to(usage);
        }
    }
}

/// The same with other numbers in it.
fn numbers(usage: &Value, to: &dyn Fn(&Value) -> Value) -> Value {
    match usage {
        Value::Number(_) => to(usage),
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| (name.clone(), numbers(value, to)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        _ => usage.clone(),
    }
}

fn set_finish(members: &mut serde_json::Map<String, Value>, to: &Value) {
    for name in ["finish_reason", "finishReason", "stop_reason"] {
        if let Some(reason) = members.get_mut(name).filter(|reason| reason.is_string()) {
            *reason = to.clone();
        }
    }
}
