//! Invariant 2: after content has reached the client, no other provider's bytes follow; and nothing is lost, repeated
//! or made up on the way.

use tollgate::call::Door;

use super::Finding;
use crate::clients::{End, Told};
use crate::gateway::configured;
use crate::speech::words;
use crate::world::Run;

const RULE: &str = "invariant 2 (splices)";

pub(super) fn check(run: &Run) -> Vec<Finding> {
    run.calls.iter().filter_map(|told| Some(Finding::of(RULE, told.number, fault(run, told)?))).collect()
}

fn fault(run: &Run, told: &Told) -> Option<String> {
    let heard = words(&told.read);
    if let Some(first) = heard.first() {
        if let Some(other) =
            heard.iter().find(|word| (&word.provider, word.exchange) != (&first.provider, first.exchange))
        {
            return Some(format!("words of {first:?} and of {other:?}"));
        }
        if let Some((place, word)) = heard.iter().enumerate().find(|(place, word)| word.place != *place) {
            return Some(format!("{word:?} where word {place} should be"));
        }
        let replied = told.replied.as_ref()?;
        if replied.provider != first.provider {
            return Some(format!("words of {first:?}, and {} is said to have answered", replied.provider));
        }
        let provider = configured::PROVIDERS.iter().position(|name| *name == first.provider)?;
        let exchange = &run.exchanges[provider][first.exchange];
        if exchange.call != told.number && !replied.cached {
            return Some(format!("words for call {}", exchange.call));
        }
        if told.end == End::Whole && heard.len() != exchange.words {
            return Some(format!("{} words of {}, and it is said to be whole", heard.len(), exchange.words));
        }
    }
    ends(told)
}

/// How often a stream says that it is over, in its door's words.
fn ends(told: &Told) -> Option<String> {
    if !told.replied.as_ref().is_some_and(|replied| replied.streamed) {
        return None;
    }
    let text = std::str::from_utf8(&told.read).expect("answers are UTF-8");
    let (finished, ended) = match told.ask.door {
        Door::Messages => ("\"stop_reason\":\"end_turn\"", "event: message_stop"),
        _ => ("\"finish_reason\":\"stop\"", "data: [DONE]"),
    };
    let (finished, ended) = (text.matches(finished).count(), text.matches(ended).count());
    let right = match (told.end, told.ask.door) {
        (End::Whole, Door::Messages) => finished == 1 && ended == 1,
        // Servers forget the last event, and what they say passes as it is.
        (End::Whole, _) => finished == 1 && ended <= 1,
        (End::Broken, _) => finished == 0 && ended == 0,
        _ => finished <= 1 && ended <= 1,
    };
    (!right).then(|| {
        format!("a stream that ended as {:?} says {finished} times why and {ended} times that it is over", told.end)
    })
}
