//! Large requests and answers work as shipped (PITFALLS 25; DESIGN response_limit).

use serde_json::json;

use crate::harness::*;

#[tokio::test]
async fn an_image_of_20_mib_passes_by_default() {
    let provider = Scripted::saying(TEXT).await;
    let gateway = Gateway::start(Setup::one(&provider)).await;
    let url = format!("data:image/png;base64,{}", "A".repeat(20 << 20));
    let image = json!({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}]});
    let request = with(ask("m"), image);
    let response = gateway.chat(&request).await;
    assert_eq!(response.status, 200, "{}", response.text());
    assert_eq!(provider.last().body, request.to_string().into_bytes());
}

#[tokio::test]
async fn an_answer_longer_than_is_held_is_passed_on_and_not_kept() {
    let long = completion(&"word ".repeat(100_000));
    let replies = [
        Reply::new(200, "application/json", long.clone()),
        Reply::stream([long.clone()]).header("content-type", "application/json").split(10_000),
    ];
    for reply in replies {
        let provider = Scripted::always(reply).await;
        let setup = Setup::one(&provider).cache().server("response_limit = \"64KiB\"");
        let gateway = Gateway::start(setup).await;
        for call in 1..=2 {
            let response = gateway.chat(&ask("m")).await;
            assert_eq!((response.status, response.end), (200, End::Whole));
            assert!(response.text() == long, "call {call}: the bytes differ");
            assert_eq!(response.header("x-tollgate-cache"), Some("MISS"));
            assert_eq!(provider.calls(), call);
        }
        let record = gateway.record(2).await;
        assert_eq!((&record["call.outcome"], &record["cost.estimated"]), (&json!("ok"), &json!(true)), "{record}");
        // 500 kB of answer are not free: 125,000 tokens by estimate.
        assert!(cost(&record) > Some(0.1), "{record}");
    }
}

#[tokio::test]
async fn a_long_answer_that_breaks_is_cut_and_never_ends_as_if_it_were_whole() {
    let long = completion(&"word ".repeat(100_000));
    let (seen, wait) = gate();
    let cut = Reply::new(200, "application/json", long).cut(200_000, Step::Wait(wait)).then(Step::Fin);
    let provider = Scripted::always(cut).await;
    let second = Scripted::saying("second").await;
    let gateway = Gateway::start(Setup::pair(&provider, &second).server("response_limit = \"64KiB\"")).await;
    let mut connection = gateway.begin(&ask("chat")).await;
    let mut response = connection.head().await.unwrap();
    assert_eq!(response.status, 200);
    assert!(connection.piece(&mut response).await.is_some());
    seen.open();
    assert_eq!(connection.rest(&mut response).await, End::Cut);
    assert_eq!(second.calls(), 0);
    assert_eq!(gateway.record(1).await["call.outcome"], "stream_broken");
}
