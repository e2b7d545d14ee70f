//! Recorded exchanges, where they are at hand.

use serde_json::Value;

use super::testing::{check_grammar, heading, request};
use super::{VerbatimEvents, judge_answer, read_request, write_events};
use crate::api::chat::{Content, Delta, Finish};
use crate::dialects::recorded::{each_event, recordings};
use crate::dialects::{ReadEvents, WriteEvents};

#[test]
fn recorded_requests_are_read() {
    for (name, exchange) in recordings("openai-responses-") {
        let body = &exchange["request"]["body"];
        let request = read_request(body.to_string().as_bytes()).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(request.extra.is_empty(), "{name}: {:?}", request.extra);
        let Value::Array(items) = &body["input"] else { continue };
        let parts: Vec<&Content> = request.messages.iter().flat_map(|it| &it.parts).map(|it| &it.content).collect();
        let count = |is: fn(&Content) -> bool| parts.iter().filter(|part| is(part)).count();
        let items_of = |kind: &str| items.iter().filter(|item| item["type"] == kind).count();
        assert_eq!(count(|part| matches!(part, Content::ToolCall(_))), items_of("function_call"), "{name}");
        assert_eq!(count(|part| matches!(part, Content::ToolResult(_))), items_of("function_call_output"), "{name}");
        assert_eq!(count(|part| matches!(part, Content::Foreign { .. })), 0, "{name}");
        let sealed = items.iter().filter(|item| item["encrypted_content"].is_string()).count();
        assert_eq!(count(|part| matches!(part, Content::Reasoning { signature: Some(_), .. })), sealed, "{name}");
    }
}

#[test]
fn recorded_answers_are_judged() {
    for (name, exchange) in recordings("openai-responses-") {
        let response = &exchange["response"];
        if response["status"] != 200 || !response["body"].is_object() {
            continue;
        }
        let judged = judge_answer(response["body"].to_string().as_bytes()).unwrap();
        assert!(judged.complete, "{name}");
        let usage = judged.usage.expect("every one of them reports usage");
        assert_eq!(response["body"]["usage"]["total_tokens"], usage.input + usage.output, "{name}");
        assert!(judged.text_bytes > 0 || !response["body"].to_string().contains("output_text"), "{name}");
    }
}

#[test]
fn recorded_streams_are_judged_and_can_be_written_again() {
    for (name, exchange) in recordings("openai-responses-") {
        let response = &exchange["response"];
        let Some(stream) = response["sse_text"].as_str().filter(|_| response["status"] == 200) else { continue };
        let mut reader = VerbatimEvents::new();
        let mut deltas = Vec::new();
        each_event(stream, |event| reader.read(event, &mut deltas).unwrap());
        assert!(reader.is_whole(), "{name}");
        let mut writer = write_events(heading(), &request());
        let mut out = Vec::new();
        deltas.iter().for_each(|delta| writer.write(delta.clone(), &mut out));
        writer.end(&mut out);
        let written = check_grammar(std::str::from_utf8(&out).unwrap());
        let last = stream.lines().filter_map(|line| line.strip_prefix("data: ")).next_back().unwrap();
        let last: Value = serde_json::from_str(last).unwrap();
        assert_eq!(gist(&written["output"]), gist(&last["response"]["output"]), "{name}");
        for count in ["input_tokens", "output_tokens", "total_tokens"] {
            assert_eq!(written["usage"][count], last["response"]["usage"][count], "{name}");
        }
        let finish = deltas.iter().find_map(|delta| match delta {
            Delta::Finish { finish, .. } => Some(finish.clone()),
            _ => None,
        });
        let wanted = match last["response"]["output"].to_string() {
            output if output.contains("\"refusal\"") => Finish::Refusal,
            output if output.contains("\"function_call\"") => Finish::ToolCalls,
            _ => Finish::Stop,
        };
        assert_eq!(finish, Some(wanted), "{name}");
    }
}

/// Everything of an output that a user reads and a program acts on.
fn gist(output: &Value) -> Vec<String> {
    let item = |item: &Value| match item["type"].as_str().unwrap() {
        "message" => item["content"]
            .as_array()
            .unwrap()
            .iter()
            .map(|part| format!("{} {}{}", part["type"], part["text"], part["refusal"]))
            .collect(),
        kind => format!("{kind} {} {} {}", item["call_id"], item["name"], item["arguments"]),
    };
    output.as_array().unwrap().iter().map(item).collect()
}
