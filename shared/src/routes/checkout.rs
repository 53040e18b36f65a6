//! The wizard: where to, how paid. Its steps live in the session.

use axum::extract::State;

use crate::answer::JsonAnswer;
use crate::api::checkout::{Address, CheckoutBody, Payment};
use crate::app::App;
use crate::body::JsonBody;
use crate::credentials::Token;
use crate::problem::{ApiError, ProblemBody};
use crate::sessions::{Budget, Change, IfVersion, Sessions};

/// How far is the checkout?
#[utoipa::path(get, path = "/checkout", tag = "checkout", security(("bearer" = []), ("cookie" = [])), responses(
    (status = 200, description = "What is set, and what is missing", body = CheckoutBody),
    (status = 401, description = "as for GET /session", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, description = "`session_store_unavailable`", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn show<S: Sessions>(
    State(app): State<App<S>>,
    Token(token): Token,
) -> Result<JsonAnswer<CheckoutBody>, ApiError> {
    let session = app.sessions.look(&mut Budget::new(), &token).await?;
    Ok(JsonAnswer(session.checkout.into()))
}

/// Where does the parcel go? Safe to repeat.
#[utoipa::path(put, path = "/checkout/address", tag = "checkout", request_body = Address,
    security(("bearer" = []), ("cookie" = [])), responses(
    (status = 200, description = "What is set, and what is missing", body = CheckoutBody),
    (status = 401, description = "as for GET /session", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, description = "`session_store_unavailable`", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn set_address<S: Sessions>(
    State(app): State<App<S>>,
    Token(token): Token,
    JsonBody(address): JsonBody<Address>,
) -> Result<JsonAnswer<CheckoutBody>, ApiError> {
    let change = Change::Address(address);
    let session = app.sessions.change(&mut Budget::new(), &token, &change, &IfVersion::Any).await?;
    Ok(JsonAnswer(session.checkout.into()))
}

/// How is it paid? Safe to repeat.
#[utoipa::path(put, path = "/checkout/payment", tag = "checkout", request_body = Payment,
    security(("bearer" = []), ("cookie" = [])), responses(
    (status = 200, description = "What is set, and what is missing", body = CheckoutBody),
    (status = 401, description = "as for GET /session", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, description = "`session_store_unavailable`", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn set_payment<S: Sessions>(
    State(app): State<App<S>>,
    Token(token): Token,
    JsonBody(payment): JsonBody<Payment>,
) -> Result<JsonAnswer<CheckoutBody>, ApiError> {
    let change = Change::Payment(payment);
    let session = app.sessions.change(&mut Budget::new(), &token, &change, &IfVersion::Any).await?;
    Ok(JsonAnswer(session.checkout.into()))
}
