//! What a breaker does, said one rule at a time.

use super::*;

const OPEN: Duration = Duration::from_secs(60);

fn breaker() -> (Arc<Breaker>, Instant) {
    after(3)
}

fn after(failures: u32) -> (Arc<Breaker>, Instant) {
    let now = Instant::now();
    (Breaker::new(Rule { failures, open: OPEN }, Gauge::default(), now), now)
}

fn fail(breaker: &Arc<Breaker>, now: Instant) {
    breaker.permit(now).unwrap().fail(now, None, 0.0);
}

fn succeed(breaker: &Arc<Breaker>, now: Instant) {
    breaker.permit(now).unwrap().succeed(now);
}

fn trip(breaker: &Arc<Breaker>, now: Instant) {
    for _ in 0..3 {
        fail(breaker, now);
    }
}

fn is_open(breaker: &Arc<Breaker>, now: Instant) -> bool {
    breaker.closed_until(now).is_some()
}

#[tokio::test(start_paused = true)]
async fn opens_after_consecutive_failures() {
    let (breaker, now) = breaker();
    for _ in 0..5 {
        breaker.permit(now).unwrap().fail(now, Some(OPEN), 0.0);
        fail(&breaker, now);
        succeed(&breaker, now);
        succeed(&breaker, now);
        succeed(&breaker, now);
    }
    trip(&breaker, now);
    assert_eq!(breaker.permit(now).unwrap_err(), now + OPEN);
    assert_eq!(breaker.gauge.get(), 2);
}

#[tokio::test(start_paused = true)]
async fn opens_when_half_of_twenty_calls_fail() {
    let (breaker, now) = breaker();
    for call in 0..19 {
        let now = now + Duration::from_millis(500) * call;
        if call % 2 == 0 {
            succeed(&breaker, now)
        } else {
            fail(&breaker, now)
        }
        assert!(!is_open(&breaker, now), "{call}");
    }
    let now = now + Duration::from_millis(9_999);
    fail(&breaker, now);
    assert_eq!(breaker.permit(now).unwrap_err(), now + OPEN);
}

#[tokio::test(start_paused = true)]
async fn calls_of_more_than_ten_seconds_ago_are_forgotten() {
    let (breaker, now) = breaker();
    for call in 0..200 {
        let now = now + Duration::from_millis(600) * call;
        if call % 2 == 0 {
            succeed(&breaker, now)
        } else {
            fail(&breaker, now)
        }
        assert!(!is_open(&breaker, now), "{call}");
    }
}

#[tokio::test(start_paused = true)]
async fn less_than_half_is_borne() {
    let (breaker, now) = breaker();
    for call in 0..1000 {
        if call % 5 < 3 {
            succeed(&breaker, now)
        } else {
            fail(&breaker, now)
        }
        assert!(!is_open(&breaker, now), "{call}");
    }
}

#[tokio::test(start_paused = true)]
async fn fewer_failures_than_configured_never_open_it() {
    let (breaker, now) = after(1_000);
    for _ in 0..999 {
        succeed(&breaker, now);
        fail(&breaker, now);
    }
    assert!(!is_open(&breaker, now));
    fail(&breaker, now);
    assert!(is_open(&breaker, now));

    let (breaker, now) = after(u32::MAX);
    for _ in 0..10_000 {
        fail(&breaker, now);
    }
    assert!(!is_open(&breaker, now));
}

#[tokio::test(start_paused = true)]
async fn lets_one_probe_through_and_believes_it() {
    let (breaker, now) = breaker();
    trip(&breaker, now);
    let later = now + OPEN;
    let probe = breaker.permit(later).unwrap();
    assert!(breaker.permit(later).is_err());
    assert_eq!(breaker.gauge.get(), 1);
    probe.succeed(later);
    assert_eq!(breaker.gauge.get(), 0);
    let (_one, _two) = (breaker.permit(later).unwrap(), breaker.permit(later).unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_failed_probe_doubles_the_opening_and_a_success_forgets_it() {
    let (breaker, mut now) = breaker();
    trip(&breaker, now);
    assert_eq!(breaker.permit(now).unwrap_err(), now + OPEN, "chance lengthens only what is repeated");
    now += OPEN;
    for times in [2, 4, 8, 10, 10] {
        let probe = breaker.permit(now).unwrap();
        probe.fail(now, None, 0.0);
        assert_eq!(breaker.permit(now).unwrap_err(), now + OPEN * times);
        now += OPEN * times;
    }
    let probe = breaker.permit(now).unwrap();
    probe.fail(now, None, 0.5);
    assert_eq!(breaker.permit(now).unwrap_err(), now + OPEN * 11, "ten times, and half of a fifth");
    now += OPEN * 11;

    succeed(&breaker, now);
    trip(&breaker, now);
    assert_eq!(breaker.permit(now).unwrap_err(), now + OPEN);
}

#[tokio::test(start_paused = true)]
async fn retry_after_lengthens_an_opening_and_never_shortens_one() {
    let (breaker, now) = breaker();
    let late = [2 * OPEN, OPEN, 3 * OPEN].map(|wait| (breaker.permit(now).unwrap(), wait));
    trip(&breaker, now);
    let mut longest = OPEN;
    for (permit, wait) in late {
        permit.fail(now, Some(wait), 0.0);
        longest = longest.max(wait);
        assert_eq!(breaker.permit(now).unwrap_err(), now + longest);
    }
    let later = now + longest;
    breaker.permit(later).unwrap().fail(later, Some(OPEN), 0.0);
    assert_eq!(breaker.permit(later).unwrap_err(), later + 2 * OPEN);
}

#[tokio::test(start_paused = true)]
async fn retry_after_counts_whichever_failure_brought_it() {
    let (breaker, now) = breaker();
    breaker.permit(now).unwrap().fail(now, Some(5 * OPEN), 0.0);
    fail(&breaker, now);
    assert!(!is_open(&breaker, now));
    fail(&breaker, now);
    assert_eq!(breaker.permit(now).unwrap_err(), now + 5 * OPEN);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_given_up_frees_its_place() {
    let (breaker, now) = breaker();
    trip(&breaker, now);
    let now = now + OPEN;
    drop(breaker.permit(now).unwrap());
    assert_eq!(breaker.gauge.get(), 2);
    assert!(breaker.permit(now).is_ok());
}

#[tokio::test(start_paused = true)]
async fn late_verdicts_of_an_earlier_era_do_not_count() {
    let (breaker, now) = breaker();
    let late = || [breaker.permit(now).unwrap(), breaker.permit(now).unwrap(), breaker.permit(now).unwrap()];
    let ([good, bad, worse], [slow, slower, slowest]) = (late(), late());
    trip(&breaker, now);
    good.succeed(now);
    bad.fail(now, None, 0.0);
    assert_eq!(breaker.permit(now).unwrap_err(), now + OPEN);

    let now = now + OPEN;
    let probe = breaker.permit(now).unwrap();
    slow.succeed(now);
    worse.fail(now, None, 0.0);
    assert!(breaker.permit(now).is_err(), "the probe alone decides");
    probe.succeed(now);
    fail(&breaker, now);
    fail(&breaker, now);
    slower.fail(now, None, 0.0);
    assert!(!is_open(&breaker, now));
    slowest.succeed(now);
    fail(&breaker, now);
    assert!(is_open(&breaker, now));
}

#[tokio::test(start_paused = true)]
async fn streams_that_always_break_open_it() {
    let (breaker, now) = breaker();
    for _ in 0..3 {
        let mut permit = breaker.permit(now).unwrap();
        permit.confirm(now);
        permit.fail(now, None, 0.0);
    }
    assert!(is_open(&breaker, now));
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_breaks_counts_after_its_commit() {
    let (breaker, now) = breaker();
    trip(&breaker, now);
    let now = now + OPEN;
    let mut probe = breaker.permit(now).unwrap();
    probe.confirm(now);
    assert!(breaker.permit(now).is_ok());
    probe.fail(now, None, 0.0);
    fail(&breaker, now);
    fail(&breaker, now);
    // Nothing has come to its end since the opening before.
    assert_eq!(breaker.permit(now).unwrap_err(), now + 2 * OPEN);
}

#[tokio::test(start_paused = true)]
async fn callers_mistakes_are_no_verdict_but_prove_that_somebody_is_there() {
    let (breaker, now) = breaker();
    let mistake = |now| breaker.permit(now).unwrap().confirm(now);
    for _ in 0..100 {
        mistake(now);
    }
    for _ in 0..3 {
        mistake(now);
        fail(&breaker, now);
    }
    assert!(is_open(&breaker, now));
    mistake(now + OPEN);
    assert!(!is_open(&breaker, now + OPEN));
}

#[tokio::test(start_paused = true)]
async fn it_can_be_looked_at_without_being_moved() {
    let (breaker, now) = breaker();
    assert_eq!(breaker.stance(now), Stance::Closed);
    trip(&breaker, now);
    assert_eq!(breaker.stance(now), Stance::Open { until: now + OPEN });
    let later = now + OPEN;
    assert_eq!(breaker.stance(later), Stance::HalfOpen);
    let probe = breaker.permit(later).unwrap();
    assert_eq!(breaker.stance(later), Stance::HalfOpen);
    probe.succeed(later);
    assert_eq!(breaker.stance(later), Stance::Closed);
}

fn slowly(breaker: &Arc<Breaker>, now: Instant) {
    let mut permit = breaker.permit(now).unwrap();
    permit.slow(0.0);
    permit.succeed(now);
}

#[tokio::test(start_paused = true)]
async fn slow_answers_end_a_row_and_count_against_the_share() {
    let (breaker, now) = breaker();
    for _ in 0..4 {
        fail(&breaker, now);
        fail(&breaker, now);
        slowly(&breaker, now);
    }
    assert!(!is_open(&breaker, now), "never three in a row, and too few calls for a share");
    for _ in 0..7 {
        succeed(&breaker, now);
        assert!(!is_open(&breaker, now));
    }
    slowly(&breaker, now);
    assert_eq!(breaker.permit(now).unwrap_err(), now + OPEN);
    assert_eq!(breaker.gauge.get(), 2);
}

#[tokio::test(start_paused = true)]
async fn slowness_alone_opens_it_and_never_with_fewer_than_configured() {
    for (failures, opens) in [(1, 20), (20, 20), (30, 30), (u32::MAX, u32::MAX)] {
        let (breaker, now) = after(failures);
        for call in 1..opens.min(1_000) {
            slowly(&breaker, now);
            assert!(!is_open(&breaker, now), "{failures}: {call}");
        }
        slowly(&breaker, now);
        assert_eq!(is_open(&breaker, now), opens < u32::MAX, "{failures}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_probe_opens_again_whole_or_at_its_streams_beginning() {
    let (breaker, mut now) = breaker();
    trip(&breaker, now);
    now += OPEN;
    slowly(&breaker, now);
    assert_eq!(breaker.permit(now).unwrap_err(), now + 2 * OPEN);

    now += 2 * OPEN;
    let mut stream = breaker.permit(now).unwrap();
    stream.slow(0.0);
    stream.confirm(now);
    assert_eq!(breaker.permit(now).unwrap_err(), now + 4 * OPEN);
    stream.succeed(now);
    assert_eq!(breaker.permit(now).unwrap_err(), now + 4 * OPEN, "what comes later is of an earlier era");
    now += 4 * OPEN;
    succeed(&breaker, now);
    trip(&breaker, now);
    assert_eq!(breaker.permit(now).unwrap_err(), now + OPEN);
}

#[tokio::test(start_paused = true)]
async fn a_slow_stream_that_breaks_counts_once_and_as_failed() {
    let (breaker, now) = breaker();
    for call in 0..3 {
        assert!(!is_open(&breaker, now), "{call}");
        let mut stream = breaker.permit(now).unwrap();
        stream.slow(0.0);
        stream.confirm(now);
        stream.fail(now, None, 0.0);
    }
    assert!(is_open(&breaker, now), "three failures in a row");

    let (breaker, now) = after(5);
    for _ in 0..9 {
        succeed(&breaker, now);
        let mut stream = breaker.permit(now).unwrap();
        stream.slow(0.0);
        stream.confirm(now);
        stream.fail(now, None, 0.0);
    }
    assert!(!is_open(&breaker, now), "eighteen calls, not twenty-seven");
}

#[tokio::test(start_paused = true)]
async fn a_slow_answer_forgets_no_rest_that_was_asked_for() {
    let (breaker, now) = breaker();
    breaker.permit(now).unwrap().fail(now, Some(5 * OPEN), 0.0);
    slowly(&breaker, now);
    trip(&breaker, now);
    assert_eq!(breaker.permit(now).unwrap_err(), now + 5 * OPEN);
}

#[tokio::test(start_paused = true)]
async fn checks_count_like_calls_while_it_is_closed() {
    let (breaker, now) = breaker();
    breaker.look().down(now, 0.0);
    fail(&breaker, now);
    breaker.look().up(now);
    breaker.look().down(now, 0.0);
    fail(&breaker, now);
    assert!(!is_open(&breaker, now));
    breaker.look().down(now, 0.0);
    assert_eq!(breaker.permit(now).unwrap_err(), now + OPEN);
    assert_eq!(breaker.gauge.get(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_good_check_lets_the_probe_go_at_once_but_not_before_it_was_asked_to() {
    let (breaker, now) = breaker();
    trip(&breaker, now);
    breaker.look().up(now);
    assert_eq!((breaker.stance(now), breaker.gauge.get()), (Stance::HalfOpen, 2));
    let probe = breaker.permit(now).unwrap();
    assert!(breaker.permit(now).is_err(), "one probe");
    probe.fail(now, Some(OPEN / 2), 0.0);
    assert_eq!(breaker.permit(now).unwrap_err(), now + 2 * OPEN);
    breaker.look().up(now);
    assert_eq!(breaker.permit(now).unwrap_err(), now + OPEN / 2);
}

#[tokio::test(start_paused = true)]
async fn a_bad_check_is_a_bad_probe_once_an_opening_is_over() {
    let (breaker, now) = breaker();
    trip(&breaker, now);
    breaker.look().down(now, 0.0);
    assert_eq!(breaker.permit(now).unwrap_err(), now + OPEN, "it was open already");
    let later = now + OPEN;
    breaker.look().down(later, 0.0);
    assert_eq!(breaker.permit(later).unwrap_err(), later + 2 * OPEN);
}

#[tokio::test(start_paused = true)]
async fn checks_leave_a_probe_alone_and_know_nothing_of_later_eras() {
    let (breaker, now) = breaker();
    let (early, late) = ([breaker.look(), breaker.look()], breaker.look());
    trip(&breaker, now);
    for look in early {
        look.up(now);
    }
    assert_eq!(breaker.permit(now).unwrap_err(), now + OPEN, "it was well before it opened");
    let now = now + OPEN;
    let probe = breaker.permit(now).unwrap();
    breaker.look().up(now);
    breaker.look().down(now, 0.0);
    assert_eq!(breaker.stance(now), Stance::HalfOpen);
    assert!(breaker.permit(now).is_err());
    probe.succeed(now);
    fail(&breaker, now);
    fail(&breaker, now);
    late.down(now, 0.0);
    assert!(!is_open(&breaker, now));
}
