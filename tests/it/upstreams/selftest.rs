//! The scripted vendors themselves: where a checker knows the vendor's grammar, they keep to it.

use super::{Manner, Scenario, Vendor, responses, scenarios};
use crate::grammar::{Checked, check_chat, check_messages, check_responses, read_chat, read_messages, read_responses};

#[track_caller]
fn assert_same(scenario: &Scenario, whole: Checked, streamed: Checked) {
    let name = scenario.name;
    let whole = whole.unwrap_or_else(|rule| panic!("{name}: {rule}"));
    let streamed = streamed.unwrap_or_else(|rule| panic!("{name}: {rule}"));
    assert_eq!(whole, streamed, "{name}");
    assert_eq!(
        (&*whole.text, &*whole.reasoning, &*whole.refusal),
        (scenario.text, scenario.reasoning, scenario.refusal)
    );
    assert_eq!(whole.usage, Some(scenario.spent.tokens()), "{name}");
    assert_eq!(whole.tools.len(), scenario.calls.len(), "{name}");
}

#[test]
fn scripted_vendors_keep_to_their_own_grammar() {
    for scenario in scenarios() {
        if matches!(scenario.manner, Manner::InTurn | Manner::Mixed) {
            let streamed = check_chat(&Vendor::OpenAi.events(&scenario, true).concat(), true);
            assert_same(&scenario, read_chat(&Vendor::OpenAi.whole(&scenario)), streamed);
        }
        let streamed = check_responses(&responses::events(&scenario).concat());
        assert_same(&scenario, read_responses(&responses::whole(&scenario)), streamed);
        if scenario.refusal.is_empty() {
            let streamed = check_messages(&Vendor::Anthropic.events(&scenario, true).concat());
            assert_same(&scenario, read_messages(&Vendor::Anthropic.whole(&scenario)), streamed);
        }
    }
}
