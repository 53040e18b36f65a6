//! What does the completely stateless call answer?

use serde::Serialize;
use utoipa::ToSchema;

/// `GET /prime/{n}`.
#[derive(Debug, Serialize, ToSchema)]
pub struct PrimeBody {
    /// The number asked about.
    pub n: u64,
    /// Whether it is prime.
    pub prime: bool,
}
