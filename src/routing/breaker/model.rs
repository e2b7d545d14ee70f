//! The breaker beside a model that is written from the rules alone: it forgets nothing and works out everything anew from
//! what has happened, in whole milliseconds.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;

use fastrand::Rng;

use super::*;

const SEQUENCES: u64 = 100_000;

/// What happened to one breaker.
#[derive(Default)]
struct Model {
    failures: u64,
    open: u64,
    standing: Standing,
    /// How often the standing has changed.
    changes: u32,
    /// When and how the calls and checks ended that began since it closed.
    ended: Vec<(u64, End)>,
    /// How long the provider asked to be left alone, since the last success.
    asked: Vec<u64>,
    /// Openings since the last success.
    openings: u32,
}

#[derive(Default, Debug, Clone, Copy, PartialEq)]
enum Standing {
    #[default]
    Closed,
    Open(u64),
    Probing(u64),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    Good,
    Slow,
    Failed,
}

impl Model {
    fn refusal(&self, now: u64) -> Option<u64> {
        match self.standing {
            Standing::Open(_) if now < self.end() => Some(self.end()),
            Standing::Probing(_) => Some(now + 1_000),
            _ => None,
        }
    }

    /// Of the opening.
    fn end(&self) -> u64 {
        let (Standing::Open(own) | Standing::Probing(own)) = self.standing else { panic!("not open") };
        self.asked.iter().copied().fold(own, u64::max)
    }

    /// The standing in which a call begins.
    fn begin(&mut self, now: u64) -> u32 {
        if let Standing::Open(_) = self.standing {
            assert!(now >= self.end());
            self.change(Standing::Probing(self.end()));
        }
        self.changes
    }

    fn change(&mut self, standing: Standing) {
        self.standing = standing;
        self.changes += 1;
        self.ended.clear();
    }

    fn confirm(&mut self, began: u32) -> u32 {
        if began == self.changes && matches!(self.standing, Standing::Probing(_)) {
            self.change(Standing::Closed);
            return self.changes;
        }
        began
    }

    fn succeed(&mut self, began: u32, now: u64) {
        if self.confirm(began) == self.changes {
            self.ended.push((now, End::Good));
            self.asked.clear();
            self.openings = 0;
        }
    }

    /// A probe that is slow to begin has failed with that.
    fn confirm_slow(&mut self, began: u32, now: u64, jitter: u64) {
        if began == self.changes && matches!(self.standing, Standing::Probing(_)) {
            self.open(now, jitter);
        }
    }

    fn succeed_slowly(&mut self, began: u32, now: u64, jitter: u64) {
        if began == self.changes {
            self.end_badly(End::Slow, now, jitter);
        }
    }

    /// `jitter` in quarters.
    fn fail(&mut self, began: u32, now: u64, retry_after: Option<u64>, jitter: u64) {
        self.asked.extend(retry_after.map(|wait| now + wait));
        if began == self.changes {
            self.end_badly(End::Failed, now, jitter);
        }
    }

    fn end_badly(&mut self, end: End, now: u64, jitter: u64) {
        self.ended.push((now, end));
        let recent = || self.ended.iter().filter(|(at, _)| at / 1_000 + 10 > now / 1_000);
        let (all, bad) = (recent().count() as u64, recent().filter(|(_, end)| *end != End::Good).count() as u64);
        let too_many = all >= 20 && 2 * bad >= all && bad >= self.failures;
        if matches!(self.standing, Standing::Probing(_)) || self.in_a_row() >= self.failures || too_many {
            self.open(now, jitter);
        }
    }

    fn in_a_row(&self) -> u64 {
        self.ended.iter().rev().take_while(|(_, end)| *end == End::Failed).count() as u64
    }

    fn open(&mut self, now: u64, jitter: u64) {
        let mut length = self.open;
        for _ in 0..self.openings {
            length = (length * 2).min(self.open * 10);
        }
        if self.openings > 0 {
            length += length * jitter / 20;
        }
        self.openings += 1;
        self.change(Standing::Open(now + length));
    }

    fn found_up(&mut self, began: u32, now: u64) {
        match &mut self.standing {
            _ if began != self.changes => {}
            Standing::Closed => self.succeed(began, now),
            Standing::Open(own) => *own = now.min(*own),
            Standing::Probing(_) => {}
        }
    }

    fn found_down(&mut self, began: u32, now: u64, jitter: u64) {
        match self.standing {
            _ if began != self.changes => {}
            Standing::Closed => self.fail(began, now, None, jitter),
            Standing::Open(_) if self.refusal(now).is_none() => self.open(now, jitter),
            _ => {}
        }
    }

    fn drop(&mut self, began: u32) {
        if began == self.changes
            && let Standing::Probing(end) = self.standing
        {
            self.change(Standing::Open(end));
        }
    }
}

/// How often something worth a test happened, over all sequences.
type Seen = BTreeMap<&'static str, u32>;

/// What an act was, as far as it may open a breaker.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Act {
    Failure,
    Slowness,
    Check,
    Other,
}

/// A breaker and its model, and what is under way at both: the standing of the model in which it began, and for calls
/// that will be slow what chance adds then, in quarters.
struct Game {
    rng: Rng,
    epoch: Instant,
    now: u64,
    breaker: Arc<Breaker>,
    model: Model,
    calls: Vec<(Permit, u32, Option<u64>)>,
    checks: Vec<(Look, u32)>,
}

impl Game {
    fn new(mut rng: Rng, epoch: Instant) -> Self {
        let failures = rng.choice([1, 2, 3, 5, 12, 1_000]).unwrap();
        let open = rng.choice([100, 2_000, 60_000]).unwrap();
        let rule = Rule { failures, open: Duration::from_millis(open) };
        Self {
            rng,
            epoch,
            now: 0,
            breaker: Breaker::new(rule, Gauge::default(), epoch),
            model: Model { failures: failures.into(), open, ..Model::default() },
            calls: Vec::new(),
            checks: Vec::new(),
        }
    }

    fn at(&self) -> Instant {
        self.epoch + Duration::from_millis(self.now)
    }

    fn millis(&self, at: Instant) -> u64 {
        (at - self.epoch).as_millis() as u64
    }

    /// In quarters, and as the breaker wants it.
    fn chance(&mut self) -> (u64, f64) {
        let quarters = self.rng.u64(0..=4);
        (quarters, quarters as f64 / 4.0)
    }

    fn begin_call(&mut self, slow: bool) {
        let allowed = self.breaker.permit(self.at()).map_err(|until| self.millis(until));
        assert_eq!(allowed.as_ref().err().copied(), self.model.refusal(self.now));
        let Ok(mut permit) = allowed else { return };
        let began = self.model.begin(self.now);
        let slow = slow.then(|| self.chance()).map(|(quarters, chance)| {
            permit.slow(chance);
            quarters
        });
        self.calls.push((permit, began, slow));
    }

    fn drop_call(&mut self, (permit, began, _): (Permit, u32, Option<u64>)) {
        drop(permit);
        self.model.drop(began);
    }

    fn confirm(&mut self, (mut permit, mut began, slow): (Permit, u32, Option<u64>)) -> Act {
        permit.confirm(self.at());
        match slow {
            None => began = self.model.confirm(began),
            Some(jitter) => self.model.confirm_slow(began, self.now, jitter),
        }
        self.calls.push((permit, began, slow));
        Act::Slowness
    }

    fn succeed(&mut self, (permit, began, slow): (Permit, u32, Option<u64>)) -> Act {
        permit.succeed(self.at());
        match slow {
            None => self.model.succeed(began, self.now),
            Some(jitter) => self.model.succeed_slowly(began, self.now, jitter),
        }
        Act::Slowness
    }

    fn fail(&mut self, (permit, began, _): (Permit, u32, Option<u64>)) -> Act {
        let retry_after = self.rng.choice([None, None, None, Some(0), Some(50), Some(1_500), Some(200_000)]).unwrap();
        let (jitter, chance) = self.chance();
        permit.fail(self.at(), retry_after.map(Duration::from_millis), chance);
        self.model.fail(began, self.now, retry_after, jitter);
        Act::Failure
    }

    fn end_check(&mut self, (look, began): (Look, u32), good: bool) -> Act {
        if good {
            look.up(self.at());
            self.model.found_up(began, self.now);
        } else {
            let (jitter, chance) = self.chance();
            look.down(self.at(), chance);
            self.model.found_down(began, self.now, jitter);
        }
        Act::Check
    }

    /// Both say the same to whoever looks.
    fn compare(&self) {
        let told = self.breaker.closed_until(self.at()).map(|until| self.millis(until));
        assert_eq!(told, self.model.refusal(self.now));
        let gauge = match self.model.standing {
            Standing::Closed => 0,
            Standing::Probing(_) => 1,
            Standing::Open(_) => 2,
        };
        assert_eq!(self.breaker.gauge.get(), gauge);
    }
}

fn play(seed: u64, epoch: Instant, seen: &mut Seen) {
    let mut rng = Rng::with_seed(seed);
    // Some sequences are mostly good, some mostly bad, some in a hurry; some have slow answers, some have checks.
    let (good, haste, slow, has_checks) = (rng.u32(1..8), rng.u64(1..40), rng.u32(0..11), rng.bool());
    let steps = rng.usize(10..90);
    let mut game = Game::new(rng.fork(), epoch);
    let open = game.model.open;
    for _ in 0..steps {
        let (before, openings, in_a_row) = (game.model.standing, game.model.openings, game.model.in_a_row());
        let is_good = rng.u32(0..8) < good;
        let mut act = Act::Other;
        match rng.u32(0..20) {
            0..2 => game.now += rng.u64(0..1_200) / haste,
            2 if rng.bool() => game.now += rng.choice([open / 2, open, open * 3, 9_000, 10_000]).unwrap(),
            3 | 4 if has_checks && rng.bool() => game.checks.push((game.breaker.look(), game.model.changes)),
            3..6 if !game.checks.is_empty() => {
                let check = game.checks.swap_remove(rng.usize(..game.checks.len()));
                act = game.end_check(check, is_good);
            }
            3..12 => game.begin_call(rng.u32(0..10) < slow),
            _ if game.calls.is_empty() => {}
            turn => {
                let call = game.calls.swap_remove(rng.usize(..game.calls.len()));
                match turn {
                    12 => game.drop_call(call),
                    13 => act = game.confirm(call),
                    _ if is_good => act = game.succeed(call),
                    _ => act = game.fail(call),
                }
            }
        }
        game.compare();
        let opened = game.model.openings > openings;
        let what = match (before, game.model.standing, act) {
            (Standing::Closed, _, Act::Failure) if opened && in_a_row + 1 >= game.model.failures => "opened by a row",
            (Standing::Closed, _, Act::Failure) if opened => "opened by a share",
            (Standing::Closed, _, Act::Slowness) if opened => "opened by slowness",
            (Standing::Closed, _, Act::Check) if opened => "opened by a check",
            (Standing::Probing(_), _, Act::Failure) if opened => "a probe failed",
            (Standing::Probing(_), _, Act::Slowness) if opened => "a probe was slow",
            (Standing::Open(_), _, Act::Check) if opened => "a check failed like a probe",
            (Standing::Open(own), Standing::Open(shorter), Act::Check) if shorter < own => "a check ended an opening",
            (Standing::Open(_), Standing::Probing(_), _) => "a probe began",
            (Standing::Probing(_), Standing::Closed, _) => "a probe closed it",
            (_, _, _) if opened => panic!("{before:?} -> {:?} by {act:?}", game.model.standing),
            _ => continue,
        };
        *seen.entry(what).or_default() += 1;
    }
}

#[tokio::test(start_paused = true)]
async fn does_what_the_model_does() {
    let (epoch, mut seen) = (Instant::now(), Seen::default());
    for seed in 0..SEQUENCES {
        let played = std::panic::catch_unwind(AssertUnwindSafe(|| play(seed, epoch, &mut seen)));
        assert!(played.is_ok(), "with seed {seed}");
    }
    // A test that never came to these would prove little.
    assert!(seen.len() == 10 && seen.values().all(|count| *count > 300), "{seen:?}");
}
