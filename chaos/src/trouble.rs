//! Why did a call not give what it promises? The client is told, or it is left without an answer; the two
//! must never be confused, for only in the first case does it know where it stands.

use serde::Deserialize;

use crate::http::NoAnswer;

/// Anything that is not the answer the API promises for success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing came back, or not all of it.
    NoAnswer(NoAnswer),
    /// The service said no, and why.
    Told(Problem),
    /// Somebody between us and the service answered in its stead, with this status: 502 (it got no answer), 503
    /// (it reached nobody) or 504 (it gave up waiting). What became of the request at the service it does not
    /// know, or does not say; so this is no better than no answer.
    Gateway(u16),
    /// There is an answer, but not in the words of the API.
    Nonsense(String),
}

/// What the service said, from an `application/problem+json` body (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Problem {
    /// The HTTP status.
    pub status: u16,
    /// What happened.
    pub code: String,
    /// Why, where a code has several causes.
    pub reason: Option<String>,
    /// True means that a repeat can do no harm.
    pub retryable: bool,
}

impl Trouble {
    /// May a careful client send the same request once more?
    ///
    /// Where the service answered, it knows best. Where nobody answered, or somebody who is not the service,
    /// this says yes, and it is the flow that must know whether the call is safe to repeat: that is the
    /// lesson of `cart-blind`.
    pub fn allows_repeat(&self) -> bool {
        match self {
            Trouble::NoAnswer(_) | Trouble::Gateway(_) => true,
            Trouble::Told(problem) => problem.retryable,
            Trouble::Nonsense(_) => false,
        }
    }

    /// The one word for it: the reason if there is one, else the code; how the answer was lost if none came.
    pub fn word(&self) -> &str {
        match self {
            Trouble::NoAnswer(how) => how_word(how),
            Trouble::Told(problem) => problem.reason.as_deref().unwrap_or(&problem.code),
            Trouble::Gateway(status) => gateway_word(*status),
            Trouble::Nonsense(_) => "nonsense",
        }
    }
}

/// The word for a lost answer.
pub fn how_word(how: &NoAnswer) -> &'static str {
    match how {
        NoAnswer::Refused => "refused",
        NoAnswer::Reset => "reset",
        NoAnswer::TimedOut => "timed_out",
        NoAnswer::Garbled(_) => "garbled",
    }
}

/// The word for an answer that is the gateway's own.
pub fn gateway_word(status: u16) -> &'static str {
    match status {
        502 => "gateway_502",
        503 => "gateway_503",
        _ => "gateway_504",
    }
}

/// Whether a status without a problem document can be a gateway's own answer.
pub fn is_gateways(status: u16) -> bool {
    (502..=504).contains(&status)
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Trouble::NoAnswer(how) => write!(f, "{how}"),
            Trouble::Told(Problem { status, code, reason: Some(reason), .. }) => {
                write!(f, "{status} {code} ({reason})")
            }
            Trouble::Told(Problem { status, code, .. }) => write!(f, "{status} {code}"),
            Trouble::Gateway(status) => write!(f, "{status} from the gateway, not from the service"),
            Trouble::Nonsense(what) => write!(f, "not an answer of this API: {what}"),
        }
    }
}
