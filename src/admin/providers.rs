//! `GET /admin/v1/providers`: who is up, and which keys and models are left alone until when.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use tokio::time::Instant;

use crate::error::FailureClass;
use crate::routing::{Found, HealthSnapshot, KeyStance, ModelSnapshot, ProviderSnapshot, Stance};

/// The whole answer.
#[derive(Debug, Serialize)]
pub struct Providers {
    data: Vec<Provider>,
}

#[derive(Debug, Serialize)]
struct Provider {
    name: String,
    kind: &'static str,
    /// `down`: it could not be reached or failed its health checks, and no call has shown since that it is there.
    state: &'static str,
    /// Null where the provider has no limit of calls at once.
    in_flight: Option<u32>,
    health: Option<Health>,
    models: Vec<Model>,
    keys: Vec<Key>,
}

#[derive(Debug, Serialize)]
struct Health {
    check: &'static str,
    state: &'static str,
    since: Option<String>,
    checked_at: Option<String>,
    /// How the last check failed.
    failure: Option<&'static str>,
}

#[derive(Debug, Serialize)]
struct Model {
    name: String,
    breaker: &'static str,
    open_until: Option<String>,
    time_to_first_token_p95_ms: Option<f64>,
}

#[derive(Debug, Serialize)]
struct Key {
    /// A number, and nothing of the key.
    id: String,
    state: &'static str,
    until: Option<String>,
}

impl Providers {
    /// `time` is what the clock on the wall says at `now`.
    pub(super) fn of(snapshot: Vec<ProviderSnapshot>, now: Instant, time: Timestamp) -> Self {
        let clock = Clock { now, time };
        Self { data: snapshot.into_iter().map(|provider| Provider::of(provider, clock)).collect() }
    }
}

impl Provider {
    fn of(snapshot: ProviderSnapshot, clock: Clock) -> Self {
        let ProviderSnapshot { name, kind, breaker, in_flight, health, models, keys } = snapshot;
        let keys = keys.into_iter().zip(1..).map(|(key, number)| Key::of(key, format!("{name}#{number}"), clock));
        Self {
            kind,
            state: if breaker == Stance::Closed { "up" } else { "down" },
            in_flight,
            health: health.map(|health| Health::of(health, clock)),
            models: models.into_iter().map(|model| Model::of(model, clock)).collect(),
            keys: keys.collect(),
            name: name.to_string(),
        }
    }
}

impl Health {
    fn of(HealthSnapshot { check, found }: HealthSnapshot, clock: Clock) -> Self {
        let state = match found {
            None => "unknown",
            Some(Found { failure: None, .. }) => "healthy",
            Some(Found { failure: Some(_), .. }) => "unhealthy",
        };
        Self {
            check,
            state,
            since: found.map(|found| clock.text(found.since)),
            checked_at: found.map(|found| clock.text(found.checked_at)),
            failure: found.and_then(|found| found.failure).map(FailureClass::as_str),
        }
    }
}

impl Model {
    fn of(ModelSnapshot { name, breaker, time_to_first_token_p95 }: ModelSnapshot, clock: Clock) -> Self {
        let (breaker, open_until) = match breaker {
            Stance::Closed => ("closed", None),
            Stance::HalfOpen => ("half_open", None),
            Stance::Open { until } => ("open", Some(clock.text(until))),
        };
        let millis = |time: Duration| time.as_micros() as f64 / 1_000.0;
        Self {
            name: name.to_string(),
            breaker,
            open_until,
            time_to_first_token_p95_ms: time_to_first_token_p95.map(millis),
        }
    }
}

impl Key {
    fn of(key: KeyStance, id: String, clock: Clock) -> Self {
        let (state, until) = match key {
            KeyStance::Ready => ("ready", None),
            KeyStance::Resting { until } => ("resting", Some(until)),
            KeyStance::Out { until } => ("out", Some(until)),
        };
        Self { id, state, until: until.map(|until| clock.text(until)) }
    }
}

/// From the gateway's clock to the one on the wall.
#[derive(Debug, Clone, Copy)]
struct Clock {
    now: Instant,
    time: Timestamp,
}

impl Clock {
    /// As RFC 3339 writes it, to the millisecond.
    fn text(self, at: Instant) -> String {
        let span = |span: Duration| SignedDuration::try_from(span).unwrap_or(SignedDuration::MAX);
        let ahead = span(at.saturating_duration_since(self.now)) - span(self.now.saturating_duration_since(at));
        let end = if ahead.is_negative() { Timestamp::MIN } else { Timestamp::MAX };
        let at = self.time.checked_add(ahead).unwrap_or(end);
        at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn everything_has_its_place() {
        let (now, time) = (Instant::now(), "2026-03-01T00:00:00Z".parse().unwrap());
        let until = now + Duration::from_millis(60_250);
        let (since, checked_at) = (now - Duration::from_millis(1_500), now - Duration::from_millis(250));
        let found = Found { failure: Some(FailureClass::Timeout), since, checked_at };
        let model = |name: &str, breaker, micros: Option<u64>| ModelSnapshot {
            name: name.into(),
            breaker,
            time_to_first_token_p95: micros.map(Duration::from_micros),
        };
        let snapshot = vec![ProviderSnapshot {
            name: "a".into(),
            kind: "openai",
            breaker: Stance::HalfOpen,
            in_flight: Some(2),
            health: Some(HealthSnapshot { check: "models", found: Some(found) }),
            models: vec![
                model("m", Stance::Closed, Some(1_500)),
                model("n", Stance::Open { until }, None),
                model("o", Stance::HalfOpen, None),
            ],
            keys: vec![KeyStance::Ready, KeyStance::Resting { until }, KeyStance::Out { until }],
        }];
        let told = serde_json::to_value(Providers::of(snapshot, now, time)).unwrap();
        let at = "2026-03-01T00:01:00.250Z";
        let expected = json!({"data": [{
            "name": "a",
            "kind": "openai",
            "state": "down",
            "in_flight": 2,
            "health": {"check": "models", "state": "unhealthy", "since": "2026-02-28T23:59:58.500Z",
                       "checked_at": "2026-02-28T23:59:59.750Z", "failure": "timeout"},
            "models": [
                {"name": "m", "breaker": "closed", "open_until": null, "time_to_first_token_p95_ms": 1.5},
                {"name": "n", "breaker": "open", "open_until": at, "time_to_first_token_p95_ms": null},
                {"name": "o", "breaker": "half_open", "open_until": null, "time_to_first_token_p95_ms": null},
            ],
            "keys": [
                {"id": "a#1", "state": "ready", "until": null},
                {"id": "a#2", "state": "resting", "until": at},
                {"id": "a#3", "state": "out", "until": at},
            ],
        }]});
        assert_eq!(told, expected);
    }

    #[tokio::test(start_paused = true)]
    async fn health_is_unknown_until_a_check_has_ended() {
        let now = Instant::now();
        let clock = Clock { now, time: "2026-03-01T00:00:00Z".parse().unwrap() };
        let told = |found| serde_json::to_value(Health::of(HealthSnapshot { check: "connect", found }, clock)).unwrap();
        let unknown =
            json!({"check": "connect", "state": "unknown", "since": null, "checked_at": null, "failure": null});
        assert_eq!(told(None), unknown);
        let healthy = told(Some(Found { failure: None, since: now, checked_at: now }));
        assert_eq!((&healthy["state"], &healthy["failure"]), (&json!("healthy"), &json!(null)));
    }

    #[tokio::test(start_paused = true)]
    async fn the_far_future_has_an_end() {
        let now = Instant::now();
        let clock = Clock { now, time: Timestamp::MAX };
        assert!(clock.text(now + Duration::from_secs(100_000)).starts_with("9999-"));
    }
}
