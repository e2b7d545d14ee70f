//! Errors and omissions inside a 200 (FAULTS F27, F32; abuse cases 33, 37): whose fault they are, and what they cost.

use serde_json::json;

use crate::harness::*;

fn error_inside(code: &str) -> String {
    format!(r#"{{"error":{{"message":"maximum context length","type":"invalid_request_error","code":{code}}}}}"#)
}

#[tokio::test]
async fn a_callers_error_inside_goes_to_the_caller_and_charges_nobody() {
    for (code, status) in [("400", 400), ("422", 422), ("\"context_length_exceeded\"", 400)] {
        let whole = Reply::new(200, "application/json", error_inside(code));
        let streamed = Reply::stream([role(), format!("data: {}\n\n", error_inside(code))]);
        for (reply, request) in [(whole, ask("m")), (streamed, ask_stream("m"))] {
            let provider = Scripted::always(reply).await;
            let gateway = Gateway::start(Setup::one(&provider)).await;
            // More often than a breaker would stand.
            for _ in 0..4 {
                let response = gateway.chat(&request).await;
                assert_eq!(response.status, status, "{code}: {}", response.text());
                assert_eq!(response.json()["error"]["message"], "maximum context length");
                assert_eq!(response.header("x-should-retry"), Some("false"));
            }
        }
    }
}

#[tokio::test]
async fn a_whole_answer_without_usage_is_billed_by_its_text() {
    let text = "word ".repeat(4000);
    let nothing = json!({"prompt_tokens": 0, "completion_tokens": 0});
    for usage in [json!(null), json!({"prompt_tokens": -5, "completion_tokens": 2}), nothing] {
        let choice = json!({"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"});
        let answer = json!({"choices": [choice], "usage": usage});
        let provider = Scripted::always(Reply::new(200, "application/json", answer.to_string())).await;
        let gateway = Gateway::start(Setup::one(&provider)).await;
        assert_eq!(gateway.chat(&ask("m")).await.status, 200);
        let record = gateway.record(1).await;
        assert_eq!(record["cost.estimated"], true, "{record}");
        // 20,000 bytes are 5,000 tokens at a dollar per million.
        let found = cost(&record).unwrap();
        assert!((0.005..0.0051).contains(&found), "{found}");
    }
}

#[tokio::test]
async fn usage_that_was_not_asked_for_is_withheld_however_it_looks() {
    for usage in [r#"{"prompt_tokens":10}"#, r#"{"total_tokens":15}"#, "\"many\"", "{}"] {
        let last = format!("data: {{\"choices\":[],\"usage\":{usage}}}\n\n");
        let provider = Scripted::always(Reply::stream([role(), text(TEXT), finish(), last, DONE.to_owned()])).await;
        let gateway = Gateway::start(Setup::one(&provider)).await;
        let response = gateway.chat(&ask_stream("m")).await;
        assert_eq!(response.text(), role() + &text(TEXT) + &finish() + DONE, "{usage}");
    }
}
