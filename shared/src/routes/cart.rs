//! Look into the cart, set a line, add to a line, remove a line.

use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};

use crate::answer::JsonAnswer;
use crate::api::cart::{AddItem, Cart, SetItem, Sku, etag};
use crate::app::App;
use crate::body::JsonBody;
use crate::credentials::Token;
use crate::if_match::IfMatch;
use crate::problem::{ApiError, FieldError, ProblemBody};
use crate::sessions::{Budget, Change, SessionError, Sessions, StoreDown};

/// What is in the cart?
#[utoipa::path(get, path = "/cart", tag = "cart", security(("bearer" = []), ("cookie" = [])), responses(
    (status = 200, description = "The cart; `ETag` is its version", body = Cart),
    (status = 401, description = "as for GET /session", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, description = "`session_store_unavailable`", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn show<S: Sessions>(State(app): State<App<S>>, Token(token): Token) -> Result<Response, ApiError> {
    Ok(answer(app.sessions.look(&mut Budget::new(), &token).await?.cart))
}

/// Set a line to exactly this many. Safe to repeat.
#[utoipa::path(put, path = "/cart/items/{sku}", tag = "cart", request_body = SetItem,
    params(("sku" = Sku, Path), ("If-Match" = Option<String>, Header, description = "Only if the cart has one of these ETags")),
    security(("bearer" = []), ("cookie" = [])), responses(
    (status = 200, description = "The cart after it", body = Cart),
    (status = 401, description = "as for GET /session", body = ProblemBody, content_type = "application/problem+json"),
    (status = 409, description = "`cart_limit`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 400, description = "`precondition_invalid`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 412, description = "`version_conflict`, with the present ETag", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, description = "`session_store_unavailable`", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn set_item<S: Sessions>(
    State(app): State<App<S>>,
    Token(token): Token,
    Path(sku): Path<String>,
    IfMatch(if_version): IfMatch,
    JsonBody(item): JsonBody<SetItem>,
) -> Result<Response, ApiError> {
    let change = Change::SetItem { sku: parse_sku(sku)?, quantity: item.quantity.0 };
    let session = app.sessions.change(&mut Budget::new(), &token, &change, &if_version).await?;
    Ok(answer(session.cart))
}

/// Add to a line. Not safe to repeat, on purpose: whoever repeats it blindly buys twice.
#[utoipa::path(post, path = "/cart/items", tag = "cart", request_body = AddItem,
    params(("If-Match" = Option<String>, Header, description = "Only if the cart has one of these ETags")),
    security(("bearer" = []), ("cookie" = [])), responses(
    (status = 200, description = "The cart after it", body = Cart),
    (status = 401, description = "as for GET /session", body = ProblemBody, content_type = "application/problem+json"),
    (status = 409, description = "`cart_limit`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 400, description = "`precondition_invalid`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 412, description = "`version_conflict`, with the present ETag", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, description = "`session_store_unavailable`; not `retryable` where the effect is not known", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn add_item<S: Sessions>(
    State(app): State<App<S>>,
    Token(token): Token,
    IfMatch(if_version): IfMatch,
    JsonBody(item): JsonBody<AddItem>,
) -> Result<Response, ApiError> {
    let change = Change::AddItem { sku: item.sku, quantity: item.quantity.0 };
    match app.sessions.change(&mut Budget::new(), &token, &change, &if_version).await {
        Ok(session) => Ok(answer(session.cart)),
        // With one tag in If-Match a repeat is refused if the first one took effect; else it could add again.
        Err(SessionError::Store(StoreDown::Timeout)) if !if_version.refuses_a_repeat() => {
            Err(ApiError::StoreEffectUnknown)
        }
        Err(error) => Err(error.into()),
    }
}

/// Remove a line; one that is not there is removed already.
#[utoipa::path(delete, path = "/cart/items/{sku}", tag = "cart",
    params(("sku" = Sku, Path), ("If-Match" = Option<String>, Header, description = "Only if the cart has one of these ETags")),
    security(("bearer" = []), ("cookie" = [])), responses(
    (status = 200, description = "The cart after it", body = Cart),
    (status = 401, description = "as for GET /session", body = ProblemBody, content_type = "application/problem+json"),
    (status = 400, description = "`precondition_invalid`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 412, description = "`version_conflict`, with the present ETag", body = ProblemBody, content_type = "application/problem+json"),
    (status = 422, description = "`validation_failed`: no such sku can be", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, description = "`session_store_unavailable`", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn remove_item<S: Sessions>(
    State(app): State<App<S>>,
    Token(token): Token,
    Path(sku): Path<String>,
    IfMatch(if_version): IfMatch,
) -> Result<Response, ApiError> {
    let change = Change::RemoveItem { sku: parse_sku(sku)? };
    let session = app.sessions.change(&mut Budget::new(), &token, &change, &if_version).await?;
    Ok(answer(session.cart))
}

fn answer(cart: Cart) -> Response {
    let tag = etag(cart.version);
    ([(header::ETAG, tag)], JsonAnswer(cart)).into_response()
}

fn parse_sku(text: String) -> Result<Sku, ApiError> {
    Sku::try_from(text).map_err(|detail| {
        ApiError::Validation(vec![FieldError { pointer: "/sku".to_owned(), detail: detail.to_owned() }])
    })
}
