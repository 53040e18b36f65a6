//! A completely stateless call: any replica can answer it, before, during and after any login.

use axum::extract::Path;

use crate::answer::JsonAnswer;
use crate::api::prime::PrimeBody;
use crate::prime::is_prime;
use crate::problem::{ApiError, FieldError, ProblemBody};

/// Is `n` prime?
#[utoipa::path(get, path = "/prime/{n}", tag = "prime", params(("n" = u64, Path)), responses(
    (status = 200, description = "The answer", body = PrimeBody),
    (status = 422, description = "`validation_failed`: not a number from 0 to 2^64 - 1", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn test(Path(n): Path<String>) -> Result<JsonAnswer<PrimeBody>, ApiError> {
    let n: u64 = n.parse().map_err(|_| {
        let detail = "a number from 0 to 18446744073709551615".to_owned();
        ApiError::Validation(vec![FieldError { pointer: "/n".to_owned(), detail }])
    })?;
    Ok(JsonAnswer(PrimeBody { n, prime: is_prime(n) }))
}
