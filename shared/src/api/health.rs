//! What does a service say of itself?

use serde::Serialize;
use utoipa::ToSchema;

/// `GET /livez`.
#[derive(Debug, Serialize, ToSchema)]
pub struct Live {
    /// True; where it is not, nobody answers.
    pub live: bool,
}

/// `GET /readyz`, when it can serve.
#[derive(Debug, Serialize, ToSchema)]
pub struct Ready {
    /// True; where it is not, the answer is a problem.
    pub ready: bool,
    /// The id of the key that signs now: another one after a key rotation.
    pub kid: String,
}
