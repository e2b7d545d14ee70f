//! What a provider without faults says.

use http::Method;
use serde_json::json;

use super::client::{End, chat, provider, question, send};

const PLAIN: &str = "[[provider]]\nname = 'p'\nwords = 20";

#[tokio::test]
async fn a_whole_answer_has_openais_shape_and_repeats() {
    let running = provider(PLAIN).await;
    let seen = chat(&running, &question(false)).await.unwrap();
    let answer = seen.json();

    assert_eq!((seen.status, seen.header("content-type")), (200, "application/json"));
    assert_eq!(answer["object"], "chat.completion");
    assert_eq!(answer["model"], "demo-chat");
    assert!(answer["id"].as_str().unwrap().starts_with("chatcmpl-"));
    let text = answer["choices"][0]["message"]["content"].as_str().unwrap();
    assert!(text.contains("Why is the sky blue?"), "{text}");
    assert_eq!(answer["choices"][0]["finish_reason"], "stop");
    assert_eq!(answer["usage"]["completion_tokens"], 20);
    let usage = &answer["usage"];
    let sum = usage["prompt_tokens"].as_u64().unwrap() + usage["completion_tokens"].as_u64().unwrap();
    assert_eq!(usage["total_tokens"], sum);

    let again = chat(&running, &question(false)).await.unwrap().json();
    assert_eq!(again["choices"], answer["choices"]);
    assert_ne!(again["id"], answer["id"]);
    assert_eq!(running.calls(), 2);
}

#[tokio::test]
async fn a_stream_says_what_the_whole_answer_says() {
    let running = provider(PLAIN).await;
    let whole = chat(&running, &question(false)).await.unwrap().json();
    let seen = chat(&running, &question(true)).await.unwrap();

    assert_eq!((seen.header("content-type"), seen.end), ("text/event-stream", End::Whole));
    let chunks = seen.chunks();
    let text: String = chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(text, whole["choices"][0]["message"]["content"].as_str().unwrap());
    assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
    assert_eq!(chunks.last().unwrap()["choices"][0]["finish_reason"], "stop");
    assert!(chunks.iter().all(|chunk| chunk["id"] == chunks[0]["id"] && chunk.get("usage").is_none()));
    assert_eq!(seen.events().last().unwrap(), "[DONE]");
}

#[tokio::test]
async fn usage_ends_a_stream_that_asks_for_it() {
    let running = provider(PLAIN).await;
    let mut ask = question(true);
    ask["stream_options"] = json!({"include_usage": true});
    let chunks = chat(&running, &ask).await.unwrap().chunks();

    let (last, others) = chunks.split_last().unwrap();
    assert_eq!(last["choices"], json!([]));
    assert_eq!(last["usage"]["completion_tokens"], 20);
    assert!(others.iter().all(|chunk| chunk["usage"].is_null() && chunk.get("usage").is_some()));
}

#[tokio::test]
async fn max_tokens_shortens_and_n_multiplies() {
    let running = provider(PLAIN).await;
    let mut ask = question(false);
    ask["max_tokens"] = json!(5);
    ask["n"] = json!(3);
    let answer = chat(&running, &ask).await.unwrap().json();

    let choices = answer["choices"].as_array().unwrap();
    assert_eq!(choices.len(), 3);
    for choice in choices {
        assert_eq!(choice["finish_reason"], "length");
        assert_eq!(choice["message"]["content"].as_str().unwrap().split(' ').count(), 5);
    }
    assert_eq!(answer["usage"]["completion_tokens"], 15);

    ask["stream"] = json!(true);
    let chunks = chat(&running, &ask).await.unwrap().chunks();
    let ends = chunks.iter().filter(|chunk| chunk["choices"][0]["finish_reason"] == "length");
    assert_eq!(ends.map(|chunk| chunk["choices"][0]["index"].as_u64().unwrap()).collect::<Vec<_>>(), [0, 1, 2]);
}

#[tokio::test]
async fn a_tool_is_called_when_forced_or_spoken_of_and_only_once() {
    let running = provider(PLAIN).await;
    let parameters = json!({"type": "object", "properties": {"city": {"type": "string"}}});
    let tools = json!([{"type": "function", "function": {"name": "weather", "parameters": parameters}}]);
    let mut ask = question(false);
    ask["tools"] = tools;
    let plain = chat(&running, &ask).await.unwrap().json();
    assert_eq!(plain["choices"][0]["finish_reason"], "stop");

    ask["tool_choice"] = json!("required");
    let forced = chat(&running, &ask).await.unwrap().json();
    assert_eq!(forced["choices"][0]["finish_reason"], "tool_calls");
    let call = &forced["choices"][0]["message"]["tool_calls"][0];
    assert_eq!(call["function"]["name"], "weather");
    assert_eq!(call["function"]["arguments"], r#"{"city":"some city"}"#);

    ask["tool_choice"] = json!("auto");
    ask["messages"] = json!([{"role": "user", "content": "Use a Tool"}]);
    ask["stream"] = json!(true);
    let chunks = chat(&running, &ask).await.unwrap().chunks();
    let deltas = chunks.iter().map(|chunk| &chunk["choices"][0]["delta"]["tool_calls"][0]["function"]);
    let arguments: String = deltas.filter_map(|function| function["arguments"].as_str()).collect();
    assert_eq!(arguments, r#"{"city":"some city"}"#);

    ask["stream"] = json!(false);
    ask["messages"].as_array_mut().unwrap().push(json!({"role": "tool", "content": "sunny"}));
    let answered = chat(&running, &ask).await.unwrap().json();
    assert_eq!(answered["choices"][0]["finish_reason"], "stop");
}

#[tokio::test]
async fn bad_requests_are_refused_in_openais_shape() {
    let running = provider("[[provider]]\nname = 'p'\nmodels = ['small']").await;
    let post = async |path: &str, body: &str| {
        let seen = send(running.addr(), Method::POST, path, None, body.to_owned()).await.unwrap();
        let error = seen.json()["error"].clone();
        (seen.status, error["type"].as_str().unwrap().to_owned(), error["param"].clone())
    };
    let (chat, invalid) = ("/chat/completions", "invalid_request_error".to_owned());
    assert_eq!(post(chat, "{").await, (400, invalid.clone(), json!(null)));
    assert_eq!(post(chat, "{}").await, (400, invalid.clone(), json!("model")));
    assert_eq!(post(chat, r#"{"model":"small","messages":[]}"#).await, (400, invalid.clone(), json!("messages")));
    let zero = r#"{"model":"small","messages":[{}],"max_tokens":0}"#;
    assert_eq!(post(chat, zero).await, (400, invalid.clone(), json!("max_tokens")));
    assert_eq!(post(chat, r#"{"model":"big","messages":[{}]}"#).await, (404, invalid.clone(), json!("model")));
    assert_eq!(post("/v1/elsewhere", "{}").await.0, 404);
    assert_eq!(post("/v1/models", "{}").await.0, 405);
}

#[tokio::test]
async fn a_key_is_wanted_where_one_is_set() {
    let running = provider("[[provider]]\nname = 'p'\nkey = 'sk-p'\nmodels = ['a', 'b']").await;
    let get = async |path: &str, key| send(running.addr(), Method::GET, path, key, String::new()).await.unwrap();

    let refused = get("/v1/models", Some("sk-q")).await;
    assert_eq!((refused.status, &refused.json()["error"]["code"]), (401, &json!("invalid_api_key")));
    assert_eq!(get("/v1/models", None).await.status, 401);
    assert_eq!(chat(&running, &question(false)).await.unwrap().status, 401);
    assert_eq!(get("/healthz", None).await.status, 200);

    let models = get("/v1/models", Some("sk-p")).await.json();
    let ids: Vec<_> = models["data"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["a", "b"]);
}
