//! What statuses other than 200 mean for a call with several providers. Each status alone is in the table of faults.

use crate::harness::*;

#[tokio::test]
async fn interim_answers_are_passed_over() {
    let mut script = good().script();
    let hints = "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n";
    script.0.insert(0, Step::Write(hints.into()));
    let provider = Scripted::always(script).await;
    let gateway = Gateway::start(Setup::one(&provider)).await;
    let response = gateway.chat(&ask("m")).await;
    assert_eq!((response.status, response.text()), (200, completion(TEXT)));
}

#[tokio::test]
async fn the_callers_mistake_at_the_first_provider_goes_to_the_caller() {
    for status in [400, 413, 422] {
        let body = r#"{"error":{"message":"not so","type":"invalid_request_error","param":"messages","code":"invalid_value"}}"#;
        let first = Scripted::always(Reply::new(status, "application/json", body)).await;
        let second = Scripted::saying("second").await;
        let gateway = Gateway::start(Setup::pair(&first, &second)).await;
        for request in [ask("chat"), ask_stream("chat")] {
            let response = gateway.chat(&request).await;
            response.assert_error(status, "invalid_request_error", Some("invalid_value"));
            response.assert_param(Some("messages"));
            assert_eq!(response.json()["error"]["message"], "not so");
            assert_eq!(response.header("x-should-retry"), Some("false"));
            assert_eq!(response.attempts(), 1);
        }
        assert_eq!((first.calls(), second.calls()), (2, 0));
        assert_eq!(gateway.record(2).await["call.outcome"], "refused_by_provider");
    }
}

#[tokio::test]
async fn the_callers_mistake_at_a_later_provider_is_passed_over() {
    let first = Scripted::always(refusal(500)).await;
    let second = Scripted::always(refusal(400)).await;
    let third = Scripted::saying("third").await;
    let setup = Setup::pair(&first, &second)
        .provider("third", &third, "")
        .ordered("three", &["first/m", "second/m", "third/m"]);
    let gateway = Gateway::start(setup).await;
    let response = gateway.chat(&ask("three")).await;
    assert_eq!((response.provider(), response.attempts()), ("third", 3));
}

#[tokio::test]
async fn a_later_providers_word_on_the_request_is_the_answer_when_nobody_answers() {
    let first = Scripted::always(refusal(500)).await;
    let second = Scripted::always(refusal(422)).await;
    let gateway = Gateway::start(Setup::pair(&first, &second)).await;
    let response = gateway.chat(&ask("chat")).await;
    response.assert_error(422, "invalid_request_error", None);
    assert_eq!(response.attempts(), 2);
}

#[tokio::test]
async fn a_caller_error_does_not_charge_the_breaker() {
    let provider = Scripted::always(refusal(400)).await;
    let setup = Setup::new().provider("only", &provider, "breaker = { failures = 1, open = \"60s\" }");
    let gateway = Gateway::start(setup).await;
    for call in 1..=4 {
        assert_eq!(gateway.chat(&ask("m")).await.status, 400);
        assert_eq!(provider.calls(), call);
    }
}

#[tokio::test]
async fn a_model_that_its_provider_does_not_know_is_somebodys_to_put_right() {
    let first = Scripted::always(refusal(404)).await;
    let second = Scripted::saying("second").await;
    let gateway = Gateway::start(Setup::pair(&first, &second)).await;
    assert_eq!(gateway.chat(&ask("chat")).await.provider(), "second");
    let alert = gateway
        .event("an alert about the configuration", |event| event["level"] == "ERROR" || event["level"] == "WARN")
        .await;
    assert_eq!(alert["provider.name"], "first", "{alert}");
}

#[tokio::test]
async fn one_of_several_models_being_unknown_leaves_the_others_alone() {
    let provider =
        Scripted::start(|seen| if seen.json()["model"] == "gone" { refusal(404) } else { good() }.script()).await;
    let lines = "breaker = { failures = 1, open = \"60s\" }\n\
                 models = [{ name = \"gone\", input = 1, output = 1 }, { name = \"m\", input = 1, output = 1 }]";
    let gateway = Gateway::start(Setup::new().provider("only", &provider, lines)).await;
    gateway.chat(&ask("gone")).await.assert_error(502, "api_error", Some("all_providers_failed"));
    assert_eq!(gateway.chat(&ask("m")).await.status, 200);
}
