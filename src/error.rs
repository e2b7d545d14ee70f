//! What goes wrong: [`Failure`] is one attempt's end, [`GatewayError`] a whole call's. Neither knows HTTP responses;
//! the server makes those. Messages never hold a key, a URL or a prompt.

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

/// Why one attempt failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureClass {
    /// The name did not resolve.
    Dns,
    /// No TCP connection.
    Connect,
    /// No TLS session.
    Tls,
    /// This machine has no descriptor, memory or port left for a connection.
    Exhausted,
    /// One of the attempt's clocks ran out.
    Timeout,
    /// The connection broke.
    Reset,
    /// 429.
    RateLimited,
    /// 401.
    Unauthorized,
    /// 402, or a 429 that says that the money is gone.
    Billing,
    /// 403.
    Forbidden,
    /// 404: the provider does not have the model.
    NotFound,
    /// 400, 413, 422: the request itself was refused.
    CallerError,
    /// 5xx, and 408, 409, 425.
    ServerError,
    /// A redirect, which is never followed, or another status that means nothing here.
    UnexpectedStatus,
    /// A 200 that is not an answer: not JSON, no choices, an error inside, too large an event.
    Malformed,
    /// The answer ended before it was whole.
    Truncated,
}

impl FailureClass {
    /// The name in metrics, logs and error messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Exhausted => "exhausted",
            Self::Timeout => "timeout",
            Self::Reset => "reset",
            Self::RateLimited => "rate_limited",
            Self::Unauthorized => "unauthorized",
            Self::Billing => "billing",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::CallerError => "caller_error",
            Self::ServerError => "server_error",
            Self::UnexpectedStatus => "unexpected_status",
            Self::Malformed => "malformed",
            Self::Truncated => "truncated",
        }
    }

    /// The provider as a whole could not be reached; no model of it is to blame.
    pub fn is_transport(self) -> bool {
        matches!(self, Self::Dns | Self::Connect | Self::Tls)
    }

    /// Another key of the same provider may do better.
    pub fn is_key_fault(self) -> bool {
        matches!(self, Self::RateLimited | Self::Unauthorized | Self::Billing | Self::Forbidden)
    }
}

/// The end of an attempt that gave no answer.
#[derive(Debug, Clone, Error)]
#[error("{}", class.as_str())]
pub struct Failure {
    pub class: FailureClass,
    /// How long the provider asked to be left alone; already capped.
    pub retry_after: Option<Duration>,
    /// What the provider said about the request, where the class is `CallerError`.
    pub refusal: Option<Box<Refusal>>,
    /// The request reached the provider, which may charge for it.
    pub may_be_billed: bool,
    /// What the provider said of its own trouble, short and with anything secret taken out. Not of keys: such words may
    /// quote them.
    pub words: Option<Box<str>>,
}

impl Failure {
    #[cold]
    pub fn new(class: FailureClass) -> Self {
        Self { class, retry_after: None, refusal: None, may_be_billed: false, words: None }
    }

    #[cold]
    pub fn billable(mut self) -> Self {
        self.may_be_billed = true;
        self
    }
}

/// A provider's own words on a request that it refused, with anything secret taken out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// 400, 413 or 422.
    pub status: u16,
    pub message: String,
    pub param: Option<String>,
    pub code: Option<String>,
}

/// One attempt as an error message tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    pub provider: Arc<str>,
    pub class: FailureClass,
    /// See [`Failure::words`].
    pub words: Option<Box<str>>,
}

/// Which of our own rules refused a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// `global`, `user` or `key`.
    pub scope: &'static str,
    /// `requests` or `concurrency`.
    pub rule: &'static str,
    pub retry_after: Duration,
    pub standing: Option<Standing>,
}

impl Refused {
    fn whose(&self) -> &'static str {
        match self.scope {
            "global" => "all callers together",
            "user" => "this user",
            _ => "this key",
        }
    }

    /// The rule's name in metrics.
    pub fn label(&self) -> &'static str {
        match (self.scope, self.rule) {
            ("global", "requests") => "global_requests",
            ("global", _) => "global_concurrency",
            ("user", "requests") => "user_requests",
            ("user", _) => "user_concurrency",
            (_, "requests") => "key_requests",
            _ => "key_concurrency",
        }
    }
}

/// How a caller stands with the request limit that has the least share left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    pub limit: u32,
    pub remaining: u32,
    /// Until the bucket is full again.
    pub reset: Duration,
}

/// The end of a call that gets no answer.
#[derive(Debug, Clone, Error)]
pub enum GatewayError {
    #[error("{message}")]
    InvalidRequest { message: String, param: Option<String> },
    #[error("the request body is larger than {limit} bytes")]
    BodyTooLarge { limit: usize },
    #[error("the request body did not arrive in time")]
    BodyTimeout,
    #[error("send the body as application/json without content-encoding")]
    UnsupportedMediaType,
    #[error("{0}")]
    InvalidKey(&'static str),
    #[error("the model `{model}` does not exist here; GET /v1/models lists those that do")]
    ModelNotFound { model: String },
    #[error("this key may not use the model `{model}`")]
    ModelNotAllowed { model: String },
    #[error("the gateway's {} limit of {} is reached; retry in {} s", .0.rule, .0.whose(), .0.retry_after.as_secs_f64().ceil())]
    RateLimited(Refused),
    #[error("too many requests from this address")]
    AddressLimited { retry_after: Duration },
    /// The provider refused the request itself.
    #[error("{}", .refusal.message)]
    Refused { refusal: Box<Refusal>, attempts: usize },
    #[error("all providers failed{}", after(.tried))]
    AllFailed { tried: Vec<Tried>, retry_after: Duration },
    #[error("every provider of this model is rate limited{}", after(.tried))]
    AllLimited { tried: Vec<Tried>, retry_after: Duration },
    #[error("no provider of this model is available now")]
    NoneAvailable { retry_after: Duration },
    #[error("the call's deadline of {} ms left no time for an answer{}", .deadline.as_millis(), after(.tried))]
    Deadline { deadline: Duration, tried: Vec<Tried> },
    /// The provider's stream ended early, after content had been sent.
    #[error("the stream of provider {} ended before the answer was whole: {}{}", .0.provider, .0.class.as_str(), said(.0))]
    StreamBroken(Tried),
    #[error("the gateway is shutting down")]
    ShuttingDown,
    #[error("internal error")]
    Internal,
}

fn said(tried: &Tried) -> String {
    tried.words.as_ref().map(|words| format!(" said \"{words}\"")).unwrap_or_default()
}

fn after(tried: &[Tried]) -> String {
    let tell = |one: &Tried| format!("{} ({}){}", one.provider, one.class.as_str(), said(one));
    let each: Vec<_> = tried.iter().map(tell).collect();
    match tried.len() {
        0 => String::new(),
        1 => format!(" after 1 attempt: {}", each[0]),
        count => format!(" after {count} attempts: {}", each.join(", ")),
    }
}

impl GatewayError {
    #[cold]
    pub fn invalid(message: impl Into<String>, param: Option<&str>) -> Self {
        Self::InvalidRequest { message: message.into(), param: param.map(str::to_owned) }
    }

    /// The outcome in records and metrics.
    pub fn outcome(&self) -> &'static str {
        match self {
            Self::InvalidRequest { .. }
            | Self::BodyTooLarge { .. }
            | Self::UnsupportedMediaType
            | Self::BodyTimeout => "invalid_request",
            Self::InvalidKey(_) => "unauthorized",
            Self::ModelNotFound { .. } => "model_not_found",
            Self::ModelNotAllowed { .. } => "model_not_allowed",
            Self::RateLimited(_) | Self::AddressLimited { .. } => "rate_limited",
            Self::Refused { .. } => "refused_by_provider",
            Self::AllFailed { .. } => "all_failed",
            Self::AllLimited { .. } => "all_limited",
            Self::NoneAvailable { .. } => "none_available",
            Self::Deadline { .. } => "deadline",
            Self::StreamBroken(_) => "stream_broken",
            Self::ShuttingDown => "shutting_down",
            Self::Internal => "internal",
        }
    }
}
