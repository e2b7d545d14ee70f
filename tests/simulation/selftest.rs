//! The checks find what they look for: a good run, spoilt in one respect after the other.

use std::sync::LazyLock;
use std::time::Duration;

use crate::checks::check;
use crate::clients::{End, Told};
use crate::gateway::configured;
use crate::history::{Entry, Event};
use crate::speech::words;
use crate::world::{Run, play};

static GOOD: LazyLock<Run> = LazyLock::new(|| play(1));

/// What the checks say of a run after it has been spoilt: the rules that it breaks.
fn broken_by(spoil: impl FnOnce(&mut Run)) -> Vec<&'static str> {
    let mut run = GOOD.clone();
    spoil(&mut run);
    let mut rules: Vec<_> = check(&run).into_iter().map(|finding| finding.rule).collect();
    rules.dedup();
    rules
}

/// The first call of which this holds.
fn call(run: &mut Run, is_it: impl Fn(&Told) -> bool) -> &mut Told {
    run.calls.iter_mut().find(|told| is_it(told)).expect("there is such a call")
}

/// A stream of some words that was not broken.
fn is_stream(told: &Told) -> bool {
    let streamed = told.replied.as_ref().is_some_and(|replied| replied.streamed);
    streamed && told.end == End::Whole && words(&told.read).len() > 2
}

#[test]
fn a_good_run_is_good() {
    assert!(broken_by(|_| {}).is_empty());
}

#[test]
fn what_is_spliced_lost_repeated_or_cut_is_found() {
    const RULE: &str = "invariant 2 (splices)";
    type Spoil = fn(&mut Vec<u8>);
    let spoils: [Spoil; 5] = [
        |read| read.extend_from_slice(b"~alpha.9999.0~"),
        |read| read.extend_from_slice(b"~gamma.0.1~"),
        |read| read.truncate(read.len() / 2),
        |read| *read = [&read[..], read].concat(),
        |read| {
            read.extend_from_slice(b"data: [DONE]\n\nevent: message_stop\n\nevent: message_stop\n\ndata: [DONE]\n\n")
        },
    ];
    for spoil in spoils {
        assert!(broken_by(|run| spoil(&mut call(run, is_stream).read)).contains(&RULE));
    }
}

#[test]
fn a_call_that_is_recorded_in_another_way_is_found() {
    const RULE: &str = "invariant 1 (records)";
    for end in [End::Left, End::Broken, End::Failed("all_failed"), End::Odd("two ends")] {
        assert!(broken_by(|run| call(run, is_stream).end = end).contains(&RULE), "{end:?}");
    }
    let metrics = |more: &'static str| broken_by(move |run| run.left[1].metrics.push_str(more));
    for more in ["tollgate_inflight 1\n", "tollgate_calls_total{outcome=\"ok\"} 1\n"] {
        assert_eq!(metrics(more), [RULE], "{more}");
    }
    assert_eq!(metrics("tollgate_attempts_total{provider=\"beta\",class=\"ok\"} 1\n"), [RULE]);
    assert_eq!(metrics("tollgate_tokens_total{provider=\"beta\",model=\"m\",kind=\"output\"} 9000\n"), [RULE]);
}

#[test]
fn what_is_not_given_back_is_found() {
    const RULE: &str = "invariant 8 (leftovers)";
    assert_eq!(broken_by(|run| run.tasks = 1), [RULE]);
    assert_eq!(broken_by(|run| run.left[0].open = 1), [RULE]);
    assert_eq!(broken_by(|run| run.left[2].ready[1] = false), [RULE]);
    assert_eq!(broken_by(|run| run.left[2].metrics.push_str("tollgate_breaker_state{provider=\"beta\"} 2\n")), [RULE]);
    assert_eq!(broken_by(|run| run.probes[0].expected = End::Left), [RULE]);
    assert_eq!(broken_by(|run| run.exchanges[0].last_mut().unwrap().ended = None), [RULE]);
}

#[test]
fn a_caller_that_is_refused_or_let_in_without_a_reason_is_found() {
    const RULE: &str = "invariant 8 (callers' places)";
    let narrow = |told: &Told| told.ask.caller == configured::NARROW.0;
    let refused = |told: &Told| told.end == End::Failed("rate_limited");
    let spoil = |end: End, is_it: &dyn Fn(&Told) -> bool| broken_by(|run| call(run, |told| is_it(told)).end = end);
    assert!(spoil(End::Failed("rate_limited"), &|told| narrow(told) && !refused(told)).contains(&RULE));
    assert!(spoil(End::Whole, &|told| narrow(told) && refused(told)).contains(&RULE));
}

#[test]
fn too_much_is_found() {
    const RULE: &str = "invariant 10 (bounds)";
    let at = Duration::from_secs(3);
    let paused = Entry { at, event: Event::Paused { call: 0, ahead: 1 << 20 } };
    assert_eq!(broken_by(|run| run.entries.push(paused)), [RULE]);
    let dials = |calls: usize, each: usize| {
        let dial = move |number: usize| Event::Dialled {
            call: number % calls,
            gateway: 0,
            provider: 0,
            wire: 1_000_000 + number,
        };
        (0..calls * each).map(move |number| Entry { at, event: dial(number) })
    };
    assert!(broken_by(|run| run.entries.extend(dials(1, 9))).contains(&RULE), "of one call");
    assert!(broken_by(|run| run.entries.extend(dials(200, 2))).contains(&RULE), "of all calls");
}

#[test]
fn what_takes_too_long_is_found() {
    let late = Duration::from_secs(10_000);
    let replied = broken_by(|run| call(run, is_stream).replied.as_mut().unwrap().at = late);
    assert_eq!(replied, ["deadlines"]);
    assert!(broken_by(|run| call(run, is_stream).ended = late).contains(&"deadlines"));
}

#[test]
fn a_failure_that_another_could_have_answered_is_found() {
    const RULE: &str = "could have been answered";
    let spoil = |ready: bool| {
        broken_by(|run| {
            // Of the last call of the crowd nothing is known that speaks against the first provider.
            let number = run.epilogue - 1;
            run.exchanges[0].iter_mut().for_each(|exchange| exchange.good = true);
            run.entries.retain(|entry| !matches!(entry.event, Event::Dialled { provider: 0, .. }));
            let told = &mut run.calls[number];
            told.ready[0] = ready;
            told.deadline = told.arrived + 10 * configured::TOTAL;
            told.ask.mistake = false;
            told.end = End::Failed("all_failed");
        })
    };
    assert!(spoil(true).contains(&RULE));
    assert!(spoil(false).contains(&RULE), "it is left alone without a reason");
}
