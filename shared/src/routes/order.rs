//! The cart the client saw becomes an order, once: whatever is lost, repeated or restarted in between.

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use uuid::Uuid;

use super::session::IDEMPOTENT_REPLAY;
use crate::answer::JsonAnswer;
use crate::api::order::{Order, Orders, PlaceOrder};
use crate::api::session::timestamp;
use crate::app::App;
use crate::body::JsonBody;
use crate::credentials::Token;
use crate::gate::{Point, RequestId};
use crate::idempotency::{IdempotencyKey, KeyError};
use crate::orders::{Claim, Claimed, CommitError, PlacedOrder};
use crate::problem::{ApiError, ProblemBody};
use crate::sessions::{Budget, Change, IfVersion, Session, SessionError, Sessions};

/// Order the cart you saw. Safe to repeat with the same key, also after a crash: there will be one order.
#[utoipa::path(post, path = "/orders", tag = "order", request_body = PlaceOrder,
    params(("Idempotency-Key" = String, Header, description = "A quoted string, one for each order the user means to place; kept with the order")),
    security(("bearer" = []), ("cookie" = [])), responses(
    (status = 201, description = "Placed; `Idempotent-Replay: true` if an earlier call placed it", body = Order),
    (status = 400, description = "`idempotency_key_missing`, `idempotency_key_invalid`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 401, description = "as for GET /session", body = ProblemBody, content_type = "application/problem+json"),
    (status = 409, description = "`cart_empty`, `cart_changed`, `checkout_incomplete`, `idempotency_in_progress`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 422, description = "`idempotency_key_reused`", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, description = "`session_store_unavailable`, `database_unavailable`: repeat with the same key", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn place<S: Sessions>(
    State(app): State<App<S>>,
    Token(token): Token,
    headers: HeaderMap,
    request_id: Option<Extension<RequestId>>,
    JsonBody(wanted): JsonBody<PlaceOrder>,
) -> Result<Response, ApiError> {
    let key = IdempotencyKey::from_headers(&headers)?;
    let request_id = request_id.map(|Extension(RequestId(id))| id).unwrap_or_default();
    // From the claim to the stored result this must run to its end, also if the client hangs up and the
    // server drops this handler.
    let placing = tokio::spawn(async move { place_once(&app, &token, &key, &wanted, &request_id).await });
    let (placed, replay) = placing.await.map_err(|_| ApiError::Internal)??;

    let mut response = json_text(StatusCode::CREATED, placed.body);
    let location =
        HeaderValue::from_str(&format!("/orders/{}", placed.id)).map_err(|_| ApiError::Internal)?;
    response.headers_mut().insert(header::LOCATION, location);
    if replay {
        response.headers_mut().insert(IDEMPOTENT_REPLAY, HeaderValue::from_static("true"));
    }
    Ok(response)
}

/// Two store calls (look, empty the cart) around the SQL that decides. Every replay repeats the emptying:
/// the call it repeats may have died before it, and its session too. A cart that holds something else stays.
async fn place_once<S: Sessions>(
    app: &App<S>,
    token: &str,
    key: &IdempotencyKey,
    wanted: &PlaceOrder,
    request_id: &str,
) -> Result<(PlacedOrder, bool), ApiError> {
    let mut budget = Budget::new();
    let session = app.sessions.look(&mut budget, token).await?;
    let items = session.cart.items.clone();
    let decided = decide(app, session, key, wanted.cart_version, request_id).await;
    let has_ordered_this_cart = match &decided {
        Ok((placed, replay)) => !replay || items.is_empty() || placed.is_of(&items)?,
        Err(error) => matches!(error, ApiError::CartAlreadyOrdered),
    };
    if !has_ordered_this_cart {
        return decided;
    }
    let emptied = Change::Ordered { version: wanted.cart_version };
    match app.sessions.change(&mut budget, token, &emptied, &IfVersion::Any).await {
        Err(SessionError::Store(down)) => Err(SessionError::Store(down).into()),
        // A session that was ended meanwhile has no cart to empty, and its order is placed all the same.
        Ok(_) | Err(_) => decided,
    }
}

/// The order, and whether an earlier call had placed it.
async fn decide<S: Sessions>(
    app: &App<S>,
    session: Session,
    key: &IdempotencyKey,
    cart_version: u64,
    request_id: &str,
) -> Result<(PlacedOrder, bool), ApiError> {
    let now_ms = (app.clock)();
    let claim = match app.orders.claim(session.account.id, key, cart_version, &app.identity, now_ms).await? {
        Claimed::Placed(placed) => return Ok((placed, true)),
        Claimed::InProgress => return Err(ApiError::IdempotencyInProgress),
        Claimed::Reused => return Err(ApiError::IdempotencyKeyReused),
        Claimed::Claimed(claim) => claim,
    };
    app.gates.pass(request_id, Point::Claimed).await;
    match commit(app, &claim, session, cart_version, now_ms).await {
        Ok(placed) => Ok((placed, false)),
        Err(error) => {
            // Only a placed order is kept under its key; if this fails too, the lease ends it.
            app.orders.release(claim).await.ok();
            Err(error)
        }
    }
}

async fn commit<S: Sessions>(
    app: &App<S>,
    claim: &Claim,
    session: Session,
    cart_version: u64,
    now_ms: i64,
) -> Result<PlacedOrder, ApiError> {
    let session_id = session.summary.session_id;
    let order = order_of(session, cart_version, now_ms)?;
    Ok(app.orders.commit(claim, session_id, &order).await?)
}

/// The order this session's cart makes, if it is the cart the client saw.
fn order_of(session: Session, cart_version: u64, now_ms: i64) -> Result<Order, ApiError> {
    if session.cart.version != cart_version {
        return Err(ApiError::CartChanged);
    }
    if session.cart.items.is_empty() {
        return Err(ApiError::CartEmpty);
    }
    let missing = session.checkout.missing();
    let (Some(address), Some(payment)) = (session.checkout.address, session.checkout.payment) else {
        return Err(ApiError::CheckoutIncomplete(missing));
    };
    let (id, placed_at) = (Uuid::now_v7(), timestamp(now_ms));
    Ok(Order { id, items: session.cart.items, address, payment, placed_at })
}

/// My orders, newest first.
#[utoipa::path(get, path = "/orders", tag = "order", security(("bearer" = []), ("cookie" = [])), responses(
    (status = 200, description = "Newest first", body = Orders),
    (status = 401, description = "as for GET /session", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, description = "`session_store_unavailable`, `database_unavailable`", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn list<S: Sessions>(
    State(app): State<App<S>>,
    Token(token): Token,
) -> Result<JsonAnswer<Orders>, ApiError> {
    let session = app.sessions.look(&mut Budget::new(), &token).await?;
    Ok(JsonAnswer(Orders { orders: app.orders.list(session.account.id).await? }))
}

/// One of my orders.
#[utoipa::path(get, path = "/orders/{id}", tag = "order", params(("id" = Uuid, Path)),
    security(("bearer" = []), ("cookie" = [])), responses(
    (status = 200, description = "The order", body = Order),
    (status = 401, description = "as for GET /session", body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, description = "`not_found`: no order of yours", body = ProblemBody, content_type = "application/problem+json"),
    (status = 503, description = "`session_store_unavailable`, `database_unavailable`", body = ProblemBody, content_type = "application/problem+json"),
))]
pub async fn show<S: Sessions>(
    State(app): State<App<S>>,
    Token(token): Token,
    Path(id): Path<String>,
) -> Result<JsonAnswer<Order>, ApiError> {
    let session = app.sessions.look(&mut Budget::new(), &token).await?;
    let id = id.parse::<Uuid>().map_err(|_| ApiError::NotFound)?;
    Ok(JsonAnswer(app.orders.get(session.account.id, id).await?.ok_or(ApiError::NotFound)?))
}

/// An answer whose JSON was written when the order was placed, byte for byte.
fn json_text(status: StatusCode, text: String) -> Response {
    (status, [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], text).into_response()
}

impl From<KeyError> for ApiError {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Missing => ApiError::IdempotencyKeyMissing,
            KeyError::Invalid(_) => ApiError::IdempotencyKeyInvalid,
        }
    }
}

impl From<CommitError> for ApiError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::ClaimLost => ApiError::IdempotencyInProgress,
            CommitError::CartAlreadyOrdered => ApiError::CartAlreadyOrdered,
            CommitError::Sql(error) => ApiError::Sql(error),
        }
    }
}
