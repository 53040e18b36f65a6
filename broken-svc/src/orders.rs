//! What if an order were placed without its idempotency key? Then a repeat, meant to find out what
//! became of the first one, places a second one.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use shared::api::order::Order;
use shared::api::session::timestamp;
use shared::app::App;
use shared::clock;
use shared::idempotency::IdempotencyKey;
use shared::problem::ApiError;
use shared::sessions::{Budget, Session, Sessions};
use uuid::Uuid;

/// Answers `POST /orders` itself and leaves everything else to `routes`.
pub fn without_key<S: Sessions>(app: App<S>, routes: Router) -> Router {
    routes.layer(middleware::from_fn_with_state(app, intercept::<S>))
}

async fn intercept<S: Sessions>(State(app): State<App<S>>, request: Request, next: Next) -> Response {
    if request.method() != Method::POST || request.uri().path() != "/orders" {
        return next.run(request).await;
    }
    place(&app, request.headers().clone()).await.unwrap_or_else(IntoResponse::into_response)
}

async fn place<S: Sessions>(app: &App<S>, headers: HeaderMap) -> Result<Response, ApiError> {
    IdempotencyKey::from_headers(&headers)?;
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = bearer.and_then(|text| text.strip_prefix("Bearer ")).ok_or(ApiError::CredentialsMissing)?;
    let session = app.sessions.look(&mut Budget::new(), token).await?;
    let account = session.account.id.to_string();
    let order = order_of(session)?;
    let (id, text) = (order.id.to_string(), serde_json::to_string(&order).unwrap_or_default());
    // The session's id would let the database notice the second order of one cart.
    let nobody = Uuid::new_v4().to_string();
    app.database
        .execute(
            "INSERT INTO orders (id, account_id, session_id, cart_version, placed_at_ms, body)
             VALUES ($1, $2, $3, 0, $4, $5)",
            &[
                (&id).into(),
                (&account).into(),
                (&nobody).into(),
                order.placed_at.as_millisecond().into(),
                (&text).into(),
            ],
        )
        .await?;
    let headers =
        [(header::CONTENT_TYPE, "application/json".to_owned()), (header::LOCATION, format!("/orders/{id}"))];
    Ok((StatusCode::CREATED, headers, text).into_response())
}

fn order_of(session: Session) -> Result<Order, ApiError> {
    let missing = session.checkout.missing();
    let (Some(address), Some(payment)) = (session.checkout.address, session.checkout.payment) else {
        return Err(ApiError::CheckoutIncomplete(missing));
    };
    let placed_at = timestamp(clock::system());
    Ok(Order { id: Uuid::now_v7(), items: session.cart.items, address, payment, placed_at })
}
