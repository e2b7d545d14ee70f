//! One call's way through its candidates: what has been tried, who is next, and how it ends when nobody is. Pure but for
//! the places that it takes.

use std::sync::Arc;
use std::time::Duration;

use smallvec::SmallVec;
use tokio::time::Instant;

use super::breaker::Permit;
use super::keys::KeyUse;
use super::plan::{Plan, Ranked};
use super::provider::{Target, wait};
use super::registry::Route;
use crate::config::{OnFilter, Quality};
use crate::dialects::Cause;
use crate::error::{Failure, FailureClass, GatewayError, Refusal, Tried};
use crate::state::Slot;

/// The longest that a call sleeps for a repeat; with more to wait the client is told.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// The first pause before a repeat that nobody set a time for; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// What an attempt must have left before the call's deadline to be worth beginning. No model's first byte comes sooner: a
/// new connection takes two or three journeys there and back, and a model some tens of milliseconds to read a prompt. The
/// provider would work, and may charge, for an answer that nobody takes.
const LEAST_TIME: Duration = Duration::from_millis(50);
/// What `retry-after` says where nothing is known.
const UNKNOWN_WAIT: Duration = Duration::from_secs(1);

pub(super) struct Run {
    route: Arc<Route>,
    candidates: SmallVec<[Candidate; 4]>,
    tried: Vec<Tried>,
    /// The first that was asked: only its word on the request counts at once.
    first: Option<usize>,
    refusal: Option<Box<Refusal>>,
    /// Why somebody could not be asked this at all.
    unfit: Option<Box<Refusal>>,
    /// There was no descriptor for a connection; idle ones have been closed since.
    had_no_room: bool,
}

struct Candidate {
    ranked: Ranked,
    state: Standing,
    /// Failures that were a key's.
    key_faults: usize,
    repeats: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Untried,
    /// Failed; may be asked again from then on.
    Again(Instant),
    /// Failed for good, for this call.
    Out,
}

/// Everything that an attempt holds. Dropping it gives it back.
pub(super) struct Ticket {
    pub(super) candidate: usize,
    pub(super) target: Arc<Target>,
    pub(super) key: Option<KeyUse>,
    pub(super) provider_permit: Permit,
    pub(super) target_permit: Permit,
    pub(super) slot: Option<Slot>,
}

/// Why a candidate cannot be asked now.
#[derive(Debug, Clone, Copy)]
struct NotReady {
    until: Instant,
    /// A rate limit, ours for the provider or the provider's for its keys.
    limited: bool,
}

/// What follows a failed attempt.
#[derive(Debug)]
pub(super) enum Verdict {
    /// The call is over.
    Stop(GatewayError),
    /// Ask whoever is next.
    GoOn,
}

impl Run {
    pub(super) fn new(plan: Plan) -> Self {
        let candidate = |ranked| Candidate { ranked, state: Standing::Untried, key_faults: 0, repeats: 0 };
        Self {
            route: plan.route,
            candidates: plan.candidates.into_iter().map(candidate).collect(),
            tried: Vec::new(),
            first: None,
            refusal: None,
            unfit: None,
            had_no_room: false,
        }
    }

    pub(super) fn tried(&self) -> &[Tried] {
        &self.tried
    }

    /// The best untried candidate that is ready. Nothing is sorted: nearly always the first that is looked for is the only
    /// one.
    pub(super) fn next_untried(&self, now: Instant) -> Option<Ticket> {
        let mut passed_over = None;
        loop {
            let untried = self.candidates.iter().enumerate().filter(|(_, one)| one.state == Standing::Untried);
            let next =
                untried.map(|(place, one)| (one.ranked.rank, place)).filter(|one| Some(*one) > passed_over).min()?;
            if let Ok(ticket) = self.admit(next.1, now) {
                return Some(ticket);
            }
            passed_over = Some(next);
        }
    }

    /// Nobody untried is ready: the candidate whose repeat is due first, and when.
    pub(super) fn next_repeat(&self) -> Option<(usize, Instant)> {
        let due = |(place, candidate): (usize, &Candidate)| match candidate.state {
            Standing::Again(at) if candidate.repeats < self.target(place).provider.retries => Some((place, at)),
            _ => None,
        };
        self.candidates.iter().enumerate().filter_map(due).min_by_key(|(_, at)| *at)
    }

    /// Whether the wait for a repeat is worth it.
    pub(super) fn may_wait(until: Instant, now: Instant, deadline: Instant) -> bool {
        wait(until, now) <= LONGEST_PAUSE && until < deadline
    }

    /// Whether an attempt that begins then could be answered before the deadline. The first one is always made: how little
    /// time it has was the caller's choice.
    pub(super) fn may_begin(&self, at: Instant, deadline: Instant) -> bool {
        self.tried.is_empty() || at + LEAST_TIME <= deadline
    }

    /// Until when an attempt may use up the call's time: while another candidate is left that might answer, half of what
    /// there is, so that a provider that says nothing does not take the whole call with it.
    pub(super) fn share(&self, ticket: &Ticket, now: Instant, deadline: Instant) -> Instant {
        let might = |(place, one): (usize, &Candidate)| {
            place != ticket.candidate && one.state == Standing::Untried && self.target(place).open_until(now).is_none()
        };
        if self.candidates.iter().enumerate().any(might) { now + wait(deadline, now) / 2 } else { deadline }
    }

    pub(super) fn repeat(&mut self, place: usize, now: Instant) -> Option<Ticket> {
        self.candidates[place].repeats += 1;
        let ticket = self.admit(place, now).ok();
        if ticket.is_none() {
            self.candidates[place].state = Standing::Out;
        }
        ticket
    }

    /// Takes in how an attempt failed, and charges whoever is to blame. `jitter` is from 0 to 1.
    pub(super) fn failed(&mut self, ticket: Ticket, failure: Failure, now: Instant, jitter: f64) -> Verdict {
        let Ticket { candidate: place, target, key, provider_permit, mut target_permit, .. } = ticket;
        let is_first = *self.first.get_or_insert(place) == place;
        let provider = Arc::clone(target.provider.name.text());
        self.tried.push(Tried { provider, class: failure.class, words: failure.words.clone() });
        let key = key.filter(|_| target.provider.blames_key(failure.class)).zip(target.provider.keys.as_ref());

        if failure.class.is_transport() {
            provider_permit.fail(now, failure.retry_after, jitter);
        } else if failure.class == FailureClass::Exhausted {
            // Nothing has been learnt of the provider.
            drop((provider_permit, target_permit));
        } else {
            provider_permit.succeed(now);
            match failure.class {
                FailureClass::CallerError => target_permit.confirm(now),
                _ if key.is_some() => drop(target_permit),
                _ => target_permit.fail(now, failure.retry_after, jitter),
            }
        }
        if failure.class == FailureClass::NotFound {
            tracing::warn!(
                provider.name = &*target.provider.name,
                provider.model = &*target.label,
                "this provider does not know this model; the configuration should be put right"
            );
        }
        if let Some((key, _)) = &key {
            target.provider.rest_key(key.place(), &failure, now);
        }

        let state = match failure.class {
            FailureClass::CallerError => {
                let refusal = failure.refusal.expect("a caller's error carries what was said");
                let goes_on = match refusal.cause() {
                    Some(Cause::ContextLength) => self.keep_larger(place),
                    Some(Cause::ContentFilter) if self.route.on_filter == OnFilter::Next => true,
                    _ => !is_first,
                };
                if !goes_on {
                    // Whoever spoke first said it of the request as the caller knows it.
                    let refusal = self.refusal.take().unwrap_or(refusal);
                    let attempts = self.tried.len();
                    return Verdict::Stop(GatewayError::Refused { refusal, attempts });
                }
                self.refusal.get_or_insert(refusal);
                self.candidates[place].state = Standing::Out;
                return Verdict::GoOn;
            }
            // The provider's next key is a fall-back, not a repeat; each is tried once.
            _ if let Some((_, keys)) = key => {
                let candidate = &mut self.candidates[place];
                candidate.key_faults += 1;
                match keys.ready(now) {
                    Ok(_) if candidate.key_faults < keys.len() => Standing::Untried,
                    Ok(_) if failure.class == FailureClass::RateLimited => Standing::Again(now + FIRST_PAUSE),
                    Err(rest) if rest.limited => Standing::Again(rest.until.max(now + FIRST_PAUSE)),
                    _ => Standing::Out,
                }
            }
            FailureClass::Exhausted if !self.had_no_room => {
                self.had_no_room = true;
                Standing::Untried
            }
            class if may_pass(class) => {
                let pause = FIRST_PAUSE * 2_u32.pow(self.candidates[place].repeats.min(6));
                let pause = pause.mul_f64(1.0 + jitter / 2.0);
                Standing::Again(now + pause.max(failure.retry_after.unwrap_or_default()))
            }
            _ => Standing::Out,
        };
        self.candidates[place].state = state;
        Verdict::GoOn
    }

    /// The prompt is too long for this candidate: those that are known to take no more are out with it. Returns whether
    /// somebody is left.
    fn keep_larger(&mut self, place: usize) -> bool {
        let context = |one: &Candidate| self.route.targets[one.ranked.target].context;
        let own = context(&self.candidates[place]);
        let larger = |other: Option<u32>| own.zip(other).is_none_or(|(own, other)| other > own);
        let out: SmallVec<[bool; 4]> = self.candidates.iter().map(|one| !larger(context(one))).collect();
        for (one, out) in self.candidates.iter_mut().zip(out) {
            if out {
                one.state = Standing::Out;
            }
        }
        self.candidates[place].state = Standing::Out;
        self.candidates.iter().any(|one| one.state != Standing::Out)
    }

    /// Takes in that a candidate has answered: it is not asked again.
    pub(super) fn answered(&mut self, ticket: &Ticket) {
        self.candidates[ticket.candidate].state = Standing::Out;
    }

    /// Which answers of this call are passed over for another candidate's.
    pub(super) fn quality(&self) -> Quality {
        self.route.quality
    }

    /// Takes in that this call cannot be said to a candidate, which was not asked and has done nothing wrong.
    pub(super) fn unfit(&mut self, ticket: &Ticket, refusal: Box<Refusal>) {
        self.candidates[ticket.candidate].state = Standing::Out;
        self.unfit.get_or_insert(refusal);
    }

    /// Takes in that a candidate, asked at the call's own door, does not have it: an attempt, and nobody's failure.
    pub(super) fn has_no_such_door(&mut self, ticket: &Ticket) {
        let provider = Arc::clone(ticket.target.provider.name.text());
        self.tried.push(Tried { provider, class: FailureClass::NotFound, words: None });
    }

    /// Takes in that the caller's own deadline, or the attempt's share of it, ended an attempt after so long. Nobody is
    /// charged with the caller's haste, or anybody could open a breaker for everybody; but what is slow by the operator's
    /// word is slow. `jitter` is from 0 to 1.
    pub(super) fn interrupted(&mut self, ticket: Ticket, waited: Duration, now: Instant, jitter: f64) {
        let Ticket { candidate, target, mut target_permit, .. } = ticket;
        self.candidates[candidate].state = Standing::Out;
        let provider = Arc::clone(target.provider.name.text());
        self.tried.push(Tried { provider, class: FailureClass::Timeout, words: None });
        if target.provider.slow.is_some_and(|slow| waited > slow) {
            target_permit.slow(jitter);
            target_permit.succeed(now);
        }
    }

    /// Nobody is left.
    pub(super) fn exhausted(self, now: Instant) -> GatewayError {
        if let Some(refusal) = self.refusal {
            return GatewayError::Refused { refusal, attempts: self.tried.len() };
        }
        let waits: SmallVec<[NotReady; 4]> =
            (0..self.candidates.len()).filter_map(|place| self.not_ready(place, now)).collect();
        // Who might have answered at another time says more than who never can.
        if let Some(refusal) = self.unfit
            && self.tried.is_empty()
            && waits.is_empty()
        {
            return GatewayError::Refused { refusal, attempts: 0 };
        }
        let soonest = waits.iter().map(|wait| wait.until).min();
        let retry_after = soonest.map_or(UNKNOWN_WAIT, |until| wait(until, now)).max(Duration::from_millis(1));
        let limited = waits.iter().all(|wait| wait.limited)
            && self.tried.iter().all(|tried| tried.class == FailureClass::RateLimited);
        let tried = self.tried;
        match (tried.is_empty(), limited && !(tried.is_empty() && waits.is_empty())) {
            (_, true) => GatewayError::AllLimited { tried, retry_after },
            (true, false) => GatewayError::NoneAvailable { retry_after },
            (false, false) => GatewayError::AllFailed { tried, retry_after },
        }
    }

    fn target(&self, place: usize) -> &Arc<Target> {
        &self.route.targets[self.candidates[place].ranked.target]
    }

    /// Takes everything that an attempt needs, or nothing. What may cost others (a place in a bucket) comes last.
    fn admit(&self, place: usize, now: Instant) -> Result<Ticket, NotReady> {
        let target = self.target(place);
        let provider = &target.provider;
        let tripped = |until| NotReady { until, limited: false };
        if let Some(until) = target.open_until(now) {
            return Err(tripped(until));
        }
        let key = match &provider.keys {
            Some(keys) => Some(keys.next(now).map_err(|rest| NotReady { until: rest.until, limited: rest.limited })?),
            None => None,
        };
        let provider_permit = provider.breaker.permit(now).map_err(tripped)?;
        let target_permit = target.breaker.permit(now).map_err(tripped)?;
        let slot = provider.admission.admit(now).map_err(|wait| NotReady { until: now + wait, limited: true })?;
        Ok(Ticket { candidate: place, target: Arc::clone(target), key, provider_permit, target_permit, slot })
    }

    /// Until when a candidate that has failed is left alone by everybody, if it is.
    fn rests(&self, place: usize, now: Instant) -> Option<NotReady> {
        let target = self.target(place);
        let open = target.open_until(now).map(|until| NotReady { until, limited: false });
        let keys = target.provider.keys.as_ref().and_then(|keys| keys.ready(now).err());
        open.or(keys.map(|rest| NotReady { until: rest.until, limited: rest.limited }))
    }

    /// Why this candidate is not ready; `None` if it has been tried and just failed.
    fn not_ready(&self, place: usize, now: Instant) -> Option<NotReady> {
        match self.candidates[place].state {
            Standing::Again(until) => {
                let limited = self.tried.last().is_some_and(|tried| tried.class == FailureClass::RateLimited);
                Some(NotReady { until, limited })
            }
            Standing::Untried => self.admit(place, now).err(),
            Standing::Out => self.rests(place, now),
        }
    }
}

/// Whether the same request may succeed a moment later.
fn may_pass(class: FailureClass) -> bool {
    match class {
        FailureClass::NotFound
        | FailureClass::Unauthorized
        | FailureClass::Billing
        | FailureClass::Forbidden
        | FailureClass::CallerError
        | FailureClass::UnexpectedStatus => false,
        FailureClass::Dns
        | FailureClass::Connect
        | FailureClass::Tls
        | FailureClass::Exhausted
        | FailureClass::Timeout
        | FailureClass::Reset
        | FailureClass::RateLimited
        | FailureClass::ServerError
        | FailureClass::Malformed
        | FailureClass::Truncated => true,
    }
}
