//! Faults that a status or a header tells of.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json as object};

use super::doing::{Doing, Upstream, good, json};
use super::way::Way;
use crate::harness::*;
use crate::upstreams::{Vendor, error_body, refuse};

pub(super) fn doing(name: &str, way: Way, stream: bool, trap: &str) -> Option<Doing> {
    let (status, rest) = match name.split_once('_') {
        Some((status, rest)) => (status, rest),
        None => (name, ""),
    };
    let status: Option<u16> = status.parse().ok();
    let refusal = |status| refuse(way.vendor, status, "No.");
    let reply = match (status, rest, name) {
        (Some(204 | 304), ..) => Reply::new(status?, "text/plain", ""),
        (Some(201), ..) => good(way, stream).status(201),
        (Some(301..=308), ..) => {
            Reply::new(status?, "text/html", "<a href='/'>There</a>").header("location", format!("{trap}/elsewhere"))
        }
        (Some(429), rest, _) if !rest.is_empty() => limited(refusal(429), rest),
        (Some(503), "later", _) => refusal(503).header("retry-after", 600),
        (Some(status), "page", _) => page(status),
        (Some(401), "one_of_three", _) => return Some(one_of_three(way, stream)),
        (Some(status), "", _) => refusal(status),
        (None, _, "out_of_quota") => {
            let text = "You exceeded your current quota, please check your plan and billing details.";
            let error =
                object!({"message": text, "type": "insufficient_quota", "param": null, "code": "insufficient_quota"});
            json(object!({ "error": error }).to_string()).status(429)
        }
        (None, _, "out_of_credit") => {
            refuse(way.vendor, 400, "Your credit balance is too low to access the Anthropic API.")
        }
        (None, _, "too_long" | "too_long_but_another_takes_more") => refuse(way.vendor, 400, too_long(way.vendor)),
        (None, _, "filtered" | "filtered_and_asked_elsewhere") => filtered(way.vendor),
        (None, _, "early_hints") => {
            let mut script = Script::raw("HTTP/1.1 103 Early Hints\r\nlink: </style.css>; rel=preload\r\n\r\n");
            let good = good(way, stream);
            let body = good.bytes();
            script.0.extend(good.script().0);
            return Some(Doing { upstream: Upstream::Plays(script), body, ..Doing::reply(Reply::new(200, "", "")) });
        }
        (None, _, "blank") => Reply::new(200, "application/json", " \r\n\r\n "),
        (None, _, "page_called_json") => Reply::new(200, "application/json", "<html>Log in</html>"),
        (None, _, "empty") => Reply::new(200, if stream { "text/event-stream" } else { "application/json" }, ""),
        (None, _, "login_page") => Reply::new(200, "text/html", "<html><body>Log in to this network</body></html>"),
        _ => return None,
    };
    Some(Doing::reply(reply))
}

fn page(status: u16) -> Reply {
    Reply::new(status, "text/html", format!("<html><h1>{status}</h1><p>cloud</p></html>"))
}

fn limited(refusal: Reply, how: &str) -> Reply {
    let ahead = SystemTime::now() + Duration::from_secs(600);
    match how {
        "seconds" => refusal.header("retry-after", 70),
        "date" => refusal.header("retry-after", httpdate::fmt_http_date(ahead)),
        "past_date" => refusal.header("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT"),
        "milliseconds" => refusal.header("retry-after-ms", 70_500),
        "openai_reset" => refusal.header("x-ratelimit-reset-requests", "1m30s"),
        "anthropic_reset" => {
            let at = jiff::Timestamp::try_from(ahead).expect("the clock is right");
            let refusal = refusal.header("anthropic-ratelimit-tokens-remaining", 0);
            refusal.header("anthropic-ratelimit-tokens-reset", at.strftime("%Y-%m-%dT%H:%M:%SZ"))
        }
        "forever" => refusal.header("retry-after", 999_999),
        "negative" => refusal.header("retry-after", -1),
        "garbage" => refusal.header("retry-after", "soon"),
        _ => panic!("429 {how}"),
    }
}

fn one_of_three(way: Way, stream: bool) -> Doing {
    let good = good(way, stream);
    let (body, refused) = (good.bytes(), refuse(way.vendor, 401, "Bad key.").script());
    let upstream = Upstream::FirstKey { refused, good: good.script() };
    Doing { upstream, body, ..Doing::reply(Reply::new(200, "", "")) }
}

fn too_long(vendor: Vendor) -> &'static str {
    match vendor {
        Vendor::OpenAi => "This model's maximum context length is 8000 tokens. However, you requested 9000 tokens.",
        Vendor::Anthropic => "prompt is too long: 9000 tokens > 8000 maximum",
        Vendor::Gemini => "The input token count (9000) exceeds the maximum number of tokens allowed (8000).",
        Vendor::Cohere => "too many tokens: size limit exceeded by 1000 tokens.",
        Vendor::Mistral => "Prompt contains 9000 tokens, too large for model with 8000 maximum context length",
    }
}

fn filtered(vendor: Vendor) -> Reply {
    let mut body: Value = error_body(vendor, 400, "Output blocked by content filtering policy");
    if vendor == Vendor::OpenAi {
        body["error"]["code"] = "content_filter".into();
    }
    Reply::new(400, "application/json", body.to_string())
}
