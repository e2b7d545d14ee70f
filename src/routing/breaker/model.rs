//! The breaker beside a model that is written from the rules alone: it forgets nothing and works out everything anew from
//! what has happened, in whole milliseconds.

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
    /// When and how the calls ended that began since it closed: `true` is good.
    ended: Vec<(u64, bool)>,
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
            self.ended.push((now, true));
            self.asked.clear();
            self.openings = 0;
        }
    }

    /// `jitter` in quarters.
    fn fail(&mut self, began: u32, now: u64, retry_after: Option<u64>, jitter: u64) {
        self.asked.extend(retry_after.map(|wait| now + wait));
        if began != self.changes {
            return;
        }
        self.ended.push((now, false));
        let in_a_row = self.ended.iter().rev().take_while(|(_, good)| !good).count() as u64;
        let recent = || self.ended.iter().filter(|(at, _)| at / 1_000 + 10 > now / 1_000);
        let (all, failed) = (recent().count() as u64, recent().filter(|(_, good)| !good).count() as u64);
        let too_many = all >= 20 && 2 * failed >= all && failed >= self.failures;
        if matches!(self.standing, Standing::Probing(_)) || in_a_row >= self.failures || too_many {
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
#[derive(Default, Debug)]
struct Seen {
    by_row: u32,
    by_share: u32,
    probes: u32,
    reopened: u32,
    closed: u32,
}

fn play(seed: u64, seen: &mut Seen) {
    let mut rng = Rng::with_seed(seed);
    let epoch = Instant::now();
    let at = |millis: u64| epoch + Duration::from_millis(millis);
    let (failures, open) = (rng.choice([1, 2, 3, 5, 12, 1_000]).unwrap(), rng.choice([100, 2_000, 60_000]).unwrap());
    let rule = Rule { failures, open: Duration::from_millis(open) };
    let breaker = Breaker::new(rule, Gauge::default(), epoch);
    let mut model = Model { failures: failures.into(), open, ..Model::default() };
    let (mut now, mut held) = (0, Vec::new());
    // Some sequences are mostly good, some mostly bad, some in a hurry.
    let (good, haste) = (rng.u32(1..8), rng.u64(1..40));

    for step in 0..rng.usize(10..90) {
        let before = model.standing;
        match rng.u32(0..20) {
            0..2 => now += rng.u64(0..1_200) / haste,
            2 if rng.bool() => now += rng.choice([open / 2, open, open * 3, 9_000, 10_000]).unwrap(),
            3..12 => {
                let allowed = breaker.permit(at(now)).map_err(|until| (until - epoch).as_millis() as u64);
                assert_eq!(allowed.as_ref().err().copied(), model.refusal(now), "seed {seed}, step {step}");
                if let Ok(permit) = allowed {
                    held.push((permit, model.begin(now)));
                }
            }
            _ if held.is_empty() => {}
            act => {
                let (mut permit, began) = held.swap_remove(rng.usize(..held.len()));
                match act {
                    12 => {
                        drop(permit);
                        model.drop(began);
                    }
                    13 => {
                        permit.confirm();
                        held.push((permit, model.confirm(began)));
                    }
                    _ if rng.u32(0..8) < good => {
                        permit.succeed(at(now));
                        model.succeed(began, now);
                    }
                    _ => {
                        let retry_after = rng.choice([None, None, None, Some(0), Some(50), Some(1_500), Some(200_000)]);
                        let (retry_after, jitter) = (retry_after.unwrap(), rng.u64(0..=4));
                        permit.fail(at(now), retry_after.map(Duration::from_millis), jitter as f64 / 4.0);
                        let in_a_row = model.ended.iter().rev().take_while(|(_, good)| !good).count() as u32 + 1;
                        model.fail(began, now, retry_after, jitter);
                        if matches!((before, model.standing), (Standing::Closed, Standing::Open(_))) {
                            *if in_a_row >= failures { &mut seen.by_row } else { &mut seen.by_share } += 1;
                        }
                        seen.reopened +=
                            u32::from(matches!((before, model.standing), (Standing::Probing(_), Standing::Open(_))));
                    }
                }
            }
        }
        seen.probes += u32::from(matches!((before, model.standing), (Standing::Open(_), Standing::Probing(_))));
        seen.closed += u32::from(matches!((before, model.standing), (Standing::Probing(_), Standing::Closed)));
        let told = breaker.closed_until(at(now)).map(|until| (until - epoch).as_millis() as u64);
        assert_eq!(told, model.refusal(now), "seed {seed}, step {step}");
        let gauge = match model.standing {
            Standing::Closed => 0,
            Standing::Probing(_) => 1,
            Standing::Open(_) => 2,
        };
        assert_eq!(breaker.gauge.get(), gauge, "seed {seed}, step {step}");
    }
}

#[tokio::test(start_paused = true)]
async fn does_what_the_model_does() {
    let mut seen = Seen::default();
    for seed in 0..SEQUENCES {
        play(seed, &mut seen);
    }
    // A test that never came to these would prove little.
    let Seen { by_row, by_share, probes, reopened, closed } = seen;
    assert!([by_row, by_share, probes, reopened, closed].iter().all(|count| *count > 1_000), "{seen:?}");
}
