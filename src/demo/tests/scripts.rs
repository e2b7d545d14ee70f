//! Scripts as text: what is taken, and what is refused with its line.

use std::time::Duration;

use crate::demo::{Ending, HowCut, Outcome, Script};

fn refusal(script: &str) -> (usize, String) {
    let err = Script::parse(script).unwrap_err();
    (err.line, err.message)
}

/// The message for a rule that holds `keys` on its only line, which is the fourth.
fn rule_refusal(keys: &str) -> String {
    let (line, message) = refusal(&format!("[[provider]]\nname = 'p'\n\n[[provider.rule]]\n{keys}\n"));
    assert!((4..=5).contains(&line), "line {line}: {message}");
    message
}

#[test]
fn the_example_is_a_good_script() {
    let script = Script::parse(include_str!("../../../docs/examples/mock-faults.toml")).unwrap();
    assert!(script.providers.len() > 1);
    assert!(script.providers.iter().all(|provider| !provider.models.is_empty()));
    let rules: Vec<_> = script.providers.iter().flat_map(|provider| &provider.rules).collect();
    assert!(rules.iter().any(|rule| rule.effect.outcome == Outcome::Silence));
    assert!(rules.iter().any(|rule| rule.effect.ending == Ending::Cut(5, HowCut::Reset)));
    assert!(rules.iter().any(|rule| rule.effect.delay > Duration::ZERO));
}

#[test]
fn unknown_keys_are_refused_with_their_line() {
    assert_eq!(refusal("sed = 1").0, 1);
    let (line, message) = refusal("[[provider]]\nname = 'p'\nlatencey = '1s'");
    assert_eq!(line, 3);
    assert!(message.contains("unknown field `latencey`"), "{message}");
    assert!(rule_refusal("statuss = 500").contains("unknown field"));
    assert!(rule_refusal("when = { modell = 'x' }").contains("unknown field"));
}

#[test]
fn wrong_values_are_refused_with_their_line() {
    assert_eq!(refusal("[[provider]]\nname = 'p'\nlatency = 'soon'").0, 3);
    assert_eq!(refusal("[[provider]]\nname = 'p'\nlisten = 'here'").0, 3);
    assert_eq!(refusal("[[provider]]\nname = 'p'\nwords = 0").0, 3);
    assert_eq!(refusal("[[provider]]\nname = ").0, 2);
    assert!(rule_refusal("status = 102").contains("between 200 and 599"));
    assert!(rule_refusal("probability = 1.5").contains("between 0 and 1"));
    assert!(rule_refusal("every = 0").contains("nonzero"));
    assert!(rule_refusal("garbage = 'xml'").contains("unknown variant"));
    assert!(rule_refusal("headers = { content-length = '3' }").contains("follows from the body"));
    assert!(rule_refusal("retry_after = \"7\\n\"").contains("header"));
}

#[test]
fn keys_that_exclude_each_other_or_do_nothing_are_refused() {
    assert!(rule_refusal("stall = true\nstatus = 500").contains("`stall`"));
    assert!(rule_refusal("cut_after = 1\nstall_after = 2").contains("only one"));
    assert!(rule_refusal("hang_up = true\ncut_after = 2").contains("no body"));
    assert!(rule_refusal("status = 500\nno_done = true").contains("ordinary answer"));
    assert!(rule_refusal("message = 'hm'").contains("`message`"));
    assert!(rule_refusal("cut = 'close'").contains("`cut_after`"));
    assert!(rule_refusal("stall = true\nretry_after = '1'").contains("no headers"));
}

#[test]
fn a_script_names_at_least_one_provider_and_each_once() {
    assert!(refusal("seed = 7\n").1.contains("no [[provider]]"));
    let (line, message) = refusal("[[provider]]\nname = 'p'\n\n[[provider]]\nname = 'p'");
    assert_eq!((line, message.as_str()), (4, "a second provider named `p`"));
}

#[tokio::test]
async fn a_port_in_use_is_told_with_the_providers_name() {
    let held = super::client::provider("[[provider]]\nname = 'first'").await;
    let script = format!("[[provider]]\nname = 'second'\nlisten = '{}'", held.addr());
    let err = Script::parse(&script).unwrap().start().await.unwrap_err();
    assert!(err.to_string().starts_with("provider `second` cannot listen on 127.0.0.1:"), "{err}");
}

#[test]
fn the_examples_of_the_page_are_good_scripts() {
    let page = include_str!("../../../docs/mock.md");
    let blocks = page.split("```toml\n").skip(1).filter_map(|block| block.split("```").next());
    let scripts: Vec<_> = blocks.filter(|block| block.contains("[[provider]]")).collect();
    assert_eq!(scripts.len(), 4);
    for script in scripts {
        Script::parse(script).unwrap();
    }
}
